"""``yungu gc``: free what nobody can reach any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, note_run, open_site, progress, show, size_text

if TYPE_CHECKING:
    from yungu.app.gc import Swept


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    grace_days: Annotated[
        float, typer.Option("--grace-days", min=1, help="Spare what was sent or used within so many days.")
    ] = 30,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete what no repo refers to any more, safely beside a running server."""
    from yungu.app.gc import sweep
    from yungu.kernel import clock

    started_at = clock.now()
    with open_site(data) as site, progress(as_json=as_json) as tell:
        swept = sweep(site, grace=timedelta(days=grace_days), dry_run=dry_run, tell=tell)
        if not dry_run:
            note_run(site, "gc", started_at, _text(swept, dry_run))
    show(swept, _text(swept, dry_run), as_json=as_json)


def _text(swept: Swept, dry_run: bool) -> str:
    parts = [
        (swept.bindings, "links from repos to content"),
        (swept.blobs, "contents"),
        (swept.xorbs, "xorbs"),
        (swept.files, "files"),
        (swept.git_objects, "git objects"),
        (swept.git_directories, "git directories of deleted repos"),
        (swept.jobs, "jobs' files"),
        (swept.staged, "unfinished uploads"),
    ]
    told = ", ".join(f"{count} {name}" for count, name in parts if count) or "nothing"
    lines = [f"{'Would delete' if dry_run else 'Deleted'} {told}: {size_text(swept.freed_bytes)}."]
    return "\n".join([*lines, *(f"skipped  {reason}" for reason in swept.skipped)])
