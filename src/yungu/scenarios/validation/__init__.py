"""Pilots: terms that both sides sign, evaluations that run, evidence, and what came of it (场景验证).

from yungu.scenarios import validation

pilot = validation.propose_pilot(session, claim.id, lin)
validation.sign_terms(session, pilot.code, "demand", lin, terms_hash=pilot.terms_hash)
validation.sign_terms(session, pilot.code, "provider", mei, terms_hash=pilot.terms_hash)
validation.evaluate(session, git, pilot.code, mei, terms, repo="mei/picker")
validation.conclude(session, pilot.code, lin)
"""

from yungu.scenarios.validation.errors import *  # noqa: F403 - every error of validation is part of its door
from yungu.scenarios.validation.models import (
    Attempt as Attempt,
    Bench as Bench,
    Evidence as Evidence,
    Figure as Figure,
    Goal as Goal,
    Judged as Judged,
    Party as Party,
    Pilot as Pilot,
    Place as Place,
    Terms as Terms,
)
from yungu.scenarios.validation.queries import (
    Run as Run,
    Seen as Seen,
    get_pilot as get_pilot,
    judge_pilot as judge_pilot,
    leader_board as leader_board,
    list_attempts as list_attempts,
    list_cases as list_cases,
    list_chain as list_chain,
    list_evaluated as list_evaluated,
    list_evidence as list_evidence,
    list_pilots as list_pilots,
    list_pilots_of as list_pilots_of,
    list_runs as list_runs,
    missing_papers as missing_papers,
    visible_pilot as visible_pilot,
)
from yungu.scenarios.validation.rules import (
    check_terms as check_terms,
    hash_terms as hash_terms,
    holds as holds,
    judge as judge,
    rank as rank,
    suggest_goals as suggest_goals,
    verdict as verdict,
)
from yungu.scenarios.validation.service import (
    add_evidence as add_evidence,
    cancel_pilot as cancel_pilot,
    change_terms as change_terms,
    conclude as conclude,
    confirm_evidence as confirm_evidence,
    evaluate as evaluate,
    pin_bench as pin_bench,
    propose_pilot as propose_pilot,
    sign_terms as sign_terms,
)
