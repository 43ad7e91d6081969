"""What repos were made from, and what was made from them: by the tags that their cards and files gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, get_args

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import rules
from yungu.hub.models import Kind, Repo, repo_downloads, repo_names, repo_tags, repos
from yungu.hub.queries.lists import visible_to
from yungu.hub.queries.repos import REPO
from yungu.kernel.db import Session
from yungu.kernel.pages import Page, decode_cursor, encode_cursor

Kinship = Literal["finetune", "adapter", "merge", "quantized", "model", "space"]
"""What another repo is to this one: made from this model in one of four ways, a model trained on this dataset, a space
that uses this model or dataset."""
KINSHIPS: tuple[Kinship, ...] = get_args(Kinship)


def count_kin(session: Session, repo: Repo, actor: Actor) -> Mapping[Kinship, int]:
    """How many repos that the actor may know of have each kinship to ``repo``; those without any are left out."""
    tags = _tags(session, repo)
    query = (
        sa.select(repo_tags.c.tag, repos.c.kind, sa.func.count())
        .join(repos, repos.c.id == repo_tags.c.repo_id)
        .where(repo_tags.c.tag.in_([tag for tag, _ in tags]), repos.c.id != repo.id, visible_to(actor))
        .group_by(repo_tags.c.tag, repos.c.kind)
    )
    found: dict[Kinship, int] = {}
    for tag, kind, count in session.execute(query):
        if kinship := tags.get((tag, kind)):
            found[kinship] = found.get(kinship, 0) + count
    return {kinship: found[kinship] for kinship in KINSHIPS if kinship in found}


def list_kin(
    session: Session, repo: Repo, kinship: Kinship, actor: Actor, *, limit: int, cursor: str | None = None
) -> Page[Repo]:
    """One page of the repos of that kinship, most downloaded first."""
    wanted = {key for key, value in _tags(session, repo).items() if value == kinship}
    tagged = sa.select(repo_tags.c.repo_id).where(repo_tags.c.tag.in_([tag for tag, _ in wanted]))
    kinds = {kind for _, kind in wanted}
    query = sa.select(*REPO).where(
        repos.c.id.in_(tagged), repos.c.kind.in_(kinds), repos.c.id != repo.id, visible_to(actor)
    )
    if cursor:
        downloads, number = decode_cursor(cursor, int, int)
        below = (repos.c.downloads_count == downloads) & (repos.c.id < number)
        query = query.where((repos.c.downloads_count < downloads) | below)
    rows = session.execute(query.order_by(repos.c.downloads_count.desc(), repos.c.id.desc()).limit(limit + 1))
    found = [Repo(*row) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    more = encode_cursor(last.downloads_count, last.id) if last else None
    return Page([one for one in found[:limit] if rules.may_read(actor, one)], more)


def find_named(session: Session, kind: Kind, names: Iterable[str], actor: Actor) -> Mapping[str, Repo]:
    """The repos of these names ("namespace/name") that are here and that the actor may know of, by the given name."""
    keys = {name.casefold(): name for name in names}
    now = sa.select(repos.c.key, *REPO).where(repos.c.kind == kind, repos.c.key.in_(keys))
    once = (
        sa.select(repo_names.c.key, *REPO)
        .join(repos, repos.c.id == repo_names.c.repo_id)
        .where(repo_names.c.kind == kind, repo_names.c.key.in_(keys))
    )
    rows = [*session.execute(once), *session.execute(now)] if keys else []
    found = ((keys[key], Repo(*row)) for key, *row in rows)
    return {name: repo for name, repo in found if rules.may_read(actor, repo)}


def daily_downloads(session: Session, repo: Repo, *, last: date, days: int) -> Sequence[tuple[date, int]]:
    """The downloads of each of the ``days`` days up to ``last``, oldest first."""
    first, c = last - timedelta(days=days - 1), repo_downloads.c
    query = sa.select(c.day, c.count).where(c.repo_id == repo.id, c.day >= first, c.day <= last)
    counts = {row[0]: row[1] for row in session.execute(query)}
    return [(day, counts.get(day, 0)) for day in (first + timedelta(days=number) for number in range(days))]


def list_unfolded(session: Session, before: date, *, after: int, limit: int) -> Sequence[int]:
    """The numbers of repos, above ``after``, with downloads of single days before then, in order. The first day of a
    month may stand for all of it."""
    c = repo_downloads.c
    found = sa.select(c.repo_id).where(c.repo_id > after, c.day < before, sa.extract("day", c.day) != 1)
    return session.scalars(found.distinct().order_by(c.repo_id).limit(limit)).all()


def _tags(session: Session, repo: Repo) -> Mapping[tuple[str, Kind], Kinship]:
    """Which tag on which kind of repo tells which kinship, under every name that the repo has had."""
    former = sa.select(repo_names.c.key).where(repo_names.c.repo_id == repo.id)
    found: dict[tuple[str, Kind], Kinship] = {}
    for name in [repo.repo_id.casefold(), *session.scalars(former)]:
        found[f"{repo.kind}:{name}", "space"] = "space"
        if repo.kind == "dataset":
            found[f"dataset:{name}", "model"] = "model"
        if repo.kind == "model":
            found |= {(f"base_model:{relation}:{name}", "model"): relation for relation in rules.RELATIONS}
    return found
