"""``yungu credits``: pots, vouchers, balances, the audit, the export."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from support.commands import Run
from yungu.credits.models import accounts
from yungu.kernel.db import Database


@pytest.fixture
def lin(yungu: Run) -> str:
    """A hub with a user who has a voucher of 12.5 credits."""
    assert yungu("user", "create", "lin").code == 0
    assert yungu("credits", "fund", "pot", "100", "--key", "first").code == 0
    granted = yungu("credits", "grant", "lin", "12.5", "--budget", "pot", "--days", "30", "--model", "lin/tea")
    assert granted.code == 0 and granted.out.startswith("Granted the voucher 1 of 12.5 credits to lin, good until")
    return "lin"


def test_what_was_granted_is_seen(yungu: Run, lin: str) -> None:
    heads, row = yungu("credits", "balance", lin).out.splitlines()
    assert heads.split() == ["FROM", "LEFT", "HELD", "UNTIL", "FOR"]
    assert row.startswith("voucher 1  12.5") and row.endswith("lin/tea")
    assert yungu("credits", "balance", lin, "--json").json["vouchers"] == 12_500_000


def test_a_command_with_an_id_is_done_once(yungu: Run, lin: str) -> None:
    assert yungu("credits", "fund", "pot", "100", "--key", "first").out == "The pot pot has 87.5 credits to grant.\n"
    refused = yungu("credits", "fund", "pot", "101", "--key", "first")
    assert refused.code == 1 and "was used for another transfer" in refused.err


@pytest.mark.parametrize("amount", ["0", "1.0000001", "many", "1e30"])
def test_amounts_that_are_none_are_refused(yungu: Run, lin: str, amount: str) -> None:
    refused = yungu("credits", "grant", lin, amount, "--budget", "pot")
    assert refused.code == 1 and refused.err.startswith("yungu: The amount of credits is not valid")


def test_the_audit_tells_sound_books_from_others(yungu: Run, lin: str, tmp_path: Path) -> None:
    assert yungu("credits", "audit").out.endswith("The books are sound.\n")
    database = Database(f"sqlite:///{tmp_path / 'hub' / 'yungu.db'}")
    with database.write() as session:
        wrong = sa.update(accounts).where(accounts.c.code == "budget:pot")
        session.execute(wrong.values(credits_posted=accounts.c.credits_posted + 1))
    database.close()
    found = yungu("credits", "audit", "--json")
    assert found.code == 3 and not found.json["is_sound"]


def test_the_export_goes_to_a_file_or_to_standard_output(yungu: Run, lin: str, tmp_path: Path) -> None:
    assert yungu("credits", "export", str(tmp_path / "books.beancount")).code == 0
    text = (tmp_path / "books.beancount").read_text()
    assert "Liabilities:Issued:Owner1:A3  -12500000 MICROCREDIT" in text
    assert yungu("credits", "export").out == text


def test_a_policy_says_yes_no_or_what_is_missing(yungu: Run, tmp_path: Path) -> None:
    assert "hangzhou-compute" in yungu("credits", "policies").out
    asked = ["credits", "decide", "shenzhen-training", "--on", "2025-06-30", "--fact", "contract_amount=1000"]
    unknown = yungu(*asked, "--fact", "use=train").out.splitlines()
    assert unknown[0] == "[yes] shenzhen-training on 2025-06-30"
    assert unknown[-2:] == ["? Is it a start-up?", "yes"]
    assert yungu(*asked, "--fact", "use=train", "--fact", "is_startup=true").out.endswith("\nyes 600 CNY\n")
    assert yungu(*asked, "--fact", "use=infer", "--json").json["is_met"] is False
    assert yungu(*asked, "--fact", "use=tea").code == 1
    (tmp_path / "own.yaml").write_text("id: own")
    assert "is not valid" in yungu("credits", "decide", str(tmp_path / "own.yaml")).err
    assert yungu("credits", "decide", "tea", "--on", "soon").code == 2


def test_a_policy_grants_what_it_awards(yungu: Run, lin: str) -> None:
    yungu("credits", "fund", "coupons", "100")
    asked = ["credits", "grant", lin, "--budget", "coupons", "--policy", "westlake-tokens", "--on", "2026-06-01"]
    unknown = yungu(*asked, "--fact", "contract_amount=600")
    assert unknown.code == 1 and "it is not known what awarded_this_year is" in unknown.err
    facts = ["--fact", "contract_amount=60", "--fact", "awarded_this_year=0"]
    made = yungu(*asked, *facts, "--key", "w1", "--json").json
    assert (made["amount"], made["policy"]) == (30 * 1_000_000, "westlake-tokens")
    assert yungu(*asked, *facts, "--key", "w1", "--json").json["id"] == made["id"]
    assert " of 7 credits to " in yungu("credits", "grant", lin, "7", *asked[3:], *facts).out
    assert yungu("credits", "grant", lin, "--budget", "coupons").code == 2
