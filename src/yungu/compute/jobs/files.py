"""Files of repos for jobs: read, and laid out as folders that programs can see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from yungu import hub
from yungu.compute.errors import JobFailed
from yungu.compute.jobs.workshop import Workshop
from yungu.compute.models import RepoPlace
from yungu.hub import Repo, TreeFile
from yungu.storage import content, xet
from yungu.storage.errors import BytesNotFound
from yungu.storage.models import Blob

_REGULAR = (0o100644, 0o100755, 0o100664)
_MOST_FILES = 20_000
MOST_LINES_BYTES = 128 << 20
"""Of a file whose lines are inputs or requests."""


def iter_file(shop: Workshop, place: RepoPlace) -> Iterator[bytes]:
    """The content of a file of a repo in blocks. Raises JobFailed, RepoNotFound, EntryNotFound, BytesNotFound."""
    with shop.db.read() as session:
        repo = hub.get_repo_by_id(session, place.repo_id)
    file = hub.get_file(shop.git.open(repo.id), place.commit, place.path)
    if file.size_bytes > MOST_LINES_BYTES:
        raise JobFailed(f"{place.path} has more than {MOST_LINES_BYTES >> 20} MiB.")
    return _blocks(shop, repo, file)


def read_records(shop: Workshop, place: RepoPlace) -> list[dict[str, msgspec.Raw]]:
    """The objects that the lines of a .jsonl file are, or the rows of a .csv file. Values stay text: as objects they
    would take many times the memory. Raises JobFailed with the number of a line that is none, but never with what is in
    it."""
    text = b"".join(iter_file(shop, place))
    if place.path.endswith(".csv"):
        return _rows(text)
    records, decode = list[dict[str, msgspec.Raw]](), msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                records.append(decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise JobFailed(f"Line {number} of {place.path} is not a JSON object.") from None
    return records


def read_lines(shop: Workshop, place: RepoPlace) -> list[bytes]:
    """The lines of a file that are not empty. Raises JobFailed."""
    return [line for line in b"".join(iter_file(shop, place)).split(b"\n") if line.strip()]


def lay_out(shop: Workshop, place: RepoPlace, folder: Path) -> Path:
    """All files of a commit under ``folder``, readable by everybody who gets there. Large ones are not copied where the
    file system allows another name for them. Raises JobFailed, RepoNotFound, BytesNotFound."""
    with shop.db.read() as session:
        repo = hub.get_repo_by_id(session, place.repo_id)
    shutil.rmtree(folder, ignore_errors=True)
    _open_folder(folder)
    files = [file for file in hub.list_files(shop.git.open(repo.id), place.commit) if file.mode in _REGULAR]
    if len(files) > _MOST_FILES:
        raise JobFailed(f"{place.name} has more than {_MOST_FILES} files.")
    for file in files:
        _lay(shop, repo, file, folder)
    return folder


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    with path.open("wb") as file:
        for record in records:
            file.write(msgspec.json.encode(record) + b"\n")


def mend(path: Path) -> None:
    """Take away the part of a line that a killed worker has left at the end of a file."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        whole = sum(len(line) for line in file if line.endswith(b"\n"))
        file.truncate(whole)


def _rows(text: bytes) -> list[dict[str, msgspec.Raw]]:
    import csv
    import io

    try:
        rows = csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""))
        return [{name: msgspec.Raw(msgspec.json.encode(value)) for name, value in row.items() if name} for row in rows]
    except (csv.Error, UnicodeDecodeError):
        raise JobFailed("The file is no CSV in UTF-8.") from None


def _lay(shop: Workshop, repo: Repo, file: TreeFile, folder: Path) -> None:
    parts = PurePosixPath(file.path).parts
    if any(part in ("", ".", "..", "/") for part in parts):
        raise JobFailed("A path in the repo is not valid.")
    at = folder
    for part in parts[:-1]:
        at = at / part
        _open_folder(at)
    target = at / parts[-1]
    blob = _blob(shop, repo, file)
    if blob is not None and blob.has_raw and _linked(shop.store.path(content.raw_key(blob.sha256)), target):
        return
    with target.open("wb") as out:
        out.writelines(_blocks(shop, repo, file))
    target.chmod(0o644)


def _linked(source: Path, target: Path) -> bool:
    """Another name for the same bytes. They become readable by all, inside a data folder that only we may enter."""
    with suppress(OSError):
        if os.geteuid() == 0:
            source.chmod(0o444)
        target.hardlink_to(source)
        return True
    return False


def _open_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _blob(shop: Workshop, repo: Repo, file: TreeFile) -> Blob | None:
    if file.pointer is None:
        return None
    with shop.db.read() as session:
        blob = hub.find_content(session, repo, file.pointer.sha256)
    if blob is None:
        raise BytesNotFound(f"The content of '{file.path}' is missing from the store.")
    return blob


def _blocks(shop: Workshop, repo: Repo, file: TreeFile) -> Iterator[bytes]:
    blob = _blob(shop, repo, file)
    if blob is None:
        yield shop.git.open(repo.id).read_blob(file.oid)
    elif blob.has_raw or blob.xet_hash is None:
        with shop.store.open(content.raw_key(blob.sha256)) as source:
            while block := source.read(1 << 20):
                yield block
    else:
        with shop.db.read() as session:
            found = xet.get_file(session, blob.xet_hash)
        segments = xet.iter_segments(xet.decode_terms(found.terms), xet.IndexReader(shop.db), 0, blob.size_bytes)
        yield from xet.iter_blocks(shop.store, segments)
