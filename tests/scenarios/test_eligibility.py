"""Who may serve an opportunity: pass, fail, or ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from yungu.scenarios.models import CapabilityContent, Constraint, Indicator, Measurement, OpportunityContent
from yungu.scenarios.rules import coverage, domains, eligibility

TODAY = date(2026, 11, 20)


def verdict(constraint: Constraint, capability: CapabilityContent, **fields: object) -> str:
    opportunity = OpportunityContent(unit="龙井茶园", constraints=[constraint], **fields)  # type: ignore[arg-type]
    return eligibility.check(opportunity, capability, TODAY)[0].verdict


@pytest.mark.parametrize(
    ("kind", "value", "stated", "expected"),
    [
        ("certificate", "等保三级", {"certificates": ["已通过网络安全等级保护三级测评"]}, "pass"),
        ("certificate", "等保三级", {"certificates": ["MLPS Level 3"]}, "pass"),
        ("certificate", "等保二级", {"certificates": ["等保三级"]}, "pass"),
        ("certificate", "等保三级", {"certificates": ["等保二级"]}, "fail"),
        ("certificate", "等保三级", {"certificates": ["等保三级（办理中）"]}, "unknown"),
        ("certificate", "ISO27001", {"certificates": ["ISO/IEC 27001:2022"]}, "pass"),
        ("certificate", "ISO27001", {"certificates": ["ISO 9001"]}, "unknown"),
        ("certificate", "ISO27001", {}, "unknown"),
        ("filing", "大模型备案", {"filings": ["网信办备案 Zhejiang-20260101"]}, "pass"),
        ("filing", "大模型备案", {"filings": ["无"]}, "fail"),
        ("filing", "", {"filings": ["互联网信息服务算法备案"]}, "pass"),
        ("domestic_chip", "", {"chips": ["NVIDIA A100", "昇腾910B"]}, "pass"),
        ("domestic_chip", "", {"chips": ["NVIDIA A100"]}, "fail"),
        ("domestic_chip", "", {}, "unknown"),
        ("data_stays", "", {"forms": ["private"]}, "pass"),
        ("data_stays", "", {"forms": ["api"]}, "fail"),
        ("on_site", "", {"forms": ["private"]}, "unknown"),
        ("region", "杭州市", {"region": "Hangzhou"}, "pass"),
        ("region", "浙江", {"region": "杭州市西湖区"}, "pass"),
        ("region", "杭州", {"region": "全国"}, "pass"),
        ("region", "杭州", {"region": "成都"}, "fail"),
        ("region", "杭州", {}, "unknown"),
        ("not_affiliated", "", {"affiliations": ["龙井茶园"]}, "fail"),
        ("not_affiliated", "", {"affiliations": ["无"]}, "pass"),
        ("not_affiliated", "", {}, "unknown"),
        ("licence", "commercial", {"licence": "cc-by-nc-4.0"}, "fail"),
        ("licence", "open", {"licence": "Apache-2.0"}, "pass"),
        ("maturity", "7", {"maturity": 8}, "pass"),
        ("maturity", "7", {"maturity": 4}, "fail"),
        ("maturity", "7", {}, "unknown"),
        ("form", "edge", {"forms": ["api", "edge"]}, "pass"),
        ("provider_kind", "opc|laboratory", {"provider_kind": "company"}, "fail"),
    ],
)
def test_each_constraint_passes_fails_or_asks(kind: str, value: str, stated: dict[str, object], expected: str) -> None:
    assert verdict(Constraint(kind, value), CapabilityContent(**stated)) == expected  # type: ignore[arg-type]


def test_days_budget_and_room_count_without_being_named() -> None:
    opportunity = OpportunityContent(deadline=date(2026, 11, 30), budget_most=100_000, starts_on=date(2027, 3, 1))
    capability = CapabilityContent(price_least=50_000, expires_on=date(2027, 12, 31))

    def failing(capability: CapabilityContent, *, free: int = 1, today: date = TODAY) -> list[str]:
        found = eligibility.check(opportunity, capability, today, free=free)
        return [one.kind for one in found if one.verdict == "fail"]

    assert failing(capability) == []
    assert failing(capability, today=date(2026, 12, 1)) == ["deadline"]
    assert failing(capability, free=0) == ["capacity"]
    assert failing(replace(capability, price_least=150_000)) == ["budget"]
    assert failing(replace(capability, expires_on=date(2027, 1, 1))) == ["validity"]
    unknown = eligibility.check(opportunity, replace(capability, price_least=None), TODAY)
    assert eligibility.overall(unknown) == "unknown"


def test_every_finding_names_what_would_change_it_and_that_change_passes() -> None:
    constraints = [
        Constraint("filing", "大模型备案"),
        Constraint("certificate", "等保三级"),
        Constraint("domestic_chip"),
        Constraint("data_stays"),
        Constraint("maturity", "7"),
        Constraint("licence", "open"),
        Constraint("region", "杭州"),
        Constraint("form", "edge"),
    ]
    opportunity = OpportunityContent(unit="龙井茶园", constraints=constraints, budget_most=1000)
    for finding in eligibility.check(opportunity, CapabilityContent(), TODAY):
        if finding.verdict == "unknown":
            changed = eligibility.satisfying(CapabilityContent(), finding)
            assert changed is not None
            again = eligibility.check(opportunity, changed, TODAY)
            assert next(one for one in again if one.kind == finding.kind).verdict == "pass", finding


@pytest.mark.parametrize(
    ("wanted", "measured", "state"),
    [
        (Indicator("准确率", ">=", 95, "%"), Measurement("detection accuracy", 0.97, ""), "met"),
        (Indicator("病虫害识别准确率", ">=", 95, "%"), Measurement("accuracy", 94, "percent"), "unmet"),
        (Indicator("响应时间", "<=", 2, "s"), Measurement("latency", 800, "ms"), "met"),
        (Indicator("检测速度", ">=", 600, "只/分钟"), Measurement("throughput", 11, "items/s"), "met"),
        (Indicator("throughput", ">=", 600, "cells per minute"), Measurement("吞吐量", 9, "件/秒"), "unmet"),
        (Indicator("提前量", ">=", 3, "天"), Measurement("lead time", 80, "h"), "met"),
        (Indicator("误差", "<", 5, "%"), Measurement("MAE", 5, "%"), "unmet"),
        (Indicator("响应时间", "<=", 2, "s"), Measurement("latency", 30, "kg"), "unknown"),
        (Indicator("召回率", ">=", 90, "%"), Measurement("accuracy", 99, "%"), "unknown"),
    ],
)
def test_evidence_is_compared_in_the_unit_that_was_asked_for(
    wanted: Indicator, measured: Measurement, state: str
) -> None:
    assert coverage.compare([wanted], [measured])[0].state == state


def test_a_claim_without_evidence_counts_less_than_one_with() -> None:
    wanted = [Indicator("准确率", ">=", 95, "%"), Indicator("时延", "<=", 1, "s")]
    bare = coverage.compare(wanted, [Measurement("准确率", 96, "%")])
    proven = coverage.compare(wanted, [Measurement("准确率", 96, "%", ["https://example.org/report"])])

    assert [one.state for one in bare] == ["met", "unknown"]
    assert coverage.share(bare) < coverage.share(proven) < 1


def test_two_taxonomies_meet_in_a_table() -> None:
    assert domains.closeness(["智慧农业"], ["agriculture"]) == 1
    assert domains.closeness(["tourism/eldercare"], ["养老"]) == 1
    assert 0 < domains.closeness(["智能制造"], ["机器视觉"]) < 1
    assert domains.closeness(["金融"], ["机器视觉"]) == 0
    assert domains.closeness(["一个没人知道的领域"], ["一个没人知道的领域"]) == 1
