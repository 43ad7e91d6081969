"""Webhooks as rows: they are their owner's alone."""

from __future__ import annotations

from typing import Any

import pytest

from support.world import World
from yungu import accounts, hub, trust
from yungu.accounts import ANONYMOUS, Actor

WATCHED = [hub.Watched("user", "lin"), hub.Watched("model", "lin/tea")]


def make(world: World, actor: Actor, **values: Any) -> hub.Webhook:
    asked = {"url": "https://example.org/hook", "watched": WATCHED, "domains": ["repo"], "secret": "s3"} | values
    return world.write_in(hub.create_webhook, world.site.secret, actor, **asked)


def secret_of(world: World, webhook: hub.Webhook) -> str:
    assert webhook.sealed_secret is not None
    return trust.unseal(world.site.secret, hub.webhook_secret_place(webhook.owner_id), webhook.sealed_secret)


def test_a_webhook_is_kept_as_it_was_set_up(world: World, lin: Actor) -> None:
    made = make(world, lin)
    assert world.read_in(hub.get_webhook, lin.id, made.id) == made  # type: ignore[arg-type]
    assert (list(made.watched), list(made.domains), secret_of(world, made)) == (WATCHED, ["repo"], "s3")
    assert not made.is_disabled


def test_a_webhook_changes_only_where_it_is_told_to(world: World, lin: Actor) -> None:
    made = make(world, lin)
    changed = world.write_in(hub.change_webhook, world.site.secret, made, url="http://10.0.0.7:9/x", is_disabled=True)
    assert (changed.url, changed.is_disabled, secret_of(world, changed)) == ("http://10.0.0.7:9/x", True, "s3")
    world.write_in(hub.delete_webhook, changed)
    assert world.read_in(hub.list_webhooks, lin.id) == []  # type: ignore[arg-type]


def test_the_secret_of_a_webhook_lies_sealed_in_the_database(world: World, lin: Actor, mei: Actor) -> None:
    made, hers = make(world, lin, secret="plain-words"), make(world, mei, secret="plain-words")
    assert "plain-words" not in repr(made)
    with pytest.raises(trust.SealBroken):
        trust.unseal(world.site.secret, hub.webhook_secret_place(made.owner_id), hers.sealed_secret or "")


def test_a_webhook_is_nobody_elses(world: World, lin: Actor, mei: Actor) -> None:
    made = make(world, lin)
    assert world.read_in(hub.list_webhooks, mei.id) == []  # type: ignore[arg-type]
    with pytest.raises(hub.WebhookNotFound):
        world.read_in(hub.get_webhook, mei.id, made.id)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["", "ftp://example.org", "https://", "javascript:alert(1)", "http://a b", "http://[x"])
def test_a_webhook_needs_a_web_address(world: World, lin: Actor, url: str) -> None:
    with pytest.raises(hub.WebhookInvalid):
        make(world, lin, url=url)


def test_a_webhook_watches_something(world: World, lin: Actor) -> None:
    with pytest.raises(hub.WebhookInvalid):
        make(world, lin, watched=[])


def test_weak_tokens_and_strangers_see_no_settings(world: World, lin: Actor) -> None:
    for scope in ("read", "fine-grained"):
        with pytest.raises(hub.SettingsDenied):
            hub.check_configuring(world.with_token("lin", scope, *([("lin", "write")] * (scope != "read"))))  # type: ignore[arg-type]
    with pytest.raises(accounts.SignInRequired):
        hub.check_configuring(ANONYMOUS)
    assert hub.check_configuring(world.with_token("lin", "write")) == lin.id
