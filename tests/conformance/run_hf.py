"""Run huggingface_hub's own tests, unmodified, against a fresh yungu.

    python tests/conformance/run_hf.py --suite ../hf-suite --tier hub --mode lfs --groups core,download -- -k upload

The suite is a folder with ``run_hf_tests.sh``, ``lib/seed_catalog.py`` and a ``SEED.md`` that says what must be there
first. Prints what passed, what failed, and what was left out with the reason for each. The exit status is that of the
suite; without a suite nothing is run and nothing has failed."""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.servers import run_yungu, start_server  # noqa: E402 - found on the path set above

USER, OTHER, ENTERPRISE = "__DUMMY_HUB_USER__", "DVUser", "EnterpriseAdmin"
TOKENS = {
    USER: "hf_HubCITokenXXXXXXXXXXXXXXXXXXXXX",
    OTHER: "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",
    ENTERPRISE: "hf_enterprise_admin_token",
}
WEBHOOK_OWNERS = ("julien-c", "HuggingFaceH4")


def main() -> int:
    options = _parse(sys.argv[1:])
    suite = options.suite.resolve()
    script = suite / "run_hf_tests.sh"
    if not script.exists():
        print(
            f"Skipped: there is no client suite at {options.suite}. Name its folder: make conformance-hf HF_SUITE=..."
        )
        return 0
    work = options.work.resolve()
    with tempfile.TemporaryDirectory(prefix="yungu-hf-") as folder:
        data = Path(folder) / "data"
        namespaces = _catalogue_namespaces(suite) if options.tier == "retarget" else WEBHOOK_OWNERS
        seed(data, namespaces)
        server = start_server(data, log=Path(folder) / "server.log")
        environment = {
            **os.environ,
            "HFT_WORK": str(work),
            "HFT_OUT": str(work / f"out-{options.tier}-{options.mode}"),
            "HFT_PYTHON": sys.executable,
            "HFT_MODE": options.mode,
            "HFT_TIER": options.tier,
            "HFT_GROUPS": options.groups,
            "HFT_TOKEN": TOKENS[USER],
        }
        try:
            if options.tier == "retarget":
                _seed_catalogue(suite, script, server.url, work, environment)
            status = subprocess.run([script, server.url, *options.arguments], env=environment, check=False).returncode
            exited = server.process.poll()
        finally:
            server.kill()
        if exited is not None:
            print(f"The server ended with status {exited}:\n{server.log.read_text()[-4000:]}")
        _print_tracebacks(server.log)
    _print_left_out(Path(environment["HFT_OUT"]))
    return status if exited is None else 1


def seed(data: Path, organizations: Sequence[str]) -> None:
    """Make the people that the suite expects, by the command line, before the first start."""

    def yungu(*arguments: str) -> None:
        run_yungu(*arguments, "--data", str(data))

    yungu("user", "create", USER, "--full-name", "Dummy User")
    yungu("user", "create", OTHER)
    yungu("user", "create", ENTERPRISE)
    for user, value in TOKENS.items():
        yungu("token", "create", user, "--scope", "write", "--value", value)
    yungu("org", "create", "valid_org_hub", "--owner", USER, "--full-name", "Dummy Hub Org")
    yungu("org", "create", "EnterpriseOrgPrivate", "--owner", ENTERPRISE, "--default-visibility", "private")
    for name in organizations:
        yungu("org", "create", name, "--owner", USER)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", type=Path, required=True, help="folder of the suite")
    parser.add_argument("--tier", choices=["hub", "retarget"], default="hub")
    parser.add_argument("--mode", choices=["lfs", "xet"], default="lfs", help="without Xet, or as the client comes")
    parser.add_argument("--groups", default="", help="comma-separated; all that apply when empty")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "hf-suite", help="kept between runs")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    return parser.parse_args(arguments)


def _catalogue_namespaces(suite: Path) -> list[str]:
    command = [sys.executable, suite / "lib" / "seed_catalog.py", "--namespaces"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split(",")


def _seed_catalogue(suite: Path, script: Path, url: str, work: Path, environment: dict[str, str]) -> None:
    if not list(work.glob("venv-*/.ok")):  # the suite makes its environment when it first collects its tests
        subprocess.run([script, url], env=environment | {"HFT_COLLECT_ONLY": "1"}, check=False)
    python = next(work.glob("venv-*/bin/python"))
    subprocess.run([python, suite / "lib" / "seed_catalog.py", url, work / "catalog.env"], env=environment, check=True)


def _print_left_out(out: Path) -> None:
    for path in sorted(out.glob("selection.*.tsv")):
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row and not row[0].startswith("#")]
        reasons = Counter(tuple(row[2:]) for row in rows if len(row) > 2 and row[1] != "run")
        print(f"\nNot applicable ({path.name}: {sum(reasons.values())} of {len(rows)}):")
        for reason, count in reasons.most_common():
            print(f"  {count:5}  {' - '.join(part for part in reason if part)}")


def _print_tracebacks(log: Path) -> None:
    text = log.read_text(errors="replace")
    if "Traceback" in text:
        print(f"\nThe server logged {text.count('Traceback (most recent call last)')} tracebacks; the last one:")
        print(text[text.rindex("Traceback") :][-3000:])


if __name__ == "__main__":
    sys.exit(main())
