"""The ledger: double entry, two phases, ids of the client's, reversals, replay; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from support.purse import Purse
from yungu import credits
from yungu.credits import Account, Move, Post, Reserve, Transfer, Void
from yungu.credits.models import MOST, accounts, transfers
from yungu.credits.rules.ledger import credits_text, parse_credits
from yungu.kernel.db import Database

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def books(database: Database) -> Purse:
    """A ledger with the accounts source, ann (100) and ben (0)."""
    purse = Purse(database)
    purse.write(lambda s: credits.open_account(s, "source", "source"))
    for number, name in enumerate(("ann", "ben"), 1):
        purse.write(lambda s, n=number, c=name: credits.open_account(s, "cash", c, owner_id=n))
    book(purse, move(purse, "first", "source", "ann", 100))
    return purse


def account(books: Purse, code: str) -> Account:
    return books.read(lambda s: credits.get_account(s, code))


def move(books: Purse, key: str, debit: str, credit: str, amount: int) -> Move:
    return Move(key, account(books, debit).id, account(books, credit).id, amount)


def reserve(books: Purse, key: str, amount: int) -> Reserve:
    return Reserve(key, account(books, "ann").id, account(books, "ben").id, amount, LATER)


def book(books: Purse, *steps: credits.Step) -> list[Transfer]:
    return books.write(lambda s: credits.book(s, steps))


def sides(books: Purse, code: str) -> tuple[int, int, int, int]:
    found = account(books, code)
    return found.debits_pending, found.debits_posted, found.credits_pending, found.credits_posted


def test_a_transfer_moves_both_sides(books: Purse) -> None:
    book(books, move(books, "a", "ann", "ben", 30))
    assert (sides(books, "ann"), sides(books, "ben")) == ((0, 30, 0, 100), (0, 0, 0, 30))
    books.check()


def test_the_same_id_with_the_same_fields_is_the_same_answer(books: Purse) -> None:
    step = move(books, "a", "ann", "ben", 30)
    assert book(books, step) == book(books, step)
    assert account(books, "ben").available == 30


def test_the_same_id_with_other_fields_is_refused(books: Purse) -> None:
    book(books, move(books, "a", "ann", "ben", 30))
    for other in (move(books, "a", "ann", "ben", 31), move(books, "a", "ben", "ann", 30), reserve(books, "a", 30)):
        with pytest.raises(credits.TransferReused):
            book(books, other)
    with pytest.raises(credits.TransferReused):
        book(books, move(books, "b", "ann", "ben", 1), move(books, "b", "ann", "ben", 1))
    assert account(books, "ben").available == 30


def test_nobody_gives_what_they_do_not_have(books: Purse) -> None:
    with pytest.raises(credits.Overdrawn) as refused:
        book(books, move(books, "a", "ann", "ben", 101))
    assert (refused.value.available, refused.value.needed) == (100, 101)
    books.check()


def test_a_chain_is_booked_whole_or_not_at_all(books: Purse) -> None:
    chain = [move(books, "a", "ann", "ben", 60), move(books, "b", "ben", "ann", 61)]
    with books.database.write() as session, pytest.raises(credits.Overdrawn):
        credits.book(session, chain)  # and the caller commits all the same
    assert account(books, "ben").available == 0
    assert books.read(lambda s: credits.find_transfer(s, "a")) is None

    book(books, chain[0], move(books, "b", "ben", "ann", 60))
    assert (account(books, "ann").available, account(books, "ben").credits_posted) == (100, 60)


def test_a_hold_takes_at_once_and_gives_when_it_is_posted(books: Purse) -> None:
    [held] = book(books, reserve(books, "hold", 80))
    assert (sides(books, "ann"), sides(books, "ben")) == ((80, 0, 0, 100), (0, 0, 80, 0))
    assert (account(books, "ann").available, account(books, "ben").available) == (20, 0)

    book(books, Post("post", held.id, 50))
    assert (sides(books, "ann"), sides(books, "ben")) == ((0, 50, 0, 100), (0, 0, 0, 50))
    books.check()


@pytest.mark.parametrize("is_timeout", [False, True])
def test_a_hold_that_ends_unpaid_returns(books: Purse, is_timeout: bool) -> None:
    [held] = book(books, reserve(books, "hold", 80))
    [ended] = book(books, Void("end", held.id, is_timeout=is_timeout))
    assert ended.kind == ("timeout" if is_timeout else "void")
    assert (sides(books, "ann"), sides(books, "ben")) == ((0, 0, 0, 100), (0, 0, 0, 0))
    books.check()


def test_a_hold_ends_once(books: Purse) -> None:
    [held] = book(books, reserve(books, "hold", 80))
    with pytest.raises(credits.TransferEnded):
        book(books, Post("p1", held.id, 1), Post("p2", held.id, 1))
    done = book(books, Post("p1", held.id, 1))
    assert book(books, Post("p1", held.id, 1)) == done
    for step in (Post("p2", held.id, 1), Void("v", held.id)):
        with pytest.raises(credits.TransferEnded):
            book(books, step)


def test_what_is_not_held_cannot_be_posted(books: Purse) -> None:
    [held] = book(books, reserve(books, "hold", 80))
    [moved] = book(books, move(books, "a", "ann", "ben", 1))
    with pytest.raises(credits.PostTooMuch):
        book(books, Post("p", held.id, 81))
    with pytest.raises(credits.NotPending):
        book(books, Post("p", moved.id, 1))
    with pytest.raises(credits.TransferNotFound):
        book(books, Void("p", 999))


@pytest.mark.parametrize("amount", [0, -1, 2**62, 2**63, 2**200, 1.0, True, "1"])
def test_amounts_that_are_none_are_refused(books: Purse, amount: int) -> None:
    with pytest.raises(credits.AmountInvalid):
        book(books, move(books, "a", "source", "ben", amount))
    books.check()


def test_no_account_grows_beyond_what_can_be_counted(books: Purse) -> None:
    book(books, move(books, "a", "source", "ben", MOST - 100))  # the source has given 100 already
    with pytest.raises(credits.AmountInvalid, match="can count"):
        book(books, move(books, "b", "source", "ann", 1))
    books.check()


def test_a_transfer_leads_to_another_account(books: Purse) -> None:
    with pytest.raises(credits.SameAccount):
        book(books, move(books, "a", "ann", "ann", 1))
    with pytest.raises(credits.AccountNotFound):
        book(books, Move("a", account(books, "ann").id, 999, 1))


def test_an_account_stays_what_it_is(books: Purse) -> None:
    with pytest.raises(credits.AccountTaken):
        books.write(lambda s: credits.open_account(s, "cash", "ann", owner_id=2))


def test_a_correction_is_a_transfer_back_and_happens_once(books: Purse) -> None:
    [wrong] = book(books, move(books, "a", "ann", "ben", 30))

    def correct(key: str, number: int) -> Transfer:
        return books.write(lambda s: credits.reverse(s, number, key=key, reason="typed twice", by=None))

    undone = correct("undo", wrong.id)
    assert correct("undo", wrong.id) == undone
    assert (sides(books, "ann"), sides(books, "ben")) == ((0, 30, 0, 130), (0, 30, 0, 30))
    for number in (wrong.id, undone.id):
        with pytest.raises(credits.NotReversible):
            correct("again", number)
    assert [fact.kind for fact in books.facts("TransferReversed")] == ["TransferReversed"]
    books.check()


def test_what_was_spent_cannot_be_taken_back_by_a_correction(books: Purse) -> None:
    [wrong] = book(books, move(books, "a", "ann", "ben", 30))
    book(books, move(books, "b", "ben", "ann", 1))
    with pytest.raises(credits.Overdrawn):
        books.write(lambda s: credits.reverse(s, wrong.id, key="undo", reason="", by=None))


def test_the_database_itself_refuses_to_overspend(books: Purse) -> None:
    for values in ({"debits_posted": 101}, {"debits_pending": 101}, {"credits_posted": -1}, {"debits_posted": 2**62}):
        with pytest.raises(sa.exc.IntegrityError), books.database.write() as session:
            session.execute(sa.update(accounts).where(accounts.c.code == "ann").values(values))


@pytest.mark.parametrize("column", ["debits_posted", "credits_posted"])
def test_the_replay_finds_a_balance_that_was_changed_by_hand(books: Purse, column: str) -> None:
    book(books, move(books, "a", "ann", "ben", 30))
    with books.database.write() as session:
        session.execute(sa.update(accounts).where(accounts.c.code == "ann").values({column: accounts.c[column] + 1}))
    audit = books.read(credits.replay)
    assert ("ann", column) in {(found.where, found.what) for found in audit.differences}
    assert not audit.is_sound


def test_the_replay_finds_a_transfer_that_was_changed_by_hand(books: Purse) -> None:
    [held] = book(books, reserve(books, "hold", 80))
    book(books, Post("p", held.id, 50))
    with books.database.write() as session:
        session.execute(sa.update(transfers).where(transfers.c.key == "p").values(amount=81))
    assert "transfer p" in {found.where for found in books.read(credits.replay).differences}


@pytest.mark.parametrize(
    ("text", "micro"), [("1", 1_000_000), ("0.000001", 1), ("12.5", 12_500_000), ("1e3", 1_000_000_000)]
)
def test_credits_are_read_exactly(text: str, micro: int) -> None:
    assert parse_credits(text) == micro


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "0.0000001", "nan", "inf", "1e400", "9" * 30, "1,5"])
def test_what_is_no_amount_of_credits_is_refused(text: str) -> None:
    with pytest.raises(credits.AmountInvalid):
        parse_credits(text)


def test_credits_are_written_as_people_read_them() -> None:
    assert [credits_text(n) for n in (0, 1, 1_500_000, -2_000_000, 1_234_000_000)] == [
        "0",
        "0.000001",
        "1.5",
        "-2",
        "1,234",
    ]
