"""The export is what bean-check, an auditor that is not ours, calls sound; and it says so when it is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from support.purse import Clock, Purse
from yungu import credits
from yungu.app.dump import dump_tables, load_table
from yungu.credits.models import accounts, transfers
from yungu.kernel import clock
from yungu.kernel.db import Database

LIN, MEI = 7, 8


def bean_check(purse: Purse, folder: Path) -> str:
    """What it has to say, nothing when all is well."""
    with purse.database.snapshot() as session:
        lines = list(credits.iter_beancount(session, clock.now()))
    path = folder / "books.beancount"
    path.write_text("\n".join(lines) + "\n")
    check = Path(sys.executable).with_name("bean-check")
    done = subprocess.run([check, "--no-cache", path], capture_output=True, text=True)
    assert bool(done.returncode) == bool(done.stdout + done.stderr)
    return done.stdout + done.stderr


@pytest.fixture
def busy(purse: Purse, time: Clock) -> Purse:
    """Books in which everything has happened that can, one micro-credit at a time."""
    purse.cash(LIN, 11)
    first, second = purse.grant(LIN, 100, days=1), purse.grant(LIN, 100, days=2)
    large = purse.settle(purse.hold(LIN, 211, provider_id=MEI), 103)
    purse.release(purse.hold(LIN, 50))
    forgotten = purse.hold(LIN, 7)
    time.move(days=-3)  # the clock is wrong for a while
    purse.grant(MEI, 3, days=1)
    time.move(days=4)
    purse.tend()
    purse.hold(LIN, 5, minutes=60 * 24 * 20)
    purse.write(lambda s: credits.claw_back(s, second.id, reason='a "shell"\nfirm \\', by=None))
    purse.write(lambda s: credits.claim(s, MEI, LIN, 50, key="c", by=None))
    purse.write(lambda s: credits.pay(s, MEI, 49, key="p", by=None))
    paid = purse.read(lambda s: credits.find_transfer(s, f"end:{large.id}:1"))
    purse.write(lambda s: credits.reverse(s, paid.id, key="undo", reason="", by=None))  # type: ignore[union-attr]
    assert (purse.left(first), forgotten.amount) == (0, 7)
    purse.check()
    return purse


def test_an_empty_ledger_is_sound(purse: Purse, tmp_path: Path) -> None:
    assert bean_check(purse, tmp_path) == ""


def test_the_auditor_finds_nothing(busy: Purse, tmp_path: Path) -> None:
    assert bean_check(busy, tmp_path) == ""


def test_the_books_survive_a_move_to_another_database(busy: Purse, tmp_path: Path, migrated_sqlite: Path) -> None:
    shutil.copyfile(migrated_sqlite, tmp_path / "other.db")
    other = Purse(Database(f"sqlite:///{tmp_path / 'other.db'}"))
    with busy.database.snapshot() as session, other.database.write() as there:
        for dump, path in dump_tables(session, tmp_path):
            load_table(there, dump, path.read_bytes().splitlines())
    other.check()
    assert other.read(lambda s: credits.get_wallet(s, LIN)) == busy.read(lambda s: credits.get_wallet(s, LIN))
    other.database.close()


@pytest.mark.parametrize("amount", [1, -1])
def test_the_auditor_finds_a_single_micro_credit_in_a_transfer(busy: Purse, tmp_path: Path, amount: int) -> None:
    with busy.database.write() as session:
        wrong = sa.update(transfers).where(transfers.c.key == "pay:p")
        session.execute(wrong.values(amount=transfers.c.amount + amount))
    assert "Balance failed" in bean_check(busy, tmp_path)


def test_the_auditor_finds_a_single_micro_credit_on_an_account(busy: Purse, tmp_path: Path) -> None:
    with busy.database.write() as session:
        wrong = sa.update(accounts).where(accounts.c.code == "budget:pot")
        session.execute(wrong.values(credits_posted=accounts.c.credits_posted + 1))
    assert "Balance failed" in bean_check(busy, tmp_path)
