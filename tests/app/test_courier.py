"""Webhooks are told what happened, once, signed, and again when nobody answered."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from huggingface_hub import WebhookPayload

from support.loops import run_async
from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import courier
from yungu.app.pulse import Pulse
from yungu.hub.service.deliveries import RETRY_AFTER_SECONDS
from yungu.kernel import clock


@dataclass
class Listener:
    """A web server that keeps what it is sent and answers as told."""

    url: str = ""
    answer: int = 200
    heard: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)
    answers: threading.Event = field(default_factory=threading.Event)
    """Until it is set, nobody at ``slow_url`` gets an answer."""

    @property
    def slow_url(self) -> str:
        return f"{self.url}/slow"

    def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        headers, body = self.heard.get(timeout=10)
        return headers, json.loads(body)


@pytest.fixture
def listener() -> Iterator[Listener]:
    told = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path.endswith("/slow"):
                told.answers.wait(30)
            told.heard.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.answer)
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(b"heard it" * 2000)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        told.answers.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def near(site: Site) -> Site:
    """A hub that may call this machine."""
    site.webhook_private_addresses = True
    return site


@pytest.fixture
def repo(near: Site, world: World, lin: Actor) -> hub.Repo:
    """A repo whose making everybody has heard of."""
    made = world.repo("lin/tea", by=lin)
    courier.queue(near)
    return made


def ask(world: World, repo: hub.Repo, by: Actor, title: str = "Why") -> hub.Discussion:
    return world.write_in(hub.open_discussion, world.site.git, repo, by, title=title, text="so?")


def watch(world: World, site: Site, by: Actor, url: str, *watched: hub.Watched, **values: Any) -> hub.Webhook:
    asked: dict[str, Any] = {"url": url, "watched": watched, "domains": ["repo", "discussion"]} | values
    return world.write_in(hub.create_webhook, site.secret, by, **asked)


def deliver_due(site: Site) -> list[hub.Delivery]:
    """Queue and try everything that is due, as the running hub does."""
    tried = list(courier._next_deliveries(site, ()))
    for delivery in tried:
        courier.deliver(site, delivery)
    return tried


def deliveries(world: World, webhook: hub.Webhook) -> list[hub.Delivery]:
    return list(world.read_in(hub.list_deliveries, webhook))


def test_a_push_is_told_to_who_watches_the_repo(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    webhook = watch(world, near, lin, listener.url, hub.Watched("model", repo.repo_id), secret="tea")
    commit = world.commit(repo, {"a.txt": b"hello"}, by=lin)
    deliver_due(near)
    headers, body = listener.next()
    payload = WebhookPayload.model_validate(body)
    assert (payload.event.action, payload.event.scope) == ("update", "repo.content")
    assert payload.repo.name == repo.repo_id
    assert payload.updatedRefs is not None
    assert payload.updatedRefs[0].newSha == commit.oid
    assert headers["x-webhook-secret"] == "tea"
    assert deliveries(world, webhook)[0].status == "delivered"


def test_what_is_told_is_signed(near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener) -> None:
    watch(world, near, lin, listener.url, hub.Watched("user", "lin"), secret="tea")
    ask(world, repo, lin)
    deliver_due(near)
    headers, raw = listener.heard.get(timeout=10)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    expected = base64.b64encode(hmac.digest(b"tea", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_comment_is_told_with_its_text(
    near: Site, world: World, repo: hub.Repo, lin: Actor, mei: Actor, listener: Listener
) -> None:
    found = ask(world, repo, mei)
    watch(world, near, lin, listener.url, hub.Watched("model", repo.repo_id), domains=["discussion"])
    world.write_in(hub.add_comment, repo, found, mei, "Because of the rain")
    told = []
    while deliver_due(near):
        told.append(WebhookPayload.model_validate(listener.next()[1]))
    comment = told[-1].comment
    assert comment is not None
    assert (told[-1].event.scope, comment.content) == ("discussion.comment", "Because of the rain")
    assert all(payload.event.scope.startswith("discussion") for payload in told)


def test_who_may_not_see_a_repo_is_not_told_of_it(
    near: Site, world: World, lin: Actor, mei: Actor, listener: Listener
) -> None:
    webhook = watch(world, near, mei, listener.url, hub.Watched("user", "lin"))
    secret = world.repo("lin/secret", by=lin, visibility="private")
    world.write_in(hub.delete_repo, secret, lin)
    assert deliver_due(near) == []
    assert deliveries(world, webhook) == []


def test_what_is_said_about_a_gated_repo_is_told_only_to_those_who_were_let_in(
    near: Site, world: World, repo: hub.Repo, lin: Actor, mei: Actor, listener: Listener
) -> None:
    gated = world.write_in(hub.change_settings, repo, lin, gated="manual")
    webhook = watch(world, near, mei, listener.url, hub.Watched("user", "lin"), domains=["discussion"])
    ask(world, gated, lin)
    deliver_due(near)
    assert deliveries(world, webhook) == []
    world.write_in(hub.grant_access, gated, mei.user, lin)  # type: ignore[arg-type]
    ask(world, gated, lin)
    deliver_due(near)
    assert [delivery.kind for delivery in deliveries(world, webhook)] == ["DiscussionOpened"]


def test_the_owner_is_told_of_a_deletion(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    watch(world, near, lin, listener.url, hub.Watched("user", "lin"))
    world.write_in(hub.delete_repo, repo, lin)
    deliver_due(near)
    payload = WebhookPayload.model_validate(listener.next()[1])
    assert (payload.event.action, payload.repo.name) == ("delete", "lin/tea")


def test_who_does_not_answer_is_called_again_later_and_given_up_in_the_end(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.answer = 500
    webhook = watch(world, near, lin, listener.url, hub.Watched("user", "lin"))
    ask(world, repo, lin)
    now = clock.now() + timedelta(seconds=1)
    for pause in (*RETRY_AFTER_SECONDS, 0):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        assert len(deliver_due(near)) == 1
        assert deliver_due(near) == []
        now += timedelta(seconds=pause)
    assert [(found.status, found.tries_count) for found in deliveries(world, webhook)] == [("failed", 7)]
    assert len(deliveries(world, webhook)[0].answer_text) <= 2000


def test_a_failed_delivery_can_be_begun_anew(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    webhook = watch(world, near, lin, listener.url, hub.Watched("user", "lin"))
    ask(world, repo, lin)
    first = deliver_due(near)[0]
    world.write_in(hub.redeliver, webhook, first.id)
    deliver_due(near)
    assert listener.next()[0]["webhook-id"] == listener.next()[0]["webhook-id"]
    with pytest.raises(hub.DeliveryNotFound):
        world.write_in(hub.redeliver, webhook, first.id + 1000)


def test_a_redirect_is_a_refusal_and_leads_nowhere(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    listener.answer = 302
    webhook = watch(world, near, lin, listener.url, hub.Watched("user", "lin"))
    ask(world, repo, lin)
    deliver_due(near)
    assert [(found.status, found.answer_status) for found in deliveries(world, webhook)] == [("waiting", 302)]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "[64:ff9b::7f00:1]",
        "[::7f00:1]",
        "[::ffff:0:7f00:1]",
        "[fec0::1]",
        "[5f00::1]",
    ],
)
def test_a_webhook_does_not_reach_into_the_hubs_own_network(
    site: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener, host: str
) -> None:
    site.webhook_private_addresses = False
    url = listener.url.replace("127.0.0.1", host)
    webhook = watch(world, site, lin, url, hub.Watched("user", "lin"))
    ask(world, repo, lin)
    deliver_due(site)
    assert listener.heard.empty()
    assert "private network" in deliveries(world, webhook)[0].answer_text


def test_nobody_waits_for_the_addresses_of_others_that_do_not_answer(
    near: Site, world: World, repo: hub.Repo, lin: Actor, mei: Actor, listener: Listener
) -> None:
    for _ in range(40):
        watch(world, near, lin, listener.slow_url, hub.Watched("user", "lin"))
    prompt = watch(world, near, mei, listener.url, hub.Watched("model", repo.repo_id))
    ask(world, repo, lin)

    async def hear() -> None:
        work = asyncio.create_task(courier.run(near, Pulse(near)))
        try:
            await asyncio.to_thread(listener.next)
        finally:
            listener.answers.set()
            work.cancel()
            await asyncio.wait([work])

    run_async(hear())
    heard = deliveries(world, prompt)
    assert [(found.status, found.kind) for found in heard] == [("delivered", "DiscussionOpened")]


def test_a_webhook_hears_of_what_it_watches_now(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    webhook = watch(world, near, lin, listener.url, hub.Watched("model", "Lin/TEA"))
    world.write_in(hub.change_webhook, near.secret, webhook, watched=[hub.Watched("org", "mei")])
    ask(world, repo, lin)
    assert deliver_due(near) == []
    world.write_in(hub.change_webhook, near.secret, webhook, watched=[hub.Watched("model", "Lin/TEA")])
    ask(world, repo, lin)
    assert len(deliver_due(near)) == 1


def test_a_disabled_webhook_is_not_called(
    near: Site, world: World, repo: hub.Repo, lin: Actor, listener: Listener
) -> None:
    webhook = watch(world, near, lin, listener.url, hub.Watched("user", "lin"))
    world.write_in(hub.change_webhook, near.secret, webhook, is_disabled=True)
    ask(world, repo, lin)
    assert deliver_due(near) == []
