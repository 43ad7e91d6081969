"""Asking to read a gated repo, and being let in.

A grant is a request that was accepted; there is one request per user and repo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor, Owner
from yungu.hub import queries, rules
from yungu.hub.errors import AccessHeld, AccessRequestNotFound, RepoDenied, RepoNotGated, TextTooLong
from yungu.hub.events import AccessDecided, AccessRequested
from yungu.hub.models import AccessRequest, AccessStatus, Repo, access_requests
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record

MAX_REASON_LENGTH = 1000
MAX_ANSWERS_LENGTH = 20_000


def ask_access(session: Session, repo: Repo, actor: Actor, answers: Mapping[str, Any] | None = None) -> AccessRequest:
    """Ask to read a gated repo; an "auto" gate opens at once, a "manual" one waits for an administrator of the repo.

    Asking again changes nothing but that a waiting request passes a gate that has become "auto"; who was rejected stays
    rejected. Raises RepoNotGated, SignInRequired, RepoDenied, AccessHeld for those who may read
    the repo anyway, TextTooLong."""
    _check_gated(repo)
    if len(str(answers)) > MAX_ANSWERS_LENGTH:
        raise TextTooLong("form", MAX_ANSWERS_LENGTH)
    if actor.user is None:
        raise SignInRequired
    if not rules.may_contribute(actor, repo):
        raise RepoDenied(repo.repo_id, "write")
    if rules.may_read_files(actor, repo):
        raise AccessHeld(actor.user.name, repo.repo_id)
    asked = queries.find_access_request(session, repo, actor.user.id)
    if asked is not None and (asked.status != "pending" or repo.gated != "auto"):
        return asked
    status: AccessStatus = "accepted" if repo.gated == "auto" else "pending"
    event = AccessRequested(user_id=actor.user.id, status=status)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    return _write(session, repo, actor.user.id, status, answers=dict(answers or {}))


def grant_access(session: Session, repo: Repo, user: Owner, actor: Actor) -> AccessRequest:
    """Let a user in, whether asked or not. Raises RepoNotGated, AccessHeld."""
    _check_gated(repo)
    asked = queries.find_access_request(session, repo, user.id)
    if asked is not None and asked.status == "accepted":
        raise AccessHeld(user.name, repo.repo_id)
    _note(session, repo, user.id, asked.status if asked else None, "accepted", actor)
    return _write(session, repo, user.id, "accepted", is_given=asked is None)


def decide_access(
    session: Session, repo: Repo, asked: AccessRequest, status: AccessStatus, actor: Actor, *, reason: str = ""
) -> AccessRequest:
    """Accept a request, reject it, or put it back among those that wait (which takes the access away).

    Raises RepoNotGated, AccessRequestNotFound when it has that status already, TextTooLong."""
    _check_gated(repo)
    if asked.status == status:
        raise AccessRequestNotFound(asked.user, status)
    if len(reason) > MAX_REASON_LENGTH:
        raise TextTooLong("reason", MAX_REASON_LENGTH)
    changed = sa.update(access_requests).where(access_requests.c.id == asked.id).values(status=status, reason=reason)
    session.execute(changed)
    _note(session, repo, asked.user_id, asked.status, status, actor)
    return queries.get_access_request(session, repo, asked.id)


def _check_gated(repo: Repo) -> None:
    if not repo.gated:
        raise RepoNotGated(repo.repo_id)


def _write(session: Session, repo: Repo, user_id: int, status: AccessStatus, **values: Any) -> AccessRequest:
    row = {"repo_id": repo.id, "user_id": user_id, "status": status, "reason": "", "asked_at": clock.now()} | values
    upsert(session, access_requests, row, keys=["repo_id", "user_id"], update=["status", "reason"])
    where = (access_requests.c.repo_id == repo.id) & (access_requests.c.user_id == user_id)
    number = session.execute(sa.select(access_requests.c.id).where(where)).scalar_one()
    return queries.get_access_request(session, repo, number)


def _note(session: Session, repo: Repo, user_id: int, before: str | None, after: str, actor: Actor) -> None:
    event = AccessDecided(user_id=user_id, before=before, after=after)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
