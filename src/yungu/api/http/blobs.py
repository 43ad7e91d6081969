"""A logical blob as an HTTP response, whichever way its bytes are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from yungu import hub
from yungu.api.http.call import Call
from yungu.api.http.files import FileResponse
from yungu.api.http.site import Site
from yungu.hub import Repo, TreeFile
from yungu.kernel.db import Session
from yungu.storage import content, xet
from yungu.storage.errors import BytesNotFound
from yungu.storage.git import GitObjects
from yungu.storage.models import Blob

_NEAR_BYTES = 64 * 1024  # reading so little costs less than handing it to a thread


class XetSource:
    """A file rebuilt from its xorbs, every chunk hashed again on its way out; see `RangeSource`."""

    def __init__(self, site: Site, file_hash: str) -> None:
        self._site = site
        self._file_hash = file_hash

    def open_range(self, start: int, end: int) -> Iterator[bytes]:
        """Raises XetFileNotFound, XorbMissing, XorbDamaged when the first, or a later, block is asked for."""
        with self._site.db.read() as session:
            file = xet.get_file(session, self._file_hash)
        segments = xet.iter_segments(xet.decode_terms(file.terms), xet.IndexReader(self._site.db), start, end)
        yield from xet.iter_blocks(self._site.store, segments)


def blob_response(
    site: Site,
    blob: Blob,
    *,
    etag: str | None = None,
    filename: str | None = None,
    disposition: Literal["attachment", "inline"] = "attachment",
    media_type: str = "application/octet-stream",
    headers: Mapping[str, str] | None = None,
) -> FileResponse:
    """The content of ``blob`` for GET and HEAD, with ranges and conditions; ``etag`` None: its sha256.

    The raw file is preferred, because the kernel can send it; without one the content is rebuilt from xorbs."""
    source: Path | XetSource = site.store.path(content.raw_key(blob.sha256))
    if blob.xet_hash is not None and not blob.has_raw:
        source = XetSource(site, blob.xet_hash)
    return FileResponse(
        source,
        size_bytes=blob.size_bytes,
        etag=etag or blob.sha256,
        filename=filename,
        disposition=disposition,
        media_type=media_type,
        headers=headers,
    )


def content_of(session: Session, repo: Repo, file: TreeFile) -> Blob | None:
    """The blob behind an LFS file of the repo, None for a regular one. Raises BytesNotFound when it is lost."""
    if file.pointer is None:
        return None
    blob = hub.find_content(session, repo, file.pointer.sha256)
    if blob is None:
        raise BytesNotFound(f"The content of '{file.path}' is missing from the store.")
    return blob


def file_response(
    site: Site,
    objects: GitObjects,
    file: TreeFile,
    blob: Blob | None,
    *,
    etag: str | None = None,
    disposition: Literal["attachment", "inline"] = "attachment",
    media_type: str = "application/octet-stream",
    headers: Mapping[str, str] | None = None,
) -> FileResponse:
    """A file of a commit for GET and HEAD: its content, never the pointer. ``blob``: what ``content_of`` found. It is
    given to each call by ``answer_with``."""
    filename = file.path.rpartition("/")[2]
    if blob is not None:
        return blob_response(
            site,
            blob,
            etag=etag,
            filename=filename,
            disposition=disposition,
            media_type=media_type,
            headers=headers,
        )
    return FileResponse(
        GitBlob(objects, file.oid),
        size_bytes=file.size_bytes,
        etag=etag or file.oid,
        filename=filename,
        disposition=disposition,
        media_type=media_type,
        headers=headers,
    )


def answer_with(call: Call, found: FileResponse) -> FileResponse:
    """What ``found`` says, as the answer to this call; a small regular file is read now. Raises GitObjectMissing."""
    source = found.source
    if isinstance(source, GitBlob) and call.method == "GET" and found.size_bytes <= _NEAR_BYTES:
        return found.again(source.read_small())
    return found.again(source)


def count_download(call: Call, repo: Repo, answer: FileResponse) -> None:
    """Count a file that is taken from its beginning: not a look at its headers, the rest of what was taken before, or
    one that the client has already."""
    plan = answer.plan(call.headers, call.method)
    if call.method == "GET" and plan.status in (200, 206) and plan.start == 0:
        call.site.downloads.note(repo.id, call.visitor)


class GitBlob:
    """A regular file as a source of ranges; regular files are small enough to be read whole."""

    def __init__(self, objects: GitObjects, oid: str) -> None:
        self._objects = objects
        self._oid = oid

    def open_range(self, start: int, end: int) -> Iterator[bytes]:
        yield self._objects.read_blob(self._oid)[start:end]

    def read_small(self) -> bytes:
        """The whole file, kept in memory for a while."""
        return hub.read_small(self._objects, self._oid)


def read_blob(site: Site, blob: Blob, start: int, end: int) -> bytes:
    """Bytes ``start`` up to, not including, ``end`` of a blob, for short looks such as file headers."""
    if blob.has_raw or blob.xet_hash is None:
        with site.store.open(content.raw_key(blob.sha256)) as file:
            file.seek(start)
            return file.read(end - start)
    return b"".join(XetSource(site, blob.xet_hash).open_range(start, end))


def iter_content(site: Site, objects: GitObjects, file: TreeFile, blob: Blob | None) -> Iterator[bytes]:
    """The whole content of a file of a commit in blocks of at most 1 MiB, or one chunk. ``blob``: what ``content_of``
    found."""
    if blob is None:
        yield objects.read_blob(file.oid)
    elif blob.has_raw or blob.xet_hash is None:
        with site.store.open(content.raw_key(blob.sha256)) as source:
            while block := source.read(1 << 20):
                yield block
    else:
        yield from XetSource(site, blob.xet_hash).open_range(0, blob.size_bytes)
