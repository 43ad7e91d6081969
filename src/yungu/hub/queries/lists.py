"""Lists of repos, filtered and sorted, by keyset pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import sqlalchemy as sa

from yungu.accounts.models import Actor, members, owners
from yungu.hub import rules
from yungu.hub.models import Kind, Repo, RepoFilter, access_requests, repo_tags, repos
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Moment, Session, as_utc
from yungu.kernel.pages import Page, decode_cursor, encode_cursor
from yungu.kernel.prepared import Prepared

_SORTS: dict[str, tuple[sa.Column[Any], type]] = {
    "trending": (repos.c.trending, float),
    "created": (repos.c.created_at, datetime),
    "modified": (repos.c.modified_at, datetime),
    "downloads": (repos.c.downloads_count, int),
    "likes": (repos.c.likes_count, int),
    "views": (repos.c.views_count, int),
}

Line = tuple[Any, ...]
"""A repo as the database keeps it: the fields of ``Repo`` in order, JSON as its text, moments as they come. Equal lines
tell the same."""


def _as_kept(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.JSON):
        return sa.cast(column, sa.Text)
    return sa.type_coerce(column, sa.types.NullType()) if isinstance(column.type, Moment) else column


def _moment(kept: str | datetime | None) -> datetime | None:
    at = datetime.fromisoformat(kept) if isinstance(kept, str) else kept
    return as_utc(at)


_LINE = [_as_kept(column) for column in REPO]
_READ: dict[int, Callable[[Any], Any]] = {
    at: json.loads if isinstance(column.type, sa.JSON) else _moment
    for at, column in enumerate(REPO)
    if isinstance(column.type, sa.JSON | Moment)
}
_ID_AT, _HEAD_AT = ([column.key for column in REPO].index(name) for name in ("id", "head"))
_LIKE_MAGIC = re.compile("[/%_]")


def list_repos(session: Session, wanted: RepoFilter, actor: Actor) -> Page[Repo]:
    """One page of the repos that match and that the actor may know of, best first."""
    page = _page(session, wanted, actor)
    found = (Repo(*row) for row in page.items)
    return Page([repo for repo in found if rules.may_read(actor, repo)], page.next_cursor)


def list_lines(session: Session, wanted: RepoFilter, actor: Actor) -> Page[Line]:
    """The same page as lines, which cost little where nobody looks closer."""
    page = _page(session, wanted, actor, as_lines=True)
    if actor.scope != "fine-grained":  # what the person may know of, the query knows
        return page
    return Page([line for line in page.items if rules.may_read(actor, read_line(line))], page.next_cursor)


def read_line(line: Line) -> Repo:
    """The repo that a line tells of."""
    return Repo(*(_READ[at](value) if at in _READ else value for at, value in enumerate(line)))


def line_head(line: Line) -> tuple[int, str | None]:
    """The repo's number, and the commit of its default branch."""
    return line[_ID_AT], line[_HEAD_AT]


def search_repos(session: Session, wanted: RepoFilter, actor: Actor, *, skip: int = 0) -> tuple[Sequence[Repo], int]:
    """For clients that ask for pages by number: the repos that match after the first ``skip``, at most
    ``wanted.limit``, and how many match in all. The deeper the page, the more it costs."""
    asked = _asked(wanted)
    values = {"kind": wanted.kind, "actor_id": actor.id, **asked}
    matching = _best_first(wanted.sort, _standing(actor), tuple(asked))
    found = (Repo(*row[:-1]) for row in session.execute(matching.offset(skip), values | {"most": wanted.limit}))
    counted = sa.select(sa.func.count()).select_from(matching.order_by(None).limit(None).subquery())
    total = session.scalar(counted, values)
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


def readable_by(actor: Actor) -> sa.ColumnElement[bool]:
    """The same rule as ``rules.may_read_files`` for whoever is signed in, as SQL, but for the token's own limits."""
    if actor.is_site_admin:
        return sa.true()
    c, shared = access_requests.c, sa.select(members.c.organization_id).where(members.c.user_id == actor.id)
    granted = sa.exists().where(c.repo_id == repos.c.id, c.user_id == actor.id, c.status == "accepted")
    is_open = sa.or_(repos.c.gated == "", repos.c.owner_id == actor.id, repos.c.owner_id.in_(shared), granted)
    return visible_to(actor) & is_open


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
        repos.c.visibility == "public",
        repos.c.visibility == "internal",
        repos.c.owner_id == actor_id,
        repos.c.owner_id.in_(shared),
    )


def _page(session: Session, wanted: RepoFilter, actor: Actor, *, as_lines: bool = False) -> Page[Line]:
    asked = _asked(wanted)
    query = _prepared(wanted.sort, _standing(actor), tuple(asked), as_lines=as_lines)
    rows = query.all(session, {"kind": wanted.kind, "actor_id": actor.id, "most": wanted.limit + 1, **asked})
    shown = rows[: wanted.limit]
    cursor = encode_cursor(shown[-1][-1], shown[-1][0]) if len(rows) > wanted.limit else None
    return Page([row[:-1] for row in shown], cursor)


@lru_cache(maxsize=256)
def _prepared(sort: str, standing: _Standing, asked: tuple[str, ...], *, as_lines: bool) -> Prepared:
    return Prepared(_best_first(sort, standing, asked, as_lines=as_lines))


@lru_cache(maxsize=256)
def _best_first(sort: str, standing: _Standing, asked: tuple[str, ...], *, as_lines: bool = False) -> sa.Select[Any]:
    """Takes ``kind``, ``actor_id``, ``most`` and what is ``asked``. Kept: building it costs more than running it on
    SQLite."""
    key, _ = _SORTS[sort]
    query = (
        sa.select(*(_LINE if as_lines else REPO), key.label("sort_key"))
        .where(repos.c.kind == sa.bindparam("kind"), _visible(standing, sa.bindparam("actor_id", type_=sa.BigInteger)))
        .order_by(key.desc(), repos.c.id.desc())
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
    if "after" in asked:
        value, number = sa.bindparam("after", type_=key.type), sa.bindparam("after_id", type_=sa.BigInteger)
        query = query.where(sa.or_(key < value, sa.and_(key == value, repos.c.id < number)))
    stems = {name: name.rstrip("0123456789") for name in asked}
    return query.where(*(_CLAUSES[stem](sa.bindparam(name)) for name, stem in stems.items() if stem in _CLAUSES))


_CLAUSES: dict[str, Callable[[sa.BindParameter[Any]], sa.ColumnElement[bool]]] = {
    "word": lambda value: repos.c.key.contains(value, escape="/"),
    "author": lambda value: repos.c.owner_id.in_(sa.select(owners.c.id).where(owners.c.key == value)),
    "tag": lambda value: repos.c.id.in_(sa.select(repo_tags.c.repo_id).where(repo_tags.c.tag == value)),
    "library_name": lambda value: repos.c.library_name == value,
    "pipeline_tag": lambda value: repos.c.pipeline_tag == value,
    "gated": lambda value: (repos.c.gated != "") == value,
    "min_parameters": lambda value: repos.c.parameters_count >= value,
    "max_parameters": lambda value: repos.c.parameters_count <= value,
}


def _asked(wanted: RepoFilter) -> dict[str, Any]:
    """What the filter asks for beyond the kind, under the names that the query knows it by."""
    found: dict[str, Any] = {}
    for number, word in enumerate(filter(None, wanted.search)):
        found[f"word{number}"] = _LIKE_MAGIC.sub(r"/\g<0>", word.casefold())
    if wanted.author:
        found["author"] = wanted.author.casefold()
    for number, tag in enumerate(wanted.tags):
        found[f"tag{number}"] = tag.casefold()
    if wanted.library_name:
        found["library_name"] = wanted.library_name
    if wanted.pipeline_tag:
        found["pipeline_tag"] = wanted.pipeline_tag
    for name in ("gated", "min_parameters", "max_parameters"):
        if (value := getattr(wanted, name)) is not None:
            found[name] = value
    if wanted.cursor:
        found["after"], found["after_id"] = decode_cursor(wanted.cursor, _SORTS[wanted.sort][1], int)
    return found
