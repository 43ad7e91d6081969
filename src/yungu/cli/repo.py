"""``yungu repo``: what lies on the hub."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, show, size_text
from yungu.cli.org import VisibilityName
from yungu.kernel.errors import NotFound

if TYPE_CHECKING:
    from yungu.accounts import Actor
    from yungu.hub import Kind, Visibility
    from yungu.hub.models import Repo
    from yungu.kernel.db import Session

app = typer.Typer(help="Repos: list, show, create, move, delete.", no_args_is_help=True)


class KindName(StrEnum):
    MODEL = "model"
    DATASET = "dataset"
    SPACE = "space"


RepoId = Annotated[str, typer.Argument(metavar="OWNER/NAME")]
RepoKind = Annotated[KindName, typer.Option("--kind", help="What kind of repo it is.")]
As = Annotated[str | None, typer.Option("--as", metavar="USER", help="Who acts. Default: the first administrator.")]


class NobodyToAct(NotFound):
    hint = "Name a user with --as, or make an administrator: yungu user create NAME --admin"

    def __init__(self) -> None:
        super().__init__("This hub has no administrator.")


@app.command("list")
def list_repos(
    kind: Annotated[KindName | None, typer.Option("--kind", help="Only repos of this kind.")] = None,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the repos that the actor may see."""
    with open_site(data) as site, site.db.read() as session:
        actor = acting_as(session, acting)
        found = [repo for name in ([kind] if kind else KindName) for repo in _iter_repos(session, name.value, actor)]
    rows = [(repo.kind, repo.repo_id, repo.visibility, size_text(repo.stored_bytes), _day(repo)) for repo in found]
    answer = [_facts(repo) for repo in found]
    show(answer, columns(rows, "KIND", "REPO", "VISIBILITY", "LARGE FILES", "CHANGED"), as_json=as_json)


@app.command()
def info(
    repo_id: RepoId, kind: RepoKind = KindName.MODEL, acting: As = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Show one repo with its branches and tags."""
    from yungu import hub

    with open_site(data) as site, site.db.read() as session:
        repo = hub.visible_repo(session, kind.value, repo_id, acting_as(session, acting))
        refs = {ref.name: ref.oid for ref in hub.list_refs(session, repo)}
    facts = _facts(repo)
    told = [(name.replace("_", " "), value) for name, value in facts.items()]
    told += [(name.removeprefix("refs/"), oid) for name, oid in refs.items()]
    width = max(len(name) for name, _ in told)
    show(facts | {"refs": refs}, "\n".join(f"{name.ljust(width)}  {value}" for name, value in told), as_json=as_json)


@app.command()
def create(
    repo_id: RepoId,
    kind: RepoKind = KindName.MODEL,
    visibility: Annotated[
        VisibilityName | None, typer.Option("--visibility", help="Default: what the owner has chosen.")
    ] = None,
    sdk: Annotated[str | None, typer.Option("--sdk", help="Of a space: gradio, streamlit, docker or static.")] = None,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Create a repo."""
    from yungu import hub

    with open_site(data) as site, site.db.write() as session:
        wanted: Visibility | None = visibility.value if visibility else None
        repo = hub.create_repo(
            session, site.git, kind.value, repo_id, acting_as(session, acting), visibility=wanted, sdk=sdk
        )
    show(_facts(repo), f"Created the {repo.kind} {repo.repo_id}.", as_json=as_json)


@app.command()
def move(
    repo_id: RepoId,
    to: Annotated[str, typer.Argument(metavar="OWNER/NAME")],
    kind: RepoKind = KindName.MODEL,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Rename a repo or give it to another owner. The old name keeps leading to it."""
    from yungu import hub

    with open_site(data) as site, site.db.write() as session:
        actor = acting_as(session, acting)
        repo = hub.ruled_repo(session, kind.value, repo_id, actor)
        moved = hub.move_repo(session, repo, to, actor)
    show(_facts(moved), f"{repo.repo_id} is now {moved.repo_id}.", as_json=as_json)


@app.command()
def delete(
    repo_id: RepoId,
    kind: RepoKind = KindName.MODEL,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    acting: As = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete a repo. Its bytes are freed by a later 'yungu gc'."""
    from yungu import hub

    if not yes:
        typer.confirm(f"Delete the {kind.value} {repo_id} with all its history?", abort=True, err=True)
    with open_site(data) as site, site.db.write() as session:
        actor = acting_as(session, acting)
        repo = hub.ruled_repo(session, kind.value, repo_id, actor)
        hub.delete_repo(session, repo, actor)
    show(_facts(repo), f"Deleted the {repo.kind} {repo.repo_id}.", as_json=as_json)


def acting_as(session: Session, name: str | None) -> Actor:
    """Who acts, in person. Raises UserNotFound, NobodyToAct."""
    from yungu import accounts

    user = accounts.get_user(session, name) if name else accounts.find_administrator(session)
    if user is None:
        raise NobodyToAct
    return accounts.actor_for_user(session, user)


def _iter_repos(session: Session, kind: Kind, actor: Actor) -> Iterator[Repo]:
    from yungu import hub

    cursor: str | None = None
    while True:
        wanted = hub.RepoFilter(kind=kind, sort="created", limit=500, cursor=cursor)
        page = hub.list_repos(session, wanted, actor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _facts(repo: Repo) -> dict[str, object]:
    return {
        "id": repo.id,
        "kind": repo.kind,
        "repo_id": repo.repo_id,
        "visibility": repo.visibility,
        "gated": repo.gated,
        "default_branch": repo.default_branch,
        "head": repo.head,
        "stored_bytes": repo.stored_bytes,
        "downloads": repo.downloads_total_count,
        "created_at": repo.created_at,
        "modified_at": repo.modified_at,
    }


def _day(repo: Repo) -> str:
    return f"{repo.modified_at:%Y-%m-%d}"
