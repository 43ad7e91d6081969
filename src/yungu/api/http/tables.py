"""Files of a commit as tables that can be read: which they are, and where their bytes come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from yungu import hub
from yungu.api.http.blobs import content_of, read_blob
from yungu.api.http.site import Site
from yungu.hub import DataConfig, DataSplit, Repo, TreeFile
from yungu.kernel.db import Session
from yungu.kernel.errors import NotFound
from yungu.storage import content
from yungu.storage.git import GitObjects
from yungu.storage.models import Blob
from yungu.tables import MOST_FILES, Table, TableFile, ending_of, format_of


class DataNotFound(NotFound):
    """The repo has no data of that name, or none that can be read as a table."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no data {what} here that can be read as a table.".replace("  ", " "))


@dataclass(frozen=True, slots=True)
class DataPlace:
    """The data of a commit of a repo, of which a reader may see all."""

    repo: Repo
    commit: str
    objects: GitObjects

    @property
    def configs(self) -> Sequence[DataConfig]:
        return hub.list_configs(self.objects, self.commit)

    def pick(self, config: str, split: str) -> tuple[DataConfig, DataSplit]:
        """The named config and split, the first ones for empty names. Raises DataNotFound."""
        found = next((one for one in self.configs if config in ("", one.name)), None)
        inside = next((one for one in found.splits if split in ("", one.name)), None) if found else None
        if found is None or inside is None:
            raise DataNotFound(f"'{config or split}'" if config or split else "")
        return found, inside

    def files(self, paths: Sequence[str]) -> list[TreeFile]:
        return [hub.get_file(self.objects, self.commit, path) for path in paths]


def table_of(session: Session, site: Site, place: DataPlace, paths: Sequence[str]) -> Table:
    """The first files among ``paths``, all of one format, as one table. Raises DataNotFound, BytesNotFound."""
    form = format_of(paths[0]) if paths else None
    if form is None:
        raise DataNotFound("")
    files = place.files(paths[:MOST_FILES])
    return Table(form, tuple(_table_file(session, site, place, file) for file in files))


def _table_file(session: Session, site: Site, place: DataPlace, file: TreeFile) -> TableFile:
    blob = content_of(session, place.repo, file)
    source: Path | _Regular | _Rebuilt
    if blob is None:
        source = _Regular(place.objects, file.oid)
    elif blob.has_raw or blob.xet_hash is None:
        source = site.store.path(content.raw_key(blob.sha256))
    else:
        source = _Rebuilt(site, blob)
    return TableFile(file.etag, ending_of(file.path), file.size_bytes, source)


class _Regular:
    """A regular file, small enough to be kept while it is read."""

    def __init__(self, objects: GitObjects, oid: str) -> None:
        self._objects = objects
        self._oid = oid

    @cached_property
    def _data(self) -> bytes:
        return self._objects.read_blob(self._oid)

    def __call__(self, start: int, end: int) -> bytes:
        return self._data[start:end]


class _Rebuilt:
    """A file that is put together from its xorbs."""

    def __init__(self, site: Site, blob: Blob) -> None:
        self._site = site
        self._blob = blob

    def __call__(self, start: int, end: int) -> bytes:
        return read_blob(self._site, self._blob, start, end)
