"""The files of a commit as a folder that runtimes can load, without a second copy of what the hub keeps.

Large files that are kept whole become links into the byte store. Those that are kept as xorbs are rebuilt once into a
cache of bounded size, least recently used out first. Small files are written out of git."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from uuid import uuid4

from yungu import hub
from yungu.compute.errors import ReplicaFailed
from yungu.compute.models import Deployment
from yungu.hub import Repo, TreeFile
from yungu.kernel.db import Database, Session
from yungu.storage import content, xet
from yungu.storage.git import GitStore
from yungu.storage.local import LocalStore
from yungu.storage.models import Blob

_NEEDED = {
    "decoder": ("*.safetensors", "*.json", "*.jinja"),
    "transformers": ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"),
    "onnx": ("*.json", "*.txt", "*.onnx_data", "*.onnx.data"),
    "gguf": (),
    "embeddings": (),
}
"""Which files a runtime reads, besides the one in ``options``; a runtime that does not stand here may read all. Pickled
weights (.bin, .pt) and code are never among them."""
_FRESH_SECONDS = 600.0
_STALE_SECONDS = 7 * 24 * 3600.0


class Weights:
    """``root``: a folder of its own, best on the file system of the store; ``cache_bytes``: for rebuilt files."""

    def __init__(self, database: Database, git: GitStore, store: LocalStore, root: Path, *, cache_bytes: int) -> None:
        self._db, self._git, self._store = database, git, store
        self._models, self._rebuilt = root / "models", root / "rebuilt"
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()

    def folder(self, deployment: Deployment) -> Path:
        """The folder, made or completed. It may take as long as rebuilding does. Raises ReplicaFailed when the repo or
        a file is gone."""
        assert deployment.repo_id is not None and deployment.commit is not None
        folder = self._models / str(deployment.repo_id) / f"{deployment.commit}-{deployment.runtime}"
        with self._lock:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file, blob in self.files(deployment):
                self._provide(deployment.repo_id, folder / file.path, file, blob)
            os.utime(folder)
            self._drop_stale(folder)
        return folder

    def files(self, deployment: Deployment) -> Sequence[tuple[TreeFile, Blob | None]]:
        """What the runtime reads, with the blob of each large file. Raises ReplicaFailed."""
        assert deployment.repo_id is not None and deployment.commit is not None
        with self._db.read() as session:
            repo = hub.find_repo_by_id(session, deployment.repo_id)
            if repo is None:
                raise ReplicaFailed(f"The repo of {deployment.name} is gone.")
            objects = self._git.open(repo.id)
            return [
                (file, _content(session, repo, file))
                for file in hub.list_files(objects, deployment.commit)
                if _is_needed(deployment, file.path)
            ]

    def _provide(self, repo_id: int, path: Path, file: TreeFile, blob: Blob | None) -> None:
        if blob is None:
            if not path.exists():
                _write(path, [self._git.open(repo_id).read_blob(file.oid)])
            return
        source = self._source(blob)
        with suppress(OSError):
            if path.readlink() == source:
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(source)

    def _source(self, blob: Blob) -> Path:
        if blob.has_raw or blob.xet_hash is None:
            return self._store.path(content.raw_key(blob.sha256))
        path = self._rebuilt / blob.sha256
        if path.exists():
            os.utime(path)
            return path
        self._make_room(blob.size_bytes)
        _write(path, self._rebuild(blob.xet_hash, blob.size_bytes))
        return path

    def _rebuild(self, xet_hash: str, size_bytes: int) -> Iterator[bytes]:
        with self._db.read() as session:
            file = xet.get_file(session, xet_hash)
        reader = xet.IndexReader(self._db)
        return xet.iter_blocks(self._store, xet.iter_segments(xet.decode_terms(file.terms), reader, 0, size_bytes))

    def _make_room(self, size_bytes: int) -> None:
        """Drop rebuilt files until ``size_bytes`` more fit; those just used stay, and what a running replica has open
        stays readable to it."""
        kept = sorted((entry.stat().st_mtime, entry) for entry in self._rebuilt.glob("*"))
        used = sum(entry.stat().st_size for _, entry in kept)
        for used_at, entry in kept:
            if used + size_bytes <= self._cache_bytes or used_at > time.time() - _FRESH_SECONDS:
                return
            used -= entry.stat().st_size
            entry.unlink(missing_ok=True)

    def _drop_stale(self, folder: Path) -> None:
        """Folders of links and small files that nobody has started from for long."""
        for other in folder.parent.iterdir():
            if other != folder and other.stat().st_mtime < time.time() - _STALE_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


def _is_needed(deployment: Deployment, path: str) -> bool:
    if ".." in path.split("/"):
        return False
    named = deployment.options.get("file")
    patterns = _NEEDED.get(deployment.runtime)
    return path == named or patterns is None or any(fnmatch(path, pattern) for pattern in patterns)


def _content(session: Session, repo: Repo, file: TreeFile) -> Blob | None:
    """The blob of a large file, None for one that lies in git."""
    if file.pointer is None:
        return None
    blob = hub.find_content(session, repo, file.pointer.sha256)
    if blob is None:
        raise ReplicaFailed(f"The content of {file.path} is missing from the store.")
    return blob


def _write(path: Path, blocks: Iterator[bytes] | Sequence[bytes]) -> None:
    """All of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{uuid4().hex}")
    try:
        with fresh.open("wb") as out:
            for block in blocks:
                out.write(block)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
