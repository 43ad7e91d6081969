"""Where a repo is for git: ``/{owner}/{name}``, with or without ``.git``, with or without its kind in front."""

from __future__ import annotations

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.hub import Repo
from yungu.kernel.db import Session


def under_repo(path: str) -> tuple[str, str]:
    """The route patterns for ``path`` under every repo."""
    return f"/{{owner}}/{{name}}{path}", f"/{{kinds}}/{{owner}}/{{name}}{path}"


def repo_id(call: Call) -> str:
    """The name in the address; no repo's name ends in ``.git``."""
    return call.repo_id.removesuffix(".git")


def readable_repo(session: Session, call: Call) -> tuple[Repo, Actor]:
    """Raises RepoNotFound, RepoGated, TokenInvalid."""
    actor = call.actor(session)
    return hub.readable_repo(session, call.kind, repo_id(call), actor), actor


def writable_repo(session: Session, call: Call) -> tuple[Repo, Actor]:
    """Raises RepoNotFound, RepoDenied, SignInRequired, TokenInvalid."""
    actor = call.actor(session)
    return hub.writable_repo(session, call.kind, repo_id(call), actor), actor


def pushable_repo(session: Session, call: Call) -> tuple[Repo, Actor]:
    """A repo that may be pushed to: by who may write there, and by who has a pull request open. Raises RepoNotFound,
    RepoDenied, SignInRequired, TokenInvalid."""
    actor = call.actor(session)
    repo = hub.visible_repo(session, call.kind, repo_id(call), actor)
    if hub.list_own_pulls(session, repo, actor):
        return hub.contributable_repo(session, call.kind, repo_id(call), actor), actor
    return writable_repo(session, call)


def uploadable_repo(session: Session, call: Call) -> tuple[Repo, Actor]:
    """A repo that content may be uploaded to: whoever may open a pull request needs that. What no commit ever refers to
    is swept. Raises RepoNotFound, RepoGated, RepoDenied, SignInRequired, TokenInvalid."""
    actor = call.actor(session)
    return hub.contributable_repo(session, call.kind, repo_id(call), actor), actor


def lfs_url(call: Call, repo: Repo, path: str) -> str:
    """An absolute address under the repo's git-lfs server, as this client reaches it."""
    prefix = "" if repo.kind == "model" else f"{repo.kind}s/"
    return f"{call.origin}/{prefix}{repo.repo_id}.git/info/lfs/{path}"
