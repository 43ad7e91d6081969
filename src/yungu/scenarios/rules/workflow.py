"""Which step people take by hand, and who may: one table for both lists.

    draft -> submitted -> reviewing -> published -> claiming -> matched -> validating -> accepted -> promoted
                |            |            |                                    |
                +-- returned +            +-> expired                          +-> failed -> published

An opportunity goes all the way; a capability is published, and promoted once an opportunity has accepted it. Into
validating and from there to accepted or failed only pilots lead (`yungu.scenarios.validation`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.accounts.rules import includes
from yungu.scenarios.errors import ItemDenied, OwnReview, ReasonMissing, StepImpossible, TokenWeak
from yungu.scenarios.models import SIDES, Confidentiality, Item, Part, RoleName, Side, Status

CHINA = timezone(timedelta(hours=8), "CST")
"""Days of lists end at midnight there."""
STALE_AFTER = timedelta(days=60)
EXPIRES_UNCONFIRMED_AFTER = timedelta(days=180)
EDITABLE: frozenset[Status] = frozenset(
    {"draft", "returned", "submitted", "published", "claiming", "expired", "failed"}
)
OPEN: frozenset[Status] = frozenset({"published", "claiming", "matched"})
"""Where an opportunity is looked for; a capability also when promoted."""
SHOWN: frozenset[Status] = frozenset(
    {"published", "claiming", "matched", "validating", "accepted", "promoted", "failed", "expired", "superseded"}
)
"""What the public may see of."""
_REVIEWERS: frozenset[Part] = frozenset({"operator", "expert", "compliance"})
_KEEPERS: frozenset[Part] = frozenset({"owner", "operator"})


@dataclass(frozen=True, slots=True)
class Step:
    """``by``: who may take it; ``needs_reason``: why must be said; ``is_judging``: not for those who applied."""

    name: str
    before: frozenset[Status]
    after: Status
    by: frozenset[Part]
    sides: Sequence[Side] = SIDES
    needs_reason: bool = False
    is_judging: bool = False


def _step(
    name: str,
    before: str,
    after: Status,
    by: Collection[Part],
    *,
    sides: Sequence[Side] = SIDES,
    needs_reason: bool = False,
    is_judging: bool = False,
) -> Step:
    return Step(name, frozenset(before.split()), after, frozenset(by), sides, needs_reason, is_judging)  # type: ignore[arg-type]


_DEMAND: Sequence[Side] = ("opportunity",)
_SUPPLY: Sequence[Side] = ("capability",)
_ALL_STEPS = (
    _step("submit", "draft returned", "submitted", _KEEPERS),
    _step("review", "submitted", "reviewing", _REVIEWERS, is_judging=True),
    _step("return", "submitted reviewing", "returned", _REVIEWERS, needs_reason=True, is_judging=True),
    _step("publish", "reviewing", "published", {"operator"}, is_judging=True),
    _step("open", "published", "claiming", _KEEPERS, sides=_DEMAND),
    _step("match", "published claiming", "matched", _KEEPERS, sides=_DEMAND),
    _step("promote", "accepted", "promoted", {"operator"}, sides=_DEMAND, is_judging=True),
    _step("promote", "published", "promoted", {"operator"}, sides=_SUPPLY, is_judging=True),
    _step("republish", "failed expired", "published", {"operator"}, needs_reason=True, is_judging=True),
    _step("expire", "published claiming", "expired", {"operator"}, needs_reason=True),
    _step("withdraw", "draft submitted reviewing returned published claiming matched", "withdrawn", _KEEPERS,
          needs_reason=True),
    _step("supersede", "draft submitted reviewing returned published claiming", "superseded", {"operator"},
          needs_reason=True),
)  # fmt: skip
_STEPS: Mapping[tuple[Side, str], Step] = {(side, step.name): step for step in _ALL_STEPS for side in step.sides}
STEP_NAMES: Sequence[str] = list(dict.fromkeys(step.name for step in _ALL_STEPS))


def parts_of(actor: Actor, item: Item, roles: Collection[RoleName]) -> frozenset[Part]:
    """What the actor is to an item. An administrator of the site is an operator; a fine-grained token, which names
    repos only, is a reader."""
    if actor.user is None or actor.scope == "fine-grained":
        return frozenset({"reader"})
    parts: set[Part] = {"reader", *roles}
    if actor.is_site_admin:
        parts.add("operator")
    if is_applicant(actor, item):
        parts.add("owner")
    return frozenset(parts)


def may_act(actor: Actor) -> bool:
    """Whether these credentials may change anything here."""
    return actor.user is not None and actor.scope in (None, "write", "admin")


def check_may_act(actor: Actor) -> None:
    """Raises SignInRequired, TokenWeak."""
    if actor.user is None:
        raise SignInRequired
    if not may_act(actor):
        raise TokenWeak


def is_applicant(actor: Actor, item: Item) -> bool:
    """Whether the item is the actor's own, or of an organization that they write for, or was handed in by them."""
    if actor.id is None:
        return False
    belongs = item.owner_id == actor.id or includes(actor.roles.get(item.owner_id), "write")
    return belongs or item.submitted_by == actor.id


def may_see(actor: Actor, item: Item, parts: Collection[Part], *, is_partner: bool = False) -> bool:
    """Whether the actor may know of the item: its owner and those with a role may always; others once it is published,
    members of the site what is internal, partners (whose claim was accepted) what is restricted."""
    if is_insider(parts):
        return True
    if item.status not in SHOWN:
        return False
    return may_read(item.content.confidentiality, is_signed_in=actor.user is not None, is_partner=is_partner)


def may_read(confidentiality: Confidentiality, *, is_signed_in: bool, is_partner: bool) -> bool:
    match confidentiality:
        case "public":
            return True
        case "internal":
            return is_signed_in
        case "restricted":
            return is_partner


def is_insider(parts: Collection[Part]) -> bool:
    return bool(set(parts) - {"reader"})


def may_see_contact(parts: Collection[Part], *, is_partner: bool) -> bool:
    return is_partner or bool({"owner", "operator"} & set(parts))


def find_step(side: Side, name: str) -> Step | None:
    return _STEPS.get((side, name))


def check_step(item: Item, name: str, parts: Collection[Part], reason: str, *, is_applicant: bool) -> Step:
    """The step, if it follows and these may take it. Raises StepImpossible, ItemDenied, OwnReview, ReasonMissing."""
    step = find_step(item.side, name)
    if step is None or item.status not in step.before:
        raise StepImpossible(item.code, name[:24], item.status)
    if not step.by & set(parts):
        raise ItemDenied(item.code, name)
    if step.is_judging and is_applicant:
        raise OwnReview(item.code)
    if step.needs_reason and not reason.strip():
        raise ReasonMissing(name)
    return step


def possible_steps(item: Item, parts: Collection[Part], *, is_applicant: bool) -> Sequence[Step]:
    """Those that the actor may take now, in the order of the table."""
    return [
        step
        for step in _ALL_STEPS
        if item.side in step.sides
        and item.status in step.before
        and step.by & set(parts)
        and not (step.is_judging and is_applicant)
    ]


def may_edit(item: Item, parts: Collection[Part]) -> bool:
    return item.status in EDITABLE and bool(_KEEPERS & set(parts))


def status_after_edit(item: Item, parts: Collection[Part], *, is_applicant: bool) -> Status:
    """What the owner changes after publication is looked at again; an operator who did not apply keeps it published."""
    is_reviewed = item.status in ("published", "claiming")
    if is_reviewed and (is_applicant or "operator" not in parts):
        return "submitted"
    return "returned" if item.status in ("expired", "failed") else item.status


def end_of(day: date) -> datetime:
    """The first moment after a day of a list."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def is_over(day: date | None, now: datetime) -> bool:
    return day is not None and now >= end_of(day)


def is_stale(item: Item, now: datetime) -> bool:
    return item.status in ("published", "claiming") and now - item.confirmed_at >= STALE_AFTER
