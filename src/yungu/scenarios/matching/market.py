"""Both lists in memory: who may, who fits, how well, and what would change it.

Made from values alone, so that the same values give the same answer at any time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from yungu.scenarios.matching import texts
from yungu.scenarios.matching.lexical import Bag, Lexicon, Vocabulary
from yungu.scenarios.matching.nearest import Nearest
from yungu.scenarios.matching.reading import Reading, Readings
from yungu.scenarios.models import CapabilityContent, Content, Measurement, OpportunityContent
from yungu.scenarios.rules import allocation, calibration, contents, coverage, domains, eligibility, fusion, measures
from yungu.scenarios.rules.eligibility import Finding, Requirement, RequirementKind
from yungu.scenarios.rules.fusion import Floats, Matrix, Weights

Vectors = Mapping[str, NDArray[np.float32]]
"""Unit vectors by the hash of the text that they are of."""
_PASS, _UNKNOWN, _FAIL = 0, 1, 2
_CODES: Mapping[eligibility.Verdict, int] = {"pass": _PASS, "unknown": _UNKNOWN, "fail": _FAIL}
_ROWS = 128
"""Opportunities judged at once, so that memory stays flat."""
_CANDIDATES = 50
_BACK_CANDIDATES = 4
_JUDGED_FIRST, _READ_NEXT = 15, 5
"""Places of a long list: for the best by judgement, and after them for those of the others whose texts are nearest."""
_NEEDED_MATURITY = 7
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of either list as it stands. ``free``: pilots that it can still take."""

    id: int
    code: str
    version: int
    content: Content
    free: int
    owner_id: int = 0

    @property
    def wanted(self) -> OpportunityContent:
        assert isinstance(self.content, OpportunityContent)
        return self.content

    @property
    def offered(self) -> CapabilityContent:
        assert isinstance(self.content, CapabilityContent)
        return self.content


_Pair = tuple[Listed, Listed, float, float, float]
"""Opportunity, capability, what words and meaning add, the share of requirements that are unknown."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How well one capability serves one opportunity. ``features`` in the order of ``fusion.FEATURES``; ``demand``,
    ``provider``: log-odds that either side says yes; ``score``: that both do; ``probability``: after calibration."""

    opportunity_id: int
    capability_id: int
    features: tuple[float, ...]
    demand: float
    provider: float
    score: float
    probability: float


@dataclass(frozen=True, slots=True)
class Rules:
    """How proposals are dealt out. ``shortlist``: shown to each opportunity; ``per_place``: proposals a capability gets
    for each pilot that it can take; ``floor``: for each newcomer at least; ``least``: probability below which nobody
    is proposed."""

    shortlist: int = 5
    per_place: int = 3
    floor: int = 1
    least: float = 0.002
    method: allocation.Method = "flow"
    first_bonus: float = 0.25


@dataclass(frozen=True, slots=True)
class Dealt:
    """What was chosen for a whole market: pairs, best first for each opportunity, and how the market fares."""

    pairs: Sequence[Judged]
    measures: measures.Measures


@dataclass
class _Side:
    """One list, ready to be asked."""

    listed: Sequence[Listed]
    readings: Sequence[Reading]
    vocabulary: Vocabulary
    vectors: NDArray[np.float32] | None
    places: Mapping[int, int] = field(init=False)
    has_vector: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {one.id: place for place, one in enumerate(self.listed)}
        self.has_vector = np.zeros(len(self.listed), dtype=bool)
        if self.vectors is not None:
            self.has_vector = np.abs(self.vectors).sum(axis=1) > 0

    @cached_property
    def lexicon(self) -> Lexicon:
        return Lexicon(self.bags, self.vocabulary)

    @property
    def bags(self) -> Sequence[Bag]:
        return [one.bag for one in self.readings]

    @cached_property
    def groups(self) -> NDArray[np.int8]:
        return np.array([one.group for one in self.readings], dtype=np.int8)


class Market:
    """``opportunities`` and ``capabilities`` as they stand on ``today``. ``vectors`` None: words alone are compared.
    ``readings``: of a former market, so that only what is new is read."""

    def __init__(
        self,
        opportunities: Sequence[Listed],
        capabilities: Sequence[Listed],
        *,
        today: date,
        vectors: Vectors | None = None,
        weights: Weights = fusion.DEFAULT,
        calibrated: calibration.Calibration = calibration.FIXED,
        readings: Readings | None = None,
    ) -> None:
        self.today, self.weights, self.calibrated = today, weights, calibrated
        self.opportunities, self.capabilities = opportunities, capabilities
        self.vectors = vectors
        self._readings = readings or Readings()
        self._columns: dict[Requirement, NDArray[np.int8]] = {}
        self._facts: dict[RequirementKind, tuple[Sequence[eligibility.Facts], NDArray[np.int32]]] = {}

    def with_opportunities(self, opportunities: Sequence[Listed], vectors: Vectors | None) -> Market:
        """The same capabilities, as ready as they are, beside other opportunities."""
        other = self._other(opportunities, self.capabilities, self.today, vectors, self.calibrated)
        other._columns, other._facts = self._columns, self._facts
        other.__dict__["_offers"] = self._offers
        return other

    def renewed(
        self,
        opportunities: Sequence[Listed],
        capabilities: Sequence[Listed],
        *,
        today: date,
        vectors: Vectors | None,
        calibrated: calibration.Calibration,
    ) -> Market:
        """Other lists; of what stands in both, nothing is read again."""
        other = self._other(opportunities, capabilities, today, vectors, calibrated)
        where = {id(one): place for place, one in enumerate(self.capabilities)}
        before = np.array([where.get(id(one), -1) for one in capabilities], dtype=np.int32)
        other._facts = {kind: other._carried(kind, *known, before) for kind, known in self._facts.copy().items()}
        return other

    def _other(
        self,
        opportunities: Sequence[Listed],
        capabilities: Sequence[Listed],
        today: date,
        vectors: Vectors | None,
        calibrated: calibration.Calibration,
    ) -> Market:
        return Market(
            opportunities,
            capabilities,
            today=today,
            vectors=vectors,
            weights=self.weights,
            calibrated=calibrated,
            readings=self._readings,
        )

    @property
    def has_meaning(self) -> bool:
        """Whether vectors take part."""
        return bool(self.vectors) and bool(self._offers.has_vector.any())

    # --- one list against one item

    def shortlist(
        self, opportunity: Listed, *, limit: int | None = 10, barred: Collection[int] = ()
    ) -> Sequence[Judged]:
        """The capabilities that may serve it, best first; it need not be in the market itself. ``barred``: ids of those
        that are left out. Places 16 to 20 of a long list go to those whose texts are nearest, whatever else speaks
        against them."""
        side = self._side([opportunity])
        words, meaning = self._text_scores(side, self._offers)
        fails, unknowns = self._verdicts(opportunity.wanted)
        fails[[self._offers.places[number] for number in barred]] = True
        kept = _best((words + meaning)[0], ~fails, None if limit is None else max(limit, _CANDIDATES) * 2)
        judged = self._judge(
            [(opportunity, self.capabilities[j], words[0, j], meaning[0, j], unknowns[j]) for j in kept]
        )
        return _listed_long(judged)[:limit]

    def openings(self, capability: Listed, *, limit: int = 10) -> Sequence[Judged]:
        """The other way round: the opportunities that it may serve, best first."""
        words, meaning = self._text_scores(self._side([capability]), self._needs)
        rows = []
        for place in _best((words + meaning)[0], np.ones(len(self.opportunities), bool), max(limit, _CANDIDATES) * 2):
            opportunity = self.opportunities[place]
            findings = self.findings(opportunity, capability)
            if eligibility.overall(findings) != "fail":
                rows.append((opportunity, capability, words[0, place], meaning[0, place], _unknown_share(findings)))
        return _listed_long(self._judge(rows))[:limit]

    def findings(self, opportunity: Listed, capability: Listed) -> Sequence[Finding]:
        return eligibility.check(opportunity.wanted, capability.offered, self.today, free=capability.free)

    # --- both lists

    def deal(self, rules: Rules, judged: Sequence[Judged] | None = None) -> Dealt:
        """Proposals for the whole market at once; ``judged``: what ``judge_all`` gave, if it was asked before."""
        judged = self.judge_all() if judged is None else judged
        graph = self.graph(judged, rules)
        chosen = allocation.allocate(graph, rules.method, first_bonus=rules.first_bonus)
        newcomers = np.array([one.offered.is_newcomer for one in self.capabilities], dtype=bool)
        kept = [one for one in judged if one.probability >= rules.least]
        pairs = sorted((kept[edge] for edge in chosen), key=lambda one: (one.opportunity_id, *_order(one)))
        return Dealt(pairs, measures.measure(graph, chosen, newcomers))

    def graph(self, judged: Sequence[Judged], rules: Rules) -> allocation.Graph:
        kept = [one for one in judged if one.probability >= rules.least]
        left_places, right_places = self._needs.places, self._offers.places
        rooms = [rules.shortlist if one.free > 0 else 0 for one in self.opportunities]
        return allocation.Graph(
            left=np.array([left_places[one.opportunity_id] for one in kept], dtype=np.int64),
            right=np.array([right_places[one.capability_id] for one in kept], dtype=np.int64),
            weight=np.array([one.probability for one in kept]),
            demand=np.array([one.demand for one in kept]),
            provider=np.array([one.provider for one in kept]),
            left_room=np.array(rooms, dtype=np.int64),
            right_room=np.array([max(0, one.free) * rules.per_place for one in self.capabilities], dtype=np.int64),
            floor=np.array([rules.floor * one.offered.is_newcomer for one in self.capabilities], dtype=np.int64),
        )

    def judge_all(self) -> Sequence[Judged]:
        """Every pair worth judging: the best by text of each opportunity and of each capability, who may."""
        nearest = Nearest(len(self.capabilities), _BACK_CANDIDATES)
        found: list[_Pair] = []
        for start in range(0, len(self.opportunities), _ROWS):
            found += self._candidates(start, nearest)
        taken = {(one.id, other.id) for one, other, *_ in found}
        for i, j, *scores in nearest.pairs():
            pair = (self.opportunities[i], self.capabilities[j])
            if (pair[0].id, pair[1].id) not in taken:
                found.append((*pair, scores[0], scores[1], scores[2]))
        return self._judge(found)

    def _candidates(self, start: int, nearest: Nearest) -> list[_Pair]:
        block = self.opportunities[start : start + _ROWS]
        words, meaning = self._text_scores(self._part(start, start + _ROWS), self._offers)
        found: list[_Pair] = []
        for row, opportunity in enumerate(block):
            fails, unknowns = self._verdicts(opportunity.wanted)
            nearest.see(start + row, words[row], meaning[row], unknowns, ~fails)
            for j in _best(words[row] + meaning[row], ~fails, _CANDIDATES):
                found.append((opportunity, self.capabilities[j], words[row, j], meaning[row, j], unknowns[j]))
        return found

    # --- what would change it

    def judge_changed(
        self, judged: Judged, opportunity: Listed, capability: Listed, changed: CapabilityContent
    ) -> Judged:
        """The same pair, had the capability said something else of itself (its text remaining what it is)."""
        other = replace(capability, content=changed)
        unknown = _unknown_share(self.findings(opportunity, other))
        return self._judge([(opportunity, other, judged.features[0], judged.features[1], unknown)])[0]

    def judge_pair(self, opportunity: Listed, capability: Listed) -> Judged:
        """One pair, whoever is better, and whether or not it may."""
        words, meaning = self._text_scores(self._side([opportunity]), self._offers)
        place = self._offers.places[capability.id]
        unknown = _unknown_share(self.findings(opportunity, capability))
        return self._judge([(opportunity, capability, words[0, place], meaning[0, place], unknown)])[0]

    def shared_terms(self, opportunity: Listed, capability: Listed) -> Mapping[str, float]:
        """The terms of both and how rare each is."""
        both = texts.terms_of(opportunity.content).keys() & texts.terms_of(capability.content).keys()
        return {term: self._offers.lexicon.rarity(term) for term in both}

    # --- parts

    @cached_property
    def _needs(self) -> _Side:
        return self._side(self.opportunities)

    @cached_property
    def _offers(self) -> _Side:
        return self._side(self.capabilities)

    def _side(self, listed: Sequence[Listed]) -> _Side:
        readings = [self._readings.of((one.id, one.version), one.content) for one in listed]
        return _Side(listed, readings, self._readings.vocabulary, self._stacked(readings))

    def _part(self, start: int, end: int) -> _Side:
        whole = self._needs
        vectors = None if whole.vectors is None else whole.vectors[start:end]
        return _Side(whole.listed[start:end], whole.readings[start:end], whole.vocabulary, vectors)

    def _stacked(self, readings: Sequence[Reading]) -> NDArray[np.float32] | None:
        """A unit vector for each, of zeros where none is known yet; None without any."""
        if not self.vectors:
            return None
        stacked = np.zeros((len(readings), len(next(iter(self.vectors.values())))), dtype=np.float32)
        for at in range(len(contents.LANGUAGES)):
            found = [(place, one.names[at]) for place, one in enumerate(readings) if len(one.names) > at]
            known = [(place, self.vectors[name]) for place, name in found if name in self.vectors]
            if known:
                stacked[[place for place, _ in known]] += np.array([vector for _, vector in known])
        lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
        return np.asarray(stacked / np.maximum(lengths, 1e-9), dtype=np.float32)

    def _text_scores(self, asking: _Side, asked: _Side) -> tuple[Matrix, Matrix]:
        """What words and what meaning add to the joint score of texts."""
        weights = self.weights.text
        words = fusion.scaled_words(asked.lexicon.scores(asking.bags))
        if asking.vectors is None or asked.vectors is None or not asked.has_vector.any():
            return np.asarray(weights.alone * words, dtype=np.float32), np.zeros_like(words)
        meaning = fusion.scaled_meaning(asking.vectors @ asked.vectors.T, asked.groups)
        meaning *= asking.has_vector[:, None] & asked.has_vector[None, :]
        share = np.where(_shared(asking.groups, asked.groups), weights.shared, weights.across)
        share = np.where(asking.has_vector[:, None], share, weights.alone)
        return np.asarray(share * words, dtype=np.float32), np.asarray(weights.meaning * meaning, dtype=np.float32)

    def _verdicts(self, opportunity: OpportunityContent) -> tuple[NDArray[np.bool_], Floats]:
        """Of every capability: whether it is excluded, and the share of requirements on which more must be asked."""
        wanted = eligibility.requirements(opportunity, self.today)
        columns = np.stack([self._column(one) for one in wanted])
        return (columns == _FAIL).any(axis=0), (columns == _UNKNOWN).mean(axis=0)

    def _column(self, wanted: Requirement) -> NDArray[np.int8]:
        if wanted not in self._columns:
            distinct, places = self._facts_of(wanted.kind)
            codes = [_CODES[eligibility.decide(wanted, facts).verdict] for facts in distinct]
            self._columns[wanted] = np.array(codes, dtype=np.int8)[places]
        return self._columns[wanted]

    def _facts_of(self, kind: RequirementKind) -> tuple[Sequence[eligibility.Facts], NDArray[np.int32]]:
        """The distinct facts of all capabilities, and which of them each has."""
        if kind not in self._facts:
            nobody, before = np.zeros(0, dtype=np.int32), np.full(len(self.capabilities), -1, dtype=np.int32)
            self._facts[kind] = self._carried(kind, [], nobody, before)
        return self._facts[kind]

    def _carried(
        self,
        kind: RequirementKind,
        distinct: Sequence[eligibility.Facts],
        places: NDArray[np.int32],
        before: NDArray[np.int32],
    ) -> tuple[Sequence[eligibility.Facts], NDArray[np.int32]]:
        """The facts of a former market at ``places``, for those that stood there at ``before``; -1: read now."""
        seen = {facts: place for place, facts in enumerate(distinct)}
        now = np.append(places, np.int32(0))[before]
        for new in np.flatnonzero(before < 0).tolist():
            one = self.capabilities[new]
            now[new] = seen.setdefault(eligibility.facts_of(kind, one.offered, one.free), len(seen))
        return list(seen), now

    def _judge(self, rows: Sequence[_Pair]) -> list[Judged]:
        if not rows:
            return []
        features = np.array(
            [
                (words, meaning, *_structured(one.wanted, other.offered), unknown)
                for one, other, words, meaning, unknown in rows
            ]
        )
        weights = self.weights
        demand = fusion.log_odds(features, weights.demand, weights.demand_bias)
        provider = fusion.log_odds(features, weights.provider, weights.provider_bias)
        score = np.round(calibration.joint(demand, provider), _DIGITS)
        chance = self.calibrated.probability(score)
        numbers = zip(
            features.tolist(), demand.tolist(), provider.tolist(), score.tolist(), chance.tolist(), strict=True
        )
        return [
            Judged(row[0].id, row[1].id, tuple(own), likes, liked, both, probability)
            for row, (own, likes, liked, both, probability) in zip(rows, numbers, strict=True)
        ]


def unmet(capability: CapabilityContent, covered: coverage.Covered) -> CapabilityContent:
    """The capability, had it been measured at what is asked for, with evidence."""
    wanted = covered.indicator
    measured = Measurement(wanted.metric, wanted.value, wanted.unit, ("evidence",))
    others = [one for one in capability.measurements if one is not covered.best]
    return replace(capability, measurements=(*others, measured))


def _structured(wanted: OpportunityContent, offered: CapabilityContent) -> tuple[float, ...]:
    """``domain``, ``indicators``, ``maturity``, ``budget``, ``region``: each 0 to 1."""
    return (
        domains.closeness(wanted.domains, offered.domains),
        coverage.share(coverage.compare(wanted.indicators, offered.measurements)),
        _maturity(wanted, offered),
        _budget(wanted, offered),
        _region(wanted.region, offered.region),
    )


def _maturity(wanted: OpportunityContent, offered: CapabilityContent) -> float:
    if offered.maturity is None:
        return 0.4
    needed = next((int(one.value or "1") for one in wanted.constraints if one.kind == "maturity"), _NEEDED_MATURITY)
    return max(0.0, 1.0 - 0.25 * max(0, needed - offered.maturity))


def _budget(wanted: OpportunityContent, offered: CapabilityContent) -> float:
    """1 where budget and price overlap, less the further the price lies above, one half where either is not said."""
    if wanted.budget_most is None or offered.price_least is None:
        return 0.5
    if offered.price_least <= wanted.budget_most:
        return 1.0
    return max(0.0, wanted.budget_most / offered.price_least - 0.2)


def _region(wanted: str, offered: str) -> float:
    if not wanted or not offered:
        return 0.5
    one, other = eligibility.region_of(wanted), eligibility.region_of(offered)
    if one == other or "全国" in (one, other):
        return 1.0
    provinces = eligibility.PROVINCES
    return 0.6 if provinces.get(one, one) == provinces.get(other, other) else 0.0


def _shared(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.bool_]:
    return np.asarray((one[:, None] & other[None, :]) > 0)


def _best(scores: NDArray[np.float32], may: NDArray[np.bool_], count: int | None) -> list[int]:
    """The places of the highest scores among those that may."""
    places = np.flatnonzero(may)
    if count is None or len(places) <= count:
        return [int(place) for place in places]
    return [int(place) for place in places[np.argpartition(-scores[places], count)[:count]]]


def _unknown_share(findings: Sequence[Finding]) -> float:
    return sum(one.verdict == "unknown" for one in findings) / len(findings)


def _order(judged: Judged) -> tuple[float, int, int]:
    return -judged.score, judged.capability_id, judged.opportunity_id


def _listed_long(judged: Sequence[Judged]) -> Sequence[Judged]:
    """By judgement; but some of what is about the same thing is still seen when its numbers count against it."""
    ranked = sorted(judged, key=_order)
    others = ranked[_JUDGED_FIRST:]
    nearest = sorted(others, key=lambda one: -sum(one.features[:2]))[:_READ_NEXT]
    return [*ranked[:_JUDGED_FIRST], *nearest, *(one for one in others if one not in nearest)]
