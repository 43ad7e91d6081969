"""Looking into commits. Everything is keyed by immutable ids, so what was read once may be kept."""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from yungu.hub import rules
from yungu.hub.errors import EntryNotFound
from yungu.hub.models import Pointer, TreeFile, TreeFolder, TreeNode
from yungu.hub.rules.lfs import MAX_POINTER_BYTES
from yungu.storage.git import Commit, Entry, GitObjects

_KEPT_NODES = 100_000
"""Tree nodes kept in memory, about 300 bytes each."""
_KEPT_BYTES = 8 << 20
_ENTRY_BYTES = 300  # what remembering a small file takes beside its bytes


class _Listings:
    """Recursive listings by tree oid, the least recently used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[TreeNode, ...]] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def get(self, git: GitObjects, tree: str) -> tuple[TreeNode, ...]:
        with self._lock:
            found = self._kept.get(tree)
            if found is not None:
                self._kept.move_to_end(tree)
                return found
        found = tuple(_node(git, entry) for entry in git.list_tree(tree, recursive=True))
        if len(found) <= _KEPT_NODES // 4:
            self._keep(tree, found)
        return found

    def known(self, tree: str) -> tuple[TreeNode, ...] | None:
        """The listing, if it is kept already."""
        return self._kept.get(tree)

    def _keep(self, tree: str, nodes: tuple[TreeNode, ...]) -> None:
        with self._lock:
            if tree not in self._kept:
                self._kept[tree] = nodes
                self._count += len(nodes)
            while self._count > _KEPT_NODES:
                self._count -= len(self._kept.popitem(last=False)[1])


class _Sha256s:
    """Digests of regular files by blob oid, the least recently used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, git: GitObjects, oid: str) -> str:
        with self._lock:
            found = self._kept.get(oid)
            if found is not None:
                self._kept.move_to_end(oid)
                return found
        found = hashlib.sha256(git.read_blob(oid)).hexdigest()
        with self._lock:
            self._kept[oid] = found
            if len(self._kept) > _KEPT_NODES:
                self._kept.popitem(last=False)
        return found


class _SmallBlobs:
    """Regular files by blob oid, the least recently used dropped first: what one client fetches, the next one wants."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[GitObjects, str], bytes] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def get(self, git: GitObjects, oid: str) -> bytes:
        key = (git, oid)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = git.read_blob(oid)
        self._keep(key, found)
        return found

    def _keep(self, key: tuple[GitObjects, str], data: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = data
                self._size_bytes += len(data) + _ENTRY_BYTES
            while self._size_bytes > _KEPT_BYTES:
                self._size_bytes -= len(self._kept.popitem(last=False)[1]) + _ENTRY_BYTES


class _Histories:
    """What was found out of who changed what, by commit; all of it forgotten, eldest commits first, when it is much."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, str], dict[str, Commit]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, git: GitObjects, commit: str, paths: Sequence[str]) -> Mapping[str, Commit]:
        with self._lock:
            known = dict(self._kept.get((git.path, commit), {}))
        missing = [path for path in paths if path not in known]
        if missing:
            found = git.last_commits(commit, missing)
            known |= found
            self._keep((git.path, commit), found)
        return {path: known[path] for path in paths if path in known}

    def _keep(self, key: tuple[Path, str], found: Mapping[str, Commit]) -> None:
        with self._lock:
            self._kept[key] = {**self._kept.get(key, {}), **found}
            self._kept.move_to_end(key)
            while sum(map(len, self._kept.values())) > _KEPT_NODES:
                self._kept.popitem(last=False)


_listings = _Listings()
_sha256s = _Sha256s()
_small_blobs = _SmallBlobs()
_histories = _Histories()


def list_files(git: GitObjects, commit: str) -> Sequence[TreeFile]:
    """Every file of a commit, in git's order."""
    return [node for node in _listings.get(git, _tree(git, commit)) if isinstance(node, TreeFile)]


def list_folder(git: GitObjects, commit: str, path: str = "", *, recursive: bool = False) -> Sequence[TreeNode]:
    """What lies in folder ``path`` of a commit. Raises EntryNotFound (also when it is a file)."""
    tree = _tree(git, commit)
    if path:
        entry = git.entry(tree, path)
        if entry is None or entry.kind != "directory":
            raise EntryNotFound(path, commit)
        tree = entry.oid
    if not recursive:
        return [_node(git, entry) for entry in git.list_tree(tree, path)]
    nodes = _listings.get(git, tree)
    return [_moved(node, path) for node in nodes] if path else nodes


def find_file(git: GitObjects, commit: str, path: str) -> TreeFile | TreeFolder | None:
    """The file or folder at ``path`` of a commit."""
    return _find(git, commit, path)


def get_file(git: GitObjects, commit: str, path: str) -> TreeFile:
    """The file at ``path``. Raises EntryNotFound."""
    found = find_file(git, commit, path)
    if not isinstance(found, TreeFile):
        raise EntryNotFound(path, commit)
    return found


def read_text(git: GitObjects, commit: str, path: str, *, limit: int) -> str | None:
    """A small text file of a commit, None when it is missing, an LFS file or longer than ``limit`` bytes."""
    found = find_file(git, commit, path)
    if not isinstance(found, TreeFile) or found.pointer or found.size_bytes > limit:
        return None
    return git.read_blob(found.oid).decode("utf-8", "replace")


def read_small(git: GitObjects, oid: str) -> bytes:
    """The bytes of a regular file of some kilobytes, kept for a while. Raises GitObjectMissing."""
    return _small_blobs.get(git, oid)


def content_sha256(git: GitObjects, file: TreeFile) -> str:
    """The sha256 of what a reader of the file gets (64 hex), for regular files computed once and kept for a while.

    Raises GitObjectMissing, also for a submodule, which has no content here."""
    return file.pointer.sha256 if file.pointer else _sha256s.get(git, file.oid)


def last_commits(git: GitObjects, commit: str, paths: Iterable[str]) -> Mapping[str, Commit]:
    """For each path the newest commit that changed it."""
    return _histories.get(git, commit, list(paths))


@lru_cache(maxsize=4096)
def commit_count(git: GitObjects, commit: str) -> int:
    """How many commits the history of ``commit`` has."""
    return sum(1 for _ in git.log(commit))


@lru_cache(maxsize=16384)
def _tree(git: GitObjects, commit: str) -> str:
    return git.commit(commit).tree


@lru_cache(maxsize=16384)
def _find(git: GitObjects, commit: str, path: str) -> TreeFile | TreeFolder | None:
    tree = _tree(git, commit)
    if found := _search(_listings.known(tree) or (), path):  # git reads the whole folder again for each of its files
        return found
    entry = git.entry(tree, path) if path else None
    return _node(git, entry) if entry else None


def _search(nodes: Sequence[TreeNode], path: str) -> TreeNode | None:
    """Look a path up in a recursive listing, which git sorts as if the names of folders ended in a slash."""
    for wanted in (path, f"{path}/"):
        at = bisect_left(nodes, wanted, key=_order)
        if at < len(nodes) and _order(nodes[at]) == wanted:
            return nodes[at]
    return None


def _order(node: TreeNode) -> str:
    return f"{node.path}/" if isinstance(node, TreeFolder) else node.path


def _node(git: GitObjects, entry: Entry) -> TreeNode:
    if entry.kind == "directory":
        return TreeFolder(entry.path, entry.oid)
    if entry.kind == "submodule":
        return TreeFile(entry.path, entry.oid, 0, entry.mode, None)
    size, pointer = _measure(git, entry.oid)
    return TreeFile(entry.path, entry.oid, pointer.size_bytes if pointer else size, entry.mode, pointer)


def _measure(git: GitObjects, oid: str) -> tuple[int, Pointer | None]:
    size = git.blob_size(oid)
    pointer = rules.parse_pointer(_small_blobs.get(git, oid)) if 100 < size <= MAX_POINTER_BYTES else None
    return size, pointer


def _moved(node: TreeNode, folder: str) -> TreeNode:
    path = f"{folder}/{node.path}"
    if isinstance(node, TreeFolder):
        return TreeFolder(path, node.oid)
    return TreeFile(path, node.oid, node.size_bytes, node.mode, node.pointer)
