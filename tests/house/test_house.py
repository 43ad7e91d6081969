"""The house keeps its floors, its rooms have owners, and nothing in it speaks of the place where it was built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "yungu"
_OWNERLESS = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base", "misc"}
_PLACES = re.compile(
    "|".join(
        [
            r"/work" + r"/",
            r"/root" + r"/",
            r"/tmp/" + r"work",
            r"file:///opt" + r"/",
            r"pypi\.org" + r"/simple",
            r"files\.python" + r"hosted",
            r"--(?:extra-)?index-" + r"url \S",
            r"--find-" + r"links \S",
        ]
    )
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(8192)


def documents() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".md" and "tests" not in path.parts]


def links_of(page: Path) -> list[Path]:
    """The files that a page of Markdown links to, or shows."""
    targets = re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", page.read_text())
    return [(page.parent / target).resolve() for target in targets]


def test_the_floors_the_front_doors_and_the_strangers_are_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_no_room_is_without_an_owner() -> None:
    assert [path for path in SOURCE.rglob("*.py") if path.stem in _OWNERLESS or path.parent.name in _OWNERLESS] == []


def test_every_package_says_what_it_is() -> None:
    fronts = [path for path in SOURCE.rglob("__init__.py") if "versions" not in path.parts]
    assert [path for path in fronts if not path.read_text().startswith('"""')] == []


def test_no_file_speaks_of_the_machine_that_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        if path.is_file() and is_text(path)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if _PLACES.search(line)
    ]
    assert found == []


def test_every_link_between_the_documents_leads_somewhere() -> None:
    dead = [(page.relative_to(ROOT), link) for page in documents() for link in links_of(page) if not link.exists()]
    assert dead == []


def test_every_decision_has_a_number_of_its_own_and_is_named_where_it_counts() -> None:
    decisions = {path for path in documents() if path.parent.name == "adr"}
    linked = {link for page in documents() if page not in decisions for link in links_of(page)}
    assert len({path.name[:4] for path in decisions}) == len(decisions)
    assert decisions - linked == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.findall(
        r"^([A-Za-z0-9][^\s;]*)((?: ;[^\n]*?)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)?", text, re.M
    )
    assert packages
    assert [pin for pin, hashes in packages if "==" not in pin or not hashes] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_what_runs_is_what_was_tested(name: str) -> None:
    tested = set(_pins("requirements-dev.lock"))
    assert [pin for pin in _pins(name) if pin not in tested] == []


def _pins(name: str) -> list[str]:
    return re.findall(r"^[A-Za-z0-9].*?==[^\s\\]+", (ROOT / name).read_text(), re.M)
