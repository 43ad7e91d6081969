"""Lists of repos, filtered and sorted, by keyset pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa

from yungu.accounts.models import Actor, members, owners
from yungu.hub import rules
from yungu.hub.models import Kind, Repo, RepoFilter, repo_tags, repos
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

_SORTS: dict[str, tuple[sa.Column[Any], type]] = {
    "trending": (repos.c.trending, float),
    "created": (repos.c.created_at, datetime),
    "modified": (repos.c.modified_at, datetime),
    "downloads": (repos.c.downloads_count, int),
    "likes": (repos.c.likes_count, int),
    "views": (repos.c.views_count, int),
}


def list_repos(session: Session, wanted: RepoFilter, actor: Actor) -> Page[Repo]:
    """One page of the repos that match and that the actor may know of, best first."""
    key, key_type = _SORTS[wanted.sort]
    query = _best_first(wanted.sort, _standing(actor))
    if conditions := _conditions(wanted):
        query = query.where(*conditions)
    if wanted.cursor:
        value, number = decode_cursor(wanted.cursor, key_type, int)
        query = query.where(sa.or_(key < value, sa.and_(key == value, repos.c.id < number)))
    rows = session.execute(query, {"kind": wanted.kind, "actor_id": actor.id, "most": wanted.limit + 1}).all()
    shown = rows[: wanted.limit]
    cursor = encode_cursor(shown[-1][-1], shown[-1][0]) if len(rows) > wanted.limit else None
    found = (Repo(*row[:-1]) for row in shown)
    return Page([repo for repo in found if rules.may_read(actor, repo)], cursor)


def search_repos(session: Session, wanted: RepoFilter, actor: Actor, *, skip: int = 0) -> tuple[Sequence[Repo], int]:
    """For clients that ask for pages by number: the repos that match after the first ``skip``, at most
    ``wanted.limit``, and how many match in all. The deeper the page, the more it costs."""
    values = {"kind": wanted.kind, "actor_id": actor.id, "most": wanted.limit}
    matching = _best_first(wanted.sort, _standing(actor)).where(*_conditions(wanted))
    found = (Repo(*row[:-1]) for row in session.execute(matching.offset(skip), values))
    counted = sa.select(sa.func.count()).select_from(matching.order_by(None).limit(None).subquery())
    total = session.scalar(counted, {"kind": wanted.kind, "actor_id": actor.id})
    return [repo for repo in found if rules.may_read(actor, repo)], int(total or 0)


def list_unmeasured(session: Session, *, limit: int) -> Sequence[Repo]:
    """Repos whose head has moved since its files were measured."""
    waiting = repos.c.head.is_not(None) & sa.or_(repos.c.measured_head.is_(None), repos.c.measured_head != repos.c.head)
    query = sa.select(*REPO).where(waiting).order_by(repos.c.id).limit(limit)
    return [Repo(*row) for row in session.execute(query)]


def count_tagged(session: Session, tag: str) -> int:
    """How many public repos carry the tag."""
    query = sa.select(sa.func.count()).select_from(repo_tags.join(repos, repos.c.id == repo_tags.c.repo_id))
    return int(session.scalar(query.where(repo_tags.c.tag == tag.casefold(), repos.c.visibility == "public")) or 0)


def list_tasks(session: Session, kind: Kind, actor: Actor, *, limit: int = 24) -> Sequence[tuple[str, int]]:
    """The pipeline tags of visible repos and how many repos have each, most first."""
    number = sa.func.count().label("number")
    query = (
        sa.select(repos.c.pipeline_tag, number)
        .where(repos.c.kind == kind, repos.c.pipeline_tag.is_not(None), visible_to(actor))
        .group_by(repos.c.pipeline_tag)
        .order_by(number.desc(), repos.c.pipeline_tag)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def count_tags(session: Session, kind: Kind, *, limit: int) -> Sequence[tuple[str, int]]:
    """The tags of public repos and how many repos carry each, most first."""
    number = sa.func.count().label("number")
    query = (
        sa.select(repo_tags.c.tag, number)
        .join(repos, repos.c.id == repo_tags.c.repo_id)
        .where(repos.c.kind == kind, repos.c.visibility == "public")
        .group_by(repo_tags.c.tag)
        .order_by(number.desc(), repo_tags.c.tag)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def list_libraries(session: Session) -> Sequence[str]:
    """The libraries that public models name, most named first."""
    name = repos.c.library_name
    query = sa.select(name).where(repos.c.visibility == "public", name.is_not(None))
    return list(session.scalars(query.group_by(name).order_by(sa.func.count().desc(), name)))


def visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """The same rule as ``rules.may_read``, as SQL, for everything but the token's own limits."""
    return _visible(_standing(actor), sa.literal(actor.id))


_Standing = Literal["visitor", "user", "administrator"]


def _standing(actor: Actor) -> _Standing:
    if actor.user is None:
        return "visitor"
    return "administrator" if actor.is_site_admin else "user"


def _visible(standing: _Standing, actor_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    if standing == "visitor":
        return repos.c.visibility == "public"
    if standing == "administrator":
        return sa.true()
    shared = sa.select(members.c.organization_id).where(members.c.user_id == actor_id)
    return sa.or_(
        repos.c.visibility.in_(("public", "internal")), repos.c.owner_id == actor_id, repos.c.owner_id.in_(shared)
    )


@cache
def _best_first(sort: str, standing: _Standing) -> sa.Select[Any]:
    """Takes ``kind``, ``actor_id`` and ``most``. Built once: building it costs more than running it on SQLite."""
    key, _ = _SORTS[sort]
    return (
        sa.select(*REPO, key.label("sort_key"))
        .where(repos.c.kind == sa.bindparam("kind"), _visible(standing, sa.bindparam("actor_id", type_=sa.BigInteger)))
        .order_by(key.desc(), repos.c.id.desc())
        .limit(sa.bindparam("most", type_=sa.Integer))
    )


def _conditions(wanted: RepoFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    found += [repos.c.key.contains(word.casefold(), autoescape=True) for word in wanted.search if word]
    if wanted.author:
        found.append(repos.c.owner_id.in_(sa.select(owners.c.id).where(owners.c.key == wanted.author.casefold())))
    for tag in wanted.tags:
        found.append(repos.c.id.in_(sa.select(repo_tags.c.repo_id).where(repo_tags.c.tag == tag.casefold())))
    if wanted.library_name:
        found.append(repos.c.library_name == wanted.library_name)
    if wanted.pipeline_tag:
        found.append(repos.c.pipeline_tag == wanted.pipeline_tag)
    if wanted.gated is not None:
        found.append(repos.c.gated != "" if wanted.gated else repos.c.gated == "")
    if wanted.min_parameters is not None:
        found.append(repos.c.parameters_count >= wanted.min_parameters)
    if wanted.max_parameters is not None:
        found.append(repos.c.parameters_count <= wanted.max_parameters)
    return found
