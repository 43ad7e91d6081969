"""``yungu scenario``: the lists of opportunities and capabilities, their roles, and files that go in and out."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, Tell, columns, load_settings, open_site, progress, show
from yungu.cli.repo import As, acting_as
from yungu.kernel.errors import Unavailable

if TYPE_CHECKING:
    from yungu.accounts import Actor
    from yungu.api.http import Site
    from yungu.compute import Job
    from yungu.compute.jobs import Workshop
    from yungu.scenarios.rules.sheets import Reading

_LOOK_EVERY_SECONDS = 0.2


class JobFailed(Unavailable):
    """The job did not come to its end."""


app = typer.Typer(help="Scenarios: the two lists, roles, imports and exports.", no_args_is_help=True)


class SideName(StrEnum):
    OPPORTUNITY = "opportunity"
    CAPABILITY = "capability"


class ScenarioRole(StrEnum):
    OPERATOR = "operator"
    EXPERT = "expert"
    COMPLIANCE = "compliance"
    TEST_LAB = "test_lab"
    AUDITOR = "auditor"


class Method(StrEnum):
    FLOW = "flow"
    GREEDY = "greedy"
    DEFERRED = "deferred"
    SEPARATE = "separate"


class FileKind(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"


User = Annotated[str, typer.Argument(metavar="USER")]
Role = Annotated[ScenarioRole, typer.Argument(metavar="ROLE", help="What the user does in scenarios.")]
SideArgument = Annotated[SideName, typer.Argument(metavar="SIDE", help="opportunity or capability.")]


@app.command("list")
def list_(
    side: SideArgument,
    search: Annotated[str, typer.Option("--search", metavar="WORDS", help="Every word has to be met.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List what everybody may see."""
    from yungu import scenarios
    from yungu.accounts import ANONYMOUS
    from yungu.scenarios import exports
    from yungu.scenarios.rules.contents import title_of

    with open_site(data) as site, site.db.read() as session:
        found = list(scenarios.iter_items(session, scenarios.Asked(side.value, search), ANONYMOUS))
    rows = [(one.code, one.status, one.score, one.owner, title_of(one.content)) for one in found]
    text = columns(rows, "CODE", "STATUS", "SCORE", "OWNER", "TITLE")
    show([exports.public(one) for one in found], text, as_json=as_json)


@app.command()
def grant(user: User, role: Role, data: Data = None) -> None:
    """Give a user a role in scenarios."""
    from yungu import accounts, scenarios

    with open_site(data) as site, site.db.write() as session:
        found = accounts.get_user(session, user)
        scenarios.grant_role(session, found, role.value, None)
    show(None, f"{found.name} is {role.value} in scenarios now.", as_json=False)


@app.command()
def revoke(user: User, role: Role, data: Data = None) -> None:
    """Take a role in scenarios from a user."""
    from yungu import accounts, scenarios

    with open_site(data) as site, site.db.write() as session:
        found = accounts.get_user(session, user)
        scenarios.revoke_role(session, found, role.value, None)
    show(None, f"{found.name} is not {role.value} in scenarios any more.", as_json=False)


@app.command()
def roles(data: Data = None, as_json: AsJson = False) -> None:
    """List who has which role in scenarios."""
    from yungu import scenarios

    with open_site(data) as site, site.db.read() as session:
        found = scenarios.list_role_holders(session)
    show([{"user": user, "role": role} for user, role in found], columns(found, "USER", "ROLE"), as_json=as_json)


@app.command("import")
def import_(
    side: SideArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="xlsx, xls, CSV or an HTML table.")],
    owner: Annotated[str, typer.Option("--owner", metavar="USER", help="Whose items they become.")],
    name: Annotated[str, typer.Option("--series", metavar="NAME", help="Default: the name of the file.")] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Write them. Without it they are only looked at.")] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Hand in those in which nothing is missing.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Read a list from a file: look at what would come of it, or write it."""
    from yungu import accounts, scenarios
    from yungu.scenarios.backends.sheets import open_sheets, packed

    found = packed(open_sheets(file.read_bytes()))
    with open_site(data) as site, site.db.write() as session:
        user = accounts.get_user(session, owner)
        actor = accounts.actor_for_user(session, user)
        batch = scenarios.preview_import(session, side.value, name or file.stem, file.name, found, actor, user)
        reading = scenarios.read_preview(session, batch)
        if confirm:
            scenarios.confirm_import(session, batch.id, actor, submit=submit)
        else:
            scenarios.drop_import(session, batch.id, actor)
    answer = {"items": len(reading.records), "problems": reading.problems, "is_imported": confirm}
    show(answer, _reading_text(reading, is_imported=confirm), as_json=as_json)


@app.command()
def export(
    side: SideArgument,
    target: Annotated[Path, typer.Argument(metavar="FILE")],
    kind: Annotated[FileKind, typer.Option("--format")] = FileKind.XLSX,
    data: Data = None,
) -> None:
    """Write what everybody may see into a file."""
    from yungu import scenarios
    from yungu.accounts import ANONYMOUS
    from yungu.scenarios import exports

    with open_site(data) as site, site.db.read() as session:
        found = list(scenarios.iter_items(session, scenarios.Asked(side.value), ANONYMOUS))
    match kind:
        case FileKind.XLSX:
            written = exports.to_xlsx(side.value, found)
        case FileKind.CSV:
            written = exports.to_csv(side.value, found)
        case FileKind.JSON:
            written = exports.to_json(found)
    target.write_bytes(written)
    show(None, f"Wrote {len(found)} items to {target}.", as_json=False)


@app.command()
def market(
    method: Annotated[Method, typer.Option("--method", help="How proposals are dealt out.")] = Method.FLOW,
    shortlist: Annotated[int, typer.Option(min=1, max=50, help="Proposals for each opportunity.")] = 5,
    per_place: Annotated[int, typer.Option(min=1, max=50, help="Proposals for each pilot of a capability.")] = 3,
    floor: Annotated[int, typer.Option(min=0, max=10, help="Each newcomer is shown so often.")] = 1,
    publish: Annotated[bool, typer.Option("--publish", help="Propose it to both sides at once.")] = False,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Work out who is proposed to whom, for both whole lists: a draft. It is a job that is done here and now."""
    from yungu.app.wiring import build_workshop
    from yungu.scenarios import matching

    rules = matching.Rules(shortlist=shortlist, per_place=per_place, floor=floor, method=method.value)
    with open_site(data) as site:
        with site.db.write() as session:
            actor = acting_as(session, acting)
            job = matching.ask_market(session, rules, actor, site.job_terms)
        with progress(as_json=as_json) as tell:
            done = _done(site, build_workshop(site, load_settings(data=data)), job, actor, tell)
        if done.result is None:
            raise JobFailed(f"The job {job.id} is {done.state}. {done.message}".strip())
        with site.db.write() as session:
            number = done.result["run_id"]
            run = matching.publish(session, number, actor) if publish else matching.get_run(session, number)
    text = f"Run {run.id}: {run.measures['proposals']:.0f} proposals, {run.state}."
    show(run, text, as_json=as_json)


def _done(site: Site, shop: Workshop, job: Job, actor: Actor, tell: Tell) -> Job:
    """Do the job, or wait for the server that was faster, and say how far it is. An interrupt cancels it."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor, wait

    from yungu import compute
    from yungu.compute.jobs import do_now

    with ThreadPoolExecutor(1) as thread:
        doing = thread.submit(asyncio.run, do_now(shop, job.id))
        try:
            while (now := _look(site, job)).state in compute.OPEN_JOBS:
                tell(now.message, now.done_count, now.total_count or 1)
                if wait([doing], _LOOK_EVERY_SECONDS).done:
                    doing.result()
                    time.sleep(_LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            with site.db.write() as session:
                compute.cancel_job(session, job.id, actor)
            raise
    return _look(site, job)


def _look(site: Site, job: Job) -> Job:
    from yungu import compute

    with site.db.read() as session:
        found = compute.find_job(session, job.id)
    assert found is not None
    return found


def _reading_text(reading: Reading, *, is_imported: bool) -> str:
    rows = [(one.weight, one.sheet, one.cell, one.code, one.found) for one in reading.problems]
    done = "were imported" if is_imported else "would be imported (--confirm writes them)"
    return "\n".join(
        [columns(rows, "WEIGHT", "SHEET", "CELL", "WHAT", "FOUND"), f"{len(reading.records)} items {done}."]
    )
