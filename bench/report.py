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


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}")
