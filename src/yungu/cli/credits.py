"""``yungu credits``: pots, vouchers, what somebody has, and whether the books are sound."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, show

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yungu.credits import Audit, Fund, Policy

DAMAGED = 3
app = typer.Typer(help="Credits: fund pots, grant vouchers, look, audit, export.", no_args_is_help=True)

Amount = Annotated[str, typer.Argument(metavar="CREDITS", help="Up to six decimals.")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="An id of your own: what it is used for is done once."),
]


@app.command()
def fund(
    budget: Annotated[str, typer.Argument(metavar="BUDGET")],
    amount: Amount,
    key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Put credits into a pot, from which vouchers are granted."""
    from yungu import credits

    micro = credits.parse_credits(amount)
    with open_site(data) as site, site.db.write() as session:
        made = credits.fund_budget(session, budget, micro, key=key or _new_key(), by=None)
        pot = credits.get_account(session, f"budget:{budget}")
    text = f"The pot {budget} has {credits.credits_text(pot.available)} credits to grant."
    show({"transfer": made, "budget": pot}, text, as_json=as_json)


@app.command()
def grant(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="A user or an organization.")],
    budget: Annotated[str, typer.Option("--budget", help="The pot that it comes from.")],
    amount: Annotated[
        str | None,
        typer.Argument(metavar="[CREDITS]", help="Up to six decimals. With --policy: the most, if less is awarded."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="POLICY|FILE", help="Grant what this policy awards, and keep its proof."),
    ] = None,
    facts: Annotated[
        list[str] | None, typer.Option("--fact", metavar="NAME=VALUE", help="What the policy asks. Repeatable.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="By the policy of this day. Default: today.")
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", min=0.01, help="How long it is good. Default: for ever.")
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="OWNER/NAME", help="Only for this model. Repeatable.")
    ] = None,
    owners: Annotated[
        list[str] | None, typer.Option("--owner", metavar="OWNER", help="Only for models of this owner. Repeatable.")
    ] = None,
    uses: Annotated[
        list[str] | None, typer.Option("--use", metavar="KIND", help="Only for this kind of use, as infer. Repeatable.")
    ] = None,
    day_cap: Annotated[
        str | None, typer.Option("--day-cap", metavar="CREDITS", help="The most on one day (UTC).")
    ] = None,
    key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Grant a voucher (算力券) to a user or an organization."""
    from datetime import timedelta

    from yungu import accounts, credits
    from yungu.kernel import clock

    terms = credits.Terms(
        expires_at=clock.now() + timedelta(days=days) if days else None,
        scope=credits.Scope(models or (), owners or (), uses or ()),
        day_cap=credits.parse_credits(day_cap) if day_cap else None,
    )
    if amount is None and policy is None:
        raise typer.BadParameter("Say how many credits, or by which policy.")
    micro = credits.parse_credits(amount) if amount is not None else None
    source: dict[str, Any] = {"budget": budget, "key": key or _new_key(), "terms": terms, "by": None}
    with open_site(data) as site, site.db.write() as session:
        holder = accounts.get_owner(session, owner)
        if policy is not None:
            rules, known = _policy(policy), dict(map(_fact, facts or ()))
            day = (on or clock.now()).date()
            made = credits.grant_by_policy(session, holder.id, rules, known, day, most=micro, **source)
        else:
            made = credits.grant(session, holder.id, micro or 0, **source)
    over = f", good until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else ""
    text = f"Granted the voucher {made.id} of {credits.credits_text(made.amount)} credits to {holder.name}{over}."
    show(made, text, as_json=as_json)


@app.command()
def balance(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="A user or an organization.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what somebody has: vouchers in the order of their end, cash, what is held."""
    from yungu import accounts, credits

    with open_site(data) as site, site.db.read() as session:
        wallet = credits.get_wallet(session, accounts.get_owner(session, owner).id)
    text = columns([_row(fund) for fund in wallet.funds], "FROM", "LEFT", "HELD", "UNTIL", "FOR")
    show(wallet, text if wallet.funds else f"{owner} has no credits.", as_json=as_json)


@app.command()
def audit(data: Data = None, as_json: AsJson = False) -> None:
    """Recompute every balance from the transfers and compare. Exit code 3 when a figure is wrong."""
    from yungu import credits

    with open_site(data) as site, site.db.snapshot() as session:
        found = credits.replay(session)
    answer = {"is_sound": found.is_sound, "transfers": found.transfers, "differences": found.differences}
    show(answer, _audit_text(found), as_json=as_json)
    if not found.is_sound:
        raise typer.Exit(DAMAGED)


@app.command()
def export(
    target: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Default: standard output.")] = None,
    data: Data = None,
) -> None:
    """Write the ledger as a beancount file, for an auditor of your own: bean-check FILE."""
    from yungu import credits
    from yungu.kernel import clock

    with open_site(data) as site, site.db.snapshot() as session, _opened(target) as file:
        file.writelines(f"{line}\n" for line in credits.iter_beancount(session, clock.now()))


@app.command()
def policies(as_json: AsJson = False) -> None:
    """List the policies that come with yungu."""
    from yungu import credits

    found = [credits.get_policy(name) for name in credits.list_policies()]
    rows = [(one.id, one.since, one.until, one.title.en, one.title.zh) for one in found]
    show(found, columns(rows, "POLICY", "SINCE", "UNTIL", "TITLE", ""), as_json=as_json)


@app.command()
def decide(
    policy: Annotated[str, typer.Argument(metavar="POLICY|FILE", help="One of 'yungu credits policies', or YAML.")],
    facts: Annotated[
        list[str] | None, typer.Option("--fact", metavar="NAME=VALUE", help="What is known. Repeatable.")
    ] = None,
    on: Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Default: today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a policy grants on a day, and why: yes, no, or what is missing to know."""
    from yungu import credits
    from yungu.kernel import clock

    rules = _policy(policy)
    verdict = credits.decide(rules, dict(map(_fact, facts or ())), (on or clock.now()).date())
    lines = list(credits.explain(verdict))
    lines += [f"? {rules.facts[name].ask.en}" for name in verdict.missing if name in rules.facts]
    amount = f" {verdict.award} {rules.unit}" if verdict.award is not None else ""
    answer = {True: "yes", False: "no", None: "unknown"}[verdict.is_met]
    show(verdict, "\n".join([*lines, f"{answer}{amount}"]), as_json=as_json)


def _policy(name: str) -> Policy:
    """One of those that come with yungu, or a file."""
    from pathlib import Path

    from yungu import credits

    file = Path(name)
    return credits.read_policy(file.read_text("utf-8", "replace")) if file.is_file() else credits.get_policy(name)


def _fact(text: str) -> tuple[str, bool | int | str]:
    name, _, value = text.partition("=")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isascii() and value.isdigit() else value


def _opened(target: str | None) -> AbstractContextManager[TextIO]:
    from contextlib import nullcontext
    from pathlib import Path

    return Path(target).open("w", encoding="utf-8") if target else nullcontext(sys.stdout)


def _new_key() -> str:
    import uuid

    return uuid.uuid4().hex


def _row(fund: Fund) -> tuple[str, ...]:
    from yungu.credits import credits_text

    left, held = credits_text(fund.account.available), credits_text(fund.account.debits_pending)
    voucher = fund.voucher
    if voucher is None:
        return "cash", left, held, "", ""
    until = f"{voucher.expires_at:%Y-%m-%d %H:%M}" if voucher.expires_at else ""
    scope = [*voucher.scope.models, *(f"{owner}/*" for owner in voucher.scope.owners), *voucher.scope.uses]
    return f"voucher {voucher.id}", left, held, until, " ".join(scope)


def _audit_text(found: Audit) -> str:
    wrong = [f"{one.where}: {one.what} (stored {one.stored}, replayed {one.replayed})" for one in found.differences]
    verdict = "The books are sound." if found.is_sound else "The books are NOT sound."
    return "\n".join([*wrong, f"Replayed {found.transfers} transfers between {found.accounts} accounts. {verdict}"])
