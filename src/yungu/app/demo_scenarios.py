"""Example items for the two lists: Lin's needs and Mei's offers, reviewed and published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from yungu import accounts, scenarios
from yungu.accounts import Actor, Owner
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.scenarios import (
    CapabilityContent,
    Constraint,
    Content,
    Indicator,
    Item,
    Measurement,
    OpportunityContent,
    Words,
)


def fill(session: Session, lin: Actor, mei: Actor) -> None:
    """Put the examples into the lists, with a claim that was accepted, one that waits, and a double in the queue."""
    operator, expert = (_reviewer(session, *who) for who in _REVIEWERS)
    places = [_post(session, content, lin, operator, expert) for content in _opportunities(_today())]
    offers = [_post(session, content, mei, operator, expert) for content in _capabilities()]
    for item in places[:5]:
        scenarios.move_item(session, item.code, "open", lin)
    claim = scenarios.make_claim(session, places[0].code, offers[0].code, mei, statement=_STATEMENT)
    scenarios.make_claim(session, places[1].code, offers[5].code, mei, statement=_STATEMENT)
    scenarios.accept_claim(session, claim.id, lin)
    _leave_waiting(session, lin)


_REVIEWERS: Sequence[tuple[str, str, scenarios.RoleName]] = (
    ("wen", "Wen 文 (scenario operator)", "operator"),
    ("qiao", "Qiao 乔 (expert)", "expert"),
)
_STATEMENT = "我们可以在两周内进场。 We can begin within two weeks."


def _today() -> date:
    return clock.now().date()


def _reviewer(session: Session, name: str, full_name: str, role: scenarios.RoleName) -> Actor:
    user: Owner = accounts.find_owner(session, name) or accounts.create_user(session, name, full_name=full_name)
    scenarios.grant_role(session, user, role, None)
    return accounts.actor_for_user(session, user)


def _post(session: Session, content: Content, by: Actor, operator: Actor, expert: Actor) -> Item:
    side: scenarios.Side = "opportunity" if isinstance(content, OpportunityContent) else "capability"
    assert by.user is not None
    item = scenarios.create_item(session, side, content, by, by.user)
    scenarios.move_item(session, item.code, "submit", by)
    scenarios.review_item(session, item.code, expert, "approve")
    return scenarios.move_item(session, item.code, "publish", operator)


def _leave_waiting(session: Session, lin: Actor) -> None:
    """One item in the reviewers' queue, and one draft with much to mend."""
    assert lin.user is not None
    waiting = next(_opportunities(_today()))
    reworded = Words("龙井茶园采摘时间窗口智能预测", "Smart forecast of the Longjing picking window")
    content = scenarios.OpportunityContent(
        **{name: getattr(waiting, name) for name in waiting.__slots__} | {"title": reworded, "region": "绍兴"}
    )
    item = scenarios.create_item(session, "opportunity", content, lin, lin.user)
    scenarios.move_item(session, item.code, "submit", lin)
    vague = OpportunityContent(title=Words("打造一流智慧园区", ""), unit="某园区", domains=["park"])
    scenarios.create_item(session, "opportunity", vague, lin, lin.user)


def _opportunities(today: date) -> Iterator[OpportunityContent]:
    for number, row in enumerate(_examples()["needs"]):
        yield _need(today + timedelta(days=40 + 11 * number), **row)


def _need(
    deadline: date,
    *,
    title: tuple[str, str],
    pain: tuple[str, str],
    now: tuple[str, str],
    given: tuple[str, str],
    asks: Sequence[tuple[str, str, float, str, str]],
    must: Sequence[tuple[str, str]] = (),
    budget: tuple[int, int],
    **plain: Any,
) -> OpportunityContent:
    return OpportunityContent(
        title=Words(*title),
        pain=Words(*pain),
        baseline=Words(*now),
        offered=Words(*given),
        indicators=[Indicator(*one) for one in asks],  # type: ignore[arg-type]
        constraints=[Constraint(*one) for one in must],  # type: ignore[arg-type]
        budget_least=budget[0] * 10_000,
        budget_most=budget[1] * 10_000,
        deadline=deadline,
        contact="scenario@example.org",
        **plain,
    )


def _capabilities() -> Iterator[CapabilityContent]:
    for row in _examples()["offers"]:
        yield _offer(**row)


def _offer(
    *,
    title: tuple[str, str],
    problem: tuple[str, str],
    route: tuple[str, str],
    cases: tuple[str, str] = ("", ""),
    measured: Sequence[tuple[str, float, str, str]] = (),
    **plain: Any,
) -> CapabilityContent:
    return CapabilityContent(
        title=Words(*title),
        problem=Words(*problem),
        route=Words(*route),
        cases=Words(*cases),
        measurements=[
            Measurement(metric, value, unit, [seen] if seen else []) for metric, value, unit, seen in measured
        ],
        contact="provider@example.org",
        **plain,
    )


@cache
def _examples() -> Mapping[str, Sequence[dict[str, Any]]]:
    import yaml

    text = (files("yungu.app") / "demo_scenarios.yaml").read_text("utf-8")
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(text)
    return found
