"""What people and organizations have on the hub: repos, likes, requests for access."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from yungu.accounts.models import Actor, Owner, owners
from yungu.accounts.queries import OWNER
from yungu.hub import rules
from yungu.hub.errors import AccessRequestNotFound
from yungu.hub.models import (
    KINDS,
    AccessRequest,
    AccessStatus,
    Kind,
    Like,
    Repo,
    access_requests,
    discussions,
    likes,
    repos,
)
from yungu.hub.queries.lists import visible_to
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_a = access_requests.c
_REQUEST = sa.select(
    _a.id, _a.repo_id, _a.user_id, owners.c.name, owners.c.full_name, owners.c.email, _a.status, _a.is_given,
    _a.answers, _a.reason, _a.asked_at,
).join(owners, owners.c.id == _a.user_id)  # fmt: skip


# --- repos


def count_repos(session: Session, owner_id: int, actor: Actor) -> Mapping[Kind, int]:
    """How many repos of the owner the actor may know of, by kind."""
    query = sa.select(repos.c.kind, sa.func.count()).where(repos.c.owner_id == owner_id, visible_to(actor))
    found = {row[0]: row[1] for row in session.execute(query.group_by(repos.c.kind))}
    return {kind: found.get(kind, 0) for kind in KINDS}


def count_everything(session: Session) -> Mapping[str, int]:
    """The numbers of the place: public repos by kind, "owners", and "downloads" of all time. Reads every repo once."""
    query = sa.select(repos.c.kind, sa.func.count(), sa.func.sum(repos.c.downloads_total_count))
    rows = session.execute(query.where(repos.c.visibility == "public").group_by(repos.c.kind)).all()
    found = dict.fromkeys(KINDS, 0) | {row[0]: int(row[1]) for row in rows}
    people = session.scalar(sa.select(sa.func.count()).select_from(owners).where(owners.c.disabled_at.is_(None)))
    return found | {"owners": int(people or 0), "downloads": sum(int(row[2] or 0) for row in rows)}


def list_owned_repos(
    session: Session, owner_id: int, actor: Actor, *, limit: int, cursor: str | None = None
) -> Page[Repo]:
    """Repos of every kind under one owner that the actor may know of, newest first."""
    query = sa.select(*REPO).where(repos.c.owner_id == owner_id, visible_to(actor))
    if cursor:
        query = query.where(repos.c.id < decode_cursor(cursor, int)[0])
    rows = session.execute(query.order_by(repos.c.id.desc()).limit(limit + 1)).all()
    shown = [Repo(*row) for row in rows[:limit]]
    more = encode_cursor(shown[-1].id) if len(rows) > limit else None
    return Page([repo for repo in shown if rules.may_read(actor, repo)], more)


def stored_bytes(session: Session, owner_id: int) -> int:
    """What all repos of the owner hold together."""
    total = sa.select(sa.func.sum(repos.c.stored_bytes)).where(repos.c.owner_id == owner_id)
    return int(session.scalar(total) or 0)


def count_discussions(session: Session, author_id: int, actor: Actor) -> int:
    """How many discussions and pull requests somebody has opened, on repos that the actor may know of."""
    query = sa.select(sa.func.count()).select_from(discussions.join(repos, repos.c.id == discussions.c.repo_id))
    return int(session.scalar(query.where(discussions.c.author_id == author_id, visible_to(actor))) or 0)


# --- likes


def has_liked(session: Session, repo: Repo, actor: Actor) -> bool:
    mine = (likes.c.repo_id == repo.id) & (likes.c.user_id == actor.id)
    return session.execute(sa.select(likes.c.repo_id).where(mine)).first() is not None


def count_likes(session: Session, user_id: int, actor: Actor) -> int:
    """How many repos the user likes, of those that the actor may know of."""
    query = sa.select(sa.func.count()).select_from(likes.join(repos, repos.c.id == likes.c.repo_id))
    return int(session.scalar(query.where(likes.c.user_id == user_id, visible_to(actor))) or 0)


def list_likes(session: Session, user_id: int, actor: Actor, *, limit: int, cursor: str | None = None) -> Page[Like]:
    """What a user likes, of what the actor may know of, newest like first."""
    query = sa.select(likes.c.liked_at, *REPO).join(repos, repos.c.id == likes.c.repo_id)
    query = query.where(likes.c.user_id == user_id, visible_to(actor))
    if cursor:
        query = query.where(_older(likes.c.liked_at, likes.c.repo_id, cursor))
    rows = session.execute(query.order_by(likes.c.liked_at.desc(), likes.c.repo_id.desc()).limit(limit + 1)).all()
    shown = [Like(Repo(*row[1:]), row[0]) for row in rows[:limit]]
    more = encode_cursor(shown[-1].liked_at, shown[-1].repo.id) if len(rows) > limit else None
    return Page([like for like in shown if rules.may_read(actor, like.repo)], more)


def list_likers(session: Session, repo: Repo, *, limit: int, cursor: str | None = None) -> Page[Owner]:
    """The users who like a repo, the latest first."""
    query = sa.select(likes.c.liked_at, *OWNER).join(owners, owners.c.id == likes.c.user_id)
    query = query.where(likes.c.repo_id == repo.id)
    if cursor:
        query = query.where(_older(likes.c.liked_at, likes.c.user_id, cursor))
    rows = session.execute(query.order_by(likes.c.liked_at.desc(), likes.c.user_id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    more = encode_cursor(shown[-1][0], shown[-1][1]) if len(rows) > limit else None
    return Page([Owner(*row[1:]) for row in shown], more)


# --- requests for access


def list_access_requests(
    session: Session, repo: Repo, status: AccessStatus, *, limit: int, cursor: str | None = None
) -> Page[AccessRequest]:
    """Who asked to read a gated repo and has that answer, the latest first."""
    query = _REQUEST.where(_a.repo_id == repo.id, _a.status == status)
    if cursor:
        query = query.where(_a.id < decode_cursor(cursor, int)[0])
    rows = session.execute(query.order_by(_a.id.desc()).limit(limit + 1)).all()
    shown = [AccessRequest(*row) for row in rows[:limit]]
    return Page(shown, encode_cursor(shown[-1].id) if len(rows) > limit else None)


def find_access_request(session: Session, repo: Repo, user_id: int) -> AccessRequest | None:
    """What became of a user's request, if there is one."""
    row = session.execute(_REQUEST.where(_a.repo_id == repo.id, _a.user_id == user_id)).first()
    return AccessRequest(*row) if row else None


def get_access_request(session: Session, repo: Repo, number: int) -> AccessRequest:
    """Raises AccessRequestNotFound."""
    row = session.execute(_REQUEST.where(_a.repo_id == repo.id, _a.id == number)).first()
    if row is None:
        raise AccessRequestNotFound(f"#{number}")
    return AccessRequest(*row)


def _older(at: sa.Column[datetime], number: sa.Column[int], cursor: str) -> sa.ColumnElement[bool]:
    moment, last = decode_cursor(cursor, datetime, int)
    return sa.or_(at < moment, sa.and_(at == moment, number < last))
