"""The command, in this process."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from support.commands import Ended, Run
from yungu.cli import main


@pytest.fixture
def yungu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``yungu("user", "list")``: run a command on a data folder of this test; ``stdin=`` feeds it."""
    monkeypatch.setenv("YUNGU_DATA", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run
