"""The catalogues of MCP servers and of agent skills, and the upload of single small files."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.errors import NotBuilt
from yungu.api.modelscope.open_api import open_page
from yungu.api.modelscope.places import QueryInvalid
from yungu.api.modelscope.repos import form_fields
from yungu.api.modelscope.routes import legacy, open_routes
from yungu.hub import Kind, McpServer, Skill
from yungu.kernel.db import Session

MAX_FILE_BYTES = 5 << 20
_MOST_SERVERS = 100
_KINDS: dict[str, Kind] = {"model": "model", "dataset": "dataset", "studio": "space"}
_SKILL_FILTERS = ("owner", "developer", "category", "license")


class ServerFilter(msgspec.Struct):
    category: str | None = None
    is_hosted: bool | None = None


class ServerSearch(msgspec.Struct):
    search: str | None = None
    page_number: int = 1
    page_size: int = 10
    filter: ServerFilter | None = None


class SkillCreate(msgspec.Struct):
    """Whatever else is said is kept with it."""

    skill_name: str
    owner: str = ""
    private: bool | None = None


# --- MCP servers


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
    raise hub.RunnerMissing(f"The MCP server '{server.slug}' is not yours to stop; another one")


# --- skills


@open_routes.get("/openapi/v1/skills")
def list_skills(session: Session, call: Call) -> Response:
    number, size = open_page(call)
    query = call.query_params
    equal = {name: text for name in _SKILL_FILTERS if (text := query.get(f"filter.{name}"))}
    found, total = hub.list_skills(
        session,
        call.actor(session),
        search=query.get("search") or "",
        equal=equal,
        skip=(number - 1) * size,
        limit=size,
    )
    body = {"skills": [_skill_json(skill) for skill in found], "total_count": total}
    return wire.open_answer(call, body | {"page_number": number, "page_size": size})


@open_routes.post("/openapi/v1/skills")
def create_skill(session: Session, call: Call) -> Response:
    """Without a word on who may see it, it is private."""
    asked, said = call.body_as(SkillCreate), call.body_as(dict[str, Any])
    values = {name: value for name, value in said.items() if name not in ("skill_name", "owner", "private")}
    private = asked.private is not False
    made = hub.create_skill(
        session, asked.owner, asked.skill_name, call.actor(session), values=values, is_private=private
    )
    return wire.open_answer(call, _skill_json(made))


@open_routes.get("/openapi/v1/skills/{path*}")
def show_skill(session: Session, call: Call) -> Response:
    slug = unquote(call.params["path"]).removeprefix("@")
    return wire.open_answer(call, _skill_json(hub.visible_skill(session, slug, call.actor(session))))


@open_routes.patch("/openapi/v1/skills/{developer}/{skill}/settings")
def change_skill(session: Session, call: Call) -> Response:
    said, actor = call.body_as(dict[str, Any]), call.actor(session)
    private = said.pop("private", None)
    skill = hub.visible_skill(session, _slug(call), actor)
    changed = hub.change_skill(
        session, skill, actor, values=said, is_private=private if isinstance(private, bool) else None
    )
    return wire.open_answer(call, _skill_json(changed))


@legacy.delete("/api/v1/skills/{developer}/{skill}")
def delete_skill(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    hub.delete_skill(session, hub.visible_skill(session, _slug(call), actor), actor)
    return wire.answer(call, {})


@legacy.get("/api/v1/skills/{developer}/{skill}/archive/zip/{rev*}")
def skill_archive(session: Session, call: Call) -> Response:
    skill = hub.visible_skill(session, _slug(call), call.actor(session))
    raise NotBuilt(
        f"The files of the skill '{skill.slug}' are not kept here.", hint=str(skill.values.get("source_url") or "")
    )


# --- single files


@open_routes.post("/openapi/v1/files/upload", max_body=MAX_FILE_BYTES + (64 << 10))
def upload_file(session: Session, call: Call) -> Response:
    """A small file, committed to the repo that the form names."""
    form = form_fields(call)
    if form is None or "file" not in form:
        raise BodyInvalid("A form with a file is needed.")
    data, said = (
        form["file"],
        {name: value.decode("utf-8", "replace") for name, value in form.items() if name != "file"},
    )
    if "repo_id" not in said:
        raise NotBuilt("Files without a repo are not kept here: name a repo_id and a path.")
    kind = _KINDS.get(said.get("repo_type") or "model")
    if kind is None or not said.get("path"):
        raise BodyInvalid("repo_type is model, dataset or studio, and path names the file.")
    actor = call.actor(session)
    repo = hub.writable_repo(session, kind, said["repo_id"], actor)
    oid = call.site.git.open(repo.id).write_blob(data)
    change, title = hub.FilePut(said["path"], oid, len(data)), said.get("commit_message") or f"Upload {said['path']}"
    plan = hub.CommitPlan(said.get("revision") or places.BRANCH, [change], title, create_branch=True)
    made = hub.apply_commit(session, call.site.git, repo, plan, actor)
    return wire.open_answer(call, {"id": oid, "commit_id": made.oid, "path": said["path"], "size": len(data)})


def _slug(call: Call) -> str:
    return f"{call.params['developer'].removeprefix('@')}/{call.params['skill']}"


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
        "created_at": wire.stamp(server.created_at), "logo_url": "", "view_count": 0,
    }  # fmt: skip


def _skill_json(skill: Skill) -> wire.Json:
    return {
        "display_name": skill.name, "description": "", **skill.values, "id": skill.slug, "owner": skill.owner,
        "name": skill.name, "skill_name": skill.name, "private": skill.is_private,
        "created_at": wire.stamp(skill.created_at), "last_modified": wire.stamp(skill.updated_at),
    }  # fmt: skip
