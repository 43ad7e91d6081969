"""The ledger as a beancount file, so that a program which is not ours can check it: ``bean-check books.beancount``.

The unit is the micro-credit: whole numbers are compared exactly, decimals within a tolerance. What is held lies in
accounts of its own, not below the others, whose balance would include it. At the end each balance stands as it is on
the rows, not as it follows from the lines before, so the check compares the two. The form:
https://beancount.github.io/docs/beancount_language_syntax.html"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from yungu.credits import queries
from yungu.credits.models import Account, Transfer
from yungu.kernel.db import Session

UNIT = "MICROCREDIT"
_ROOTS = {"source": "Equity", "paid": "Equity"}


def iter_lines(session: Session, made_at: datetime) -> Iterator[str]:
    """The lines of the file. In a transaction that sees one moment: ``database.snapshot()``."""
    accounts = {account.id: account for account in queries.iter_accounts(session)}
    first, last = queries.find_period(session)
    yield 'option "title" "The credits of yungu"'
    yield f'option "operating_currency" "{UNIT}"'
    yield ""
    for account in accounts.values():
        yield from _open(account, (first or made_at).date())
    held = dict[int, Transfer]()
    for transfer in queries.iter_transfers(session):
        if transfer.kind == "pending":
            held[transfer.id] = transfer
        before = held.pop(transfer.pending_id) if transfer.pending_id is not None else None
        yield from _entry(transfer, before, accounts)
    yield ""
    day = max(made_at, last or made_at).date() + timedelta(days=1)  # a balance is that of the morning
    for account in accounts.values():
        yield f"{day} balance {_name(account)} {-account.available} {UNIT}"
        yield f"{day} balance {_held(account)} {-account.debits_pending} {UNIT}"


def _open(account: Account, day: date) -> Iterator[str]:
    yield f"{day} open {_name(account)} {UNIT}"
    yield f'  code: "{_quoted(account.code)}"'
    yield f"{day} open {_held(account)} {UNIT}"


def _entry(transfer: Transfer, before: Transfer | None, accounts: dict[int, Account]) -> Iterator[str]:
    debit, credit = _name(accounts[transfer.debit_id]), _name(accounts[transfer.credit_id])
    held, held_name = before.amount if before else 0, _held(accounts[transfer.debit_id])
    lines: list[tuple[str, int]]
    match transfer.kind:
        case "single":
            lines = [(debit, transfer.amount), (credit, -transfer.amount)]
        case "pending":
            lines = [(debit, transfer.amount), (held_name, -transfer.amount)]
        case "post":
            rest = held - transfer.amount
            lines = [(held_name, held), (credit, -transfer.amount), (debit, -rest)]
        case _:
            lines = [(held_name, held), (debit, -held)]
    yield f'{transfer.at.date()} * "{transfer.kind}" "{_quoted(transfer.reason)}"'
    yield f"  number: {transfer.id}"
    yield f'  key: "{_quoted(transfer.key)}"'
    if transfer.reverses_id is not None:
        yield f"  reverses: {transfer.reverses_id}"
    for name, amount in lines:
        if amount:
            yield f"  {name}  {amount} {UNIT}"


def _name(account: Account) -> str:
    """``Liabilities:Issued:Owner7:A12``: what is owed to somebody, or ``Equity`` for what came in and went out."""
    kind = account.kind.title().replace("_", "")
    return ":".join([_ROOTS.get(account.kind, "Liabilities"), kind, *_whose(account)])


def _held(account: Account) -> str:
    return ":".join(["Liabilities", "Held", *_whose(account)])


def _whose(account: Account) -> Iterator[str]:
    if account.provider_id is not None:
        yield f"Provider{account.provider_id}"
    if account.owner_id is not None:
        yield f"Owner{account.owner_id}"
    yield f"A{account.id}"


def _quoted(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text.replace("\\", "\\\\").replace('"', '\\"'))
