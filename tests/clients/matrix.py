"""Every generation of the Hugging Face client against one live yungu: ``make matrix-hf``.

Each release lives in a virtual environment of its own under ``build/clients``, made on the first run; it runs
``scenario.py`` with Xet on (as installed) and off. Then ``ecosystem.py`` runs with transformers and datasets.
Prints a table; exits with 1 when anything failed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.servers import live_hub, start_server  # noqa: E402

HERE, CACHE = Path(__file__).parent, ROOT / "build" / "clients"


@dataclass(frozen=True)
class Release:
    """A client generation, and what is installed for it."""

    name: str
    packages: tuple[str, ...]


RELEASES = (
    Release("0.36.2", ("huggingface_hub==0.36.2", "hf-xet==1.1.10")),
    Release("1.6.0", ("huggingface_hub==1.6.0",)),
    Release("1.18.0", ("huggingface_hub==1.18.0",)),
    Release("1.20.0", ("huggingface_hub==1.20.0",)),
    Release("2.4.0", ("huggingface_hub==2.4.0",)),
)
ECOSYSTEM = Release("ecosystem", ("transformers", "datasets", "safetensors", "torch==2.13.0"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of releases, or ecosystem")
    wanted = parser.parse_args().only
    chosen = [release for release in (*RELEASES, ECOSYSTEM) if not wanted or release.name in wanted]
    pythons = [(release, environment(release)) for release in chosen]
    with tempfile.TemporaryDirectory(prefix="yungu-matrix-") as name:
        data = Path(name) / "data"
        with live_hub(data) as hub:
            token = hub.token(hub.user("lin"))
        server = start_server(data, log=Path(name) / "log")
        try:
            rows = [row for release, python in pythons for row in run(release, python, server.url, token, Path(name))]
        finally:
            server.stop()
    show(rows)
    return 0 if all(row["verdict"] == "ok" for row in rows) else 1


def environment(release: Release) -> Path:
    """The Python of the release's virtual environment, made when it is not there."""
    folder = CACHE / release.name
    python, done = folder / "bin" / "python", folder / ".made"
    if not done.exists() or done.read_text() != repr(release.packages):
        print(f"installing {', '.join(release.packages)} ...", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*pip, "install", *release.packages], check=True)
        done.write_text(repr(release.packages))
    return python


def run(release: Release, python: Path, url: str, token: str, folder: Path) -> list[dict[str, Any]]:
    if release is ECOSYSTEM:
        return [told(ask(python, "ecosystem.py", [], url, token, folder / "ecosystem"), "ecosystem", "on")]
    rows = []
    for xet in ("on", "off"):
        name = f"m-{release.name.replace('.', '-')}-{xet}"
        more = {} if xet == "on" else {"HF_HUB_DISABLE_XET": "1"}
        answer = ask(python, "scenario.py", [name], url, token, folder / name, **more)
        rows.append(told(answer, release.name, xet))
    return rows


def ask(
    python: Path, script: str, arguments: Sequence[str], url: str, token: str, home: Path, **more: str
) -> dict[str, Any]:
    """What the script printed last; when it broke, what it complained of."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    environ |= {"HF_ENDPOINT": url, "HF_TOKEN": token, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "PYTHONWARNINGS": "ignore"}
    command = [str(python), str(HERE / script), *arguments]
    done = subprocess.run(command, env=environ | more, capture_output=True, text=True, timeout=600)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"version": "?", "hf_xet": "?", "steps": {"run": (done.stderr or done.stdout)[-1500:]}}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def told(answer: dict[str, Any], name: str, xet: str) -> dict[str, Any]:
    steps = answer["steps"]
    failed = {step: text for step, text in steps.items() if isinstance(text, str) and text != "ok"}
    if not failed and name != "ecosystem" and steps["xet"] != (xet == "on"):
        failed["stored as xet"] = str(steps["xet"])
    seconds = [steps.get(f"{step} seconds", 0.0) for step in ("upload folder", "snapshot")]
    done = sum(text == "ok" for text in steps.values() if isinstance(text, str))
    count = sum(isinstance(text, str) for text in steps.values())
    row = {"client": name, "hf_xet": answer["hf_xet"], "xet": xet, "passed": f"{done}/{count}"}
    row |= {"upload s": seconds[0], "download s": seconds[1]}
    return row | {"verdict": "; ".join(f"{step}: {text}" for step, text in failed.items()) or "ok"}


def show(rows: list[dict[str, Any]]) -> None:
    titles = list(rows[0])
    cells = [titles, *([str(row[title]) for title in titles] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(titles) - 1)]
    for line in cells:
        print("  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1]]))


if __name__ == "__main__":
    sys.exit(main())
