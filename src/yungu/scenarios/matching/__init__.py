"""Who may serve an opportunity, who fits it, how well, why, and to whom it is proposed when time is short.

from yungu.scenarios import matching

markets = matching.Markets(matching.Packaged())            # or matching.Markets(): words alone
markets.embed(database)                                    # in a job, until it gives 0
run = matching.run_market(database, markets, matching.Rules(), operator)
matching.publish(session, run.id, operator)                # both sides are told: MatchProposed
matching.answer(session, match_id, "yes", provider)        # with both yes: a claim, accepted
assert matching.replay(session, run.id).is_identical
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from yungu.scenarios.matching.errors import (
    ContactImpossible as ContactImpossible,
    ContactInvalid as ContactInvalid,
    ContactNotFound as ContactNotFound,
    DayImpossible as DayImpossible,
    DayNotFound as DayNotFound,
    MarketBusy as MarketBusy,
    MatchClosed as MatchClosed,
    MatchNotFound as MatchNotFound,
    RunNotFound as RunNotFound,
    RunPublished as RunPublished,
)
from yungu.scenarios.matching.events import NOTIFIED as NOTIFIED
from yungu.scenarios.matching.models import Contact as Contact, Day as Day, Match as Match, Run as Run

if TYPE_CHECKING:
    from yungu.scenarios.matching.contacts import (
        list_contacts as list_contacts,
        may_write as may_write,
        own_contact as own_contact,
        own_side as own_side,
        withdraw as withdraw,
        write as write,
    )
    from yungu.scenarios.matching.days import Seat as Seat, list_seats as list_seats, plan_day as plan_day
    from yungu.scenarios.matching.endpoint import Endpoint as Endpoint
    from yungu.scenarios.matching.explaining import Change as Change, Explanation as Explanation, explain as explain
    from yungu.scenarios.matching.jobs import (
        TASK as TASK,
        ask_market as ask_market,
        find_market_job as find_market_job,
        work_out as work_out,
    )
    from yungu.scenarios.matching.keeping import Markets as Markets, Snapshot as Snapshot
    from yungu.scenarios.matching.market import Judged as Judged, Listed as Listed, Market as Market, Rules as Rules
    from yungu.scenarios.matching.notices import (
        list_muting as list_muting,
        mute as mute,
        notify as notify,
        place_of_item as place_of_item,
        place_of_match as place_of_match,
        unmute as unmute,
    )
    from yungu.scenarios.matching.offering import (
        OFFERS_FOLLOWED as OFFERS_FOLLOWED,
        find_openings as find_openings,
        follow_offers as follow_offers,
    )
    from yungu.scenarios.matching.queries import (
        Proposal as Proposal,
        count_deeds as count_deeds,
        get_day as get_day,
        get_proposal as get_proposal,
        get_run as get_run,
        list_days as list_days,
        list_matches as list_matches,
        list_proposals as list_proposals,
        list_runs as list_runs,
        list_seen as list_seen,
    )
    from yungu.scenarios.matching.replaying import Replay as Replay, replay as replay
    from yungu.scenarios.matching.service import (
        FOLLOWED as FOLLOWED,
        answer as answer,
        find_for as find_for,
        find_market as find_market,
        follow as follow,
        is_operator as is_operator,
        keep as keep,
        log as log,
        may_see as may_see,
        note_seen as note_seen,
        publish as publish,
        relearn as relearn,
        relearn_due as relearn_due,
        run_market as run_market,
        sides_of as sides_of,
        visible_proposal as visible_proposal,
    )
    from yungu.scenarios.matching.vectors import Embedder as Embedder, Packaged as Packaged

_HOMES = {
    "contacts": "list_contacts may_write own_contact own_side withdraw write",
    "days": "Seat list_seats plan_day",
    "explaining": "Change Explanation explain",
    "jobs": "TASK ask_market find_market_job work_out",
    "keeping": "Markets Snapshot",
    "market": "Judged Listed Market Rules",
    "notices": "list_muting mute notify place_of_item place_of_match unmute",
    "offering": "OFFERS_FOLLOWED find_openings follow_offers",
    "queries": "Proposal count_deeds get_day get_proposal get_run list_days list_matches list_proposals list_runs "
    "list_seen",
    "replaying": "Replay replay",
    "service": "FOLLOWED answer find_for find_market follow is_operator keep "
    "log may_see note_seen publish relearn relearn_due run_market sides_of visible_proposal",
    "endpoint": "Endpoint",
    "vectors": "Embedder Packaged",
}
"""What is loaded when it is first asked for: it needs numpy, which an idle hub does without."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
