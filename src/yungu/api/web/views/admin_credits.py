"""Administrators fund pots, grant vouchers by hand and by policy, take them back, note what was paid, and audit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from starlette.responses import Response

from yungu import accounts, credits
from yungu.accounts import OwnerNotFound
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import see_other
from yungu.api.web.views import policies
from yungu.api.web.views.admin import admin_page, administrator
from yungu.api.web.visit import Visit, begin
from yungu.credits import (
    AmountInvalid,
    Audit,
    BudgetNotFound,
    Overdrawn,
    Policy,
    Scope,
    Terms,
    Verdict,
    VoucherNotFound,
)
from yungu.kernel import clock
from yungu.kernel.db import Session

_PER_PAGE = 50
_MOST_CLAIMS = 100
_USES = ("infer", "train")


# --- pots, cash, claims


def get_credits(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _credits_page(session, visit, EMPTY, {})


def post_fund(session: Session, call: Call) -> Response:
    """Put credits into a pot."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    again = _again(session, visit, form)
    with shown_again(visit, again, amount=AmountInvalid, budget=credits.KeyInvalid):
        amount = _amount(visit, form, "amount")
        credits.fund_budget(session, form["budget"], amount, key=form["key"], by=by.id)
    told = visit.gettext("The pot %(name)s has %(amount)s credits more.")
    facts = {"name": form["budget"], "amount": credits.credits_text(amount)}
    return see_other(visit, urls.admin("credits"), told=told % facts)


def post_cash(session: Session, call: Call) -> Response:
    """Note what somebody paid in."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    with shown_again(visit, _again(session, visit, form), cash_owner=OwnerNotFound, cash_amount=AmountInvalid):
        owner, amount = accounts.get_owner(session, form["cash_owner"]), _amount(visit, form, "cash_amount")
        credits.add_cash(session, owner.id, amount, key=form["key"], by=by.id)
    told = visit.gettext("%(name)s has %(amount)s credits more.")
    facts = {"name": owner.name, "amount": credits.credits_text(amount)}
    return see_other(visit, urls.admin("credits"), told=told % facts)


def post_claim(session: Session, call: Call) -> Response:
    """Claim for a provider what a spender has used up there."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    with shown_again(visit, _again(session, visit, form)):
        provider, spender = whole_number(form["provider"]), whole_number(form["spender"]) or 0
        amount = credits.parse_credits(form["amount"])
        credits.claim(session, provider, spender, amount, key=form["key"], by=by.id)
    return see_other(visit, urls.admin("credits"), told=visit.gettext("Claimed."))


def post_pay(session: Session, call: Call) -> Response:
    """Note that a claim was paid out."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    with shown_again(visit, _again(session, visit, form)):
        amount = credits.parse_credits(form["amount"])
        credits.pay(session, whole_number(form["provider"]), amount, key=form["key"], by=by.id)
    return see_other(visit, urls.admin("credits"), told=visit.gettext("Noted as paid."))


def _again(session: Session, visit: Visit, form: Form) -> Callable[[Mapping[str, str]], Response]:
    return lambda errors: _credits_page(session, visit, form, errors)


def _credits_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    budgets, earned = credits.list_budgets(session), credits.list_earned(session, limit=_MOST_CLAIMS)
    due = credits.list_due(session)
    numbers = {number for one in earned for number in (one.provider_id, one.spender_id) if number}
    numbers |= {one.provider_id for one in due if one.provider_id}
    context: dict[str, Any] = {
        "budgets": budgets,
        "earned": earned,
        "due": due,
        "names": accounts.list_owner_names(session, numbers),
        "form": form,
        "errors": errors,
        "key": _new_key(),
    }
    return admin_page(visit, "credits.html", "credits", **context)


# --- vouchers


def get_grant(session: Session, call: Call) -> Response:
    """By hand, or by a policy: ``?policy=``."""
    visit = begin(session, call)
    administrator(visit)
    return _grant_page(session, visit, _policy(call.query_params.get("policy", "")), EMPTY, {})


def post_grant(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    policy = _policy(form["policy"])
    with shown_again(
        visit,
        lambda errors: _grant_page(session, visit, policy, form, errors),
        owner=OwnerNotFound,
        budget=(BudgetNotFound, Overdrawn),
        amount=AmountInvalid,
    ):
        holder = accounts.get_owner(session, form["owner"])
        terms = _terms(visit, form)
        source: dict[str, Any] = {"budget": form["budget"], "key": form["key"], "terms": terms, "by": by.id}
        if policy is None:
            made = credits.grant(session, holder.id, _amount(visit, form, "amount"), **source)
        else:
            made = _grant_by(session, visit, holder.id, policy, form, source)
    told = visit.gettext("Granted voucher #%(number)s of %(amount)s credits to %(name)s.")
    facts = {"number": made.id, "amount": credits.credits_text(made.amount), "name": holder.name}
    return see_other(visit, urls.admin(f"credits/vouchers/{made.id}"), told=told % facts)


def get_vouchers(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    asked = call.query_params
    budget = asked.get("budget", "")[:100]
    found = credits.list_granted(session, budget=budget or None, limit=_PER_PAGE, cursor=asked.get("cursor"))
    names = accounts.list_owner_names(session, {voucher.owner_id for voucher, _ in found.items})
    context: dict[str, Any] = {"found": found, "names": names, "budget": budget, "now": clock.now()}
    return admin_page(visit, "vouchers.html", "credits", **context)


def get_voucher(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    administrator(visit)
    return _voucher_page(session, visit, EMPTY, {})


def post_claw_back(session: Session, call: Call) -> Response:
    """Close a voucher; what is left returns to its pot."""
    visit = begin(session, call)
    by, form = administrator(visit), read_form(visit)
    number = whole_number(call.params["number"]) or 0
    with shown_again(visit, lambda errors: _voucher_page(session, visit, form, errors)):
        if not form["reason"]:
            raise FieldInvalid("reason", visit.gettext("Say why: its owner reads it."))
        credits.claw_back(session, number, reason=form["reason"], by=by.id)
    return see_other(visit, urls.admin(f"credits/vouchers/{number}"), told=visit.gettext("The voucher is taken back."))


def _grant_by(
    session: Session, visit: Visit, owner_id: int, policy: Policy, form: Form, source: dict[str, Any]
) -> credits.Voucher:
    """Raises FieldInvalid, PolicyNotMet."""
    typed = {name: form[name] for name in (*policy.facts, "on")}
    facts, on = policies.read_facts(visit, policy, typed), policies.read_day(visit, form["on"])
    most = _amount(visit, form, "amount") if form["amount"] else None
    price = _amount(visit, form, "unit_price")
    return credits.grant_by_policy(session, owner_id, policy, facts, on, unit_price=price, most=most, **source)


def _grant_page(
    session: Session, visit: Visit, policy: Policy | None, form: Form, errors: Mapping[str, str]
) -> Response:
    typed = {name: form[name] for name in policy.facts} if policy else {}
    verdict = _verdict(visit, policy, form) if policy and form.is_typed else None
    context: dict[str, Any] = {
        "policy": policy,
        "policies": [credits.get_policy(name) for name in credits.list_policies()],
        "typed": typed,
        "verdict": verdict,
        "proof": policies.show_proof(visit, policy, verdict.proof) if policy and verdict else None,
        "missing": policies.missing_questions(visit, policy, verdict) if policy and verdict else [],
        "budgets": credits.list_budgets(session),
        "form": form,
        "errors": errors,
        "uses": _USES,
        "key": form["key"] or _new_key(),
        "today": clock.now().date(),
        "end": clock.now().date() + timedelta(days=90),
    }
    return admin_page(visit, "grant.html", "credits", **context)


def _verdict(visit: Visit, policy: Policy, form: Form) -> Verdict | None:
    """What the policy says of a form that is shown again; None of one that it cannot be asked with."""
    try:
        facts = policies.read_facts(visit, policy, {name: form[name] for name in policy.facts})
        return credits.decide(policy, facts, policies.read_day(visit, form["on"]))
    except FieldInvalid:
        return None


def _voucher_page(session: Session, visit: Visit, form: Form, errors: Mapping[str, str]) -> Response:
    number = whole_number(visit.call.params["number"])
    if number is None:
        raise VoucherNotFound(0)
    voucher = credits.get_voucher(session, number)
    wallet = credits.get_wallet(session, voucher.owner_id)
    account = next((fund.account for fund in wallet.funds if fund.account.id == voucher.account_id), None)
    decision = credits.get_decision(session, number)
    context: dict[str, Any] = {
        "voucher": voucher,
        "left": account.available if account else 0,
        "held": account.debits_pending if account else 0,
        "name": accounts.list_owner_names(session, {voucher.owner_id}).get(voucher.owner_id, f"#{voucher.owner_id}"),
        "decision": decision,
        "proof": _kept_proof(visit, voucher.policy, decision),
        "form": form,
        "errors": errors,
        "now": clock.now(),
    }
    return admin_page(visit, "voucher.html", "credits", **context)


def _kept_proof(visit: Visit, name: str, decision: Any) -> policies.Step | None:
    """The proof that a voucher was granted by, as it was then; None when it was granted by hand."""
    policy = _policy(name)
    if policy is None or not isinstance(decision, Mapping) or "proof" not in decision:
        return None
    return policies.show_proof(visit, policy, _proof(decision["proof"]))


def _proof(kept: Mapping[str, Any]) -> credits.Proof:
    parts = tuple(_proof(part) for part in kept["parts"])
    return credits.Proof(kept["text"], kept["value"], parts, tuple(kept["missing"]))


def _terms(visit: Visit, form: Form) -> Terms:
    """Raises FieldInvalid."""
    names = {name: tuple(form[name].replace(",", " ").split()) for name in ("models", "owners")}
    uses = tuple(use for use in form.all("uses") if use in _USES)
    day_cap = _amount(visit, form, "day_cap") if form["day_cap"] else None
    return Terms(expires_at=_end(visit, form), scope=Scope(names["models"], names["owners"], uses), day_cap=day_cap)


def _end(visit: Visit, form: Form) -> datetime | None:
    """The end of the day (UTC) that was typed. Raises FieldInvalid."""
    if not form["until"]:
        return None
    try:
        day = date.fromisoformat(form["until"])
    except ValueError:
        raise FieldInvalid("until", visit.gettext("Write a day like 2026-11-22.")) from None
    end = datetime.combine(day, time(), UTC) + timedelta(days=1)
    if end <= clock.now():
        raise FieldInvalid("until", visit.gettext("This day is over."))
    return end


def _amount(visit: Visit, form: Form, name: str) -> int:
    """Micro-credits for the credits that were typed. Raises FieldInvalid."""
    try:
        return credits.parse_credits(form[name].replace(",", ""))
    except AmountInvalid:
        raise FieldInvalid(name, visit.gettext("Write a number of credits, with up to six decimals.")) from None


def _policy(name: str) -> Policy | None:
    return credits.get_policy(name) if name in credits.list_policies() else None


def _new_key() -> str:
    return uuid.uuid4().hex


# --- the books


async def get_audit(call: Call) -> Response:
    """Every balance, recomputed from the transfers."""
    visit = await call.read(begin, call)
    administrator(visit)
    found: Audit = await call.in_thread(lambda: _replay(call))
    return admin_page(visit, "books.html", "credits", audit=found, at=clock.now())


async def get_books(call: Call) -> Response:
    """The ledger as a beancount file."""
    visit = await call.read(begin, call)
    administrator(visit)
    text = await call.in_thread(lambda: _books(call))
    name = f"yungu-{clock.now():%Y%m%d}.beancount"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text, headers=headers, media_type="text/plain")


def _replay(call: Call) -> Audit:
    with call.site.db.snapshot() as session:
        return credits.replay(session)


def _books(call: Call) -> str:
    with call.site.db.snapshot() as session:
        return "".join(f"{line}\n" for line in credits.iter_beancount(session, clock.now()))
