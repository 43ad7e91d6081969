"""Discussions and pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa

from yungu.accounts.models import Actor, owners
from yungu.hub.errors import CommentNotFound, DiscussionNotFound
from yungu.hub.models import Discussion, DiscussionEvent, Kind, Repo, discussion_events, discussions
from yungu.hub.queries.repos import contributable_repo, visible_repo, writable_repo
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_PULL_REF = re.compile(r"^refs/pr/(\d{1,9})$")
_d, _e = discussions.c, discussion_events.c
_AUTHOR = sa.func.coalesce(owners.c.name, "ghost")
_DISCUSSION = sa.select(
    _d.id,
    _d.repo_id,
    _d.number,
    _d.title,
    _d.status,
    _d.is_pull,
    _d.into,
    _d.merged_as,
    _d.author_id,
    _AUTHOR,
    _d.created_at,
).join(owners, owners.c.id == _d.author_id, isouter=True)
_EVENT = sa.select(_e.id, _e.kind, _e.at, _e.author_id, _AUTHOR, _e.payload).join(
    owners, owners.c.id == _e.author_id, isouter=True
)


def get_discussion(session: Session, repo: Repo, number: int) -> Discussion:
    """Raises DiscussionNotFound."""
    row = session.execute(_DISCUSSION.where(_d.repo_id == repo.id, _d.number == number)).first()
    if row is None:
        raise DiscussionNotFound(number)
    return Discussion(*row)


def get_pull_request(session: Session, repo: Repo, ref: str) -> Discussion | None:
    """The pull request whose commits lie on the full ref ``ref``; None when it is no such ref."""
    found = _PULL_REF.match(ref)
    return get_discussion(session, repo, int(found[1])) if found else None


def committable_repo(session: Session, kind: Kind, repo_id: str, revision: str, actor: Actor) -> Repo:
    """The repo, for who may commit to ``revision`` there: who may write, and to an open pull request also its author.
    Raises RepoNotFound, RepoDenied, RepoGated, SignInRequired, DiscussionNotFound."""
    repo = visible_repo(session, kind, repo_id, actor)
    pull = get_pull_request(session, repo, revision)
    if pull is not None and pull.author_id == actor.id is not None and pull.status in ("open", "draft"):
        return contributable_repo(session, kind, repo_id, actor)
    return writable_repo(session, kind, repo_id, actor)


def list_own_pulls(session: Session, repo: Repo, actor: Actor) -> Sequence[int]:
    """The numbers of the actor's own open pull requests."""
    mine = (_d.repo_id == repo.id) & (_d.author_id == actor.id) & _d.is_pull & _d.status.in_(("open", "draft"))
    return [] if actor.id is None else list(session.scalars(sa.select(_d.number).where(mine)))


def list_discussions(
    session: Session,
    repo: Repo,
    *,
    is_pull: bool | None = None,
    statuses: Sequence[str] = (),
    author: str | None = None,
    skip: int = 0,
    limit: int = 50,
) -> tuple[int, Sequence[Discussion]]:
    """How many match, and some of them, newest first."""
    where = _matching(repo, is_pull, statuses)
    if author is not None:
        where.append(_d.author_id.in_(sa.select(owners.c.id).where(owners.c.key == author.casefold())))
    count = session.scalar(sa.select(sa.func.count()).select_from(discussions).where(*where)) or 0
    rows = session.execute(_DISCUSSION.where(*where).order_by(_d.number.desc()).offset(skip).limit(limit))
    return int(count), [Discussion(*row) for row in rows]


def page_discussions(
    session: Session,
    repo: Repo,
    *,
    is_pull: bool | None = None,
    statuses: Sequence[str] = (),
    limit: int = 30,
    cursor: str | None = None,
) -> Page[Discussion]:
    """Those that match, newest first, as deep as one likes."""
    query = _DISCUSSION.where(*_matching(repo, is_pull, statuses))
    if cursor:
        query = query.where(_d.number < decode_cursor(cursor, int)[0])
    rows = session.execute(query.order_by(_d.number.desc()).limit(limit + 1)).all()
    found = [Discussion(*row) for row in rows[:limit]]
    return Page(found, encode_cursor(found[-1].number) if len(rows) > limit else None)


def count_open_discussions(session: Session, repo: Repo) -> int:
    """Discussions and pull requests that are open or drafts."""
    query = sa.select(sa.func.count()).select_from(discussions)
    return int(session.scalar(query.where(_d.repo_id == repo.id, _d.status.in_(("open", "draft")))) or 0)


def list_discussion_events(
    session: Session, discussion: Discussion, *, kind: str | None = None
) -> Sequence[DiscussionEvent]:
    """Everything that happened, or all of one kind, oldest first; the first one is the description, a comment."""
    query = _EVENT.where(_e.discussion_id == discussion.id)
    if kind is not None:
        query = query.where(_e.kind == kind)
    return [DiscussionEvent(*row) for row in session.execute(query.order_by(_e.id))]


def list_latest_events(
    session: Session, discussion: Discussion, *, after: int, until: int | None = None, limit: int
) -> tuple[Sequence[DiscussionEvent], bool]:
    """What happened last after the event ``after``, or last up to ``until``, oldest first; and whether there is more
    between."""
    query = _EVENT.where(_e.discussion_id == discussion.id, _e.id > after)
    if until is not None:
        query = query.where(_e.id <= until)
    rows = session.execute(query.order_by(_e.id.desc()).limit(limit + 1)).all()
    return [DiscussionEvent(*row) for row in reversed(rows[:limit])], len(rows) > limit


def get_description(session: Session, discussion: Discussion) -> DiscussionEvent:
    """The comment that a discussion was opened with."""
    row = session.execute(_EVENT.where(_e.discussion_id == discussion.id).order_by(_e.id).limit(1)).one()
    return DiscussionEvent(*row)


def list_line_comments(session: Session, discussion: Discussion) -> Sequence[DiscussionEvent]:
    """The comments on lines of the changes, oldest first."""
    is_placed = _e.payload["at"].as_string().is_not(None)
    query = _EVENT.where(_e.discussion_id == discussion.id, _e.kind == "comment", is_placed)
    return [DiscussionEvent(*row) for row in session.execute(query.order_by(_e.id))]


def _matching(repo: Repo, is_pull: bool | None, statuses: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    where = [_d.repo_id == repo.id]
    if is_pull is not None:
        where.append(_d.is_pull.is_(is_pull))
    if statuses:
        where.append(_d.status.in_(statuses))
    return where


def get_comment(session: Session, discussion: Discussion, event_id: int) -> DiscussionEvent:
    """Raises CommentNotFound."""
    where = (_e.discussion_id == discussion.id) & (_e.id == event_id) & (_e.kind == "comment")
    row = session.execute(_EVENT.where(where)).first()
    if row is None:
        raise CommentNotFound
    return DiscussionEvent(*row)
