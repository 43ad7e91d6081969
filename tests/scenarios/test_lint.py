"""What is missing or vague in an item, how good it is, and which items say nearly the same."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.lists import MODEL, TEA
from yungu.app import demo_scenarios
from yungu.scenarios import Indicator, OpportunityContent, Words
from yungu.scenarios.models import Content
from yungu.scenarios.rules import lint
from yungu.scenarios.rules.likeness import ALIKE, likeness, sketch


def codes(content: Content) -> set[str]:
    return {one.code for one in lint.lint(content)}


def errors(content: Content) -> set[str]:
    return {one.code for one in lint.errors(content)}


def test_a_well_written_need_has_nothing_to_mend() -> None:
    assert lint.lint(TEA) == [] and lint.score([]) == 100
    assert errors(MODEL) == set()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"pain": Words("  ", "")}, "pain-missing"),
        ({"indicators": ()}, "indicator-missing"),
        ({"indicators": [Indicator("误差", "<=", 2, "天", "")]}, "indicator-method"),
        ({"payer": ""}, "payer-missing"),
        ({"unit": ""}, "unit-missing"),
        ({"title": Words()}, "title-missing"),
    ],
)
def test_without_these_it_is_not_handed_in(changed: dict[str, object], code: str) -> None:
    assert errors(replace(TEA, **changed)) == {code}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"baseline": Words()}, "baseline-missing"),
        ({"baseline": Words("不太准", "")}, "baseline-number"),
        ({"budget_most": None, "budget_least": None}, "budget-missing"),
        ({"budget_most": 300_000_000}, "mega-project"),
        ({"budget_source": ""}, "source-missing"),
        ({"deadline": None}, "deadline-missing"),
        ({"offered": Words()}, "offered-missing"),
        ({"title": Words("茶园预测", "")}, "one-language"),
        ({"title": Words("打造世界领先的标杆茶园", "A world-class tea garden")}, "vague"),
        ({"title": Words("茶产业园招商引资总投资项目", "Attracting investment for tea")}, "promotion"),
        ({"indicators": [Indicator("误差", "<=", 2, "", "比对")]}, "indicator-unit"),
        ({"domains": ()}, "domain-missing"),
    ],
)
def test_of_these_it_warns_and_they_cost_points(changed: dict[str, object], code: str) -> None:
    content = replace(TEA, **changed)  # type: ignore[arg-type]
    assert codes(content) == {code} and errors(content) == set()
    assert 80 < lint.score(lint.lint(content)) < 100


def test_the_worst_comes_first_and_an_empty_item_scores_nothing() -> None:
    found = lint.lint(OpportunityContent())
    weights = [one.weight for one in found]
    assert weights == sorted(weights, key=lambda weight: weight != "error") and lint.score(found) == 0


# --- doubles


def anchors() -> list[Content]:
    today = demo_scenarios._today()
    return [*demo_scenarios._opportunities(today)]


def rewordings(content: OpportunityContent, dice: random.Random) -> Iterator[Content]:
    """Controlled edits: another region and order, one language left out, an indicator dropped, words replaced."""
    parts = re.split(r"(?<=[，；。])", content.pain.zh)
    dice.shuffle(parts)
    yield replace(content, region="外地", pain=Words("".join(parts), content.pain.en))
    yield replace(content, title=Words(content.title.zh, ""), pain=Words(content.pain.zh, ""), offered=Words())
    yield replace(content, indicators=content.indicators[:1], baseline=Words())
    swapped = {
        "平均": "均值",
        "每天": "每日",
        "人工": "人力",
        "去年": "上一年",
        "预测": "预报",
        "识别": "辨识",
        "智能": "AI",
    }
    text = content.pain.zh
    for old, new in swapped.items():
        text = text.replace(old, new)
    yield replace(content, title=Words("试点：" + content.title.zh, content.title.en), pain=Words(text, ""))


def alike(one: Content, other: Content) -> float:
    shares = [0.0]
    for language in ("zh", "en"):
        own, others = sketch(one, language), sketch(other, language)  # type: ignore[arg-type]
        if own and others:
            shares += likeness(own, [others])
    return max(shares)


def test_rewordings_are_alike_and_different_needs_are_not() -> None:
    dice, items = random.Random(7), anchors()
    same = [alike(item, other) for item in items for other in rewordings(item, dice)]  # type: ignore[arg-type]
    different = [alike(one, other) for at, one in enumerate(items) for other in items[:at]]
    print(f"rewordings: least {min(same):.2f}; different needs: most {max(different):.2f}")
    assert min(same) > ALIKE + 0.05
    assert max(different) < ALIKE - 0.15


def test_too_little_text_is_like_nothing() -> None:
    assert sketch(OpportunityContent(title=Words("茶", "tea")), "zh") is None
