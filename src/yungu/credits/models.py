"""Rows and values of credits: accounts and transfers of the ledger, vouchers, holds.

Every amount is an integer of micro-credits: 1 credit = 1,000,000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

CREDIT = 1_000_000
"""Micro-credits in one credit."""
MOST = 2**62 - 1
"""The most micro-credits in a transfer or on one side of an account: two of them still fit into 63 bits."""

AccountKind = Literal["source", "budget", "issued", "cash", "redeemed", "payable", "paid", "expired", "clawed_back"]
TransferKind = Literal["single", "pending", "post", "void", "timeout"]
SIDES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
HoldState = Literal["open", "settled", "released", "timed_out"]


@dataclass(frozen=True, slots=True)
class Account:
    """One account. All but the source are bounded: what leaves them, held or for good, must have come in before.

    ``owner_id``: whose it is (of a redeemed account the spender), ``provider_id``: who earns, None for the house."""

    id: int
    code: str
    kind: AccountKind
    owner_id: int | None
    provider_id: int | None
    is_bounded: bool
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def available(self) -> int:
        """What can leave it now."""
        return self.credits_posted - self.debits_posted - self.debits_pending

    @property
    def balance(self) -> int:
        """What is on it, held parts included."""
        return self.credits_posted - self.debits_posted


@dataclass(frozen=True, slots=True)
class Transfer:
    """One immutable line of the ledger: ``amount`` goes from the account ``debit_id`` to ``credit_id``.

    ``key``: the id that the client supplied. ``pending_id``: which pending transfer a post, void or timeout ends;
    ``reverses_id``: which transfer this one corrects. Of a void and a timeout ``amount`` is what was let go."""

    id: int
    key: str
    kind: TransferKind
    debit_id: int
    credit_id: int
    amount: int
    pending_id: int | None
    reverses_id: int | None
    expires_at: datetime | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A step to book: ``amount`` from one account to another, at once."""

    key: str
    debit_id: int
    credit_id: int
    amount: int
    reason: str = ""
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """A step to book: the same in two phases, held until it is posted, voided or timed out."""

    key: str
    debit_id: int
    credit_id: int
    amount: int
    expires_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """A step to book: of what is held, ``amount`` arrives, and the rest returns."""

    key: str
    pending_id: int
    amount: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Void:
    """A step to book: what is held returns."""

    key: str
    pending_id: int
    is_timeout: bool = False
    reason: str = ""


Step = Move | Reserve | Post | Void


@dataclass(frozen=True, slots=True)
class Scope:
    """What a voucher pays for. Nothing named: everything.

    ``models``: repo ids ("lin/tea"); ``owners``: owners of models; ``uses``: kinds of use ("infer", "train")."""

    models: Sequence[str] = ()
    owners: Sequence[str] = ()
    uses: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What credits are spent on: a kind of use ("infer") and the repo id of the model, None when there is none."""

    kind: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what conditions a voucher is granted. Caps in micro-credits: on one UTC day, and ever.

    ``policy`` and ``decision``: which rules it was granted by, and their verdict with its proof."""

    not_before: datetime | None = None
    expires_at: datetime | None = None
    scope: Scope = field(default_factory=Scope)
    day_cap: int | None = None
    total_cap: int | None = None
    policy: str = ""
    decision: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A grant of ``amount`` from a budget to an owner. ``spent_amount``: of the day cap, on the UTC day ``spent_on``.

    ``closed_at``: since when it is clawed back."""

    id: int
    key: str
    account_id: int
    owner_id: int
    budget: str
    amount: int
    scope: Scope
    not_before: datetime
    expires_at: datetime | None
    day_cap: int | None
    total_cap: int | None
    policy: str
    granted_at: datetime
    event_id: int
    warned_at: datetime | None
    closed_at: datetime | None
    closed_reason: str
    spent_on: str | None
    spent_amount: int


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The share of one voucher, or of the cash balance (None), in a hold; ``transfer_id``: the pending transfer.

    ``day``: whose cap it uses up (``2026-11-22``, UTC), None when there is no such cap."""

    transfer_id: int
    account_id: int
    voucher_id: int | None
    amount: int
    day: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits held for one request of a spender. ``id``: that of the fact CreditsHeld. ``redeemed_id``: the account
    that earns; ``parts``: what pays, in the order of spending; ``usage``: what was counted."""

    id: int
    request_id: str
    spender_id: int
    provider_id: int | None
    redeemed_id: int
    amount: int
    parts: Sequence[Part]
    use: Mapping[str, Any]
    state: HoldState
    expires_at: datetime
    created_at: datetime
    settled_amount: int
    usage: Mapping[str, Any] | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fund:
    """Where a spender's credits can come from: an account, and its voucher unless it is the cash balance."""

    account: Account
    voucher: Voucher | None


@dataclass(frozen=True, slots=True)
class Wallet:
    """What an owner has. ``held``: of vouchers and cash, for open holds."""

    cash: int
    vouchers: int
    held: int
    funds: Sequence[Fund]


@dataclass(frozen=True, slots=True)
class Budget:
    """A pot and what became of it. ``free``: still to be granted; ``granted``: to ``vouchers_count`` vouchers, of which
    ``left`` is on them, ``held`` of that for open requests, ``redeemed`` is used up, and the rest came back."""

    name: str
    free: int
    granted: int
    vouchers_count: int
    left: int
    held: int
    redeemed: int
    expired: int
    clawed_back: int


@dataclass(frozen=True, slots=True)
class Earned:
    """What one spender used up at a provider (None: the house) and the provider has not claimed yet."""

    provider_id: int | None
    spender_id: int
    unclaimed: int


@dataclass(frozen=True, slots=True)
class Due:
    """What a provider (None: the house) has claimed: to be paid, and paid."""

    provider_id: int | None
    payable: int
    paid: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure on an account's row that the replay of the transfers does not give; or a rule that a transfer broke."""

    where: str
    what: str
    stored: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What the replay of the whole log found."""

    accounts: int
    transfers: int
    differences: Sequence[Difference]

    @property
    def is_sound(self) -> bool:
        return not self.differences


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, default=0, server_default="0")


accounts = sa.Table(
    "credit_accounts",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("code", sa.String(160), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("owner_id", BigId),
    sa.Column("provider_id", BigId),
    sa.Column("is_bounded", sa.Boolean, nullable=False),
    *(_amount(name) for name in SIDES),
    *(sa.CheckConstraint(f"{name} BETWEEN 0 AND {MOST}", name=name) for name in SIDES),
    sa.CheckConstraint("NOT is_bounded OR debits_pending + debits_posted <= credits_posted", name="no_overspending"),
    sa.Index("ix_credit_accounts_owner_id_kind", "owner_id", "kind"),
)

# Indexes hold only the rows that are looked for: each page that a call changes is written twice.
_ENDS, _REVERSES = sa.text("pending_id IS NOT NULL"), sa.text("reverses_id IS NOT NULL")
_OPEN, _PAID = sa.text("state = 'open'"), sa.text("kind = 'post'")

transfers = sa.Table(
    "credit_transfers",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(160), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("debit_id", BigId, sa.ForeignKey("credit_accounts.id"), nullable=False),
    sa.Column("credit_id", BigId, sa.ForeignKey("credit_accounts.id"), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("pending_id", BigId, sa.ForeignKey("credit_transfers.id")),
    sa.Column("reverses_id", BigId, sa.ForeignKey("credit_transfers.id")),
    sa.Column("expires_at", Moment),
    sa.Column("reason", sa.String(300), nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
    sa.CheckConstraint(f"amount BETWEEN 1 AND {MOST}", name="amount"),
    sa.CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    sa.CheckConstraint("(kind IN ('post', 'void', 'timeout')) = (pending_id IS NOT NULL)", name="ends_pending"),
    sa.Index("ix_credit_transfers_debit_id", "debit_id", sqlite_where=_PAID, postgresql_where=_PAID),
    *(
        sa.Index(f"ix_credit_transfers_{name}", name, unique=True, sqlite_where=given, postgresql_where=given)
        for name, given in (("pending_id", _ENDS), ("reverses_id", _REVERSES))
    ),
)

vouchers = sa.Table(
    "credit_vouchers",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(100), nullable=False, unique=True),
    sa.Column("account_id", BigId, sa.ForeignKey("credit_accounts.id"), nullable=False, unique=True),
    sa.Column("owner_id", BigId, nullable=False, index=True),
    sa.Column("budget", sa.String(100), nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("scope", Json, nullable=False),
    sa.Column("not_before", Moment, nullable=False),
    sa.Column("expires_at", Moment, index=True),
    sa.Column("day_cap", sa.BigInteger),
    sa.Column("total_cap", sa.BigInteger),
    sa.Column("policy", sa.String(100), nullable=False, default=""),
    sa.Column("decision", Json),
    sa.Column("granted_at", Moment, nullable=False),
    sa.Column("event_id", sa.BigInteger, nullable=False),
    sa.Column("warned_at", Moment),
    sa.Column("closed_at", Moment),
    sa.Column("closed_reason", sa.String(300), nullable=False, default=""),
    sa.Column("spent_on", sa.String(10)),
    sa.Column("spent_amount", sa.BigInteger, nullable=False, default=0),
)

holds = sa.Table(
    "credit_holds",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=False),
    sa.Column("request_id", sa.String(100), nullable=False),
    sa.Column("spender_id", BigId, nullable=False),
    sa.Column("provider_id", BigId),
    sa.Column("redeemed_id", BigId, sa.ForeignKey("credit_accounts.id"), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("parts", Json, nullable=False),
    sa.Column("use", Json, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("settled_amount", sa.BigInteger, nullable=False, default=0),
    sa.Column("usage", Json),
    sa.Column("ended_at", Moment),
    sa.UniqueConstraint("spender_id", "request_id"),
    sa.Index("ix_credit_holds_open", "expires_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
)


# --- policies: rules as data

Value = bool | int | str | list[Any] | None
"""What a condition speaks of; None is unknown."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a value came about. ``text``: what was asked; ``parts``: what it rests on; ``missing``: names for want of
    which the value is unknown (None)."""

    text: str
    value: Value
    parts: tuple[Proof, ...] = ()
    missing: tuple[str, ...] = ()


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence in both languages."""

    en: str
    zh: str


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a figure is from. ``is_official``: issued by who decides; else a report of it."""

    address: str
    is_official: bool = False


class FactSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact that is asked of an applicant. A whole number is never negative; ``one_of``: the texts that it may be."""

    type: Literal["whole", "text", "truth"]
    ask: Words
    one_of: tuple[str, ...] = ()


class Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a parameter is from a day on; None: it has no value from then on."""

    since: date
    value: int | str | bool | None


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    values: tuple[Dated, ...]
    unit: str = ""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``since`` is the first day that it is asked, ``until`` the first on which it is not any more."""

    say: Words
    when: str
    since: date | None = None
    until: date | None = None


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a decision table: the first whose condition is true gives the value of the expression ``gives``."""

    when: str
    gives: str
    since: date | None = None
    until: date | None = None


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules by which something is granted, with every figure dated. ``tables``: what they give, in order, each may use
    those before. ``award``: an expression for the amount, in ``unit``."""

    id: str
    title: Words
    issuer: Words
    since: date
    sources: tuple[Source, ...]
    facts: dict[str, FactSpec]
    conditions: tuple[Condition, ...]
    award: str
    unit: str
    parameters: dict[str, Parameter] = {}
    tables: dict[str, tuple[Row, ...]] = {}
    until: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of an applicant on a day. ``is_met`` None: it depends on ``missing``. ``award`` None: nothing,
    or not known."""

    policy: str
    on: date
    is_met: bool | None
    award: int | None
    missing: tuple[str, ...]
    proof: Proof
