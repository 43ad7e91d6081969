"""The JSON of git-lfs: https://github.com/git-lfs/git-lfs/tree/main/docs/api"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from yungu.hub import LfsLock
from yungu.kernel import clock

SHA256 = re.compile(r"[0-9a-f]{64}")
_Text = Annotated[str, msgspec.Meta(max_length=1000)]


class RefName(msgspec.Struct):
    name: _Text = ""


class Wanted(msgspec.Struct):
    """An object as a client names it; the sha256 of its content and its length in bytes."""

    oid: _Text
    size: int


class BatchRequest(msgspec.Struct):
    operation: Literal["upload", "download"]
    objects: Annotated[list[Wanted], msgspec.Meta(max_length=10_000)]
    transfers: Annotated[list[_Text], msgspec.Meta(max_length=100)] = []
    ref: RefName | None = None
    hash_algo: _Text = "sha256"


class Action(msgspec.Struct, omit_defaults=True):
    """``expires_in``: seconds."""

    href: str
    header: dict[str, str] = {}
    expires_in: int = 0


class ObjectError(msgspec.Struct):
    code: int
    message: str


class ObjectAnswer(msgspec.Struct, omit_defaults=True):
    """No ``actions`` on an upload: the server has it. ``authenticated``: the addresses need no credentials."""

    oid: str
    size: int
    authenticated: bool = False
    actions: dict[str, Action] | None = None
    error: ObjectError | None = None


class BatchAnswer(msgspec.Struct):
    transfer: str
    objects: list[ObjectAnswer]
    hash_algo: str = "sha256"


class PartNote(msgspec.Struct, rename="camel"):
    part_number: Annotated[int, msgspec.Meta(ge=1)]
    etag: _Text = ""


class Completion(msgspec.Struct):
    """What a client says when all parts of a multipart upload are sent."""

    oid: _Text
    parts: Annotated[list[PartNote], msgspec.Meta(max_length=10_000)]


class LockRequest(msgspec.Struct):
    path: _Text
    ref: RefName | None = None


class UnlockRequest(msgspec.Struct):
    force: bool = False
    ref: RefName | None = None


class VerifyRequest(msgspec.Struct):
    cursor: _Text | None = ""
    limit: int | None = 0
    ref: RefName | None = None


class LockOwner(msgspec.Struct):
    name: str


class Lock(msgspec.Struct):
    id: str
    path: str
    locked_at: str
    owner: LockOwner


class LockAnswer(msgspec.Struct, omit_defaults=True):
    lock: Lock
    message: str = ""


class LockList(msgspec.Struct, omit_defaults=True):
    locks: list[Lock]
    next_cursor: str = ""


class LockSides(msgspec.Struct, omit_defaults=True):
    ours: list[Lock]
    theirs: list[Lock]
    next_cursor: str = ""


def show_lock(lock: LfsLock) -> Lock:
    return Lock(str(lock.id), lock.path, clock.iso(lock.locked_at), LockOwner(lock.owner))
