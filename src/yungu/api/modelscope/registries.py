"""The catalogue of MCP servers."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec
from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.places import QueryInvalid
from yungu.api.modelscope.routes import open_routes
from yungu.hub import McpServer
from yungu.kernel.db import Session

_MOST_SERVERS = 100


class ServerFilter(msgspec.Struct):
    category: str | None = None
    is_hosted: bool | None = None


class ServerSearch(msgspec.Struct):
    search: str | None = None
    page_number: int = 1
    page_size: int = 10
    filter: ServerFilter | None = None


@open_routes.put("/openapi/v1/mcp/servers", writes=False)
def search_servers(session: Session, call: Call) -> Response:
    return _servers(session, call, call.body_as(ServerSearch))


@open_routes.get("/openapi/v1/mcp/servers")
def list_servers(session: Session, call: Call) -> Response:
    number, size = places.page(call, "page_number", "page_size", default=10, most=_MOST_SERVERS)
    return _servers(session, call, ServerSearch(call.query_params.get("search"), number, size))


@open_routes.get("/openapi/v1/mcp/servers/operational")
def list_operational(session: Session, call: Call) -> Response:
    """The servers that the operator runs: everybody who is signed in may use them."""
    if call.actor(session).user is None:
        raise accounts.SignInRequired
    found, total = hub.list_mcp_servers(session, operational=True, skip=0, limit=_MOST_SERVERS)
    shown = [_server_json(server) | {"operational_urls": list(server.operational_urls)} for server in found]
    return wire.open_answer(call, {"mcp_server_list": shown, "total_count": total})


@open_routes.get("/openapi/v1/mcp/servers/{path*}")
def show_server(session: Session, call: Call) -> Response:
    """Its addresses are for those who are signed in."""
    actor, server = call.actor(session), hub.get_mcp_server(session, unquote(call.params["path"]))
    call.site.views.note(server.id, call.visitor, of="server")
    urls = list(server.operational_urls) if actor.user is not None else []
    return wire.open_answer(
        call, _server_json(server) | {"server_config": list(server.server_config), "operational_urls": urls}
    )


@open_routes.post("/openapi/v1/mcp/servers/{path*}", writes=False)
def deploy_server(session: Session, call: Call) -> Response:
    """What the operator runs already is there for whoever asks; nothing else can be run."""
    server = _acted_on(session, call, "deploy")
    if not server.operational_urls:
        raise hub.RunnerMissing(f"The MCP server '{server.slug}'")
    return wire.open_answer(call, {"id": server.slug, "operational_urls": list(server.operational_urls)})


@open_routes.delete("/openapi/v1/mcp/servers/{path*}", writes=False)
def undeploy_server(session: Session, call: Call) -> Response:
    server = _acted_on(session, call, "undeploy")
    if server.operational_urls:
        raise hub.ServerShared(server.slug)
    raise hub.RunnerMissing(f"The MCP server '{server.slug}'")


def _servers(session: Session, call: Call, asked: ServerSearch) -> Response:
    call.actor(session)  # a bad token is told, though everybody may see the catalogue
    number, size = asked.page_number, asked.page_size
    if number < 1 or size < 1 or number * size > _MOST_SERVERS:
        raise QueryInvalid(f"page_number times page_size must be 1 to {_MOST_SERVERS}.")
    chosen = asked.filter or ServerFilter()
    found, total = hub.list_mcp_servers(
        session,
        search=asked.search or "",
        category=chosen.category or "",
        operational=chosen.is_hosted,
        skip=(number - 1) * size,
        limit=size,
    )
    body = {"mcp_server_list": [_server_json(server) for server in found], "total_count": total}
    return wire.open_answer(call, body | {"page_number": number, "page_size": size})


def _acted_on(session: Session, call: Call, act: str) -> McpServer:
    if call.actor(session).user is None:
        raise accounts.SignInRequired
    slug, _, last = unquote(call.params["path"]).rpartition("/")
    if last != act:
        raise hub.McpServerNotFound(call.params["path"])
    return hub.get_mcp_server(session, slug)


def _server_json(server: McpServer) -> wire.Json:
    return {
        "id": server.slug, "name": server.name, "chinese_name": server.chinese_name, "description": server.description,
        "category": server.category, "categories": [server.category] if server.category else [], "tags": [],
        "is_hosted": bool(server.operational_urls), "publisher": server.slug.rpartition("/")[0],
        "created_at": wire.stamp(server.created_at), "logo_url": "", "view_count": server.views_count,
    }  # fmt: skip
