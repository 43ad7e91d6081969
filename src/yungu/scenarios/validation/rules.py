"""What pilots decide from values alone: what is signed, what is met, who stands where."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from yungu.scenarios.models import Indicator, Operator
from yungu.scenarios.validation.errors import TermsInvalid
from yungu.scenarios.validation.models import Figure, Goal, Judged, Outcome, Place, Terms

MOST_GOALS = 50
MOST_ATTEMPTS = 100
_RESAMPLINGS = 2000
_TOLERANCE = 1e-9


def hash_terms(terms: Terms) -> str:
    """SHA-256 of the terms as canonical JSON: what a signature signs. 64 hex."""
    as_stored = msgspec.convert(msgspec.to_builtins(terms), Terms)  # a whole number of a goal is a float there
    return hashlib.sha256(msgspec.json.encode(as_stored, order="deterministic")).hexdigest()


def check_terms(terms: Terms) -> None:
    """Raises TermsInvalid for terms that nobody could be held to."""
    if not terms.goals:
        raise TermsInvalid("goals", "there is no goal: name at least one indicator with a value")
    if len(terms.goals) > MOST_GOALS:
        raise TermsInvalid("goals", f"there are more than {MOST_GOALS}")
    if not any(goal.is_mandatory for goal in terms.goals):
        raise TermsInvalid("goals", "none is mandatory: acceptance would mean nothing")
    if len({goal.metric for goal in terms.goals}) < len(terms.goals):
        raise TermsInvalid("goals", "an indicator stands there twice")
    for goal in terms.goals:
        _check_goal(goal, terms)
    if not 1 <= terms.attempts <= MOST_ATTEMPTS:
        raise TermsInvalid("attempts", f"between 1 and {MOST_ATTEMPTS} are possible")
    if terms.budget < 0:
        raise TermsInvalid("budget", "it cannot be negative")
    if terms.starts_on and terms.ends_on and terms.ends_on < terms.starts_on:
        raise TermsInvalid("ends_on", "it ends before it starts")


def _check_goal(goal: Goal, terms: Terms) -> None:
    if not goal.metric.strip() or not math.isfinite(goal.value):
        raise TermsInvalid("goals", "an indicator needs a name and a number")
    if goal.source == "evaluation" and terms.bench is None:
        raise TermsInvalid("bench", f"{goal.metric} is to be measured by an evaluation, and there is none")


def suggest_goals(indicators: Sequence[Indicator]) -> list[Goal]:
    """The goals to begin with: the indicators that the opportunity asks for."""
    return [Goal(found.metric, found.op, found.value, found.unit, found.method) for found in indicators]


def judge(terms: Terms, figures: Mapping[str, Figure]) -> list[Judged]:
    """Each goal against what was measured, in the order of the terms."""
    return [Judged(goal, figures.get(goal.metric), _outcome(goal, figures.get(goal.metric))) for goal in terms.goals]


def verdict(judged: Sequence[Judged]) -> Outcome:
    """Whether the mandatory goals are met: one missed is missed, else one unknown is unknown."""
    outcomes = {found.outcome for found in judged if found.goal.is_mandatory}
    return "missed" if "missed" in outcomes else "unknown" if "unknown" in outcomes else "met"


def holds(value: float, op: Operator, bound: float) -> bool:
    """``value op bound``; equality within a billionth of the larger one."""
    same = math.isclose(value, bound, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    match op:
        case ">=":
            return same or value > bound
        case "<=":
            return same or value < bound
        case ">":
            return value > bound and not same
        case "<":
            return value < bound and not same
        case "=":
            return same


def _outcome(goal: Goal, figure: Figure | None) -> Outcome:
    if figure is None or not math.isfinite(figure.value):
        return "unknown"
    values = [figure.value]
    if goal.is_confident:
        if figure.low is None or figure.high is None:
            return "unknown"
        values = [figure.low, figure.high]
    return "met" if all(holds(value, goal.op, goal.value) for value in values) else "missed"


def rank(entrants: Mapping[str, Figure], items: Mapping[str, Sequence[float]], *, higher_wins: bool) -> list[Place]:
    """The leader board, best first. ``items``: each entrant's score of the same items, in the same order; ranks that
    95 % of 2,000 paired resamplings of the items give bound each place, with a fixed seed. Entrants without items, or
    of another number of items, get the widest interval."""
    sign = -1.0 if higher_wins else 1.0
    order = sorted(entrants, key=lambda name: (sign * entrants[name].value, name))
    bounds = _rank_bounds([items.get(name, ()) for name in order], sign)
    return [
        Place(name, entrants[name], 1 + sum(_better(entrants, other, name, sign) for other in order), *bounds[place])
        for place, name in enumerate(order)
    ]


def _better(entrants: Mapping[str, Figure], other: str, name: str, sign: float) -> bool:
    return sign * entrants[other].value < sign * entrants[name].value


def _rank_bounds(items: Sequence[Sequence[float]], sign: float) -> list[tuple[int, int]]:
    count = len(items)
    sizes = {len(scores) for scores in items}
    if len(sizes) != 1 or sizes == {0}:
        return [(1, count)] * count
    scores = sign * np.asarray(items, dtype=float)
    picks = np.random.default_rng(0).integers(0, scores.shape[1], size=(_RESAMPLINGS, scores.shape[1]))
    ranks = np.empty((_RESAMPLINGS, count), dtype=int)
    for place, pick in enumerate(picks):
        means = scores[:, pick].mean(axis=1)
        ranks[place] = 1 + (means[None, :] < means[:, None] - _TOLERANCE).sum(axis=1)
    low, high = np.percentile(ranks, [2.5, 97.5], axis=0, method="closest_observation")
    return [(int(best), int(worst)) for best, worst in zip(low, high, strict=True)]
