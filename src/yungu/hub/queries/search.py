"""Searching repos and owners: the index finds them, their rows say what is true and who may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from yungu import search
from yungu.accounts.models import Actor, Owner, owners
from yungu.accounts.queries import OWNER
from yungu.hub import rules
from yungu.hub.models import Repo, repos
from yungu.hub.queries.repos import REPO
from yungu.hub.rules import entries
from yungu.kernel.db import Session


@dataclass(frozen=True, slots=True)
class Match:
    """A repo or owner that was found, and where in its card the words are."""

    target: Repo | Owner
    title: str
    snippet: Sequence[search.Piece]


@dataclass(frozen=True, slots=True)
class Matches:
    """``found``: what the index says of all matches, as far as the actor may know of them."""

    items: Sequence[Match]
    found: search.Found


def find_matches(session: Session, catalogue: search.Catalogue, wanted: search.Wanted, actor: Actor) -> Matches:
    """Repos and owners that match and that the actor may know of. Raises CatalogueUnready."""
    found = catalogue.find(replace(wanted, readers=entries.actor_labels(actor)))
    return Matches(_matches(session, found.hits, actor), found)


def suggest_matches(
    session: Session, catalogue: search.Catalogue, typed: str, actor: Actor, *, limit: int
) -> Sequence[Match]:
    """What somebody who has typed that much may mean, by name. Raises CatalogueUnready."""
    hits = catalogue.suggest(typed, readers=entries.actor_labels(actor), limit=limit)
    return _matches(session, hits, actor)


def list_repos_by_number(session: Session, numbers: Iterable[int]) -> Mapping[int, Repo]:
    wanted = list(numbers)
    rows = session.execute(sa.select(*REPO).where(repos.c.id.in_(wanted))) if wanted else ()
    return {row[0]: Repo(*row) for row in rows}


def list_owners_by_number(session: Session, numbers: Iterable[int]) -> Mapping[int, Owner]:
    """Those who may sign in, and organizations."""
    wanted = list(numbers)
    query = sa.select(*OWNER).where(owners.c.id.in_(wanted), owners.c.disabled_at.is_(None))
    return {row[0]: Owner(*row) for row in (session.execute(query) if wanted else ())}


def _matches(session: Session, hits: Sequence[search.Hit], actor: Actor) -> Sequence[Match]:
    keys = {hit.key: entries.key_number(hit.key) for hit in hits}
    found_repos = list_repos_by_number(
        session, (number for key, number in keys.items() if key == entries.repo_key(number))
    )
    found_owners = list_owners_by_number(
        session, (number for key, number in keys.items() if key == entries.owner_key(number))
    )
    targets: dict[str, Repo | Owner] = {
        entries.repo_key(repo.id): repo for repo in found_repos.values() if rules.may_read(actor, repo)
    }
    targets |= {entries.owner_key(owner.id): owner for owner in found_owners.values()}
    return [Match(targets[hit.key], hit.title, hit.snippet) for hit in hits if hit.key in targets]
