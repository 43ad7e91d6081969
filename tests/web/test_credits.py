"""Wallets, vouchers by policy, pots and the books, on pages and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts, compute, credits
from yungu.compute.models.jobs import jobs
from yungu.compute.service import jobs as queue
from yungu.kernel import clock

Visit = Callable[..., Visitor]
CREDIT = credits.CREDIT
WESTLAKE = {"contract_amount": "600", "awarded_this_year": "0"}


@pytest.fixture
def admin(live: LiveHub, visit: Visit) -> Visitor:
    return visit(live.user(is_admin=True))


@pytest.fixture
def pot(live: LiveHub) -> str:
    """A pot of 1,000 credits."""
    name = live.fresh_name("pot")
    with live.site.db.write() as session:
        credits.fund_budget(session, name, 1_000 * CREDIT, key=name, by=None)
    return name


def owner_id(live: LiveHub, name: str) -> int:
    with live.site.db.read() as session:
        return accounts.get_owner(session, name).id


def key_on(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def grant(live: LiveHub, name: str, pot: str, amount: int, **terms: object) -> int:
    with live.site.db.write() as session:
        holder = accounts.get_owner(session, name)
        made = credits.Terms(**terms)  # type: ignore[arg-type]
        key = live.fresh_name("grant")
        return credits.grant(session, holder.id, amount, budget=pot, key=key, terms=made, by=None).id


def test_an_administrator_funds_a_pot_once_and_grants_by_policy(live: LiveHub, admin: Visitor, lin_name: str) -> None:
    pot = live.fresh_name("pot")
    key = key_on(admin.read("/-/admin/credits"))
    for _ in range(2):  # sent twice, done once
        admin.submit("/-/admin/credits", "/-/admin/credits/fund", budget=pot, amount="1,000.5", key=key)
    assert f"{pot}</a>" in admin.read("/-/admin/credits") and "1,000.5" in admin.read("/-/admin/credits")

    form = "/-/admin/credits/grant?policy=westlake-tokens"
    given = {"owner": lin_name, "budget": pot, "policy": "westlake-tokens", "unit_price": "1", "until": "2099-12-31"}
    given |= {"key": key_on(admin.read(form)), "on": "2026-06-01"}
    unknown = admin.submit(form, contract_amount="600", **given)
    assert unknown.status_code == 400 and "Awarded this year already" in unknown.text  # what is missing
    refused = admin.submit(form, **(WESTLAKE | {"awarded_this_year": "1000000"}), **given)
    assert refused.status_code == 400 and "verdict-box-no" in refused.text

    granted = admin.submit(form, **WESTLAKE, **given)
    assert granted.status_code == 303
    page = admin.read(granted.headers["location"])
    assert "Why it was granted" in page and "The cap is not reached" in page and "300 CNY" in page
    again = admin.submit(form, **WESTLAKE, **given)
    assert again.headers["location"] == granted.headers["location"]


def test_a_wallet_shows_what_is_left_and_what_is_over_soon(
    live: LiveHub, visit: Visit, lin_name: str, pot: str
) -> None:
    soon = clock.now() + timedelta(days=3)
    scope = credits.Scope(models=("lin/tea",), uses=("infer",))
    grant(live, lin_name, pot, 40 * CREDIT, expires_at=soon, scope=scope, day_cap=10 * CREDIT)
    grant(live, lin_name, pot, 60 * CREDIT)
    with live.site.db.write() as session:
        until = clock.now() + timedelta(minutes=5)
        use = credits.Use("infer", "lin/tea")
        held = credits.hold(session, owner_id(live, lin_name), 5 * CREDIT, use, "r1", until)
        credits.settle(session, held.id, 4 * CREDIT)

    page = visit(lin_name).read("/-/credits")
    assert "36 credits are lost within a week" in page
    assert "4 of 10 today" in page and "lin/tea" in page and "for ever" in page
    assert page.index("Voucher #") > 0 and "Saved by vouchers this month" in page


def test_a_wallet_shows_what_jobs_hold_and_did_cost(live: LiveHub, visit: Visit, lin_name: str, pot: str) -> None:
    grant(live, lin_name, pot, 5 * CREDIT)
    actor, terms = live.actor(lin_name), compute.JobTerms(second_price=CREDIT)
    nowhere = compute.RepoPlace(1, "datasets/lin/set", "0" * 40, "d.jsonl")
    spec = compute.EvaluationSpec(nowhere, nowhere, metric="accuracy")
    with live.site.db.write() as session:  # taken before anybody of the hub itself can
        use, payer = credits.Use("job", "lin/tea"), accounts.get_owner(session, lin_name)
        job = queue.ask(session, spec, actor, payer, 3 * CREDIT, terms, use=use)
        queue.claim_job(session, "w", number=job.id)
        session.execute(jobs.update().where(jobs.c.id == job.id).values(lease_until=clock.now() + timedelta(days=1)))
    lin = visit(lin_name)
    page = lin.read("/-/credits")
    assert f'href="/-/jobs/{job.id}"' in page and "at most 3, held" in page
    with live.site.db.write() as session:
        queue.end_job(session, job.id, "w", "succeeded", "", compute.Progress(1, 1, "", 1.5, 0, {}))
    page = lin.read("/-/credits")
    assert f'href="/-/jobs/{job.id}"' in page and '<td class="number">1.5</td>' in page and "held</td>" not in page
    assert f'href="/-/jobs/{job.id}"' not in visit(live.user()).read("/-/credits")


def test_wallets_are_for_their_owners_and_rulers(live: LiveHub, visit: Visit, lin_name: str, admin: Visitor) -> None:
    town = live.world.organization(live.fresh_name("town"), admin=live.actor(lin_name)).name
    other = visit(live.user())

    assert visit(lin_name).get(f"/-/credits/{town}").status_code == 200
    assert admin.get(f"/-/credits/{town}").status_code == 200
    for path in (f"/-/credits/{town}", f"/-/credits/{lin_name}", f"/-/credits/{town}/calls.csv"):
        assert other.get(path).status_code == 404
    assert visit().get("/-/credits").is_redirect
    assert other.get("/-/receipts/999999").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["", "/grant", "/vouchers", "/vouchers/1", "/audit", "/books.beancount"],
)
def test_pots_and_books_are_for_administrators(visit: Visit, lin_name: str, path: str) -> None:
    assert visit(lin_name).get(f"/-/admin/credits{path}").status_code == 404
    assert visit().get(f"/-/admin/credits{path}").is_redirect


def test_a_voucher_is_taken_back_with_a_reason_that_runs_nothing(
    live: LiveHub, admin: Visitor, visit: Visit, lin_name: str, pot: str
) -> None:
    number = grant(live, lin_name, pot, 50 * CREDIT)
    page = f"/-/admin/credits/vouchers/{number}"

    assert admin.submit(page, f"{page}/claw-back", reason="").status_code == 400
    taken = admin.submit(page, f"{page}/claw-back", reason="<script>alert(1)</script>")
    assert taken.status_code == 303
    assert admin.submit("/-/admin/credits", f"{page}/claw-back", reason="again").status_code == 409
    wallet = visit(lin_name).read("/-/credits")
    assert "Taken back" in wallet and "<script>alert" not in wallet and "&lt;script&gt;alert(1)" in wallet


def test_the_books_are_audited_and_exported(admin: Visitor, pot: str) -> None:
    assert "The books are sound" in admin.read("/-/admin/credits/audit")
    books = admin.get("/-/admin/credits/books.beancount")
    assert books.headers["content-disposition"].endswith('.beancount"') and pot in books.text


def test_policies_say_yes_no_and_what_is_missing_in_both_languages(visit: Visit) -> None:
    visitor = visit()
    page = visitor.read("/-/policies")
    assert page.count("Could I get it?") == len(credits.list_policies()) and "bobomg.com" in page

    place = "/-/policies/westlake-tokens?ask=1&on=2026-06-01&contract_amount=600"
    assert "Not known yet" in visitor.read(place) and "Awarded this year already" in visitor.read(place)
    assert "Yes: 300 CNY" in visitor.read(f"{place}&awarded_this_year=0")
    assert "可以：300 CNY" in visitor.read(f"{place}&awarded_this_year=0&lang=zh")
    wrong = visitor.read(f"{place}&awarded_this_year=-4&lang=en", 400)
    assert "This is no answer to that question." in wrong
    assert visitor.get("/-/policies/no-such").status_code == 404


def test_forms_of_money_take_no_other_sites_word(admin: Visitor, pot: str) -> None:
    fields = {"budget": pot, "amount": "5", "key": "k-elsewhere"}
    assert admin.post("/-/admin/credits/fund", data=fields).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert admin.post("/-/admin/credits/fund", data=fields, headers=foreign).status_code == 403
    for wrong in ("-5", "many", "1e400", ""):
        answer = admin.submit("/-/admin/credits", "/-/admin/credits/fund", budget=pot, amount=wrong, key="k")
        assert answer.status_code == 400 and "Write a number of credits" in answer.text
