"""The stylesheet, the script and the icon: few small files, kept in memory, addressed by what is in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.responses import Response

from yungu.api.http import Call
from yungu.api.http.app import RouteNotFound

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    data: bytes
    media_type: str
    digest: str


@cache
def _assets() -> dict[str, Asset]:
    found = {}
    for file in (files(__package__) / "static").iterdir():
        ending = file.name.rpartition(".")[2]
        if ending in _TYPES:
            data = file.read_bytes()
            found[file.name] = Asset(data, _TYPES[ending], hashlib.sha256(data).hexdigest()[:12])
    return found


def address(name: str) -> str:
    """``/static/site.css?v=...``: another address for other content, so that browsers may keep it forever."""
    return f"/static/{name}?v={_assets()[name].digest}"


async def get_static(call: Call) -> Response:
    asset = _assets().get(call.params["path"])
    if asset is None:
        raise RouteNotFound(f"There is nothing at {call.scope['path']}.")
    fresh = call.query_params.get("v") == asset.digest
    headers = {
        "cache-control": _FOREVER if fresh else "no-cache",
        "etag": f'"{asset.digest}"',
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'",
    }
    if asset.digest in call.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.data, headers=headers, media_type=asset.media_type)
