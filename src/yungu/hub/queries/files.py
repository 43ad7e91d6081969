"""Looking into commits. Everything is keyed by immutable ids, so what was read once may be kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from yungu.hub import rules
from yungu.hub.errors import EntryNotFound
from yungu.hub.models import Pointer, TreeFile, TreeFolder, TreeNode
from yungu.hub.rules.lfs import MAX_POINTER_BYTES
from yungu.storage.git import Commit, Entry, GitObjects

_KEPT_NODES = 100_000
"""Tree nodes kept in memory, about 300 bytes each."""


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

    def _keep(self, tree: str, nodes: tuple[TreeNode, ...]) -> None:
        with self._lock:
            if tree not in self._kept:
                self._kept[tree] = nodes
                self._count += len(nodes)
            while self._count > _KEPT_NODES:
                self._count -= len(self._kept.popitem(last=False)[1])


_listings = _Listings()


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


def last_commits(git: GitObjects, commit: str, paths: Iterable[str]) -> dict[str, Commit]:
    """For each path the newest commit that changed it."""
    return git.last_commits(commit, paths)


@lru_cache(maxsize=4096)
def commit_count(git: GitObjects, commit: str) -> int:
    """How many commits the history of ``commit`` has."""
    return sum(1 for _ in git.log(commit))


@lru_cache(maxsize=16384)
def _tree(git: GitObjects, commit: str) -> str:
    return git.commit(commit).tree


@lru_cache(maxsize=16384)
def _find(git: GitObjects, commit: str, path: str) -> TreeFile | TreeFolder | None:
    entry = git.entry(_tree(git, commit), path) if path else None
    return _node(git, entry) if entry else None


def _node(git: GitObjects, entry: Entry) -> TreeNode:
    if entry.kind == "directory":
        return TreeFolder(entry.path, entry.oid)
    if entry.kind == "submodule":
        return TreeFile(entry.path, entry.oid, 0, entry.mode, None)
    size, pointer = _measure(git, entry.oid)
    return TreeFile(entry.path, entry.oid, pointer.size_bytes if pointer else size, entry.mode, pointer)


def _measure(git: GitObjects, oid: str) -> tuple[int, Pointer | None]:
    size = git.blob_size(oid)
    pointer = rules.parse_pointer(git.read_blob(oid)) if 100 < size <= MAX_POINTER_BYTES else None
    return size, pointer


def _moved(node: TreeNode, folder: str) -> TreeNode:
    path = f"{folder}/{node.path}"
    if isinstance(node, TreeFolder):
        return TreeFolder(path, node.oid)
    return TreeFile(path, node.oid, node.size_bytes, node.mode, node.pointer)
