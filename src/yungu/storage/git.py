"""Git objects: one ordinary bare object directory per repo; refs are rows elsewhere.

The directory holds immutable objects only. ``project_refs`` writes the rows out as a ``packed-refs`` file when git's
own binaries need to see them; that file is a disposable copy, never the truth.
Object ids are 40 lower-case hex throughout. Object format: https://git-scm.com/docs/gitrepository-layout"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count, islice
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from yungu.storage.errors import GitObjectMissing, TreeConflict

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_OPEN_REPOS = 128
_PRUNED = "yungu.pruned"
_CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
[gc]
\tauto = 0
[receive]
\tautogc = false
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[repack]
\twriteBitmaps = true
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Who made a commit."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. ``at``: committer date, aware UTC."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Person
    at: datetime

    @property
    def title(self) -> str:
        return self.message.split("\n", 1)[0]

    @property
    def body(self) -> str:
        return self.message.partition("\n")[2].strip("\n")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree. ``mode``: git's file mode (0o100644, 0o100755, 0o120000, 0o40000, 0o160000)."""

    path: str
    kind: Literal["file", "directory", "submodule"]
    oid: str
    mode: int


class GitStore:
    """The object directories of all repos, by repo number."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: OrderedDict[int, GitObjects] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, repo_id: int) -> Path:
        return self.root / f"{repo_id % 256:02x}" / f"{repo_id}.git"

    def open(self, repo_id: int) -> GitObjects:
        """The objects of a repo; its directory is made on first use."""
        with self._lock:
            found = self._open.get(repo_id)
            if found is not None and found.pruned_at == _pruned_at(found.path):
                self._open.move_to_end(repo_id)
                return found
        path = self.path(repo_id)
        if not (path / "HEAD").exists():
            _make_skeleton(path)
        objects = GitObjects(path)
        with self._lock:
            self._open[repo_id] = objects
            if len(self._open) > _OPEN_REPOS:
                self._open.popitem(last=False)
        return objects

    def forget(self, repo_id: int) -> None:
        """Close what is kept open of a repo (after its packs were rewritten)."""
        with self._lock:
            self._open.pop(repo_id, None)

    def delete(self, repo_id: int) -> None:
        self.forget(repo_id)
        shutil.rmtree(self.path(repo_id), ignore_errors=True)

    def duplicate(self, source: int, target: int) -> None:
        """Give ``target`` every object of ``source`` as hard links: no bytes are copied."""
        self.open(target)
        objects = self.path(source) / "objects"
        for directory, _, names in os.walk(objects):
            into = self.path(target) / "objects" / Path(directory).relative_to(objects)
            into.mkdir(parents=True, exist_ok=True)
            for name in names:
                if not name.startswith("tmp_") and not (into / name).exists():
                    os.link(Path(directory) / name, into / name)
        self.forget(target)

    def iter_ids(self) -> Iterator[int]:
        """The numbers of all repos that have a directory."""
        for path in self.root.glob("*/*.git"):
            if path.stem.isdigit():
                yield int(path.stem)


class GitObjects:
    """The objects of one repo. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pruned_at = _pruned_at(path)
        self._repo = pygit2.Repository(str(path))
        self._odb = self._repo.odb

    # --- reading

    def has(self, oid: str) -> bool:
        return pygit2.Oid(hex=oid) in self._odb

    def read_blob(self, oid: str) -> bytes:
        """The bytes of a blob. Raises GitObjectMissing."""
        return self._read(oid, ObjectType.BLOB)

    def blob_size(self, oid: str) -> int:
        try:
            return int(self._odb.read_header(pygit2.Oid(hex=oid))[1])
        except (KeyError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error

    def commit(self, oid: str) -> Commit:
        """The commit ``oid``, or the one that the annotated tag ``oid`` points at. Raises GitObjectMissing."""
        try:
            return _commit(self._peeled(oid))
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error

    def find_commit(self, prefix: str) -> str | None:
        """The full id of the one commit that starts with ``prefix`` (4 to 40 hex), if there is exactly one."""
        try:
            found = self._repo.get(prefix)
        except ValueError:
            return None
        return str(found.id) if isinstance(found, pygit2.Commit) else None

    def entry(self, tree: str, path: str) -> Entry | None:
        """What lies at ``path`` in the tree, ``""`` being the root itself."""
        if not path:
            return Entry("", "directory", tree, FileMode.TREE)
        try:
            found = self._tree(tree)[path]
        except KeyError:
            return None
        return _entry(path, found)

    def list_tree(self, tree: str, prefix: str = "", *, recursive: bool = False) -> Iterator[Entry]:
        """The entries of a tree in git's order, paths under ``prefix``; recursive: folders before their content."""
        for found in self._tree(tree):
            path = f"{prefix}/{found.name}" if prefix else str(found.name)
            entry = _entry(path, found)
            yield entry
            if recursive and entry.kind == "directory":
                yield from self.list_tree(entry.oid, path, recursive=True)

    def log(self, oid: str) -> Iterator[Commit]:
        """The history of a commit, newest first, a child always before its parents."""
        return map(_commit, self._walk(oid))

    def log_of(self, oid: str, path: str, *, most: int) -> Iterator[Commit]:
        """The commits among the last ``most`` of ``oid`` that changed a file or folder, newest first; a merge counts
        only when it differs from all its parents."""
        for commit in islice(self._walk(oid), most):
            now = _oid_at(commit, path)
            before = [_oid_at(parent, path) for parent in commit.parents]
            if (now not in before) if before else now is not None:
                yield _commit(commit)

    def log_between(self, old: str, new: str) -> Iterator[Commit]:
        """The history of ``new`` without that of ``old``, newest first."""
        walker = self._repo.walk(new, SortMode.TOPOLOGICAL | SortMode.TIME)
        walker.hide(old)
        return map(_commit, walker)

    def last_commits(self, oid: str, paths: Iterable[str]) -> dict[str, Commit]:
        """For each of ``paths`` (files or folders present in commit ``oid``) the newest commit that changed it.

        Walks back from ``oid`` and stops when every path is explained; a merge explains a path only when it differs
        from all its parents."""
        pending: dict[str, set[str]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            pending.setdefault(folder, set()).add(name)
        found: dict[str, Commit] = {}
        for commit in self._walk(oid):
            if not pending:
                break
            for folder, names in list(pending.items()):
                changed = _changed_names(commit, folder) & names
                if changed:
                    value = _commit(commit)
                    found.update((f"{folder}/{name}" if folder else name, value) for name in changed)
                    pending[folder] = names - changed
                    if not pending[folder]:
                        del pending[folder]
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        return older == newer or self._repo.descendant_of(newer, older)

    def merge_base(self, one: str, other: str) -> str | None:
        base = self._repo.merge_base(one, other)
        return str(base) if base else None

    def diff(self, old_tree: str | None, new_tree: str) -> pygit2.Diff:
        """What leads from one tree to the other (None: from nothing), renames found."""
        new = self._tree(new_tree)
        diff = new.diff_to_tree(swap=True) if old_tree is None else self._tree(old_tree).diff_to_tree(new)
        diff.find_similar()
        return diff

    def changed_blobs(self, old_tree: str, new_tree: str) -> list[str]:
        """The oids of the files that the new tree has and the old one has not at that path."""
        deltas = self._tree(old_tree).diff_to_tree(self._tree(new_tree)).deltas
        return [str(delta.new_file.id) for delta in deltas if delta.new_file.mode not in (0, FileMode.COMMIT)]

    # --- writing

    def write_blob(self, data: bytes) -> str:
        return str(self._odb.write(ObjectType.BLOB, data))

    def edit_tree(self, base: str | None, puts: Mapping[str, tuple[str, int]], drops: Iterable[str] = ()) -> str:
        """A new tree: ``base`` without ``drops`` (files or folders, missing ones ignored), then with ``puts``
        (path to blob oid and mode). Only touched folders are rewritten. Raises TreeConflict when a file would have to
        be a folder or the other way round."""
        tree = base or EMPTY_TREE
        dropped = _nest(dict.fromkeys(drops))
        if dropped:
            tree = self._edit(tree, dropped, "") or EMPTY_TREE
        if puts:
            tree = self._edit(tree, _nest(dict(puts)), "") or EMPTY_TREE
        if tree == EMPTY_TREE:
            self._odb.write(ObjectType.TREE, b"")
        return tree

    def write_commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Person,
        at: datetime,
        committer: Person | None = None,
    ) -> str:
        by = committer or author
        stamp = int(at.timestamp())
        signature = pygit2.Signature(_plain(author.name), _plain(author.email), stamp, 0, "utf-8")
        committed = pygit2.Signature(_plain(by.name), _plain(by.email), stamp, 0, "utf-8")
        return str(self._repo.create_commit(None, signature, committed, message, tree, list(parents)))

    def write_tag(self, name: str, target: str, message: str, tagger: Person, at: datetime) -> str:
        """An annotated tag object for a commit; no ref is made."""
        who = f"{_plain(tagger.name)} <{_plain(tagger.email)}> {int(at.timestamp())} +0000"
        text = f"object {target}\ntype commit\ntag {name}\ntagger {who}\n\n{message.rstrip()}\n"
        return str(self._odb.write(ObjectType.TAG, text.encode()))

    def merge(self, ours: str, theirs: str) -> tuple[str | None, tuple[str, ...]]:
        """The tree of a three-way merge of two commits, or None and the paths in conflict."""
        return self._written(self._repo.merge_commits(ours, theirs))

    def revert(self, oid: str, onto: str) -> tuple[str | None, tuple[str, ...]]:
        """The tree of ``onto`` with the changes of commit ``oid`` undone, or None and the paths in conflict."""
        return self._written(self._repo.revert_commit(self._peeled(oid), self._peeled(onto)))

    # --- refs, for git's own binaries

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all threads and processes: for writing ``packed-refs`` and repacking."""
        with (self.path / "yungu.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def project_refs(self, refs: Mapping[str, str], head: str) -> None:
        """Write ``refs`` (full name to oid) as ``packed-refs`` and point HEAD at branch ``head``, if they differ."""
        lines = ["# pack-refs with: peeled fully-peeled sorted "]
        for name in sorted(refs, key=str.encode):
            lines.append(f"{refs[name]} {name}")
            target = self._repo.get(refs[name])
            if isinstance(target, pygit2.Tag):
                lines.append(f"^{target.peel(None).id}")
        _replace(self.path / "packed-refs", "\n".join(lines) + "\n")
        _replace(self.path / "HEAD", f"ref: refs/heads/{head}\n")

    # --- inside

    def _read(self, oid: str, kind: ObjectType) -> bytes:
        try:
            found, data = self._odb.read(pygit2.Oid(hex=oid))
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise GitObjectMissing(oid) from error
        if found != kind:
            raise GitObjectMissing(oid)
        return bytes(data)

    def _peeled(self, oid: str) -> pygit2.Commit:
        return self._repo[oid].peel(pygit2.Commit)

    def _walk(self, oid: str) -> Iterator[pygit2.Commit]:
        """Commits by date as git's own log has them: lazily, and in order also when many fall into one second."""
        seen, order = {oid}, count()
        first = self._peeled(oid)
        waiting = [(-first.commit_time, next(order), first)]
        while waiting:
            commit = heappop(waiting)[2]
            yield commit
            for parent in commit.parents:
                if str(parent.id) not in seen:
                    seen.add(str(parent.id))
                    heappush(waiting, (-parent.commit_time, next(order), parent))

    def _tree(self, oid: str) -> pygit2.Tree:
        found = self._repo.get(oid)
        if found is None and oid == EMPTY_TREE:
            self._odb.write(ObjectType.TREE, b"")
            found = self._repo.get(oid)
        if not isinstance(found, pygit2.Tree):
            raise GitObjectMissing(oid)
        return found

    def _edit(self, base: str, changes: Nested, prefix: str) -> str | None:
        tree = self._tree(base)
        builder = self._repo.TreeBuilder(tree)
        for name, change in changes.items():
            old = builder.get(name)
            path = f"{prefix}{name}"
            if change is None:
                if old is not None:
                    builder.remove(name)
            elif isinstance(change, tuple):
                if old is not None and old.filemode == FileMode.TREE:
                    raise TreeConflict(path, "there is a folder of that name")
                builder.insert(name, *change)
            else:
                self._edit_folder(builder, name, old, change, path)
        return str(builder.write()) if len(builder) else None

    def _edit_folder(
        self, builder: pygit2.TreeBuilder, name: str, old: pygit2.Object, change: Nested, path: str
    ) -> None:
        if old is not None and old.filemode != FileMode.TREE:
            if _only_drops(change):
                return
            raise TreeConflict(path, "there is a file of that name")
        child = self._edit(str(old.id) if old is not None else EMPTY_TREE, change, path + "/")
        if child is not None:
            builder.insert(name, child, FileMode.TREE)
        elif old is not None:
            builder.remove(name)

    def _written(self, index: pygit2.Index) -> tuple[str | None, tuple[str, ...]]:
        if index.conflicts is None:
            return str(index.write_tree(self._repo)), ()
        paths = {side.path for conflict in index.conflicts for side in conflict if side is not None}
        return None, tuple(sorted(paths))


Nested = dict[str, "tuple[str, int] | Nested | None"]


def _nest(changes: Mapping[str, tuple[str, int] | None]) -> Nested:
    root: Nested = {}
    for path, change in changes.items():
        *folders, name = path.split("/")
        node = root
        for depth, folder in enumerate(folders):
            child = node.setdefault(folder, {})
            if change is None and child is None:
                break  # the whole folder goes anyway
            if not isinstance(child, dict):
                raise TreeConflict("/".join(folders[: depth + 1]), "it would be a file and a folder at once")
            node = child
        else:
            if change is not None and isinstance(node.get(name), dict):
                raise TreeConflict(path, "it would be a file and a folder at once")
            node[name] = change
    return root


def _only_drops(change: Nested) -> bool:
    return all(value is None or (isinstance(value, dict) and _only_drops(value)) for value in change.values())


def _entry(path: str, found: pygit2.Object) -> Entry:
    match found.filemode:
        case FileMode.TREE:
            kind: Literal["file", "directory", "submodule"] = "directory"
        case FileMode.COMMIT:
            kind = "submodule"
        case _:
            kind = "file"
    return Entry(path, kind, str(found.id), int(found.filemode))


def _commit(commit: pygit2.Commit) -> Commit:
    author = Person(commit.author.name, commit.author.email)
    at = datetime.fromtimestamp(commit.commit_time, UTC)
    parents = tuple(str(parent) for parent in commit.parent_ids)
    return Commit(str(commit.id), str(commit.tree_id), parents, commit.message, author, at)


def _oid_at(commit: pygit2.Commit, path: str) -> str | None:
    try:
        found = commit.tree[path]
    except KeyError:
        return None
    return f"{found.id}{found.filemode:o}"


def _changed_names(commit: pygit2.Commit, folder: str) -> set[str]:
    """The names directly in ``folder`` that differ from every parent of the commit."""
    here = _folder(commit.tree, folder)
    if here is None:
        return set()
    changed = {str(entry.name) for entry in here}
    for parent in commit.parents:
        there = _folder(parent.tree, folder)
        if there is None:
            continue
        if there.id == here.id:
            return set()
        deltas = here.diff_to_tree(there).deltas
        changed &= {side.path.split("/", 1)[0] for delta in deltas for side in (delta.old_file, delta.new_file)}
    return changed


def _folder(tree: pygit2.Tree, path: str) -> pygit2.Tree | None:
    if not path:
        return tree
    try:
        found = tree[path]
    except KeyError:
        return None
    return found if isinstance(found, pygit2.Tree) else None


def _plain(text: str) -> str:
    """Without what git forbids in a signature."""
    return "".join(c for c in text if c not in "<>\n\0").strip() or "unknown"


def mark_pruned(path: Path) -> None:
    """Let every process forget what it remembers of a repo's objects, because some are gone."""
    _replace(path / _PRUNED, uuid4().hex)


def _pruned_at(path: Path) -> int:
    """When objects were last deleted, in nanoseconds; 0: never."""
    mark = f"{path}/{_PRUNED}"  # on the way of every request: mostly it is not there, and an exception takes its time
    try:
        return os.stat(mark).st_mtime_ns if os.access(mark, os.F_OK) else 0  # noqa: PTH116
    except FileNotFoundError:
        return 0


def _make_skeleton(path: Path) -> None:
    (path / "objects" / "pack").mkdir(parents=True, exist_ok=True)
    (path / "objects" / "info").mkdir(exist_ok=True)
    (path / "refs").mkdir(exist_ok=True)
    (path / "config").write_text(_CONFIG)
    _replace(path / "HEAD", "ref: refs/heads/main\n")


def _replace(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f"{path.name}.{uuid4().hex}")
    fresh.write_text(text)
    fresh.replace(path)
