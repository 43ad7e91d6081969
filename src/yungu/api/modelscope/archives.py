"""A whole commit as one zip file, as it is read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import IO, cast

from starlette.responses import Response, StreamingResponse

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.blobs import content_of, iter_content
from yungu.api.modelscope import places
from yungu.api.modelscope.routes import legacy
from yungu.hub import TreeFile
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects
from yungu.storage.models import Blob

_SUBMODULE = 0o160000
_EPOCH = (1980, 1, 1, 0, 0, 0)


@legacy.get("/api/v1/{kinds}/{owner}/{name}/archive/zip/{rev*}")
def archive(session: Session, call: Call) -> Response:
    """All files of a revision, uncompressed: models do not get smaller."""
    repo, _ = places.readable(session, call)
    commit = hub.resolve_revision(session, call.site.git, repo, call.params["rev"])
    objects = call.site.git.open(repo.id)
    files = [file for file in hub.list_files(objects, commit) if file.mode != _SUBMODULE]
    contents = [(file, content_of(session, repo, file)) for file in files]
    if call.method == "GET":
        call.site.downloads.note(repo.id, call.visitor)
    headers = {"Content-Disposition": f'attachment; filename="{repo.name}.zip"', "X-Repo-Commit": commit}
    blocks = _blocks(call, objects, contents)
    return StreamingResponse(blocks, media_type="application/zip", headers=headers)


def _blocks(call: Call, objects: GitObjects, contents: list[tuple[TreeFile, Blob | None]]) -> Iterator[bytes]:
    out = _Pipe()
    with zipfile.ZipFile(cast(IO[bytes], out), "w", zipfile.ZIP_STORED) as archive:
        for file, blob in contents:
            entry = zipfile.ZipInfo(file.path, _EPOCH)
            entry.external_attr = file.mode << 16
            entry.file_size = file.size_bytes
            with archive.open(entry, "w", force_zip64=file.size_bytes >= 1 << 31) as target:
                for block in iter_content(call.site, objects, file, blob):
                    target.write(block)
                    yield out.take()
    yield out.take()


class _Pipe:
    """Takes what the zip writer writes; it cannot be sought in, so that the writer puts sizes after the contents."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken
