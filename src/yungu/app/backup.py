"""A whole hub in one file, taken while it runs; and a hub from such a file.

The file is an uncompressed tar (most of it is compressed already): a manifest, the bytes, the git objects, what jobs
keep, the server's key, and last the tables. The tables are read in one snapshot *before* anything is copied. Bytes and
git objects are immutable and nobody deletes any while ``lock.copying`` is held, so whatever the snapshot refers to is
still there when it is copied. What comes in meanwhile is not referred to, and is harmless if it is copied along."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec
import sqlalchemy as sa

from yungu import __version__, hub, migrations
from yungu.api.http import Site
from yungu.app.dump import TableDump, dump_tables, load_table, schema_revision
from yungu.app.lock import copying
from yungu.app.settings import Settings
from yungu.compute.queries.records import KEPT, job_folder, list_job_folders
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.kernel.errors import Conflict, Invalid, Unavailable
from yungu.storage import content, xet

Tell = Callable[[str, int, int], None]
FORMAT = 1
_MANIFEST = "manifest.json"
_SECRET = "secret.key"  # noqa: S105 - a file name
_SAFE = re.compile(
    r"(blobs|xorbs)/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}"
    r"|git/[0-9a-f]{2}/\d+\.git/objects/(?:[0-9a-z]{2,4}/)?[A-Za-z0-9._/-]{1,120}"
    r"|jobs/\d+/(?:log|log\.1|(?:items|answers|predictions)\.jsonl)"
    r"|database/[a-z0-9_]+\.jsonl|manifest\.json|secret\.key"
)


class FolderNotEmpty(Conflict):
    hint = "Restore into a new folder and a new database; nothing is ever overwritten."


class BackupInvalid(Invalid):
    """The file is no backup of a hub, or it is cut off or damaged."""


class BackupUnwritable(Unavailable):
    """The backup file cannot be written."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    version: str
    created_at: str
    schema: str
    files: int
    tables: list[TableDump]


@dataclass(frozen=True, slots=True)
class Copied:
    """How much a backup holds."""

    rows: int
    files: int
    size_bytes: int


# --- out


def back_up(site: Site, target: Path, *, tell: Tell) -> Copied:
    """Write the hub to ``target``, which appears whole or not at all. Raises HouseBusy, BackupUnwritable."""
    part = target.with_name(f"{target.name}.{uuid4().hex}.part")
    try:
        with copying(site), tempfile.TemporaryDirectory(dir=site.store.root / "tmp") as folder:
            manifest, files = _snapshot(site, Path(folder))
            with _private(part) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                _write_all(tar, site, Path(folder), manifest, files, tell)
        part.replace(target)
    except OSError as error:
        raise BackupUnwritable(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return Copied(sum(table.rows for table in manifest.tables), manifest.files, target.stat().st_size)


def _snapshot(site: Site, folder: Path) -> tuple[Manifest, list[Path]]:
    """The tables as files in ``folder``, and which files of the data folder they refer to."""
    with site.db.snapshot() as session:
        revision = schema_revision(session)
        tables = [table for table, _ in dump_tables(session, folder)]
        files = list(_iter_bytes(site, session))
        files += [file for number in sorted(hub.list_repo_numbers(session)) for file in _iter_git(site, number)]
    files += _iter_job_files(site, folder)
    moment = clock.iso(clock.now())
    manifest = Manifest(
        format=FORMAT, version=__version__, created_at=moment, schema=revision, files=len(files), tables=tables
    )
    return manifest, files


def _iter_bytes(site: Site, session: Session) -> Iterator[Path]:
    held = content.list_sha256s(session)
    for start in range(0, len(held), 500):
        for sha256, blob in content.list_blobs(session, held[start : start + 500]).items():
            if blob.has_raw:
                yield site.store.path(content.raw_key(sha256))
    for xorb_hash in xet.list_xorb_hashes(session):
        yield site.store.path(xet.xorb_key(xorb_hash))


def _iter_git(site: Site, number: int) -> Iterator[Path]:
    path = site.git.path(number)
    for folder, _, names in os.walk(path / "objects"):
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("tmp_"))


def _iter_job_files(site: Site, folder: Path) -> Iterator[Path]:
    """What jobs keep, as links in ``folder``: jobs go on, and their people may delete it meanwhile."""
    for number in list_job_folders(site.store):
        links = folder / "jobs" / str(number)
        links.mkdir(parents=True)
        for name in sorted(KEPT):
            with suppress(FileNotFoundError):
                (links / name).hardlink_to(job_folder(site.store, number) / name)
                yield links / name


def _write_all(
    tar: tarfile.TarFile, site: Site, folder: Path, manifest: Manifest, files: list[Path], tell: Tell
) -> None:
    _add_bytes(tar, _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    for done, file in enumerate(files, 1):
        _add_file(tar, _name_of(file, site, folder), file)
        tell("copying", done, len(files))
    _add_bytes(tar, _SECRET, site.secret, mode=0o600)
    for table in manifest.tables:
        _add_file(tar, f"database/{table.name}.jsonl", folder / f"{table.name}.jsonl")


def _name_of(file: Path, site: Site, folder: Path) -> str:
    """As it stands in the tar."""
    if file.is_relative_to(folder):
        return str(file.relative_to(folder))
    root, prefix = (site.git.root, "git/") if file.is_relative_to(site.git.root) else (site.store.root, "")
    return f"{prefix}{file.relative_to(root)}"


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    _add(tar, name, BytesIO(data), len(data), mode)


def _add_file(tar: tarfile.TarFile, name: str, path: Path) -> None:
    with path.open("rb") as file:
        _add(tar, name, file, os.fstat(file.fileno()).st_size, 0o644)


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size_bytes: int, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size_bytes, mode, int(time.time())
    tar.addfile(member, file)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner may read, durable at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


# --- in


def restore(source: Path, settings: Settings, *, tell: Tell) -> Manifest:
    """Make the hub in ``source`` anew in an empty data folder and an empty database, of whichever kind.

    Raises FolderNotEmpty, BackupInvalid; what was begun is taken away again then."""
    data = settings.data_path
    if data.exists() and any(data.iterdir()):
        raise FolderNotEmpty(f"The data folder {data} is not empty.")
    existed = data.exists()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.sqlalchemy_url)
    try:
        _check_empty(database)
        with tempfile.TemporaryDirectory(dir=data) as folder:
            manifest = _unpack(source, data, Path(folder), tell)
            _load(database, manifest, Path(folder), tell)
    except BaseException:
        database.close()
        _empty(data, existed)
        raise
    database.close()
    os.sync()
    return manifest


def _check_empty(database: Database) -> None:
    with database.read() as session:
        if sa.inspect(session).get_table_names():
            raise FolderNotEmpty("The database is not empty.")


def _unpack(source: Path, data: Path, tables: Path, tell: Tell) -> Manifest:
    """Put the files into the data folder and the tables into a folder of their own."""
    manifest, count = None, 0
    try:
        with tarfile.open(source, mode="r:") as tar:
            for member in tar:
                if not member.isreg() or not _SAFE.fullmatch(member.name) or ".." in member.name:
                    raise BackupInvalid(f"{source} holds {member.name!r}, which no backup does.")
                if member.name == _MANIFEST:
                    manifest = _read_manifest(tar, member)
                    continue
                if manifest is None:
                    raise BackupInvalid(f"{source} does not begin like a backup.")
                count += _unpack_one(tar, member, data, tables)
                tell("unpacking", count, manifest.files)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BackupInvalid(f"{source} cannot be read as a backup: {error}.") from error
    if manifest is None or count != manifest.files or not (data / _SECRET).exists():
        raise BackupInvalid(f"{source} is cut off.")
    return manifest


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, data: Path, tables: Path) -> bool:
    """True for a file of the data folder, False for the key and the tables."""
    is_table = member.name.startswith("database/")
    target = tables / member.name.removeprefix("database/") if is_table else data / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if is_table or member.name == _SECRET else 0o644
    taken = tar.extractfile(member)
    if taken is None:
        raise BackupInvalid(f"{member.name} has no content.")
    with taken, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        shutil.copyfileobj(taken, file, 1 << 20)
    return not is_table and member.name != _SECRET


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Manifest:
    taken = tar.extractfile(member)
    try:
        manifest = msgspec.json.decode(taken.read() if taken else b"", type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupInvalid(f"The manifest cannot be read: {error}.") from error
    if manifest.format != FORMAT:
        raise BackupInvalid(f"The backup has format {manifest.format}; this version knows {FORMAT}.")
    return manifest


def _load(database: Database, manifest: Manifest, tables: Path, tell: Tell) -> None:
    """The schema as it was, the rows, then the schema as it is now."""
    migrations.upgrade(database, manifest.schema)
    with database.write() as session:
        for done, table in enumerate(manifest.tables, 1):
            path = tables / f"{table.name}.jsonl"
            if not path.exists():
                raise BackupInvalid(f"The backup lacks the table {table.name}.")
            with path.open("rb") as lines:
                count = load_table(session, table, lines)
            if count != table.rows:
                raise BackupInvalid(f"The table {table.name} has {count} rows instead of {table.rows}.")
            tell("loading tables", done, len(manifest.tables))
    migrations.upgrade(database)


def _empty(data: Path, existed: bool) -> None:
    """Leave the folder as it was found: empty, or not there."""
    for path in data.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not existed:
        data.rmdir()
