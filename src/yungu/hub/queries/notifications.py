"""What users heard of, and whom a fact concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from yungu.accounts.models import Actor, Role, members, owners
from yungu.hub.models import (
    Discussion,
    Notification,
    Repo,
    discussion_events,
    discussions,
    muted_discussions,
    notifications,
    repos,
)
from yungu.hub.queries.lists import readable_by, visible_to
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_n = notifications.c
_NOTIFICATION = (
    sa.select(
        _n.id, _n.reason, owners.c.name, _n.repo_id, discussions.c.number, discussions.c.title,
        discussions.c.is_pull, _n.at, _n.read_at, _n.subject, _n.place,
    )
    .join(owners, owners.c.id == _n.actor_id, isouter=True)
    .join(discussions, discussions.c.id == _n.discussion_id, isouter=True)
    .join(repos, repos.c.id == _n.repo_id, isouter=True)
)  # fmt: skip


def count_unread(session: Session, actor: Actor) -> int:
    """Of those that `list_notifications` lists."""
    query = sa.select(sa.func.count()).select_from(notifications.join(repos, repos.c.id == _n.repo_id, isouter=True))
    return int(session.scalar(query.where(_heard_by(actor), _n.read_at.is_(None))) or 0)


def has_unread(session: Session, user_id: int, discussion: Discussion) -> bool:
    """Whether there is something in the discussion that the user has heard of and not seen."""
    query = sa.select(_n.id).where(_n.user_id == user_id, _n.discussion_id == discussion.id, _n.read_at.is_(None))
    return session.scalar(query.limit(1)) is not None


def has_unread_at(session: Session, user_id: int, place: str) -> bool:
    """Whether the user has heard of something at a place of higher floors and not seen it."""
    query = sa.select(_n.id).where(_n.user_id == user_id, _n.place == place, _n.read_at.is_(None))
    return session.scalar(query.limit(1)) is not None


def has_muted(session: Session, user_id: int, discussion: Discussion) -> bool:
    """Whether the user wants to hear nothing of the discussion but mentions."""
    return user_id in list_muting(session, discussion.id)


def list_muting(session: Session, discussion_id: int) -> set[int]:
    """The numbers of those who want to hear nothing of a discussion but mentions."""
    c = muted_discussions.c
    return set(session.scalars(sa.select(c.user_id).where(c.discussion_id == discussion_id)))


def list_notifications(
    session: Session, actor: Actor, *, is_unread_only: bool = False, limit: int = 30, cursor: str | None = None
) -> Page[Notification]:
    """The latest first, as far as the user may still know of it."""
    query = _NOTIFICATION.where(_heard_by(actor))
    if is_unread_only:
        query = query.where(_n.read_at.is_(None))
    if cursor:
        at, number = decode_cursor(cursor, datetime, int)
        query = query.where(sa.or_(_n.at < at, sa.and_(_n.at == at, _n.id < number)))
    rows = session.execute(query.order_by(_n.at.desc(), _n.id.desc()).limit(limit + 1)).all()
    found = [Notification(*row) for row in rows[:limit]]
    return Page(found, encode_cursor(found[-1].at, found[-1].id) if len(rows) > limit else None)


def list_keepers(session: Session, repo: Repo, *roles: Role) -> Sequence[int]:
    """Who looks after a repo: the user who owns it, or the organization's members with one of the roles."""
    return list_acting_for(session, repo.owner_id, *roles)


def list_acting_for(session: Session, owner_id: int, *roles: Role) -> Sequence[int]:
    """A user, or an organization's members with one of the roles."""
    kind = session.scalar(sa.select(owners.c.kind).where(owners.c.id == owner_id))
    if kind == "user":
        return [owner_id]
    query = sa.select(members.c.user_id).where(members.c.organization_id == owner_id, members.c.role.in_(roles))
    return list(session.scalars(query.order_by(members.c.user_id)))


def list_participants(session: Session, discussion: Discussion) -> Sequence[int]:
    """Everybody who said or did something in it."""
    by = discussion_events.c.author_id
    query = sa.select(by).where(discussion_events.c.discussion_id == discussion.id, by.is_not(None))
    return list(session.scalars(query.distinct()))


def users_named(session: Session, names: Sequence[str]) -> Mapping[str, int]:
    """The numbers of those users that there are, by their casefolded names."""
    query = sa.select(owners.c.key, owners.c.id).where(owners.c.key.in_(names), owners.c.kind == "user")
    return {row[0]: row[1] for row in session.execute(query)} if names else {}


def _heard_by(actor: Actor) -> sa.ColumnElement[bool]:
    """What the user was told and may know of now: of discussions those who may read the repo, of the rest those who may
    see it."""
    is_of_repo = sa.case((_n.discussion_id.is_not(None), readable_by(actor)), else_=visible_to(actor))
    return (_n.user_id == actor.id) & sa.or_(_n.repo_id.is_(None), is_of_repo)
