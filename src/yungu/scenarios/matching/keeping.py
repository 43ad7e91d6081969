"""The market in memory, renewed when a fact has come; and as it stood at some run, made again from what was kept."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import msgspec

from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.kernel.errors import Unavailable
from yungu.scenarios.matching import queries, texts
from yungu.scenarios.matching.market import Listed, Market
from yungu.scenarios.matching.queries import Head
from yungu.scenarios.matching.reading import Readings
from yungu.scenarios.matching.vectors import Embedder, Vector, embed_missing, find_vectors
from yungu.scenarios.models import SIDES, Side
from yungu.scenarios.rules import workflow
from yungu.scenarios.rules.calibration import Calibration

_Lists = Mapping[Side, Sequence[Listed]]
_LIBRARIES = ("yungu", "numpy", "scipy", "rjieba")


class State(msgspec.Struct, frozen=True):
    """Both lists as they stood. Each item: id, version, free places. ``bare``: hashes of texts that had no vector."""

    opportunities: Sequence[tuple[int, int, int]]
    capabilities: Sequence[tuple[int, int, int]]
    bare: Sequence[str] = ()

    @property
    def packed(self) -> bytes:
        return zlib.compress(msgspec.json.encode(self))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A market with what it was made from. ``model``: of the vectors, None: words alone; ``vectors_hash``: of those
    that took part; ``text_count``: texts that could have one."""

    market: Market
    state: State
    model: str | None
    vectors_hash: str
    calibration: int
    text_count: int

    @property
    def share_embedded(self) -> float:
        """Of all texts, those with a vector; 0 without a model."""
        return 1 - len(self.state.bare) / self.text_count if self.model and self.text_count else 0.0


class Markets:
    """One market of one database, kept for the next question. ``embedder`` None: words alone are compared. ``away``:
    why the model did not answer when it was asked last, "" when it did."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder
        self.away = ""
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._snapshot: Snapshot | None = None
        self._vectors: dict[str, Vector] = {}
        self._digests: dict[str, int] = {}
        self._names: dict[Side, frozenset[str]] = {side: frozenset() for side in SIDES}
        self._offered: frozenset[str] = frozenset()
        self._heads: dict[Side, Sequence[Head]] = {side: [] for side in SIDES}
        self._listed: dict[Side, Sequence[Listed]] = {side: [] for side in SIDES}
        self._readings = Readings()

    def current(self, session: Session) -> Snapshot:
        """The market as the rows are now."""
        today = clock.now().astimezone(workflow.CHINA).date()
        model = self.embedder.model if self.embedder else None
        calibrated = queries.latest_calibration(session)
        counted = queries.count_vectors(session, model) if model else 0
        seen = (queries.newest_change(session), today, model, counted, calibrated.version)
        with self._lock:
            if self._snapshot is None or seen != self._seen:
                self._look_again(session)
                self._snapshot = self._made(session, today, model, calibrated)
                self._seen = seen
            return self._snapshot

    def current_of(self, database: Database) -> Snapshot:
        """The same, in a transaction of its own."""
        with database.read() as session:
            return self.current(session)

    def embed(self, database: Database, *, limit: int = 200) -> int:
        """Embed what has no vector yet; how many texts. For a job: it may take long and holds no transaction then.
        The market is ready for others afterwards, also without a model. Raises what the model raises."""
        bare = set(self.current_of(database).state.bare)
        if self.embedder is None:
            return 0
        meant = (text for side in SIDES for one in self._listed[side] for text in texts.meanings_of(one.content))
        found = {name: text for text in meant if (name := texts.text_hash(text)) in bare} if bare else {}
        try:
            count = embed_missing(database, self.embedder, found, limit=limit)
        except Unavailable as error:
            self.away = error.message
            raise
        self.away = ""
        return count

    def _look_again(self, session: Session) -> None:
        """Read what is new; a list in which nothing has changed stays the very same."""
        for side in SIDES:
            heads = queries.list_heads(session, side)
            if heads != self._heads[side]:
                self._listed[side] = self._listed_anew(session, side, heads)
                self._heads[side] = heads
                self._names[side] = frozenset(self._read_names(self._listed[side]))
        self._readings.keep_only({(one.id, one.version) for side in SIDES for one in self._listed[side]})

    def _listed_anew(self, session: Session, side: Side, heads: Sequence[Head]) -> Sequence[Listed]:
        held = {(one.id, one.version): one for one in self._listed[side]}
        held |= queries.read_listed(session, side, {head[:2] for head in heads} - held.keys())
        found = ((held.get(head[:2]), head) for head in heads)
        return [_with_room(one, head) for one, head in found if one is not None]

    def _made(self, session: Session, today: date, model: str | None, calibrated: Calibration) -> Snapshot:
        needs, offers = self._listed["opportunity"], self._listed["capability"]
        names = self._names["opportunity"] | self._names["capability"] if model else frozenset()
        self._find_vectors(session, model, names)
        before = self._snapshot.market if self._snapshot else Market([], [], today=today, readings=self._readings)
        now = (today, calibrated, self._names["capability"] & self._vectors.keys())
        if before.capabilities is offers and (before.today, before.calibrated, self._offered) == now:
            market = before.with_opportunities(needs, self._vectors or None)
        else:
            market = before.renewed(needs, offers, today=today, vectors=self._vectors or None, calibrated=calibrated)
        self._offered = now[2]
        return snapshot_of(market, model, self._vectors, names, self._digests)

    def _read_names(self, listed: Sequence[Listed]) -> Iterator[str]:
        """The hashes of all texts of these items."""
        for one in listed:
            yield from self._readings.of((one.id, one.version), one.content).names

    def _find_vectors(self, session: Session, model: str | None, names: Collection[str]) -> None:
        held = {name: vector for name, vector in self._vectors.items() if name in names}
        new = find_vectors(session, model, names - held.keys()) if model else {}
        self._vectors = held | dict(new)
        self._digests = {name: self._digests[name] for name in held} | digests_of(new)


def snapshot_of(
    market: Market,
    model: str | None,
    vectors: Mapping[str, Vector],
    names: Collection[str] = (),
    digests: Mapping[str, int] | None = None,
) -> Snapshot:
    """``names``: hashes of all texts that could have a vector; ``digests``: of ``vectors``, if they are known."""
    state = State(
        [(one.id, one.version, one.free) for one in market.opportunities],
        [(one.id, one.version, one.free) for one in market.capabilities],
        sorted(name for name in names if name not in vectors),
    )
    return Snapshot(
        market, state, model, _vectors_hash(digests or digests_of(vectors)), market.calibrated.version, len(names)
    )


def read_state(packed: bytes) -> State:
    return msgspec.json.decode(zlib.decompress(packed), type=State)


@cache
def code_version() -> str:
    """What decides: a hash of the sources of matching and its rules, and the versions of the libraries."""
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), *sorted((here.parent / "rules").glob("*.py"))]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return " ".join([digest, *(f"{name}-{metadata.version(name)}" for name in _LIBRARIES)])


def names_of(listed: Sequence[Listed]) -> Iterator[str]:
    """The hashes of all texts that vectors of these items are made of."""
    return (texts.text_hash(text) for one in listed for text in texts.meanings_of(one.content))


def parse_day(text: str) -> date:
    return datetime.fromisoformat(text).date()


def _with_room(one: Listed, head: Head) -> Listed:
    free = max(0, one.content.capacity - head[4])
    return one if one.free == free else replace(one, free=free)


def digests_of(vectors: Mapping[str, Vector]) -> dict[str, int]:
    return {
        name: int.from_bytes(hashlib.sha256(name.encode() + vector.astype("<f4").tobytes()).digest(), "big")
        for name, vector in vectors.items()
    }


def _vectors_hash(digests: Mapping[str, int]) -> str:
    """One for all of them: their sum, which a few new ones change in no time."""
    return f"{sum(digests.values()) % (1 << 256):064x}"
