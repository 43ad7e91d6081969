"""The command ``ls-refs`` of protocol 2, answered from the ref rows themselves: no process, no copy on disk.

https://git-scm.com/docs/protocol-v2#_ls_refs"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yungu import hub
from yungu.api.git import wire
from yungu.hub import Ref, Repo
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects, GitStore

_COMMAND = b"0014command=ls-refs\n"
_DELIMITER = b"0001"


@dataclass(frozen=True, slots=True)
class ListRefs:
    """What a client wants to know of which refs; no ``prefixes``: of all."""

    wants_symrefs: bool
    wants_peeled: bool
    wants_unborn: bool
    prefixes: tuple[str, ...]

    def covers(self, name: str) -> bool:
        return not self.prefixes or name.startswith(self.prefixes)


def parse_list_refs(body: bytes) -> ListRefs | None:
    """The request, None when it is another command or anything out of the ordinary: that is git's to judge."""
    _, found, tail = body.partition(_DELIMITER)
    if not body.startswith(_COMMAND) or not found:
        return None
    try:
        options = list(_iter_lines(tail))
    except ValueError:
        return None
    prefixes = tuple(option.removeprefix("ref-prefix ") for option in options if option.startswith("ref-prefix "))
    if set(options) - {"symrefs", "peel", "unborn", *(f"ref-prefix {prefix}" for prefix in prefixes)}:
        return None
    return ListRefs("symrefs" in options, "peel" in options, "unborn" in options, prefixes)


def list_refs(session: Session, git: GitStore, repo: Repo, wanted: ListRefs) -> bytes:
    refs = hub.offered_refs(session, repo)
    lines = [
        *_head(repo, refs, wanted),
        *(_line(git.open(repo.id), ref, wanted) for ref in refs if wanted.covers(ref.name)),
    ]
    return b"".join([*(wire.line(f"{text}\n".encode()) for text in lines), wire.FLUSH])


def _head(repo: Repo, refs: Sequence[Ref], wanted: ListRefs) -> Iterator[str]:
    target = f"refs/heads/{repo.default_branch}"
    oid = next((ref.oid for ref in refs if ref.name == target), None)
    if not wanted.covers("HEAD") or (oid is None and not wanted.wants_unborn):
        return
    symref = f" symref-target:{target}" if wanted.wants_symrefs else ""
    yield f"{oid or 'unborn'} HEAD{symref}"


def _line(objects: GitObjects, ref: Ref, wanted: ListRefs) -> str:
    if wanted.wants_peeled and ref.name.startswith("refs/tags/"):
        commit = objects.commit(ref.oid).oid
        return f"{ref.oid} {ref.name} peeled:{commit}" if commit != ref.oid else f"{ref.oid} {ref.name}"
    return f"{ref.oid} {ref.name}"


def _iter_lines(data: bytes) -> Iterator[str]:
    """The payloads up to the flush, which must be the end. Raises ValueError."""
    at = 0
    while length := int(data[at : at + 4], 16):
        if length <= 4 or at + length > len(data):
            raise ValueError
        yield data[at + 4 : at + length].removesuffix(b"\n").decode()
        at += length
    if at + 4 != len(data):
        raise ValueError
