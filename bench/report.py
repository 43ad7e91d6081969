"""Write ``docs/explanation/performance.md`` from the figures that the benchmarks left in ``build/bench``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import RESULTS, ROOT

PAGE = ROOT / "docs" / "explanation" / "performance.md"
MATCHING = ROOT / "docs" / "explanation" / "matching.md"
_BEGINS, _ENDS = "<!-- figures -->", "<!-- /figures -->"
_TOPICS = [
    "calls",
    "modelscope",
    "transfers",
    "xet",
    "git_traffic",
    "starting",
    "search",
    "viewer",
    "ledger",
    "gateway",
    "runtimes",
]
_PACKAGES = ["yungu", "uvicorn", "starlette", "SQLAlchemy", "pygit2", "huggingface_hub", "hf-xet"]
_PROGRAMS = [["nginx", "-v"], ["git", "--version"], ["git-lfs", "--version"], ["openssl", "version"]]

_INTRO = """\
# Performance

Every figure stands beside a peer or a physical limit. Where a peer can run here, both were taken in the same run, in
interleaved rounds, and the medians are shown; figures that others published are marked so. CPU is what all processes
of the server spent, without the client. It moves less with what else the machine does than wall time, which includes
the client; but on a machine that is busy with other things (the load average stands below each table; one or two of it
is the benchmark itself) CPU grows as well, up to twofold. Nothing of this is a test that can fail: a target that is
missed is said to be missed.

`make bench` takes all of it again and rewrites this page; [`bench/README.md`](../../bench/README.md) says how.
"""


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown of figures as ``harness.save`` keeps them."""
    head = "| | server CPU | wall | beside | its CPU | its wall | result | target | |"
    rule = "|---|--:|--:|---|--:|--:|--:|--:|---|"
    return "\n".join([head, rule, *map(_row, rows)])


def _row(row: dict[str, Any]) -> str:
    ours, theirs = row["ours"] or {}, row["theirs"] or {}
    cells = [
        row["what"],
        _seconds(ours.get("cpu_seconds")),
        _seconds(ours.get("wall_seconds")),
        f"{theirs['name']} (published)" if "name" in theirs else row["beside"],
        _seconds(theirs.get("cpu_seconds")),
        _seconds(theirs.get("wall_seconds")),
        _quantity(row["result"], row["unit"]),
        _target(row),
        {True: "met", False: "**missed**", None: ""}[row["is_met"]],
    ]
    return f"| {' | '.join(cells)} |"


def _target(row: dict[str, Any]) -> str:
    if row["target"] is None:
        return ""
    return f"{'≤' if row['at_most'] else '≥'} {_quantity(row['target'], row['unit'])}"


def _quantity(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value * 100:.3g} %"
    if unit == "s":
        return _seconds(value)
    return f"{_short(value)} {unit}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{_short(value)} s" if value >= 1 else f"{_short(value * 1000)} ms"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """The machine and the versions, one fact a line."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = [
        f"{os.cpu_count()} CPUs ({_processor()}), {memory_bytes / 2**30:.0f} GiB memory, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES),
        ", ".join(filter(None, map(_version, _PROGRAMS))),
    ]
    return "\n".join(f"- {fact}" for fact in facts)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(command: list[str]) -> str:
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return ""
    done = subprocess.run([program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()[0].removeprefix("nginx version: ")


def page() -> str:
    parts = [_INTRO, f"The machine:\n\n{machine()}\n"]
    for topic in _TOPICS:
        source = RESULTS / f"{topic}.json"
        if source.exists():
            found = json.loads(source.read_text())
            made_by = (
                f"Made by `{found['command']}` on {found['taken_on']}, with a load average of {found['load']:.1f}."
            )
            parts.append(f"## {found['title']}\n\n{table(found['figures'])}\n\n{found['note']}\n\n{made_by}\n")
    return "\n".join(parts)


def matching_section(found: dict[str, Any]) -> str:
    """The figures of ``bench/matching.py``: rankings, the market, the handbook, size."""
    corpus = [f"### Rankings, {name}\n\n{_ranking(task)}\n\n{_gains(task)}" for name, task in found["corpus"].items()]
    handbook = [
        f"### The Debian handbook, {name}\n\n{_ranking(task)}\n\n{_gains(task)}"
        for name, task in found["handbook"].items()
    ]
    scale = found["scale"]
    intro = (
        f"300 opportunities and 360 capabilities made by rule, opportunities in the language on the left, "
        f"capabilities in that on the right, or each in its own (mixed). Weights were chosen on five fields; only "
        f"queries of the other five are counted ({', '.join(found['test_fields'])}). "
        f"95 % bootstrap intervals over queries."
    )
    market = (
        "### The market, mixed languages\n\nFive proposals for each of the 300 opportunities. Chances are the true "
        f"ones of the corpus, the same for every method; rooms are those of the items.\n\n{_market(found['market'])}"
    )
    size = (
        f"### Size\n\n{scale['capabilities']:,} capabilities and {scale['opportunities']:,} opportunities, embedding "
        f"apart: both lists indexed in {scale['index_seconds']:.1f} s, {scale['pairs_judged']:,} pairs judged in "
        f"{scale['judge_seconds']:.1f} s, proposals dealt out in {scale['deal_seconds']:.1f} s, all of it "
        f"{scale['end_to_end_seconds']:.1f} s ({scale['end_to_end_cpu_seconds']:.1f} s of the processor). The "
        f"shortlist of a new opportunity takes {scale['shortlist_median_ms']:.0f} ms (median of 200; slowest "
        f"{scale['shortlist_max_ms']:.0f} ms), a market in which one capability has changed is made again in "
        f"{scale['renew_seconds']:.1f} s. {_service(found['service'])}"
    )
    made = f"Made by `{found['command']}` on {found['taken_on']}, with a load average of {found['load']:.1f}."
    return "\n\n".join([intro, *corpus, market, *handbook, size, made])


def _service(kept: dict[str, float]) -> str:
    return (
        f"On SQLite with as many rows and vectors, an opportunity that has just been published has its shortlist, "
        f"read, judged, written and told, after {kept['shortlist_median_ms']:.0f} ms (median; slowest "
        f"{kept['shortlist_max_ms']:.0f} ms; {kept['shortlist_cpu_ms']:.0f} ms of the processor), where a capability "
        f"was published just before after {kept['changed_median_ms']:.0f} ms ({kept['changed_max_ms']:.0f} ms; "
        f"{kept['changed_cpu_ms']:.0f} ms); the first market after a start takes {kept['first_seconds']:.1f} s."
    )


def _ranking(task: dict[str, Any]) -> str:
    lines = ["| | nDCG@10 | recall@20 | MRR |", "|---|--:|--:|--:|"]
    for name, figures in task["methods"].items():
        cells = [_with_interval(figures[one]) for one in ("ndcg", "recall", "mrr")]
        lines.append(f"| {_METHODS.get(name, name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _gains(task: dict[str, Any]) -> str:
    """By how much ours beats each baseline, query by query."""
    ours = _METHODS.get(last := list(task["methods"])[-1], last).strip("*")
    lines = [f"| {ours} less | nDCG@10 | recall@20 | MRR |", "|---|--:|--:|--:|"]
    for name, figures in task["gains"].items():
        cells = [_signed(figures[one]) for one in ("ndcg", "recall", "mrr")]
        lines.append(f"| {_METHODS.get(name, name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


_METHODS = {"text only": "yungu, texts alone", "full": "**yungu**", "dense": "vectors alone"}
_MEASURES = {
    "expected_matches": "expected matches",
    "fitting": "proposals that fit",
    "served": "needs with one that fits",
    "gini": "congestion (Gini)",
    "most": "most at one",
    "unseen_share": "never shown",
    "floor_missed": "newcomers missed",
    "blocking_pairs": "blocking pairs",
}


def _market(rows: dict[str, dict[str, float]]) -> str:
    lines = [f"| | {' | '.join(_MEASURES.values())} |", "|---|" + "--:|" * len(_MEASURES)]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_measured(one, row[one]) for one in _MEASURES)} |")
    return "\n".join(lines)


def _measured(name: str, value: float) -> str:
    if name in ("fitting", "served", "unseen_share"):
        return f"{value * 100:.1f} %"
    return f"{value:.2f}" if name == "gini" else f"{value:.0f}"


def _with_interval(figure: Sequence[float]) -> str:
    return f"{figure[0]:.3f} [{figure[1]:.3f}, {figure[2]:.3f}]"


def _signed(figure: Sequence[float]) -> str:
    return f"{figure[0]:+.3f} [{figure[1]:+.3f}, {figure[2]:+.3f}]"


def write_matching() -> None:
    source = RESULTS / "matching.json"
    if source.exists():
        before, _, rest = MATCHING.read_text().partition(_BEGINS)
        section = matching_section(json.loads(source.read_text()))
        MATCHING.write_text(f"{before}{_BEGINS}\n\n{section}\n\n{_ENDS}{rest.partition(_ENDS)[2]}")
        print(f"wrote {MATCHING.relative_to(ROOT)}")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}")
    write_matching()
