"""Xorbs on their way in: verified while they stream, published and recorded when whole."""

from __future__ import annotations

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.threads import in_byte_thread
from yungu.api.http.uploads import receive_body
from yungu.api.xet.tokens import XetClaims
from yungu.kernel.db import Session
from yungu.storage import xet
from yungu.storage.backends import StagedBytes


class _VerifiedSink:
    """Checks what arrives and stages what is to be kept of it."""

    def __init__(self, staged: StagedBytes) -> None:
        self._staged = staged
        self.verifier = xet.XorbVerifier()

    def write(self, data: memoryview | bytes) -> None:
        kept = self.verifier.write(data)
        self._staged.write(memoryview(data)[:kept])


def check_room(session: Session, claims: XetClaims, more_bytes: int) -> None:
    """Raises QuotaExceeded when whoever pays for it may not keep ``more_bytes`` besides what is there."""
    hub.check_room(session, hub.get_repo_by_id(session, claims.repo), more_bytes, uploader_id=claims.user)


async def receive_xorb(call: Call, xorb_hash: str, *, user_id: int, length: int | None = None) -> bool:
    """Take in the body as the xorb ``xorb_hash``. False when this user had sent it before.

    ``length``: bytes announced in a grant. Raises XorbInvalid, BodyTruncated, BodyTooLarge, StorageFull."""
    store = call.site.store
    with store.stage(sha256=False, cached=False) as staged:
        sink = _VerifiedSink(staged)
        await receive_body(call, sink, max_bytes=xet.MAX_BODY_BYTES, expect_bytes=length)

        def publish() -> xet.XorbIndex:
            index = sink.verifier.finish(xorb_hash)
            staged.publish(xet.xorb_key(xorb_hash))
            return index

        index = await in_byte_thread(publish)
    return await call.write(lambda session: xet.record_xorb(session, store, xorb_hash, index, user_id=user_id))
