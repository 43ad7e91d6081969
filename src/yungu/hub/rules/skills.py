"""Archives of agent skills: small zip files with a SKILL.md at their root, whose front matter names the skill."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from yungu.hub.errors import EntryNotFound, PathInvalid, SkillArchiveInvalid
from yungu.hub.models import SkillFile
from yungu.hub.rules.cards import parse_card
from yungu.hub.rules.names import check_path

MAX_ARCHIVE_BYTES = 5 << 20
MAX_UNPACKED_BYTES = 64 << 20
MAX_ENTRIES = 2000
_TITLE = "SKILL.md"
_MAX_TITLE_BYTES = 1 << 20


def check_skill_archive(data: bytes) -> Mapping[str, Any]:
    """The front matter of the SKILL.md of an archive that anybody may unpack safely. Raises SkillArchiveInvalid."""
    if len(data) > MAX_ARCHIVE_BYTES:
        raise SkillArchiveInvalid(f"it has more than {MAX_ARCHIVE_BYTES >> 20} MiB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check_entries(entries)
            if archive.testzip() is not None:
                raise SkillArchiveInvalid("a file in it is damaged")
            text = archive.read(_TITLE).decode("utf-8", "replace")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise SkillArchiveInvalid("it is not a zip file that can be read") from error
    card = parse_card("model", text)
    if not all(isinstance(card.data.get(name), str) for name in ("name", "description")):
        raise SkillArchiveInvalid(f"the front matter of its {_TITLE} lacks a name or a description")
    return card.data


def list_skill_files(data: bytes) -> Sequence[SkillFile]:
    """What is in an archive that was checked, by path."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        return sorted((SkillFile(entry.filename, entry.file_size) for entry in entries), key=lambda file: file.path)


def read_skill_file(data: bytes, path: str) -> bytes:
    """A file of an archive that was checked. Raises EntryNotFound."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        try:
            return archive.read(path)
        except KeyError:
            raise EntryNotFound(path, "master") from None


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if _TITLE not in names:
        raise SkillArchiveInvalid(f"it has no {_TITLE} at its root")
    if len(names) > MAX_ENTRIES or len(set(names)) < len(names):
        raise SkillArchiveInvalid(f"it has more than {MAX_ENTRIES} files, or one of them twice")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise SkillArchiveInvalid(f"it has more than {MAX_UNPACKED_BYTES >> 20} MiB when it is unpacked")
    for entry in entries:
        _check_entry(entry)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise SkillArchiveInvalid(f"'{entry.filename}' is no regular file")
    if entry.filename == _TITLE and entry.file_size > _MAX_TITLE_BYTES:
        raise SkillArchiveInvalid(f"its {_TITLE} is too long")
    try:
        check_path(entry.filename)
    except PathInvalid as error:
        raise SkillArchiveInvalid(error.message) from error
