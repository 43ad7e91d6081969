"""Credits in one line each, every call in a transaction of its own; amounts in micro-credits.

voucher = purse.grant(7, 100, days=30)
held = purse.hold(7, 60)
purse.settle(held, 25)
purse.left(voucher)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from yungu import credits
from yungu.credits import Hold, Scope, Terms, Use, Voucher
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.kernel.events import Fact, read_after

T = TypeVar("T")
CHAT = Use("infer", "lin/tea")


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how: float) -> datetime:
        self.now += timedelta(**how)
        return self.now


class Purse:
    """The ledger of one database."""

    credits = credits

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = count(1)

    def write(self, work: Callable[[Session], T]) -> T:
        with self.database.write() as session:
            return work(session)

    def read(self, work: Callable[[Session], T]) -> T:
        with self.database.read() as session:
            return work(session)

    def grant(self, owner: int, amount: int, *, days: float | None = None, key: str = "", **terms: Any) -> Voucher:
        """A voucher from the pot that is over after so many ``days``. ``models``, ``owners``, ``uses``: its scope."""
        scope = Scope(*(terms.pop(name, ()) for name in ("models", "owners", "uses")))
        if days is not None:
            terms["expires_at"] = clock.now() + timedelta(days=days)
        made = Terms(scope=scope, **terms)
        name = key or f"voucher-{next(self._numbers)}"
        return self.write(lambda s: credits.grant(s, owner, amount, budget="pot", key=name, terms=made, by=None))

    def cash(self, owner: int, amount: int) -> None:
        key = f"cash-{next(self._numbers)}"
        self.write(lambda s: credits.add_cash(s, owner, amount, key=key, by=None))

    def hold(
        self, spender: int, amount: int, use: Use = CHAT, *, request: str = "", minutes: float = 10, **more: Any
    ) -> Hold:
        expires_at = clock.now() + timedelta(minutes=minutes)
        name = request or f"request-{next(self._numbers)}"
        return self.write(lambda s: credits.hold(s, spender, amount, use, name, expires_at, **more))

    def settle(self, held: Hold, actual: int, usage: dict[str, Any] | None = None) -> Hold:
        return self.write(lambda s: credits.settle(s, held.id, actual, usage))

    def release(self, held: Hold) -> Hold:
        return self.write(lambda s: credits.release(s, held.id))

    def parts(self, held: Hold) -> list[tuple[int | None, int]]:
        """(voucher, held of it), in the order of spending."""
        return [(part.voucher_id, part.amount) for part in held.parts]

    def left(self, voucher: Voucher) -> int:
        """What can still be spent of it, caps aside."""
        wallet = self.read(lambda s: credits.get_wallet(s, voucher.owner_id))
        return sum(fund.account.available for fund in wallet.funds if fund.account.id == voucher.account_id)

    def available(self, code: str) -> int:
        return self.read(lambda s: credits.get_account(s, code)).available

    def tend(self) -> int:
        return credits.tend(self.database, clock.now())

    def facts(self, *kinds: str) -> list[Fact]:
        return list(self.read(lambda s: read_after(s, (0, 0), limit=10_000, kinds=kinds)))

    def check(self) -> None:
        """The ledger is sound to the micro-credit."""
        with self.database.snapshot() as session:
            assert credits.replay(session).differences == []
