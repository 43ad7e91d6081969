"""Which repo an address means, and what its default branch is called here."""

from __future__ import annotations

from collections.abc import Sequence

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.hub import Kind, Repo
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid

BRANCH = "master"
"""What the clients call the default branch, whatever its name."""


class QueryInvalid(Invalid):
    """A query parameter is not what it has to be."""


def kind(call: Call) -> Kind:
    """The kind of the repo in the address; only datasets are named by number."""
    return "dataset" if "number" in call.params else call.kind


def readable(session: Session, call: Call) -> tuple[Repo, Actor]:
    """The repo whose files are asked for. Raises RepoNotFound, RepoGated, TokenInvalid."""
    actor = call.actor(session)
    return hub.readable_repo(session, kind(call), repo_id(session, call, actor), actor), actor


def visible(session: Session, call: Call) -> tuple[Repo, Actor]:
    """Raises RepoNotFound, TokenInvalid."""
    actor = call.actor(session)
    return hub.visible_repo(session, kind(call), repo_id(session, call, actor), actor), actor


def writable(session: Session, call: Call) -> tuple[Repo, Actor]:
    """Raises RepoNotFound, RepoDenied, SignInRequired, TokenInvalid."""
    actor = call.actor(session)
    return hub.writable_repo(session, kind(call), repo_id(session, call, actor), actor), actor


def ruled(session: Session, call: Call) -> tuple[Repo, Actor]:
    """Raises RepoNotFound, RepoDenied, SignInRequired, TokenInvalid."""
    actor = call.actor(session)
    return hub.ruled_repo(session, kind(call), repo_id(session, call, actor), actor), actor


def repo_id(session: Session, call: Call, actor: Actor) -> str:
    """The repo's name; older clients name datasets by their number. Raises RepoNotFound."""
    if "number" not in call.params:
        return call.repo_id
    number = whole_number(call.params["number"])
    repo = hub.find_repo_by_id(session, number) if number is not None else None
    if repo is None or repo.kind != kind(call) or not hub.may_read(actor, repo):
        raise hub.RepoNotFound(call.params["number"])
    return repo.repo_id


def revision(call: Call, name: str = "Revision") -> str | None:
    """The revision that a query parameter names; None: the default branch."""
    return call.query_params.get(name) or None


def file_path(call: Call) -> str:
    """Raises QueryInvalid."""
    path = call.query_params.get("FilePath", "").strip("/")
    if not path:
        raise QueryInvalid("FilePath must name a file.")
    return path


def branch_name(repo: Repo, names: Sequence[str]) -> str:
    """What the default branch is called here, given the names of all branches."""
    return repo.default_branch if BRANCH in names else BRANCH


def is_true(call: Call, name: str) -> bool:
    return call.query_params.get(name, "").lower() in ("true", "1")


def page(call: Call, number: str = "PageNumber", size: str = "PageSize", *, default: int, most: int) -> tuple[int, int]:
    """The number of a page, from 1, and how many items it has at most. Raises QueryInvalid."""
    return _whole(call, number, 1, 1_000_000), min(_whole(call, size, default, 1_000_000), most)


def _whole(call: Call, name: str, default: int, most: int) -> int:
    text = call.query_params.get(name)
    if text is None or text == "":
        return default
    value = whole_number(text)
    if value is None or not 1 <= value <= most:
        raise QueryInvalid(f"{name} must be a number from 1 to {most}.")
    return value
