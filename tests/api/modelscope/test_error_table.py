"""Every kind of refusal that the clients tell apart, provoked for real, in the envelope of its API."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import postgres
from support.disks import fill
from support.ms import MsPerson, drop, normal
from support.servers import LiveHub, live_hub
from yungu import accounts, hub
from yungu.api.http.rates import Rates
from yungu.api.modelscope.errors import BRANCH_MOVED

LEGACY = {"Code", "Success", "Message", "RequestId", "Data"}
OPEN = {"success", "code", "message", "request_id"}
FAR = {"x-forwarded-for": "203.0.113.9"}


def assert_legacy(answer: httpx.Response, status: int, code: int) -> str:
    """The message, once everything else is right."""
    body = answer.json()
    assert (answer.status_code, body["Code"]) == (status, code), answer.text
    assert (set(body), body["Success"], body["Data"]) == (LEGACY, False, None)
    assert body["RequestId"] == answer.headers["x-request-id"]
    return str(body["Message"])


def assert_open(answer: httpx.Response, status: int, code: str) -> str:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert (set(body), body["success"]) == (OPEN, False)
    assert body["request_id"] == answer.headers["x-request-id"]
    return str(body["message"])


@pytest.fixture
def stage(live: LiveHub, lin: MsPerson, mei: MsPerson, stranger: MsPerson, tea: str, silk: str) -> Iterator[Stage]:
    made = Stage(live, lin, mei, stranger, tea, silk)
    yield made
    for repo in made.damaged:
        live.world.write_in(hub.delete_repo, repo, live.actor(lin.name))


class Stage:
    """People and repos, and what they do wrong."""

    def __init__(self, live: LiveHub, lin: MsPerson, mei: MsPerson, stranger: MsPerson, tea: str, silk: str) -> None:
        self.live, self.lin, self.mei, self.stranger, self.tea, self.silk = live, lin, mei, stranger, tea, silk
        self.damaged: list[hub.Repo] = []

    def damage(self, kind: str) -> str:
        """A public repo whose card is damaged on the disk."""
        repo = self.lin.create(self.live.fresh_name("damaged"), kind=kind, visibility=5)
        found = self.live.world.read_in(hub.find_repo, kind, repo)  # type: ignore[arg-type]
        assert found is not None
        self.damaged.append(found)
        for file in Path(self.live.site.git.path(found.id)).glob("objects/??/*"):
            file.chmod(0o600)
            file.write_bytes(b"not what git wrote")
        return repo

    def wait_for_nothing(self, person: MsPerson) -> httpx.Response:
        """One file more than may wait."""
        answers = (person.http.post("/openapi/v1/files/upload", files={"file": ("a", b"a")}) for _ in range(50))
        return next(answer for answer in answers if answer.status_code != 200)


Provoke = Callable[[Stage], httpx.Response]

LEGACY_TABLE: dict[str, tuple[Provoke, int, int, str]] = {
    "a body that is no JSON": (lambda s: s.lin.http.post("/api/v1/models", content=b"{"), 400, 400, "not valid"),
    "a model that exists": (
        lambda s: s.lin.ask_to_create(s.tea.partition("/")[2]), 400, 10010101001, "exist",
    ),
    "a dataset that exists": (
        lambda s: s.lin.ask_to_create(s.silk.partition("/")[2], kind="dataset"), 400, 10020101001, "exist",
    ),
    "a login with a bad token": (
        lambda s: s.stranger.http.post("/api/v1/login", json={"AccessToken": "bad"}), 400, 10010103009, "not valid",
    ),
    "a bad token": (
        lambda s: s.stranger.http.get(f"/api/v1/models/{s.tea}", headers={"authorization": "Bearer bad"}), 401, 401, "",
    ),
    "a bad cookie beside nothing else": (
        lambda s: s.stranger.http.get(f"/api/v1/models/{s.tea}", headers={"cookie": "m_session_id=bad"}), 401, 401, "",
    ),
    "a change by nobody": (lambda s: s.stranger.commit(s.tea, [drop("x")]), 401, 401, ""),
    "a change by somebody else": (lambda s: s.mei.commit(s.tea, [drop("x")]), 403, 403, "write"),
    "what is not there": (lambda s: s.lin.http.get("/api/v1/models/no/where"), 404, 404, "not found"),
    "what may not be seen": (lambda s: s.mei.http.get(f"/api/v1/datasets/{s.silk}"), 404, 404, "not found"),
    "a method that is not": (lambda s: s.lin.http.patch(f"/api/v1/models/{s.tea}"), 405, 405, "PUT"),
    "a file that is a folder too": (
        lambda s: s.lin.commit(s.tea, [{"action": "create", "path": "README.md/x", "content": ""}]), 409, 409, "",
    ),
    "more bytes than announced": (
        lambda s: s.lin.http.put(str(s.lin.plan(s.tea, b"right")[1]), content=b"too long"), 413, 413, "",
    ),
    "too many actions": (
        lambda s: s.lin.commit(s.tea, [drop(str(number)) for number in range(2001)]), 422, 422, "2000",
    ),
    "a damaged repo": (
        lambda s: s.lin.http.get(f"/api/v1/models/{s.damage('model')}/repo/files"), 500, 500, "no object",
    ),
}  # fmt: skip

OPEN_TABLE: dict[str, tuple[Provoke, int, str, str]] = {
    "a page that cannot be": (
        lambda s: s.lin.http.get("/openapi/v1/models?page_size=0"), 400, "InputParameterError", "page_size",
    ),
    "a bad token": (
        lambda s: s.stranger.http.get("/openapi/v1/models", headers={"cookie": "modelscope_session=bad"}),
        401, "InvalidAuthentication", "",
    ),
    "nobody": (lambda s: s.stranger.http.get("/openapi/v1/users/me"), 401, "InvalidAuthentication", ""),
    "a studio of others": (
        lambda s: s.mei.http.post("/openapi/v1/studios", json={"owner": s.lin.name, "repo_name": "x"}),
        403, "OperationNotAllowed", "rights",
    ),
    "too much kept": (lambda s: s.wait_for_nothing(s.lin), 403, "QuotaLimitExceed", "wait to be used"),
    "what is not there": (lambda s: s.lin.http.get("/openapi/v1/models/no/where"), 404, "ResourceNotFound", ""),
    "what may not be seen": (
        lambda s: s.mei.http.get(f"/openapi/v1/datasets/{s.silk}"), 404, "ResourceNotFound", "not found",
    ),
    "a method that is not": (lambda s: s.lin.http.put("/openapi/v1/models"), 405, "InputParameterError", "GET"),
    "what exists": (
        lambda s: [
            s.lin.http.post("/openapi/v1/skills", json={"owner": s.lin.name, "skill_name": "twice"}) for _ in range(2)
        ][-1],
        409, "DuplicateEntity", "exists",
    ),
    "a file that is too large": (
        lambda s: s.lin.http.post("/openapi/v1/files/upload", files={"file": ("a", bytes(6 << 20))}),
        413, "InputParameterError", "",
    ),
    "a damaged repo": (
        lambda s: s.lin.http.get(f"/openapi/v1/datasets/{s.damage('dataset')}"),
        500, "InternalServerError", "no object",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEGACY_TABLE)
def test_the_older_api_says_no_in_its_own_way(stage: Stage, case: str) -> None:
    provoke, status, code, word = LEGACY_TABLE[case]
    assert word in assert_legacy(provoke(stage), status, code)


@pytest.mark.parametrize("case", OPEN_TABLE)
def test_the_newer_api_says_no_in_its_own_way(stage: Stage, case: str) -> None:
    provoke, status, code, word = OPEN_TABLE[case]
    assert word in assert_open(provoke(stage), status, code)


def test_who_asks_too_often_is_told_when_to_ask_again(
    live: LiveHub, stranger: MsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.site, "rates", Rates({"api": 1}))
    assert stranger.http.get("/openapi/v1/models", headers=FAR).status_code == 200
    old = stranger.http.get("/api/v1/datasets", headers=FAR)
    new = stranger.http.get("/openapi/v1/models", headers=FAR)
    assert "Too many requests" in assert_legacy(old, 429, 429)
    assert "Too many requests" in assert_open(new, 429, "RateLimitExceed")
    assert all(0 < int(answer.headers["retry-after"]) <= 300 for answer in (old, new))


def test_an_owner_without_room_is_told_so_and_not_to_try_again(live: LiveHub, lin: MsPerson, tea: str) -> None:
    owner = live.world.read_in(accounts.get_user, lin.name)
    live.world.write_in(accounts.set_quota, owner, 10, by=None)
    answer = lin.commit(tea, [{"action": "create", "path": "a", "content": "x" * 1000}])
    assert "used up" in assert_legacy(answer, 403, 403)


@pytest.fixture
def lost(cluster: postgres.Cluster, tmp_path: Path) -> Iterator[MsPerson]:
    """A user of a hub whose database went away while it ran."""
    name = cluster.create()
    with live_hub(tmp_path, database_url=cluster.url(name)) as live:
        user = live.user()
        person = MsPerson(live.url, user, live.token(user))
        assert person.http.get("/openapi/v1/users/me").status_code == 200
        cluster.drop(name)
        yield person


def test_a_database_that_is_away_is_said_to_be_away(lost: MsPerson) -> None:
    def asked() -> Iterator[Any]:
        for path in itertools.repeat("/openapi/v1/users/me", 2):
            yield assert_open(lost.http.get(path), 503, "ServiceUnavailable")
        yield assert_legacy(lost.http.get("/api/v1/models/a/b"), 503, 503)
        yield assert_legacy(lost.http.post("/api/v1/models", json={"Path": lost.name, "Name": "x"}), 503, 503)

    assert all("does not answer" in message for message in asked())


@pytest.fixture
def elsewhere(cluster: postgres.Cluster, tmp_path: Path) -> Iterator[LiveHub]:
    """A hub on PostgreSQL, where two can write at once."""
    name = cluster.create()
    with live_hub(tmp_path, database_url=cluster.url(name)) as live:
        yield live
    cluster.drop(name)


def test_who_loses_the_race_for_a_new_branch_is_told_to_try_again(
    elsewhere: LiveHub, cluster: postgres.Cluster
) -> None:
    lin = elsewhere.world.user("lin")
    repo = elsewhere.world.repo("lin/tea", by=lin, files={"README.md": b"# tea"})
    loser = MsPerson(elsewhere.url, "lin", elsewhere.token("lin"))
    plan = hub.CommitPlan("green", [elsewhere.world.put(repo, "a", b"first")], "first", create_branch=True)
    with ThreadPoolExecutor(1) as thread:
        with elsewhere.site.db.write() as session:
            won = hub.apply_commit(session, elsewhere.site.git, repo, plan, lin)
            late = thread.submit(loser.commit, repo.repo_id, [normal("a", b"second")], rev="green")
            cluster.wait_for_a_waiter(str(elsewhere.site.db.url.database), "UPDATE repos SET git_bytes%")
        assert "please retry" in assert_legacy(late.result(60), 409, BRANCH_MOVED)
    assert loser.get(repo.repo_id, "a", rev="green").content == b"first"
    again = loser.commit(repo.repo_id, [normal("a", b"second")], rev="green")
    assert elsewhere.world.objects(repo).commit(again.json()["Data"]["oid"]).parents == (won.oid,)


@pytest.fixture
def cramped(small_disk: Path, tmp_path: Path) -> Iterator[MsPerson]:
    """A user of a hub whose data lies on a disk of 64 MiB."""
    with live_hub(small_disk / "data") as live:
        user = live.user()
        yield MsPerson(live.url, user, live.token(user, "admin"))


def test_a_full_disk_is_said_to_be_full_by_both(cramped: MsPerson, small_disk: Path) -> None:
    tea = cramped.create("tea")
    cramped.put(tea, {"a": b"before"})
    large = os.urandom(8 << 20)
    _, href = cramped.plan(tea, large)
    ballast = fill(small_disk, leave_bytes=2 << 20)
    assert "no room" in assert_legacy(cramped.http.put(str(href), content=large), 507, 507)
    files = [normal(f"{number}", os.urandom(1 << 20)) for number in range(4)]
    assert assert_legacy(cramped.commit(tea, files), 507, 507)
    ballast.unlink()
    ballast = fill(small_disk, leave_bytes=0)
    skill = {"owner": cramped.name, "skill_name": "brew"}
    answers = [cramped.http.post("/openapi/v1/skills", json=skill) for _ in range(3)]
    assert all("full" in assert_open(answer, 507, "ServiceUnavailable") for answer in answers)
    assert cramped.get(tea, "a").content == b"before"
    ballast.unlink()
    cramped.put(tea, {"a": b"after"})
    assert cramped.get(tea, "a").content == b"after"
