"""``yungu backup`` and ``yungu restore``: a whole hub in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yungu.cli.console import (
    AsJson,
    Data,
    data_problems_told,
    load_settings,
    note_run,
    open_site,
    progress,
    show,
    size_text,
)
from yungu.cli.fsck import DAMAGE_FOUND, tell_report


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="Where to write the backup.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole hub to one file, while it runs. The file holds secrets: keep it safe."""
    from yungu.app.backup import back_up
    from yungu.kernel import clock

    started_at = clock.now()
    with open_site(data) as site, progress(as_json=as_json) as tell:
        copied = back_up(site, file, tell=tell)
        text = f"Wrote {file}: {copied.rows} rows, {copied.files} files, {size_text(copied.size_bytes)}."
        note_run(site, "backup", started_at, text)
    show(
        {"file": str(file), "rows": copied.rows, "files": copied.files, "bytes": copied.size_bytes},
        text,
        as_json=as_json,
    )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="A file that 'yungu backup' wrote.")],
    data: Data = None,
    fast: Annotated[bool, typer.Option("--fast", help="Do not read all bytes again afterwards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the hub of a backup anew, in an empty data folder, and verify it.

    The database may be of another kind than before: the settings of this invocation count."""
    from yungu.app import backup, fsck

    settings = load_settings(data=data)
    with data_problems_told(settings), progress(as_json=as_json) as tell:
        backup.restore(file, settings, tell=tell)
    with open_site(data) as site, progress(as_json=as_json) as tell:
        report = fsck.check(site, fast=fast, tell=tell)
    tell_report(report, as_json=as_json)
    if report.damage:
        raise typer.Exit(DAMAGE_FOUND)
