"""Items of both lists in one line each, every call in a transaction of its own, with the people around them.

lists.post(lin)                      # a draft that is ready to be handed in
lists.publish(lists.post(lin))       # reviewed by an expert, published by the operator
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Concatenate, ParamSpec, TypeVar

from support.world import World
from yungu import scenarios
from yungu.accounts import Actor
from yungu.kernel.db import Session
from yungu.kernel.events import Fact, read_after
from yungu.scenarios import (
    CapabilityContent,
    Content,
    Indicator,
    Item,
    Measurement,
    OpportunityContent,
    RoleName,
    Words,
)

P = ParamSpec("P")
T = TypeVar("T")

TEA = OpportunityContent(
    title=Words("茶园最佳开采窗口期预测", "Predicting the picking window of tea gardens"),
    unit="狮峰茶园",
    unit_kind="private",
    domains=["agriculture"],
    region="杭州",
    pain=Words(
        "开采早两天产量少三成，晚两天等级掉一级，茶农只凭经验判断。",
        "Two days early costs a third of the yield, two days late a grade; growers go by feeling.",
    ),
    baseline=Words("目前平均误差5天", "The average error is 5 days today"),
    indicators=[Indicator("预测误差", "<=", 2, "天", "与三个茶园的实际开采日比对")],
    offered=Words("三年物候与气象记录", "Three years of phenology and weather"),
    budget_least=100_000,
    budget_most=300_000,
    budget_source="合作社自筹",
    payer="茶叶合作社",
    deadline=date(2099, 3, 1),
    capacity=2,
    contact="lin@tea.example",
)
MODEL = CapabilityContent(
    title=Words("茶叶采摘期预测模型", "A model that predicts when to pick tea"),
    provider="西湖智能视觉",
    provider_kind="company",
    domains=["agriculture"],
    region="杭州",
    problem=Words("采摘时机靠经验", "Picking times are guessed"),
    route=Words("物候图像与积温融合", "Phenology pictures and degree days"),
    maturity=7,
    measurements=[Measurement("预测误差", 1.6, "天", ["lin/tea"])],
    forms=["api"],
    capacity=2,
    contact="sales@vision.example",
)


class Lists:
    """The lists of one site."""

    def __init__(self, world: World) -> None:
        self.world = world

    def write(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.world.write_in(work, *args, **kwargs)

    def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.world.read_in(work, *args, **kwargs)

    def holder(self, name: str, *roles: RoleName) -> Actor:
        """A user with roles in scenarios."""
        actor = self.world.user(name)
        assert actor.user is not None
        for role in roles:
            self.write(scenarios.grant_role, actor.user, role, None)
        return actor

    def post(self, by: Actor, content: Content = TEA, **changed: Any) -> Item:
        side: scenarios.Side = "opportunity" if isinstance(content, OpportunityContent) else "capability"
        assert by.user is not None
        return self.write(scenarios.create_item, side, replace(content, **changed), by, by.user)

    def move(self, item: Item, step: str, by: Actor, reason: str = "") -> Item:
        return self.write(scenarios.move_item, item.code, step, by, reason=reason)

    def publish(self, item: Item, by: Actor, *, expert: Actor, operator: Actor) -> Item:
        self.move(item, "submit", by)
        self.write(scenarios.review_item, item.code, expert, "approve")
        return self.move(item, "publish", operator)

    def fresh(self, item: Item) -> Item:
        return self.read(scenarios.get_item_by_id, item.id)

    def facts(self) -> list[Fact]:
        return list(self.read(read_after, (0, 0), limit=1000))
