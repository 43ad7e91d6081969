"""Content that arrives by itself, to be named by a later commit: kept once its sha256 is proven."""

from __future__ import annotations

from yungu import hub
from yungu.api.http.call import Call
from yungu.api.http.threads import in_byte_thread
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid
from yungu.storage import content
from yungu.storage.staging import Staged

MAX_OBJECT_BYTES = 5 << 40


class ContentWrong(Invalid):
    """The bytes that came are not those that were announced."""

    hint = "Nothing of them was kept; send the right bytes again."


async def keep_upload(
    call: Call, staged: Staged, *, repo_number: int, sha256: str, size_bytes: int, user_id: int | None
) -> None:
    """Publish what was staged, and let the repo refer to it. Raises ContentWrong, StorageFull, RepoNotFound."""
    if (staged.sha256, staged.size_bytes) != (sha256, size_bytes):
        raise ContentWrong(f"The bytes have the sha256 {staged.sha256}, not {sha256}.")
    await in_byte_thread(lambda: staged.publish(content.raw_key(sha256)))
    await call.write(_record, repo_number, sha256, size_bytes, user_id)


def _record(session: Session, repo_number: int, sha256: str, size_bytes: int, user_id: int | None) -> None:
    repo = hub.get_repo_by_id(session, repo_number)
    content.record_raw(session, sha256, size_bytes)
    hub.link_upload(session, repo, sha256, user_id)
