"""git-lfs file locks: https://github.com/git-lfs/git-lfs/blob/main/docs/api/locking.md"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from yungu import hub
from yungu.api.git.errors import lfs_response, render_lfs_error
from yungu.api.git.lfs_wire import LockAnswer, LockList, LockRequest, LockSides, UnlockRequest, VerifyRequest, show_lock
from yungu.api.git.places import pushable_repo, readable_repo, under_repo, writable_repo
from yungu.api.http import Call, Routes
from yungu.api.http.call import BodyInvalid
from yungu.hub import LfsLock, LockNotFound, LockTaken, Repo
from yungu.kernel.db import Session
from yungu.kernel.pages import decode_cursor, encode_cursor

routes = Routes(on_error=render_lfs_error)
_PAGE = 100


@routes.post(*under_repo("/info/lfs/locks"))
def create(session: Session, call: Call) -> Response:
    """409 with the lock that stands in the way."""
    repo, actor = writable_repo(session, call)
    wanted = call.body_as(LockRequest)
    ref = wanted.ref.name if wanted.ref else None
    try:
        lock = hub.create_lock(session, repo, wanted.path, actor, ref=ref or None)
    except LockTaken as error:
        held = hub.list_locks(session, repo, path=wanted.path)
        return lfs_response(LockAnswer(show_lock(held[0]), error.message), 409)
    return lfs_response(LockAnswer(show_lock(lock)), 201)


@routes.get(*under_repo("/info/lfs/locks"))
def list_all(session: Session, call: Call) -> Response:
    """All locks, or the one of ``path`` or ``id``; a lock holds on every branch, so ``refspec`` does not matter."""
    repo, _ = readable_repo(session, call)
    asked = call.query_params
    number = _number(asked["id"]) if asked.get("id") else None
    locks, cursor = _page(session, repo, asked.get("cursor"), asked.get("limit"), asked.get("path") or None, number)
    return lfs_response(LockList([show_lock(lock) for lock in locks], cursor))


@routes.post(*under_repo("/info/lfs/locks/verify"), writes=False)
def verify(session: Session, call: Call) -> Response:
    """What git-lfs asks before every push: which locks are ours, and which would a push run into."""
    repo, actor = pushable_repo(session, call)
    asked = call.body_as(VerifyRequest)
    locks, cursor = _page(session, repo, asked.cursor, str(asked.limit or ""))
    ours = [show_lock(lock) for lock in locks if lock.owner_id == actor.id]
    theirs = [show_lock(lock) for lock in locks if lock.owner_id != actor.id]
    return lfs_response(LockSides(ours, theirs, cursor))


@routes.post(*under_repo("/info/lfs/locks/{lock}/unlock"))
def unlock(session: Session, call: Call) -> Response:
    repo, actor = writable_repo(session, call)
    asked = call.body_as(UnlockRequest)
    lock = hub.delete_lock(session, repo, _number(call.params["lock"]), actor, force=asked.force)
    return lfs_response(LockAnswer(show_lock(lock)))


def _page(
    session: Session,
    repo: Repo,
    cursor: str | None,
    limit: str | None,
    path: str | None = None,
    number: int | None = None,
) -> tuple[Sequence[LfsLock], str]:
    """At most ``limit`` locks, and the cursor of the next page or ""."""
    if limit and not limit.isdecimal():
        raise BodyInvalid("The limit is not a number.")
    count = min(int(limit or 0) or _PAGE, _PAGE)
    after = int(decode_cursor(cursor, int)[0]) if cursor else 0
    found = hub.list_locks(session, repo, path=path, lock_id=number, after=after, limit=count + 1)
    return found[:count], encode_cursor(found[count - 1].id) if len(found) > count else ""


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise LockNotFound(0)
    return int(text)
