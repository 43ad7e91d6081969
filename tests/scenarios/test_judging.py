"""What counts as met, what is signed, and who stands where on a leader board."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import msgspec
import pytest

from yungu.scenarios.models import Indicator
from yungu.scenarios.validation import rules
from yungu.scenarios.validation.errors import TermsInvalid
from yungu.scenarios.validation.models import Bench, Figure, Goal, Terms

ERROR = Goal("days off", "<=", 2.0, "d", source="evaluation")
BENCH = Bench("garden/picking-2025", "a" * 40, metric="mae")
TERMS = Terms([ERROR, Goal("farmers trained", ">=", 20, is_mandatory=False)], bench=BENCH)


def test_a_goal_is_met_missed_or_unknown() -> None:
    met, missed = Figure("days off", 2.0), Figure("days off", 2.1)
    assert [found.outcome for found in rules.judge(TERMS, {"days off": met})] == ["met", "unknown"]
    assert [found.outcome for found in rules.judge(TERMS, {"days off": missed})] == ["missed", "unknown"]
    assert rules.judge(TERMS, {"days off": Figure("days off", math.nan)})[0].outcome == "unknown"


def test_only_mandatory_goals_decide() -> None:
    assert rules.verdict(rules.judge(TERMS, {})) == "unknown"
    assert rules.verdict(rules.judge(TERMS, {"days off": Figure("days off", 1.0)})) == "met"
    both = {"days off": Figure("days off", 1.0), "farmers trained": Figure("farmers trained", 3)}
    assert rules.verdict(rules.judge(TERMS, both)) == "met"
    assert rules.verdict(rules.judge(TERMS, {"days off": Figure("days off", 9.0)})) == "missed"


def test_a_confident_goal_needs_the_bound_of_the_interval() -> None:
    strict = msgspec.structs.replace(TERMS, goals=[msgspec.structs.replace(ERROR, is_confident=True)])
    for figure, outcome in (
        (Figure("days off", 1.5, 1.0, 1.9), "met"),
        (Figure("days off", 1.5, 1.0, 2.4), "missed"),
        (Figure("days off", 1.5), "unknown"),
    ):
        assert rules.judge(strict, {"days off": figure})[0].outcome == outcome


@pytest.mark.parametrize(
    ("value", "op", "bound", "expected"),
    [
        (0.3, ">=", 0.1 + 0.2, True),
        (0.1 + 0.2, "<=", 0.3, True),
        (0.1 + 0.2, ">", 0.3, False),
        (1, "<", 2, True),
        (2, "=", 2.0000000001, True),
        (2, "=", 2.1, False),
        (0.999, ">=", 1, False),
    ],
)
def test_comparisons_bear_rounding(value: float, op: str, bound: float, expected: bool) -> None:
    assert rules.holds(value, op, bound) is expected  # type: ignore[arg-type]


def test_a_signature_signs_every_part_of_the_terms() -> None:
    signed = rules.hash_terms(TERMS)
    again = msgspec.json.decode(msgspec.json.encode(TERMS), type=Terms)
    assert rules.hash_terms(again) == signed
    others = [
        msgspec.structs.replace(TERMS, attempts=4),
        msgspec.structs.replace(TERMS, budget=1),
        msgspec.structs.replace(TERMS, goals=TERMS.goals[:1]),
        msgspec.structs.replace(TERMS, bench=msgspec.structs.replace(BENCH, commit="b" * 40)),
    ]
    assert len({signed, *map(rules.hash_terms, others)}) == 5


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"goals": []}, "goals"),
        ({"goals": [msgspec.structs.replace(ERROR, is_mandatory=False)]}, "goals"),
        ({"goals": [ERROR, ERROR]}, "goals"),
        ({"goals": [msgspec.structs.replace(ERROR, value=math.inf)]}, "goals"),
        ({"goals": [msgspec.structs.replace(ERROR, metric=" ")]}, "goals"),
        ({"bench": None}, "bench"),
        ({"attempts": 0}, "attempts"),
        ({"budget": -1}, "budget"),
    ],
)
def test_terms_that_bind_nobody_are_refused(changed: dict[str, object], field: str) -> None:
    rules.check_terms(TERMS)
    with pytest.raises(TermsInvalid) as caught:
        rules.check_terms(msgspec.structs.replace(TERMS, **changed))
    assert caught.value.field == field


def test_goals_begin_as_what_the_opportunity_asks_for() -> None:
    assert rules.suggest_goals([Indicator("recall", ">=", 0.9, "", "field test")]) == [
        Goal("recall", ">=", 0.9, "", "field test")
    ]


@dataclass
class Field:
    """Entrants that were measured on the same items."""

    figures: dict[str, Figure]
    items: dict[str, list[float]]


def field_of(**means: float) -> Field:
    dice = random.Random(7)
    noise = [dice.gauss(0, 1) for _ in range(200)]
    items = {name: [mean + shake + dice.gauss(0, 0.2) for shake in noise] for name, mean in means.items()}
    figures = {name: Figure("score", sum(scores) / len(scores)) for name, scores in items.items()}
    return Field(figures, items)


def test_a_leader_board_tells_clear_winners_from_ties() -> None:
    field = field_of(clear=2.0, tied=1.0, twin=1.005)
    board = {place.entrant: place for place in rules.rank(field.figures, field.items, higher_wins=True)}
    assert (board["clear"].rank, board["clear"].best, board["clear"].worst) == (1, 1, 1)
    assert {board["tied"].rank, board["twin"].rank} == {2, 3}
    assert (board["tied"].best, board["tied"].worst) == (board["twin"].best, board["twin"].worst) == (2, 3)
    lower = rules.rank(field.figures, field.items, higher_wins=False)
    assert lower[-1].entrant == "clear"


def test_a_leader_board_is_the_same_each_time() -> None:
    field = field_of(a=1.0, b=1.02, c=0.98)
    first = rules.rank(field.figures, field.items, higher_wins=True)
    assert rules.rank(field.figures, field.items, higher_wins=True) == first


def test_without_scores_of_the_same_items_nobody_is_sure_of_a_place() -> None:
    field = field_of(a=1.0, b=2.0)
    field.items["b"] = field.items["b"][:10]
    assert [(place.best, place.worst) for place in rules.rank(field.figures, field.items, higher_wins=True)] == [
        (1, 2),
        (1, 2),
    ]
    assert [place.rank for place in rules.rank({"a": Figure("s", 1), "b": Figure("s", 1)}, {}, higher_wins=True)] == [
        1,
        1,
    ]
