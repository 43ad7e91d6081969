"""Brings facts to webhooks: a few calls at a time, never two at once to the same webhook, and never so many for one
owner that others have to wait for addresses that do not answer."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from yungu import hub
from yungu.api import hf
from yungu.api.http import Site
from yungu.app.pulse import Pulse
from yungu.hub import events as told
from yungu.kernel import events
from yungu.kernel.errors import YunguError
from yungu.trust import unseal

if TYPE_CHECKING:
    from yungu.hub.backends.calling import Caller

log = logging.getLogger("yungu.courier")
CALLS_AT_ONCE = 16
CALLS_PER_OWNER = 2
_LOOK_EVERY_SECONDS = 2.0
KINDS = tuple(
    event.__name__
    for event in (
        told.RepoCreated,
        told.RepoDeleted,
        told.RepoMoved,
        told.RepoSettingsChanged,
        told.CommitPushed,
        told.RefDeleted,
        told.DiscussionOpened,
        told.DiscussionCommented,
        told.DiscussionStatusChanged,
    )
)
"""What webhooks are told."""


async def run(site: Site, pulse: Pulse) -> None:
    """Queue and deliver until cancelled."""
    calls: dict[int, asyncio.Future[None]] = {}
    seen = -1
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="courier") as threads:
        while True:
            try:
                for delivery in await asyncio.to_thread(_next_deliveries, site, tuple(calls)):
                    call = calls[delivery.webhook_id] = loop.run_in_executor(threads, deliver, site, delivery)
                    call.add_done_callback(partial(_end, calls, delivery.webhook_id))
            except Exception:  # a fault of the moment must not end all deliveries
                log.exception("webhooks cannot be looked after")
            seen = await pulse.wait(seen, at_most_seconds=0.5 if calls else _LOOK_EVERY_SECONDS)


def queue(site: Site) -> None:
    """Queue what happened since the last time."""
    describe = partial(hf.describe_to_webhook, site)
    while events.listen(
        site.db, "webhooks", lambda session, facts: hub.queue_deliveries(session, facts, describe), kinds=KINDS
    ):
        pass


def deliver(site: Site, delivery: hub.Delivery) -> None:
    """One try, and a note of what came of it."""
    with site.db.read() as session:
        webhook = hub.find_enabled_webhook(session, delivery.webhook_id)
    if webhook is None:
        return
    begun, status, text = time.monotonic(), None, ""
    try:
        headers = _headers(delivery, _secret(site, webhook))
        answer = _caller(site).post(webhook.url, delivery.body.encode(), headers)
        status, text = answer.status, answer.text
    except YunguError as error:
        text = f"{error.message} {error.hint or ''}".strip()
    with site.db.write() as session:
        hub.note_answer(session, delivery, status=status, text=text, seconds=time.monotonic() - begun)


def _next_deliveries(site: Site, busy: Sequence[int]) -> Sequence[hub.Delivery]:
    queue(site)
    free = CALLS_AT_ONCE - len(busy)
    with site.db.read() as session:
        if free == 0 or not hub.has_due_delivery(session):
            return []
    with site.db.write() as session:
        return hub.claim_deliveries(session, limit=free, per_owner=CALLS_PER_OWNER, busy=busy)


def _end(calls: dict[int, asyncio.Future[None]], webhook_id: int, call: asyncio.Future[None]) -> None:
    del calls[webhook_id]
    if not call.cancelled() and (error := call.exception()):
        log.error("a delivery to webhook #%d broke off", webhook_id, exc_info=error)


def _caller(site: Site) -> Caller:
    from yungu.hub.backends.calling import Caller

    return Caller(may_call_private=site.webhook_private_addresses)


def _secret(site: Site, webhook: hub.Webhook) -> str | None:
    if webhook.sealed_secret is None:
        return None
    return unseal(site.secret, hub.webhook_secret_place(webhook.owner_id), webhook.sealed_secret)


def _headers(delivery: hub.Delivery, secret: str | None) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0 (https://www.standardwebhooks.com) and, for Hugging Face's own webhook
    server, the secret itself."""
    now, name = str(int(time.time())), f"msg_{delivery.id}"
    sent = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": now}
    if secret:
        signed = f"{name}.{now}.{delivery.body}".encode()
        signature = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
        sent |= {"webhook-signature": f"v1,{signature}", "x-webhook-secret": secret}
    return sent
