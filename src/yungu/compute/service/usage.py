"""Calls are paid: the most that one can cost is held before, what it did cost is settled afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from yungu import accounts, credits
from yungu.accounts import Actor, Owner
from yungu.compute import queries
from yungu.compute.errors import CallRepeated, PayerDenied
from yungu.compute.models import Asked, CallLimits, CallRecord, Deployment, Outcome, Prices, Ticket, Usage, usages
from yungu.compute.rules import usage as rules
from yungu.compute.rules.prices import cost
from yungu.credits import CreditsShort, Hold, RequestReused, Use
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.prepared import Prepared

_COUNTED, _PRICED = Usage.__slots__, Prices.__slots__
_GRACE = timedelta(minutes=2)
_MOST_ATTEMPTS = 9
_INSERT = Prepared(sa.insert(usages).returning(usages.c.id), columns=[c.name for c in usages.c if c.name != "id"])


def begin_call(session: Session, deployment: Deployment, actor: Actor, asked: Asked, limits: CallLimits) -> Ticket:
    """Hold what the call can cost; nothing for a free one. The actor may call the deployment: see
    `callable_deployment`.

    Raises CallInvalid, PayerDenied, CreditsShort, CallRepeated, SignInRequired, OwnerNotFound, KeyInvalid."""
    ticket = ticket_of(session, deployment, actor, asked, limits)
    return _held(session, ticket, limits) if cost(deployment.prices, ticket.most) else ticket


def ticket_of(session: Session, deployment: Deployment, actor: Actor, asked: Asked, limits: CallLimits) -> Ticket:
    """A call for which nothing is held, as one that is free, or is paid from what a job holds: see `end_job_call`.

    Raises CallInvalid, PayerDenied, SignInRequired, OwnerNotFound."""
    rules.check_asked(asked, deployment)
    payer = _payer(session, deployment, actor, asked)
    assert actor.id is not None
    return Ticket(
        deployment=deployment,
        asked=asked,
        payer_id=payer.id,
        user_id=actor.id,
        token_id=actor.token_id,
        most=rules.most_usage(asked, deployment, limits.most_seconds),
        hold=None,
        most_tokens=None,
        started_at=clock.now(),
    )


def end_call(
    session: Session, ticket: Ticket, usage: Usage | None, outcome: Outcome, *, is_estimated: bool
) -> CallRecord:
    """Settle what the call did cost, at most what is held; the rest returns. ``usage`` None: nothing was delivered, so
    nothing is paid.

    Raises HoldEnded when the hold's time was over, and it was swept."""
    hold, prices = ticket.hold, ticket.deployment.prices
    amount = rules.charge(prices, usage, hold.amount) if hold and usage else 0
    if hold is not None:
        _end_hold(session, hold, _counted(usage), amount)
    return _record(session, ticket, usage, outcome, hold, amount, is_estimated=is_estimated)


def end_job_call(
    session: Session, ticket: Ticket, usage: Usage | None, outcome: Outcome, hold_id: int | None, *, is_estimated: bool
) -> CallRecord:
    """Pay a call of a job, at most what it could cost, from what the job holds. Raises HoldEnded, SettleTooMuch."""
    prices, paid = ticket.deployment.prices, None
    amount = rules.charge(prices, usage, cost(prices, ticket.most)) if usage and hold_id is not None else 0
    if amount and hold_id is not None:
        provider, key = _provider(session, ticket), ticket.asked.request_id
        paid = credits.draw(session, hold_id, amount, key, provider_id=provider, usage=_counted(usage))
    return _record(session, ticket, usage, outcome, paid, amount, is_estimated=is_estimated)


def _counted(usage: Usage | None) -> dict[str, Any]:
    return {name: getattr(usage or Usage(), name) for name in _COUNTED}


def _record(
    session: Session,
    ticket: Ticket,
    usage: Usage | None,
    outcome: Outcome,
    hold: Hold | None,
    amount: int,
    *,
    is_estimated: bool,
) -> CallRecord:
    prices = ticket.deployment.prices
    row: dict[str, Any] = {
        "request_id": ticket.asked.request_id,
        "deployment_id": ticket.deployment.id,
        "model": ticket.deployment.name,
        "payer_id": ticket.payer_id,
        "user_id": ticket.user_id,
        "token_id": ticket.token_id,
        "provider_id": hold.provider_id if hold else None,
        "kind": ticket.asked.kind,
        "outcome": outcome,
        **_counted(usage),
        "is_estimated": is_estimated,
        "amount": amount,
        "hold_id": hold.id if hold else None,
        "started_at": ticket.started_at,
        "ended_at": clock.now(),
    }
    made = _INSERT.all(session, row | {"prices": {name: getattr(prices, name) for name in _PRICED}})
    return CallRecord(id=made[0][0], prices=prices, **row)


def _end_hold(session: Session, hold: Hold, usage: Mapping[str, Any], amount: int) -> None:
    if amount:
        credits.settle_open(session, hold, amount, usage)
    else:
        credits.release(session, hold.id)


def _held(session: Session, ticket: Ticket, limits: CallLimits) -> Ticket:
    """With the credits held: for all that the model could write, or where the client left that open and they do not
    suffice, for as much as they do."""
    provider = _provider(session, ticket)
    try:
        return replace(ticket, hold=_hold(session, ticket, limits, provider))
    except CreditsShort as short:
        asked, prices = ticket.asked, ticket.deployment.prices
        tokens = rules.affordable_tokens(prices, ticket.most, asked.choices, short.available)
        if asked.most_tokens is not None or not tokens:
            raise
    most = replace(ticket.most, completion_tokens=tokens * asked.choices)
    less = replace(ticket, most=most, most_tokens=tokens)
    return replace(less, hold=_hold(session, less, limits, provider))


def _hold(session: Session, ticket: Ticket, limits: CallLimits, provider_id: int | None) -> Hold:
    amount = cost(ticket.deployment.prices, ticket.most)
    until = ticket.started_at + timedelta(seconds=limits.most_seconds) + _GRACE
    use = Use("infer", ticket.deployment.name)
    key = ticket.asked.request_id
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        try:
            return credits.hold(
                session, ticket.payer_id, amount, use, key, until, provider_id=provider_id, is_first=True
            )
        except RequestReused:
            known = credits.find_hold(session, ticket.payer_id, key)
            if known is None or known.state not in ("released", "timed_out"):
                raise _repeated(session, ticket, known) from None
            key = f"{ticket.asked.request_id[:90]}/again{attempt}"  # nothing was paid for it: it may be tried again
    raise CallRepeated(ticket.asked.request_id, None, None)


def _repeated(session: Session, ticket: Ticket, known: Hold | None) -> CallRepeated:
    call = queries.find_call_of_hold(session, known.id) if known else None
    return CallRepeated(ticket.asked.request_id, call.id if call else None, call.amount if call else None)


def _payer(session: Session, deployment: Deployment, actor: Actor, asked: Asked) -> Owner:
    if actor.user is None:
        raise accounts.SignInRequired
    if not asked.organization or asked.organization.casefold() == actor.user.name.casefold():
        payer = actor.user
    else:
        payer = accounts.get_owner(session, asked.organization)
    if not rules.may_spend(actor, payer, deployment):
        raise PayerDenied(payer.name)
    return payer


def _provider(session: Session, ticket: Ticket) -> int | None:
    """Who earns: the deployment's owner, but nobody from itself; what an administrator runs is the house's."""
    owner_id = ticket.deployment.owner_id
    if owner_id == ticket.payer_id:
        return None
    owner = accounts.find_owner_by_id(session, owner_id)
    return None if owner is None or owner.is_admin else owner_id
