"""``yungu fsck``: is everything still what it was?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, open_site, progress, show

if TYPE_CHECKING:
    from yungu.app.fsck import Report

DAMAGE_FOUND = 3
_ORPHANS_SHOWN = 5


def fsck(
    fast: Annotated[bool, typer.Option("--fast", help="Check sizes and references, do not read the bytes.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Verify every byte and every reference. Exits with 3 when something is damaged."""
    from yungu.app.fsck import check

    with open_site(data) as site, progress(as_json=as_json) as tell:
        report = check(site, fast=fast, tell=tell)
    tell_report(report, as_json=as_json)
    if report.damage:
        raise typer.Exit(DAMAGE_FOUND)


def tell_report(report: Report, *, as_json: bool) -> None:
    """Print what was looked at and what was found."""
    answer = {"counts": report.counts, "findings": report.findings, "is_clean": not report.damage}
    show(answer, _text(report), as_json=as_json)


def _text(report: Report) -> str:
    orphans = [finding for finding in report.findings if not finding.is_damage]
    lines = [f"Checked {', '.join(f'{count} {name}' for name, count in report.counts.items()) or 'the database'}."]
    lines += [f"DAMAGED  {finding.subject}: {finding.problem}" for finding in report.damage]
    lines += [f"unused   {finding.subject}: {finding.problem}" for finding in orphans[:_ORPHANS_SHOWN]]
    if len(orphans) > _ORPHANS_SHOWN:
        lines.append(
            f"unused   ... and {len(orphans) - _ORPHANS_SHOWN} more; 'yungu gc' takes them when they are old enough"
        )
    if not report.damage:
        return "\n".join([*lines, "Everything is as it should be."])
    return "\n".join([*lines, "", _ADVICE])


_ADVICE = """What to do:
  1. Keep the data folder as it is, and look after the disk: damage seldom comes alone.
  2. A damaged or missing blob or xorb: copy the file of that name from a backup into the data folder, or upload the
     content once more with a client (after moving the damaged file away); the same bytes get the same name.
  3. A damaged repo: copy its git directory's objects from a backup or from any clone, or restore the last backup
     into a new folder with 'yungu restore'.
  4. Run 'yungu fsck' again."""
