"""Run the ModelScope client's own remote tests, unmodified, against a fresh yungu.

    python tests/conformance/run_ms.py --suite ../ms-suite --clone ../modelscope_hub.git -- -k upload

The suite is a folder with ``run_ms_tests.sh``, ``seed.py`` and lists of what cannot apply; the tests themselves come
from ``--clone``, a git clone (bare will do) of github modelscope/modelscope_hub. The exit status is that of the suite;
without a suite or a clone nothing is run and nothing has failed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.servers import run_yungu, start_server  # noqa: E402 - found on the path set above

USER, OTHER, SEEDER = "citest", "sdkdev", "seeder"
TOKENS = {USER: "ms-token-citest", OTHER: "ms-token-sdkdev", SEEDER: "ms-token-seeder"}
ORGANIZATIONS = (
    "Qwen", "swift", "tastelikefeet", "iic", "black-forest-labs", "tencent-community", "modelscope",
)  # fmt: skip


def main() -> int:
    options = _parse(sys.argv[1:])
    script = options.suite.resolve() / "run_ms_tests.sh"
    if not script.exists():
        print(f"Skipped: there is no client suite at {options.suite}. Name its folder: MS_SUITE=...")
        return 0
    if options.clone is None or not options.clone.exists():
        print("Skipped: name a git clone of github modelscope/modelscope_hub: MSHUB_CLONE=...")
        return 0
    with tempfile.TemporaryDirectory(prefix="yungu-ms-") as folder:
        data = Path(folder) / "data"
        seed(data)
        server = start_server(data, log=Path(folder) / "server.log")
        environment = {
            **os.environ,
            "WORK": str(options.work.resolve()),
            "MSHUB_CLONE": str(options.clone.resolve()),
            "TEST_ACCESS_TOKEN_CITEST": TOKENS[USER],
            "TEST_ACCESS_TOKEN_SDKDEV": TOKENS[OTHER],
            "SEED_TOKEN": TOKENS[SEEDER],
        }
        try:
            seed_studio(server.url)
            tell_left_out(options.suite / "na_hub.txt")
            at = options.work.resolve() / "src"  # else the project around it would give the tests other names
            command = ["bash", script, server.url, f"--rootdir={at}", *options.arguments]
            status = subprocess.run(command, env=environment, check=False).returncode
            exited = server.process.poll()
        finally:
            server.kill()
        text = server.log.read_text(errors="replace")
        if "Traceback" in text or exited is not None:
            print(f"\nThe server ended with {exited} or logged tracebacks; the end of its log:\n{text[-4000:]}")
    return status if exited is None else 1


def tell_left_out(listed: Path) -> None:
    """Name the tests that the suite leaves out because they cannot apply, each with the reason that it gives."""
    for line in listed.read_text().splitlines():
        test, _, reason = line.partition("#")
        if test.strip():
            print(f"Not applicable: {test.strip()} ({reason.strip() or 'no reason given'})", flush=True)


def seed(data: Path) -> None:
    """Make the people, organizations and catalogue entries that the tests expect, before the first start."""

    def yungu(*arguments: str) -> None:
        run_yungu(*arguments, "--data", str(data))

    yungu("user", "create", USER, "--email", "citest@example.com")
    yungu("user", "create", OTHER, "--email", "sdkdev@example.com")
    yungu("user", "create", SEEDER, "--admin")
    for user, value in TOKENS.items():
        yungu("token", "create", user, "--scope", "admin", "--value", value)
    for name in ORGANIZATIONS:
        yungu("org", "create", name, "--owner", SEEDER)
    weather = ["--name", "weather", "--category", "demo", "--description", "Tells the weather."]
    yungu("mcp", "put", "@demo/weather", *weather, "--url", "http://127.0.0.1:9/weather/sse")


def seed_studio(url: str) -> None:
    """The one public studio that the tests look at."""
    body = {"owner": "modelscope", "repo_name": "Qwen2.5-Coder-artifacts", "private": False}
    headers = {"authorization": f"Bearer {TOKENS[SEEDER]}"}
    httpx.post(f"{url}/openapi/v1/studios", json=body, headers=headers, trust_env=False).raise_for_status()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", type=Path, required=True, help="folder of the suite")
    parser.add_argument("--clone", type=Path, help="git clone of github modelscope/modelscope_hub")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "ms-suite", help="kept between runs")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
