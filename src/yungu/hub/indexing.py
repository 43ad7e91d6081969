"""Keeping the search index: it follows the facts, is made anew where there is none, and is compared now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.hub.models import Repo, repo_tags, repos
from yungu.hub.queries.files import read_text
from yungu.hub.queries.repos import REPO
from yungu.hub.queries.search import list_owners_by_number
from yungu.hub.rules import entries
from yungu.hub.rules.cards import MAX_CARD_BYTES
from yungu.kernel.db import Database, Session
from yungu.kernel.errors import NotFound
from yungu.kernel.events import Fact, find_end, read_after
from yungu.search import Bookmark, Catalogue, Writer, WriterBusy
from yungu.storage.git import GitStore

ReadCard = Callable[[Repo], str]
"""The README of a repo at its head."""

FOLLOWED = (
    "RepoCreated", "RepoDeleted", "RepoMoved", "RepoSettingsChanged", "RepoDuplicated", "RepoLiked", "RepoUnliked",
    "CommitPushed", "HeadMeasured", "UserCreated", "OrganizationCreated", "OwnerChanged", "OwnerDeleted",
    "UserSuspended", "UserUnsuspended",
)  # fmt: skip
_FACTS_AT_ONCE = 500
_ROWS_AT_ONCE = 2_000
_COMPARED_AT_ONCE = 5_000
_WORTH_WRITING = 0.02
"""A counter that is off by less does not move an entry: it is a list's order that depends on it, not what is shown."""


def card_reader(git: GitStore) -> ReadCard:
    def read(repo: Repo) -> str:
        if repo.head is None or repo.gated:
            return ""
        try:
            return read_text(git.open(repo.id), repo.head, "README.md", limit=MAX_CARD_BYTES) or ""
        except NotFound:
            return ""  # damage is for fsck to tell; its name can be found all the same

    return read


def keep_index(database: Database, catalogue: Catalogue, read_card: ReadCard) -> int:
    """Do the next piece of work on the index, in one commit; how much it was, 0 when there is nothing to do or another
    process does it. What is true when it begins is in the index when it has returned 0."""
    if not catalogue.is_sound():
        catalogue.clear()
    bookmark = catalogue.bookmark
    with database.read() as session:
        if bookmark and bookmark.is_complete and not _next_facts(session, bookmark, limit=1):
            return 0
    try:
        with catalogue.writing() as writer, database.read() as session:
            return _Indexing(session, writer, read_card).step()
    except WriterBusy:
        return 0


def compare_index(database: Database, catalogue: Catalogue, read_card: ReadCard) -> Iterator[int]:
    """Go through all repos, a piece at a time, and write those anew of which the index has other counters, or that it
    should not have or lacks; how many of each piece. Counters change too often to follow each fact."""
    if not catalogue.is_complete:
        return
    with database.read() as session:
        last = int(session.scalar(sa.select(sa.func.max(repos.c.id))) or 0)
    for low in range(0, last + 1, _COMPARED_AT_ONCE):
        with database.read() as session:
            stale = _stale(session, catalogue, low, low + _COMPARED_AT_ONCE)
        yield len(stale)
        for at in range(0, len(stale), _ROWS_AT_ONCE):
            try:
                with catalogue.writing() as writer, database.read() as session:
                    _Indexing(session, writer, read_card).put_repos(stale[at : at + _ROWS_AT_ONCE])
            except WriterBusy:
                return


class _Indexing:
    """One commit of the index."""

    def __init__(self, session: Session, writer: Writer, read_card: ReadCard) -> None:
        self._session, self._writer, self._read_card = session, writer, read_card

    def step(self) -> int:
        bookmark = self._writer.bookmark
        if bookmark is None:
            self._writer.mark(Bookmark(find_end(self._session), is_complete=False, stage=("owners", 0)))
            return 1
        return self._follow(bookmark) if bookmark.is_complete else self._build(bookmark)

    def _follow(self, bookmark: Bookmark) -> int:
        facts = _next_facts(self._session, bookmark, limit=_FACTS_AT_ONCE)
        self.put_repos(sorted({fact.repo_id for fact in facts if fact.repo_id is not None}))
        self._put_owners(sorted({number for fact in facts if (number := _owner_of(fact)) is not None}))
        if facts:
            self._writer.mark(Bookmark(facts[-1].position, is_complete=True))
        return len(facts)

    def _build(self, bookmark: Bookmark) -> int:
        """The next rows of the first filling. What changes meanwhile comes again as a fact."""
        what, after = bookmark.stage
        column = owners.c.id if what == "owners" else repos.c.id
        query = sa.select(column).where(column > after).order_by(column).limit(_ROWS_AT_ONCE)
        numbers = list(self._session.scalars(query))
        if numbers:
            (self._put_owners if what == "owners" else self.put_repos)(numbers)
            self._writer.mark(Bookmark(bookmark.position, is_complete=False, stage=(what, numbers[-1])))
        elif what == "owners":
            self._writer.mark(Bookmark(bookmark.position, is_complete=False, stage=("repos", 0)))
        else:
            self._writer.mark(Bookmark(bookmark.position, is_complete=True))
        return max(1, len(numbers))

    def put_repos(self, numbers: Sequence[int]) -> None:
        """Bring entries up to date; those of repos that are gone go."""
        linked = _tags(self._session, numbers)
        query = sa.select(repos.c.parameters_count, *REPO).where(repos.c.id.in_(numbers))
        found = {row[1]: row for row in self._session.execute(query)} if numbers else {}
        for number in numbers:
            if (row := found.get(number)) is None:
                self._writer.drop(entries.repo_key(number))
                continue
            repo, tags = Repo(*row[1:]), linked.get(number, [])
            self._writer.put(entries.repo_entry(repo, self._read_card(repo), parameters_count=row[0], linked=tags))

    def _put_owners(self, numbers: Sequence[int]) -> None:
        found = list_owners_by_number(self._session, numbers)
        for number in numbers:
            if number in found:
                self._writer.put(entries.owner_entry(found[number]))
            else:
                self._writer.drop(entries.owner_key(number))


def _next_facts(session: Session, bookmark: Bookmark, *, limit: int) -> Sequence[Fact]:
    return read_after(session, bookmark.position, limit=limit, kinds=FOLLOWED)


def _owner_of(fact: Fact) -> int | None:
    if fact.repo_id is not None:
        return None
    return next(
        (fact.payload[name] for name in ("owner_id", "user_id", "organization_id") if name in fact.payload), None
    )


def _tags(session: Session, numbers: Iterable[int]) -> Mapping[int, list[str]]:
    """By repo, also those that are not shown."""
    found: dict[int, list[str]] = {}
    query = sa.select(repo_tags.c.repo_id, repo_tags.c.tag).where(repo_tags.c.repo_id.in_(list(numbers)))
    for number, tag in session.execute(query):
        found.setdefault(number, []).append(tag)
    return found


def _stale(session: Session, catalogue: Catalogue, low: int, high: int) -> list[int]:
    c = repos.c
    query = sa.select(c.id, c.trending, c.downloads_count, c.likes_count).where(c.id >= low, c.id < high)
    true = {row[0]: tuple(float(value) for value in row[1:]) for row in session.execute(query)}
    known = {
        int(number): tuple(numbers)
        for number, *numbers in catalogue.read_numbers(("number", "trending", "downloads", "likes"), low, high)
        if number
    }
    return sorted(number for number in true.keys() | known.keys() if _is_off(true.get(number), known.get(number)))


def _is_off(true: Sequence[float] | None, known: Sequence[float] | None) -> bool:
    if true is None or known is None:
        return True
    return any(
        abs(one - other) > _WORTH_WRITING * max(abs(one), abs(other)) for one, other in zip(true, known, strict=True)
    )
