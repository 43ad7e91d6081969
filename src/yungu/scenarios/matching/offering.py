"""A capability that was published or changed is proposed to opportunities that wait, where it is among the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yungu.kernel.db import Session
from yungu.kernel.events import Fact
from yungu.scenarios.errors import ItemNotFound
from yungu.scenarios.matching import queries, service
from yungu.scenarios.matching.keeping import Markets
from yungu.scenarios.matching.market import Judged, Listed, Rules
from yungu.scenarios.matching.models import Match
from yungu.scenarios.matching.service import Found

OFFERS_FOLLOWED = ("CapabilityPublished", "ItemEdited", "ItemPromoted")
"""Facts after which a capability may serve opportunities that it was not proposed to."""
_MOST_OPENINGS = 20
"""Of so many opportunities, the best for it, those are found that would rather have it."""


def find_openings(session: Session, markets: Markets, capability_id: int, rules: Rules | None = None) -> Found:
    """Opportunities with room into whose shortlist a capability would come, and to which it is not proposed yet. Half
    of the proposals that it may get are left for what is published later. Raises ItemNotFound for one that does not
    take part."""
    rules, snapshot = rules or Rules(), markets.current(session)
    offer = next((one for one in snapshot.market.capabilities if one.id == capability_id), None)
    if offer is None:
        raise ItemNotFound(f"#{capability_id}")
    found = Found(snapshot, rules, (), {}, capability_id, (), (), "capability")
    ranked = offered(found)
    ranks = _ranks(session, ranked, rules)
    wanted = [one for one in ranked if one.opportunity_id in ranks][: _room(session, offer, rules)]
    kept = {one.opportunity_id for one in wanted}
    skipped = sorted((one.opportunity_id, capability_id) for one in ranked if one.opportunity_id not in kept)
    return replace(found, pairs=wanted, skipped=skipped, ranks={number: ranks[number] for number in kept})


def offered(found: Found) -> Sequence[Judged]:
    """What a run for one capability gives: from the values of ``found`` alone."""
    market, rules = found.snapshot.market, found.rules
    offer = next(one for one in market.capabilities if one.id == found.subject_id)
    barred = {pair[0] for pair in found.skipped} | {one.id for one in market.opportunities if one.free <= 0}
    ranked = market.openings(offer, limit=_MOST_OPENINGS)
    return [one for one in ranked if one.opportunity_id not in barred and one.probability >= rules.least]


def follow_offers(markets: Markets, session: Session, facts: Sequence[Fact]) -> None:
    """Propose what was published or changed where it belongs: the listener of ``OFFERS_FOLLOWED``."""
    last = {int(fact.payload["item_id"]): fact.id for fact in facts}
    for number, cause in last.items():
        try:
            found = find_openings(session, markets, number)
        except ItemNotFound:  # an opportunity, or it is over by now
            continue
        if found.pairs:
            run = service.keep(session, found, None, caused_by=cause)
            service.publish(session, run.id, None)


def _ranks(session: Session, ranked: Sequence[Judged], rules: Rules) -> dict[int, int]:
    """The rank that it would have in the shortlist of each opportunity that waits and would take it."""
    waiting: dict[int, list[Match]] = {}
    for one in queries.list_open(session, {judged.opportunity_id for judged in ranked}):
        waiting.setdefault(one.opportunity_id, []).append(one)
    decided = queries.list_accepted_pairs(session)
    found: dict[int, int] = {}
    for judged in ranked:
        number, open_of = judged.opportunity_id, waiting.get(judged.opportunity_id, [])
        is_known = any(one.capability_id == judged.capability_id for one in open_of)
        rank = 1 + sum(one.probability >= judged.probability for one in open_of)
        if not is_known and rank <= rules.shortlist and (number, judged.capability_id) not in decided:
            found[number] = rank
    return found


def _room(session: Session, offer: Listed, rules: Rules) -> int:
    return max(0, offer.free * rules.per_place // 2 - queries.count_open_of_capabilities(session).get(offer.id, 0))
