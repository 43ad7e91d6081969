"""Policies: what is granted on a day and why, yes, no, or what is missing; yesterday's rules for yesterday."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from yungu import credits
from yungu.credits import ConditionInvalid, Policy, PolicyInvalid
from yungu.credits.rules.conditions import evaluate, parse

TEA = """
id: tea
title: {en: Tea vouchers, zh: 茶券}
issuer: {en: The valley, zh: 云谷}
since: 2025-01-01
sources: [{address: example.org}]
unit: CNY
facts:
  amount: {type: whole, ask: {en: "How much?", zh: 多少？}}
  is_green: {type: truth, ask: {en: "Is it green?", zh: 是绿茶吗？}}
  place: {type: text, one_of: [longjing, meijiawu], ask: {en: "Where from?", zh: 产地？}}
parameters:
  percent: {unit: percent, values: [{since: 2025-01-01, value: 30}]}
  cap: {unit: CNY, values: [{since: 2025-01-01, value: 1000}]}
conditions:
  - {say: {en: It is green, zh: 是绿茶}, when: is_green}
tables:
  share:
    - {when: place == 'longjing', gives: percent * 2}
    - {when: "true", gives: percent}
award: min(amount * share / 100, cap)
"""
THE_2026_RULES = (
    TEA.replace("value: 30}", "value: 30}, {since: 2026-01-01, value: 10}")
    .replace("value: 1000}", "value: 1000}, {since: 2026-01-01, value: 50}")
    .replace("tables:", "  - {say: {en: Little, zh: 少}, when: amount < 5000, since: 2026-01-01}\ntables:")
    .replace(
        "when: place == 'longjing', gives: percent * 2",
        "when: place == 'longjing', gives: percent * 2, until: 2026-01-01",
    )
)
FACTS: dict[str, credits.models.Value] = {"amount": 1000, "is_green": True, "place": "longjing"}
IN_2025, IN_2026 = date(2025, 12, 31), date(2026, 1, 1)


@pytest.fixture
def tea() -> Policy:
    return credits.read_policy(TEA)


def test_who_meets_the_conditions_gets_what_the_table_says(tea: Policy) -> None:
    verdict = credits.decide(tea, FACTS, IN_2025)
    assert (verdict.is_met, verdict.award, verdict.missing) == (True, 600, ())
    assert credits.decide(tea, FACTS | {"amount": 10_000}, IN_2025).award == 1000
    assert credits.decide(tea, FACTS | {"place": "meijiawu"}, IN_2025).award == 300


def test_who_does_not_meet_them_gets_nothing(tea: Policy) -> None:
    verdict = credits.decide(tea, FACTS | {"is_green": False}, IN_2025)
    assert (verdict.is_met, verdict.award) == (False, None)


def test_what_is_not_known_is_never_taken_for_no(tea: Policy) -> None:
    unknown = credits.decide(tea, {"amount": 1000, "place": None}, IN_2025)
    assert (unknown.is_met, unknown.award, set(unknown.missing)) == (None, None, {"is_green", "place"})
    half = credits.decide(tea, {"is_green": True, "place": "longjing"}, IN_2025)
    assert (half.is_met, half.award, half.missing) == (True, None, ("amount",))
    refused = credits.decide(tea, {"is_green": False}, IN_2025)
    assert (refused.is_met, refused.missing) == (False, ())  # nothing more need be asked


def test_before_its_day_a_policy_grants_nothing(tea: Policy) -> None:
    assert credits.decide(tea, FACTS, date(2024, 12, 31)).is_met is False


def test_the_rules_of_2026_give_the_answers_of_2025_for_2025(tea: Policy) -> None:
    newer = credits.read_policy(THE_2026_RULES)
    for amount, green, place in product((0, 999, 6000, None), (True, False, None), ("longjing", "meijiawu", None)):
        facts = {"amount": amount, "is_green": green, "place": place}
        assert credits.decide(newer, facts, IN_2025) == credits.decide(tea, facts, IN_2025)
    assert credits.decide(newer, FACTS, IN_2026).award == 50
    assert credits.decide(newer, FACTS | {"amount": 5000}, IN_2026).is_met is False


def test_a_proof_can_be_read(tea: Policy) -> None:
    lines = list(credits.explain(credits.decide(tea, {"amount": 1000, "place": "longjing"}, IN_2025)))
    assert lines[0] == "[?] tea on 2025-12-31"
    assert "      [?] is_green  (missing: is_green)" in lines
    assert "  [60] share" in lines and "      ['longjing'] place" in lines


@pytest.mark.parametrize(
    "facts", [{"amount": "1"}, {"amount": True}, {"amount": -1}, {"is_green": 1}, {"place": "x"}, {"colour": "green"}]
)
def test_facts_that_nobody_asked_for_are_refused(tea: Policy, facts: dict[str, object]) -> None:
    with pytest.raises(PolicyInvalid):
        credits.decide(tea, facts, IN_2025)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        ("award: min", "award: (min"),
        ("when: is_green}", "when: is_red}"),
        ("unit: CNY\n", "unit: CNY\nsurprise: 1\n"),
        ("type: whole", "type: fraction"),
        ("since: 2025-01-01, value: 30", "since: soon, value: 30"),
        ("since: 2025-01-01, value: 30}", "since: 2025-01-01, value: 30}, {since: 2024-01-01, value: 3}"),
        ("  share:", "  cap:"),
        ("id: tea", "id: [tea"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_as_a_whole(change: tuple[str, str]) -> None:
    assert change[0] in TEA
    with pytest.raises(PolicyInvalid):
        credits.read_policy(TEA.replace(*change))


# --- the policies that come with yungu

HANGZHOU = {"provider_is_planned": True, "is_filed_multimodal_base": False, "chip_is_domestic": False}
DOMESTIC = HANGZHOU | {"chip_is_domestic": True}
SEEDED = [
    ("hangzhou-compute", HANGZHOU | {"contract_amount": 1_000_000, "awarded_this_year": 0}, 200_000),
    (
        "hangzhou-compute",
        DOMESTIC | {"contract_amount": 10**9, "awarded_this_year": 0},
        8 * 10**6,
    ),
    ("hangzhou-compute", HANGZHOU | {"contract_amount": 10**9, "awarded_this_year": 7_999_999}, 1),
    ("hangzhou-compute", HANGZHOU | {"contract_amount": 10**9, "awarded_this_year": 8 * 10**6}, None),
    ("shanghai-compute", {"is_early_small": True, "contract_amount": 77}, 77),
    ("shanghai-compute", {"is_early_small": False, "contract_amount": 100}, 30),
    ("shanghai-model", {"contract_amount": 20 * 10**6}, 5 * 10**6),
    ("shanghai-corpus", {"is_affiliated": True, "contract_amount": 100}, None),
    ("shenzhen-training", {"use": "train", "is_startup": True, "contract_amount": 100}, 60),
    ("shenzhen-training", {"use": "infer", "is_startup": True, "contract_amount": 100}, None),
    ("shenzhen-corpus", {"through_exchange": True, "is_affiliated": False, "contract_amount": 10**8}, 2 * 10**6),
]


@pytest.mark.parametrize(("name", "facts", "award"), SEEDED)
def test_the_seeded_policies_give_what_their_sources_say(name: str, facts: dict[str, int], award: int | None) -> None:
    verdict = credits.decide(credits.get_policy(name), facts, date(2025, 9, 1))
    assert (verdict.is_met, verdict.award) == (award is not None, award)


def test_a_figure_that_no_source_tells_is_missing_and_not_made_up() -> None:
    facts = {"holder": "firm", "in_incubator": False, "contract_amount": 100}
    verdict = credits.decide(credits.get_policy("langfang-compute"), facts, date(2025, 9, 1))
    assert (verdict.is_met, verdict.award, verdict.missing) == (True, None, ("percent",))


@pytest.mark.parametrize("name", credits.list_policies())
def test_every_seeded_policy_is_whole_and_names_its_sources(name: str) -> None:
    policy = credits.get_policy(name)
    assert policy.id == name and policy.sources and all(spec.ask.zh for spec in policy.facts.values())
    nothing = credits.decide(policy, {}, policy.since)
    assert nothing.is_met is None and set(nothing.missing) <= set(policy.facts) | set(policy.parameters)


def test_there_is_no_other_policy() -> None:
    for name in ("nowhere", "../models", ""):
        with pytest.raises(credits.PolicyNotFound):
            credits.get_policy(name)


# --- conditions

KNOWN: dict[str, credits.models.Value] = {"n": 7, "t": "tea", "yes": True, "no": False, "l": ["a", "b"], "gone": None}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("(1 + 2) * 3", 9),
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("10 - 3 - 2", 5),
        ("n > 6 && n <= 7", True),
        ("!(n == 7) || no", False),
        ("t in ['tea', 'cup']", True),
        ("1 in [true]", False),
        ('t == "tea" ? n : gone', 7),
        ("gone ? 1 : 2", None),
        ("missing > 1 || yes", True),
        ("no && missing", False),
        ("yes && missing", None),
        ("!missing", None),
        ("[n, missing]", None),
        ("has(n) && !has(gone) && !has(missing)", True),
        ("size(l) + size(t)", 5),
        ("min(3, max(1, 2))", 2),
        ("'2025-12-31' < '2026-01-01'", True),
        ("9223372036854775807 - 1", 2**63 - 2),
    ],
)
def test_an_expression_has_the_value_that_cel_gives_it(source: str, value: object) -> None:
    proof = evaluate(parse(source), KNOWN)
    assert proof.value == value and type(proof.value) is type(value)
    assert bool(proof.missing) == (value is None)


@pytest.mark.parametrize(
    "source",
    [
        *("", "(", "1 +", "1 2", "a b", "'a", "1.5", "a.b", "a[0]", "$", "a = 1", "1 ? 2", "f(1)", "size()", "has(1)"),
        *("min(1)", "()", "[1,,2]", "9223372036854775808", "__import__('os')", "x" * 1001, "!" * 11 + "a"),
        *("(" * 60 + "1" + ")" * 60, "1+" * 200 + "1", "a ? b : c ? d", "\x00", "'a\\'b'"),
    ],
)
def test_what_is_no_expression_is_refused(source: str) -> None:
    with pytest.raises(ConditionInvalid):
        parse(source)


@pytest.mark.parametrize(
    "source",
    [
        *("1 < 'a'", "1 == true", "1 / 0", "yes + 1", "!1", "1 && yes", "1 ? 2 : 3", "1 in 'a'", "size(1)", "-t"),
        *("9223372036854775807 + 1", "3037000500 * 3037000500", "n > 1 || t"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(source: str) -> None:
    with pytest.raises(ConditionInvalid):
        evaluate(parse(source), KNOWN)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from("( ) [ ] ! - + && || ? : a 1 'x' , in has min".split())).map(" ".join)
)
def test_no_text_does_more_than_be_refused(source: str) -> None:
    with suppress(ConditionInvalid):
        evaluate(parse(source), {"a": True})


TREES = st.recursive(st.sampled_from(["t", "f", "u"]), lambda inner: st.tuples(st.sampled_from("&|"), inner, inner))


def truth(tree: Any) -> int:
    """2 true, 1 unknown, 0 false: *and* is the least, *or* the greatest."""
    if isinstance(tree, str):
        return {"t": 2, "u": 1, "f": 0}[tree]
    return (min if tree[0] == "&" else max)(truth(tree[1]), truth(tree[2]))


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0] * 2} {written(tree[2])})"


@given(TREES)
def test_and_and_or_are_those_of_kleene(tree: Any) -> None:
    assume(len(written(tree)) < 250)
    proof = evaluate(parse(written(tree)), {"t": True, "f": False})
    assert proof.value == {2: True, 1: None, 0: False}[truth(tree)]
