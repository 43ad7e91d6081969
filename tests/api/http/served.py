"""A small application on the byte path, and a live server for it; also a program: ``served.py FOLDER FD``."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from yungu.api.http.files import FileResponse
from yungu.api.http.uploads import TAKEOVER, BodyTooLarge, BodyTruncated, receive_body
from yungu.app.protocol import ByteProtocol
from yungu.storage.errors import StorageFull
from yungu.storage.local import LocalStore

MAX_BYTES = 1 << 30


class Rebuilt:
    """The bytes of a file in uneven blocks, as if they were put together from pieces."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open_range(self, start: int, end: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(start)
            while start < end:
                block = file.read(min(end - start, 70_001))
                start += len(block)
                yield block


class FullSink:
    """Takes a little, then says that there is no room."""

    def __init__(self) -> None:
        self.room_bytes = 3 << 20

    def write(self, data: memoryview | bytes) -> None:
        self.room_bytes -= len(data)
        if self.room_bytes < 0:
            raise StorageFull("no room")


@dataclass
class App:
    """GET|HEAD /file/<name>, /rebuilt/<name>, /said/<text of a header>; PUT /upload, /exactly/<n>, /full, /refused."""

    folder: Path
    truncated: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await (self.put(request) if request.method == "PUT" else self.get(request))
        await response(scope, receive, send)

    async def get(self, request: Request) -> Response:
        _, kind, name = request.scope["path"].split("/")
        if kind == "said":
            return Response("said", headers={"x-said": name})
        path = self.folder / name
        return FileResponse(
            path if kind == "file" else Rebuilt(path),
            size_bytes=path.stat().st_size,
            etag="e1",
            filename=name,
            headers={"x-repo-commit": "abc"},
        )

    async def put(self, request: Request) -> Response:
        try:
            return await self.upload(request)
        except BodyTooLarge as error:
            return Response(error.message, 413)
        except BodyTruncated as error:
            self.truncated.set()
            return Response(error.message, 400)
        except StorageFull as error:
            return Response(error.message, 507)

    async def upload(self, request: Request) -> Response:
        if request.url.path == "/refused":
            return Response("not yours", 403)
        if request.url.path == "/full":
            await receive_body(request, FullSink(), max_bytes=MAX_BYTES)
        expect = int(request.url.path.split("/")[2]) if request.url.path.startswith("/exactly/") else None
        with LocalStore(self.folder / "store").stage() as staged:
            count = await receive_body(request, staged, max_bytes=MAX_BYTES, expect_bytes=expect)
            taken = TAKEOVER in scope_extensions(request)
            answer = {"sha256": staged.sha256, "count": count, "size": staged.size_bytes, "taken": taken}
        return Response(json.dumps(answer), media_type="application/json")


def scope_extensions(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request.scope.get("extensions", {})
    return found


@dataclass
class Live:
    """A running server: its address, its application's folder, and whether it moves bytes itself."""

    port: int
    folder: Path
    app: App
    own_protocol: bool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


class Serving:
    """A context manager that serves ``App(folder)`` in a thread."""

    def __init__(self, folder: Path, *, http: type[Any] = ByteProtocol, loop: str = "uvloop", **options: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        app = App(folder)
        options |= {"log_config": None, "lifespan": "off", "access_log": False}
        config = uvicorn.Config(app, http=http, loop=loop, **options)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.live = Live(self.listener.getsockname()[1], folder, app, http is not HttpToolsProtocol)

    def __enter__(self) -> Live:
        self.thread.start()
        return self.live

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.listener.close()


if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[2]))
    options: Any = {"http": ByteProtocol, "log_level": "error", "lifespan": "off"}
    uvicorn.Server(uvicorn.Config(App(Path(sys.argv[1])), **options)).run(sockets=[listener])
