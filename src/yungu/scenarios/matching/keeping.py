"""The market in memory, renewed when a fact has come; and as it stood at some run, made again from what was kept."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import msgspec

from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.scenarios.matching import queries, texts
from yungu.scenarios.matching.lexical import Terms
from yungu.scenarios.matching.market import Listed, Market
from yungu.scenarios.matching.queries import Head
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
        return zlib.compress(msgspec.json.encode(self), 9)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A market with what it was made from. ``model``: of the vectors, None: words alone; ``vectors_hash``: of those
    that took part."""

    market: Market
    state: State
    model: str | None
    vectors_hash: str
    calibration: int

    @property
    def share_embedded(self) -> float:
        """Of all texts, those with a vector; 0 without a model."""
        count = len(_texts_of(self.market))
        return 1 - len(self.state.bare) / count if self.model and count else 0.0


class Markets:
    """One market of one database, kept for the next question. ``embedder`` None: words alone are compared."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self._snapshot: Snapshot | None = None
        self._vectors: dict[str, Vector] = {}
        self._offered: frozenset[str] = frozenset()
        self._read: dict[Side, dict[tuple[int, int], Listed]] = {side: {} for side in SIDES}

    def current(self, session: Session) -> Snapshot:
        """The market as the rows are now."""
        today = clock.now().astimezone(workflow.CHINA).date()
        model = self.embedder.model if self.embedder else None
        calibrated = queries.latest_calibration(session)
        counted = queries.count_vectors(session, model) if model else 0
        seen = (queries.newest_change(session), today, model, counted, calibrated.version)
        with self._lock:
            if self._snapshot is None or seen != self._seen:
                heads = {side: queries.list_heads(session, side) for side in SIDES}
                listed = {side: self._listed(session, side, heads[side]) for side in SIDES}
                self._snapshot = self._made(session, listed, today, model, calibrated)
                self._seen = seen
            return self._snapshot

    def current_of(self, database: Database) -> Snapshot:
        """The same, in a transaction of its own."""
        with database.read() as session:
            return self.current(session)

    def embed(self, database: Database, *, limit: int = 200) -> int:
        """Embed what has no vector yet; how many texts. For a job: it may take long and holds no transaction then."""
        if self.embedder is None:
            return 0
        market = self.current_of(database).market
        return embed_missing(database, self.embedder, _texts_of(market), limit=limit)

    def _made(
        self,
        session: Session,
        listed: Mapping[Side, Sequence[Listed]],
        today: date,
        model: str | None,
        calibrated: Calibration,
    ) -> Snapshot:
        before = self._snapshot.market if self._snapshot else None
        vectors = self._find_vectors(session, model, listed)
        offered = _embedded(listed["capability"], vectors)
        is_same = before is not None and (before.today, before.calibrated, offered) == (
            today,
            calibrated,
            self._offered,
        )
        if before is not None and is_same and before.capabilities == listed["capability"]:
            market = before.with_opportunities(listed["opportunity"], vectors or None)
        else:
            market = Market(
                listed["opportunity"],
                listed["capability"],
                today=today,
                vectors=vectors or None,
                calibrated=calibrated,
                known=_still(before.terms, listed) if before else None,
            )
        self._offered = offered
        self._vectors = vectors
        return snapshot_of(market, model, vectors)

    def _find_vectors(self, session: Session, model: str | None, listed: _Lists) -> dict[str, Vector]:
        if model is None:
            return {}
        wanted = {
            texts.text_hash(text) for side in SIDES for one in listed[side] for text in texts.meanings_of(one.content)
        }
        held = {name: vector for name, vector in self._vectors.items() if name in wanted}
        return held | dict(find_vectors(session, model, wanted - held.keys()))

    def _listed(self, session: Session, side: Side, heads: Sequence[Head]) -> Sequence[Listed]:
        """Only what is new is read."""
        held = self._read[side]
        wanted = {(head.id, head.version) for head in heads}
        held = {key: one for key, one in held.items() if key in wanted}
        self._read[side] = held | queries.read_listed(session, side, wanted - held.keys())
        return [
            replace(one, free=max(0, one.content.capacity - head.taken_count))
            for head in heads
            if (one := self._read[side].get((head.id, head.version))) is not None
        ]


def snapshot_of(market: Market, model: str | None, vectors: Mapping[str, Vector]) -> Snapshot:
    names = _texts_of(market)
    state = State(
        [(one.id, one.version, one.free) for one in market.opportunities],
        [(one.id, one.version, one.free) for one in market.capabilities],
        sorted(name for name in names if name not in vectors) if model else (),
    )
    return Snapshot(market, state, model, _vectors_hash(vectors), market.calibrated.version)


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


def _texts_of(market: Market) -> dict[str, str]:
    """Everything that a vector is made of, by its hash."""
    listed = [*market.opportunities, *market.capabilities]
    return {texts.text_hash(text): text for one in listed for text in texts.meanings_of(one.content)}


def _embedded(listed: Sequence[Listed], vectors: Mapping[str, Vector]) -> frozenset[str]:
    """Which texts of these items have a vector."""
    return frozenset(name for name in names_of(listed) if name in vectors)


def _vectors_hash(vectors: Mapping[str, Vector]) -> str:
    digest = hashlib.sha256()
    for name in sorted(vectors):
        digest.update(name.encode() + vectors[name].astype("<f4").tobytes())
    return digest.hexdigest()


def _still(
    known: Mapping[tuple[int, int], Terms], listed: Mapping[Side, Sequence[Listed]]
) -> dict[tuple[int, int], Terms]:
    """The terms of what is still listed."""
    keys = {(one.id, one.version) for side in SIDES for one in listed[side]}
    return {key: terms for key, terms in known.items() if key in keys}
