"""A replica inside a Ray Serve deployment: the same application, with Serve's proxy before it.

yungu and the extras of the runtimes have to be installed on Ray's machines."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from urllib.request import Request as Call, urlopen

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from yungu.compute.runtimes.protocol import Spec
from yungu.compute.runtimes.serve import Replica, load
from yungu.compute.runtimes.sources import Remote, Source

_CALL_SECONDS = 60


class Hosted:
    """What Ray Serve starts on one of its machines."""

    def __init__(self, spec: bytes, source: bytes) -> None:
        found = provide(msgspec.json.decode(source, type=Source))
        wanted = msgspec.structs.replace(msgspec.json.decode(spec, type=Spec), folder=str(found))
        self._replica = Replica(wanted, load(wanted))

    async def __call__(self, request: Request) -> Response:
        return await self._replica.answer(request)


def provide(source: Source) -> Path:
    """The folder of the model's files on this machine. Raises OSError when they cannot be had."""
    if source.folder:
        folder = Path(source.folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not shared with this machine: set ray_data to 'fetched'")
        return folder
    folder = Path(tempfile.gettempdir()) / "yungu-weights" / source.key
    for file in source.files:
        target = folder / file.path
        if not target.exists() or target.stat().st_size != file.size_bytes:
            _fetch(file, source.token, target)
    return folder


def _fetch(file: Remote, token: str, target: Path) -> None:
    """All of it or nothing."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    call = Call(file.url, headers={"authorization": f"Bearer {token}"})  # noqa: S310 - the hub's own address
    with (
        tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as out,
        urlopen(call, timeout=_CALL_SECONDS) as got,  # noqa: S310
    ):
        shutil.copyfileobj(got, out, 1 << 20)
    fresh = Path(out.name)
    if fresh.stat().st_size != file.size_bytes:
        fresh.unlink()
        raise OSError(f"{file.path} came with another size than it has")
    fresh.replace(target)
