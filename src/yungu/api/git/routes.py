"""The routes of the git dialect: git's smart HTTP and git-lfs, under every repo.

https://git-scm.com/docs/gitprotocol-http"""

from __future__ import annotations

from starlette.responses import Response

from yungu.api.git import lfs, locks
from yungu.api.git.errors import render_error
from yungu.api.git.fetching import advertise_fetch, upload_pack
from yungu.api.git.places import under_repo
from yungu.api.git.pushing import advertise_push, receive_pack
from yungu.api.http import Call, Routes
from yungu.api.http.call import BodyInvalid
from yungu.kernel.errors import Denied

routes = Routes(on_error=render_error)
routes.routes += [*lfs.routes.routes, *locks.routes.routes]  # each says no in its own shape


class DumbClient(Denied):
    """A client that wants to read single files of a repository over HTTP, as git did before 1.6.6."""

    hint = "Use git 1.6.6 or later."


@routes.get(*under_repo("/info/refs"))
async def info_refs(call: Call) -> Response:
    match call.query_params.get("service"):
        case "git-upload-pack":
            return await advertise_fetch(call)
        case "git-receive-pack":
            return await call.read(advertise_push, call)
        case _:
            raise DumbClient("This server speaks the smart protocol only.")


@routes.post(*under_repo("/git-upload-pack"))
async def fetch(call: Call) -> Response:
    _check_type(call, "application/x-git-upload-pack-request")
    return await upload_pack(call)


@routes.post(*under_repo("/git-receive-pack"))
async def push(call: Call) -> Response:
    _check_type(call, "application/x-git-receive-pack-request")
    return await receive_pack(call)


def _check_type(call: Call, wanted: str) -> None:
    """A web page cannot send this type to another site unasked."""
    if call.headers.get("content-type") != wanted:
        raise BodyInvalid(f"The content type must be {wanted}.")
