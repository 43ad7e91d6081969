"""What a commit changed, as far as a person can read it: bounded in files, in lines and in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pygit2

from yungu.storage.errors import GitObjectMissing
from yungu.storage.git import Commit, GitObjects

MAX_FILES = 100
MAX_LINES = 4000
MAX_BLOB_BYTES = 512 * 1024
_MAX_LINE = 2000  # characters of one line that are shown

ChangeKind = Literal["added", "deleted", "modified", "renamed"]
_KINDS: dict[str, ChangeKind] = {"A": "added", "D": "deleted", "M": "modified", "R": "renamed"}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """``sign``: "+", "-", " " or "@" (a hunk begins). Numbers are None where the line does not exist."""

    sign: str
    text: str
    old_number: int | None
    new_number: int | None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """``lines`` None: not shown, because it is binary (``is_binary``) or too long."""

    path: str
    old_path: str
    kind: ChangeKind
    is_binary: bool
    lines: Sequence[DiffLine] | None


@dataclass(frozen=True, slots=True)
class Changes:
    """``files_count``: of all changed files; ``files`` are the first MAX_FILES of them."""

    files: Sequence[FileDiff]
    files_count: int


@dataclass(frozen=True, slots=True)
class CommitDiff(Changes):
    """Against the first parent."""

    commit: Commit


def diff_commit(git: GitObjects, oid: str) -> CommitDiff:
    """What commit ``oid`` changed. Raises GitObjectMissing."""
    commit = git.commit(oid)
    found = diff_trees(git, git.commit(commit.parents[0]).tree if commit.parents else None, commit.tree)
    return CommitDiff(found.files, found.files_count, commit)


def diff_trees(git: GitObjects, old: str | None, new: str) -> Changes:
    """What leads from one tree (None: from nothing) to another."""
    diff = git.diff(old, new)
    files: list[FileDiff] = []
    left = MAX_LINES
    for number, delta in enumerate(diff.deltas):
        if number == MAX_FILES:
            break
        lines, is_binary = _lines(git, diff, number, delta, left)
        left -= len(lines or ())
        path = delta.new_file.path or delta.old_file.path
        files.append(FileDiff(path, delta.old_file.path, _KINDS.get(delta.status_char(), "modified"), is_binary, lines))
    return Changes(files, len(diff))


def _lines(
    git: GitObjects, diff: pygit2.Diff, number: int, delta: pygit2.DiffDelta, limit: int
) -> tuple[Sequence[DiffLine] | None, bool]:
    if limit <= 0 or any(_size(git, str(side.id)) > MAX_BLOB_BYTES for side in (delta.old_file, delta.new_file)):
        return None, False
    patch = diff[number]
    if patch is None or patch.delta.is_binary:
        return None, True
    if sum(len(hunk.lines) + 1 for hunk in patch.hunks) > limit:
        return None, False
    return [line for hunk in patch.hunks for line in _hunk(hunk)], False


def _hunk(hunk: pygit2.DiffHunk) -> Sequence[DiffLine]:
    found = [DiffLine("@", hunk.header.strip()[:_MAX_LINE], None, None)]
    for line in hunk.lines:
        if line.origin in "+- ":
            text = line.content.rstrip("\r\n")[:_MAX_LINE]
            found.append(DiffLine(line.origin, text, _number(line.old_lineno), _number(line.new_lineno)))
    return found


def _number(number: int) -> int | None:
    return number if number > 0 else None


def _size(git: GitObjects, oid: str) -> int:
    try:
        return git.blob_size(oid)
    except GitObjectMissing:
        return 0
