"""Every SELECT of credits."""

from yungu.credits.queries.budgets import list_budgets, list_due, list_earned, list_granted, spent_by_fund
from yungu.credits.queries.holds import find_hold, get_hold, list_expired_holds, list_holds
from yungu.credits.queries.ledger import (
    find_account,
    find_period,
    find_transfer,
    get_account,
    get_transfer,
    iter_accounts,
    iter_transfers,
    list_ended,
    list_transfers_by_key,
    lock_accounts,
    replay,
)
from yungu.credits.queries.vouchers import (
    find_voucher,
    get_decision,
    get_voucher,
    get_wallet,
    list_closed_with_rest,
    list_expiring,
    list_vouchers,
    lock_funds,
)

__all__ = [
    "find_account",
    "find_hold",
    "find_period",
    "find_transfer",
    "find_voucher",
    "get_account",
    "get_decision",
    "get_hold",
    "get_transfer",
    "get_voucher",
    "get_wallet",
    "iter_accounts",
    "iter_transfers",
    "list_budgets",
    "list_closed_with_rest",
    "list_due",
    "list_earned",
    "list_ended",
    "list_expired_holds",
    "list_expiring",
    "list_granted",
    "list_holds",
    "list_transfers_by_key",
    "list_vouchers",
    "lock_accounts",
    "lock_funds",
    "replay",
    "spent_by_fund",
]
