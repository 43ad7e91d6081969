"""Each match explains itself: shared words where they stand, indicators, requirements, and what would change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from yungu.scenarios import ItemNotFound
from yungu.scenarios.matching import explain
from yungu.scenarios.matching.keeping import snapshot_of
from yungu.scenarios.matching.market import Listed, Market
from yungu.scenarios.models import CapabilityContent, Constraint, Indicator, Measurement, OpportunityContent, Words
from yungu.scenarios.rules.explanation import shared_spans

TEA = OpportunityContent(
    title=Words("茶园最佳开采窗口期预测", "Predicting the picking window of tea gardens"),
    pain=Words("开采早两天产量少三成"),
    domains=["agriculture"],
    indicators=[Indicator("预测误差", "<=", 2, "天"), Indicator("提前量", ">=", 7, "天")],
    constraints=[Constraint("filing", "大模型备案"), Constraint("data_stays")],
)
GOOD = CapabilityContent(
    title=Words("茶园开采窗口期预测模型"),
    domains=["agriculture"],
    forms=["private"],
    filings=["大模型备案"],
    measurements=[Measurement("误差", 1.5, "天", ["a/b"]), Measurement("提前量", 10, "天", ["a/b"])],
)
BARE = replace(GOOD, filings=[], measurements=[Measurement("误差", 1.5, "天", ["a/b"])])
CLOUD = replace(GOOD, forms=["api"])


def test_an_explanation_shows_what_it_rests_on_and_what_would_lift_it() -> None:
    lists = Market(
        [Listed(1, "O-1", 1, TEA, 1)],
        [Listed(10 + at, f"C-{at}", 1, one, 1) for at, one in enumerate((GOOD, BARE, CLOUD))],
        today=date(2026, 11, 20),
    )
    snapshot = snapshot_of(lists, None, {})
    good, bare, cloud = (explain(snapshot, 1, number) for number in (10, 11, 12))

    assert (good.rank, good.verdict, good.changes) == (1, "pass", [])
    assert good.is_by_words
    assert [one.state for one in good.covered] == ["met", "met"]
    assert sum(good.demand.values()) + lists.weights.demand_bias == pytest.approx(good.judged.demand)

    assert (bare.rank, bare.verdict) == (2, "unknown")
    assert {one.finding.kind for one in bare.changes if one.finding} == {"filing"}
    assert {one.covered.indicator.metric for one in bare.changes if one.covered} == {"提前量"}
    assert all(one.probability > bare.judged.probability for one in bare.changes)

    assert (cloud.rank, cloud.verdict) == (None, "fail")
    assert [(one.finding and one.finding.kind, one.rank) for one in cloud.changes] == [("data_stays", 1)]

    field, text = "title.zh", TEA.title.zh
    shown = next(span for span in good.wanted if span.field == field)
    assert text[shown.start : shown.end] == shown.text
    assert "开采窗口期预测" in shown.text
    with pytest.raises(ItemNotFound):
        explain(snapshot, 1, 99)


def test_shared_words_are_joined_and_not_repeated() -> None:
    text = "Water quality of the lake; water quality again. AI in Maine."
    spans = shared_spans([("title", text)], {"water": 1.0, "quality": 2.0, "ai": 1.0})

    assert [(span.text, span.start) for span in spans] == [("Water quality", 0), ("AI", text.index("AI in"))]
