"""Who may serve an opportunity, who fits it, how well, why, and to whom it is proposed when time is short.

from yungu.scenarios import matching

markets = matching.Markets(matching.Packaged())            # or matching.Markets(): words alone
markets.embed(database)                                    # in a job, until it gives 0
run = matching.run_market(database, markets, matching.Rules(), operator)
matching.publish(session, run.id, operator)                # both sides are told: MatchProposed
matching.answer(session, match_id, "yes", provider)        # with both yes: a claim, accepted
assert matching.replay(session, run.id).is_identical
"""

from yungu.scenarios.matching.days import Seat as Seat, list_seats as list_seats, plan_day as plan_day
from yungu.scenarios.matching.errors import (
    DayImpossible as DayImpossible,
    DayNotFound as DayNotFound,
    MatchClosed as MatchClosed,
    MatchNotFound as MatchNotFound,
    RunNotFound as RunNotFound,
    RunPublished as RunPublished,
)
from yungu.scenarios.matching.explaining import Change as Change, Explanation as Explanation, explain as explain
from yungu.scenarios.matching.keeping import Markets as Markets, Snapshot as Snapshot
from yungu.scenarios.matching.market import Judged as Judged, Listed as Listed, Market as Market, Rules as Rules
from yungu.scenarios.matching.models import Day as Day, Match as Match, Run as Run
from yungu.scenarios.matching.queries import (
    Proposal as Proposal,
    get_day as get_day,
    get_proposal as get_proposal,
    get_run as get_run,
    list_days as list_days,
    list_matches as list_matches,
    list_proposals as list_proposals,
    list_runs as list_runs,
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
    publish as publish,
    relearn as relearn,
    run_market as run_market,
    sides_of as sides_of,
    visible_proposal as visible_proposal,
)
from yungu.scenarios.matching.vectors import Embedder as Embedder, Packaged as Packaged
