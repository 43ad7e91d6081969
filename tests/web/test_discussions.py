"""Talking about a repo, and pull requests from the first commit to the merge, on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import hub
from yungu.hub import Repo

Visit = Callable[..., Visitor]


@pytest.fixture
def repo(live: LiveHub, lin_name: str) -> Repo:
    files = {"README.md": b"# Tea\n\nGreen.\n", "brew.py": b"a = 1\nb = 2\n"}
    return live.world.repo(f"{lin_name}/{live.fresh_name('tea')}", by=live.actor(lin_name), files=files)


@pytest.fixture
def guest(live: LiveHub, visit: Visit) -> Visitor:
    """Somebody who may not write there."""
    return visit(live.user(live.fresh_name("guest")))


def page_of(repo: Repo) -> str:
    return f"/{repo.repo_id}/discussions"


def ask(visitor: Visitor, repo: Repo, title: str = "How warm?", **fields: str) -> str:
    """The address of a new discussion."""
    sent = visitor.submit(f"{page_of(repo)}/new", title=title, **({"kind": "discussion"} | fields))
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def propose(visitor: Visitor, repo: Repo, path: str = "new.txt", data: bytes = b"one\n") -> str:
    """The address of a new pull request with one commit."""
    address = ask(visitor, repo, "A proposal", kind="pull_request")
    world, number = visitor.hub.world, int(address.rpartition("/")[2])
    plan = hub.CommitPlan(f"refs/pr/{number}", [world.put(repo, path, data)], "Propose it")
    world.apply(repo, plan, by=visitor.hub.actor(visitor.name or ""))
    return address


def test_a_question_and_its_answer_stand_on_one_page(visit: Visit, repo: Repo, guest: Visitor, lin_name: str) -> None:
    address = ask(guest, repo, text=f"Dear @{lin_name}, **80 °C**?")
    answer = visit(lin_name).submit(address, f"{address}/comment", text="Yes")
    page = visit().read(address)

    assert answer.headers["location"].startswith(f"{address}#comment-")
    assert f'<a href="/{lin_name}"' in page and "<strong>80 °C</strong>" in page and "<p>Yes</p>" in page
    assert "How warm?" in visit().read(page_of(repo))


def test_a_long_thread_shows_its_beginning_and_its_end_and_the_rest_when_asked(
    live: LiveHub, repo: Repo, guest: Visitor
) -> None:
    address = ask(guest, repo, text="the very question")
    found = live.world.read_in(hub.get_discussion, repo, int(address.rpartition("/")[2]))
    said = [live.world.write_in(hub.add_comment, repo, found, live.actor(guest.name), f"say {n}") for n in range(120)]

    def numbers(page: str) -> list[int]:
        return [int(number) for number in re.findall(r"<p>say (\d+)</p>", page)]

    last = guest.read(address)
    assert "the very question" in last and numbers(last) == list(range(70, 120))
    older = re.search(r'href="([^"]*until=\d+)"', last)
    assert older is not None
    page = guest.read(older[1])
    assert "the very question" in page and numbers(page) == list(range(20, 70))
    first = guest.read(re.search(r'href="([^"]*until=\d+)"', page)[1])  # type: ignore[index]
    assert numbers(first) == list(range(20)) and "until=" not in first.partition("<form")[0]
    assert f'href="{address}"' in page
    changed = guest.submit(older[1], f"{older[1].replace('?', '/edit?')}", comment=str(said[30].id), text="say 5000")
    assert changed.headers["location"] == f"{older[1]}#comment-{said[30].id}"
    told = guest.get(f"/api/models/{repo.repo_id}/discussions/{found.number}").json()
    assert len(told["events"]) == 121, "clients get everything"


def test_a_discussion_is_muted_and_unmuted_on_its_page(live: LiveHub, repo: Repo, guest: Visitor) -> None:
    address = ask(guest, repo)
    assert guest.submit(address, f"{address}/mute").headers["location"] == address
    assert "You only hear of mentions here." in guest.read(address)
    guest.submit(address, f"{address}/mute", unmute="1")
    assert "You only hear of mentions here." not in guest.read(address)
    assert "/mute" not in Visitor(live).read(address)


def test_a_long_list_goes_on_where_it_was_left(live: LiveHub, repo: Repo, guest: Visitor) -> None:
    for number in range(35):
        live.world.write_in(hub.open_discussion, live.site.git, repo, live.actor(guest.name), title=f"number {number}.")
    first = guest.read(page_of(repo))
    next_page = re.search(r'rel="next" href="([^"]+)"', first)
    assert next_page is not None and "number 34." in first and "number 4." not in first
    live.world.write_in(hub.open_discussion, live.site.git, repo, live.actor(guest.name), title="in between")
    second = guest.read(next_page[1].replace("&amp;", "&"))
    assert all(f"number {number}." in second for number in range(5)) and "number 5." not in second


def test_a_closed_discussion_leaves_the_open_list(visit: Visit, repo: Repo, guest: Visitor) -> None:
    address = ask(guest, repo)
    guest.submit(address, f"{address}/comment", text="Never mind", status="closed")

    assert "How warm?" not in visit().read(page_of(repo))
    assert "How warm?" in visit().read(f"{page_of(repo)}?status=closed")


def test_an_empty_title_keeps_what_was_typed(repo: Repo, guest: Visitor) -> None:
    refused = guest.submit(f"{page_of(repo)}/new", title=" ", text="a long story", kind="discussion")

    assert refused.status_code == 400
    assert "a long story" in refused.text and 'id="e-title"' in refused.text


def test_what_people_write_cannot_run(visit: Visit, repo: Repo, guest: Visitor) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(1)"> [x](javascript:alert(1)) </textarea><b>out'
    address = ask(guest, repo, title=evil, text=evil)
    guest.submit(address, f"{address}/comment", text=evil)
    page = guest.read(address)

    assert "<script>alert" not in page and "onerror=" not in page.replace("onerror=&#34;", "")
    assert 'href="javascript:' not in page


def test_only_the_author_and_writers_may_edit_hide_or_close(
    live: LiveHub, visit: Visit, repo: Repo, guest: Visitor, lin_name: str
) -> None:
    address = ask(visit(lin_name), repo, text="mine")
    comment = re.search(r'id="comment-(\d+)"', guest.read(address))
    assert comment is not None

    for verb, fields in (("edit", {"comment": comment[1], "text": "x"}), ("title", {"title": "x"})):
        assert guest.submit(address, f"{address}/{verb}", **fields).status_code == 403
    assert guest.submit(address, f"{address}/comment", status="closed", text="").status_code == 403
    assert visit(lin_name).submit(address, f"{address}/edit", comment=comment[1], hide="1").status_code == 303
    assert "This comment is hidden." in guest.read(address)


def test_a_pull_request_is_reviewed_and_merged(visit: Visit, repo: Repo, guest: Visitor, lin_name: str) -> None:
    address, lin = propose(guest, repo), visit(lin_name)
    changes = lin.read(f"{address}?view=files")
    lin.submit(address, f"{address}/review", verdict="approve", text="Fine")
    merged = lin.submit(address, f"{address}/merge")
    page = visit().read(address)

    assert "new.txt" in changes and "+one" in changes
    assert merged.status_code == 303
    assert "approved this" in page and "Merged" in page
    assert guest.hub.world.read(repo, "new.txt") == b"one\n"
    assert "+one" in visit().read(f"{address}?view=files"), "what was merged can still be read"


def test_nobody_reviews_or_merges_a_pull_request_of_their_own_without_the_right(repo: Repo, guest: Visitor) -> None:
    address = propose(guest, repo)

    assert "Your own pull request" in guest.submit(address, f"{address}/review", verdict="approve").text
    assert guest.submit(address, f"{address}/merge").status_code == 403


def test_conflicts_are_named_and_keep_from_merging(visit: Visit, repo: Repo, guest: Visitor, lin_name: str) -> None:
    address, lin = propose(guest, repo, "brew.py", b"a = 2\nb = 2\n"), visit(lin_name)
    guest.hub.world.commit(repo, {"brew.py": b"a = 3\nb = 2\n"}, by=guest.hub.actor(lin_name))
    page = lin.read(address)

    assert "changed on both sides" in page and "<code>brew.py</code>" in page
    assert "Merge the pull request" not in page
    assert lin.submit(address, f"{address}/merge").status_code == 409


def test_a_line_of_the_changes_can_be_talked_about(visit: Visit, repo: Repo, guest: Visitor, lin_name: str) -> None:
    address, lin = propose(guest, repo, "brew.py", b"a = 2\nb = 2\n"), visit(lin_name)
    asked = f"{address}?view=files&path=brew.py&line=1&side=new"

    assert 'id="line-form"' in lin.read(asked)
    lin.submit(asked, f"{address}/comment", path="brew.py", line="1", side="new", text="Why two?")
    assert "<p>Why two?</p>" in visit().read(f"{address}?view=files")
    assert "brew.py:1" in visit().read(address)


def test_reading_a_discussion_marks_its_notification_as_read(
    live: LiveHub, visit: Visit, repo: Repo, guest: Visitor, lin_name: str
) -> None:
    from yungu.app import worker

    address, lin = ask(guest, repo), live.actor(lin_name)
    worker.notify_users(live.site)
    assert live.world.read_in(hub.count_unread, lin) == 1
    visit(lin_name).read(address)
    assert live.world.read_in(hub.count_unread, lin) == 0


def test_a_repo_is_liked_and_no_longer(visit: Visit, repo: Repo, guest: Visitor) -> None:
    home = f"/{repo.repo_id}"
    guest.submit(home, f"{home}/like", like="1")
    assert 'aria-pressed="true"' in guest.read(home)
    guest.submit(home, f"{home}/like", like="0")
    assert 'aria-pressed="false"' in guest.read(home)


def test_strangers_read_and_are_asked_to_sign_in(visit: Visit, repo: Repo, guest: Visitor) -> None:
    address = ask(guest, repo)
    stranger = visit()

    assert "Sign in to take part" in stranger.read(address)
    assert stranger.post(f"{address}/comment", data={"text": "x"}).status_code in (303, 401, 403)
