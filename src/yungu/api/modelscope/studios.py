"""Studios are spaces. What their owners set is kept and shown; nothing runs them yet, and the answers say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call, json_response
from yungu.api.http.call import BodyInvalid, whole_number
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.open_api import page_of, readme
from yungu.api.modelscope.places import QueryInvalid
from yungu.api.modelscope.routes import open_routes
from yungu.hub import Repo, SpaceRun, Visibility
from yungu.kernel import clock
from yungu.kernel.db import Session

_OF = "/openapi/v1/studios/{developer}/{studio}"
_NO_RUNNER = "No runner is configured on this server: the wish was noted, but nothing runs the studio."
_SDKS = ("gradio", "streamlit", "docker", "static")
_KNOWN = ("owner", "repo_name", "private", "visibility", "license", "description")
_MOST_LINES = 500


class StudioCreate(msgspec.Struct):
    """Whatever else is said is kept as settings."""

    repo_name: str
    owner: str = ""
    private: bool | None = None
    visibility: str | None = None
    license: str | None = None
    display_name: str | None = None
    description: str | None = None
    sdk_type: str | None = None


class Variable(msgspec.Struct):
    key: str
    value: str = ""


@open_routes.get("/openapi/v1/studios")
def list_studios(session: Session, call: Call) -> Response:
    """Without an envelope, unlike everything else."""
    body = page_of(session, call, "space", "studios")
    if call.query_params.get("status", "all") == "running":
        body |= {"studios": [], "total_count": 0}
    return json_response(body)


@open_routes.post("/openapi/v1/studios")
def create_studio(session: Session, call: Call) -> Response:
    """Without a word on who may see it, it is private."""
    asked, actor = call.body_as(StudioCreate), call.actor(session)
    repo_id = f"{asked.owner or actor.name or ''}/{asked.repo_name}"
    sdk = asked.sdk_type if asked.sdk_type in _SDKS else "gradio"
    visibility = _visibility(asked.visibility, asked.private) or "private"
    files = {"README.md": _readme(asked, sdk)}
    repo = hub.create_repo(session, call.site.git, "space", repo_id, actor, visibility=visibility, sdk=sdk, files=files)
    hub.change_space(session, repo, _settings(call))
    return wire.open_answer(call, _studio(session, call, repo, actor))


@open_routes.get(_OF)
def show_studio(session: Session, call: Call) -> Response:
    repo, actor = _space(session, call, hub.visible_repo)
    call.site.views.note(repo.id, call.visitor)
    return wire.open_answer(call, _studio(session, call, repo, actor))


@open_routes.patch(f"{_OF}/settings")
def change_settings(session: Session, call: Call) -> Response:
    repo, actor = _space(session, call, hub.ruled_repo)
    body = call.body_as(dict[str, Any])
    private, word = body.get("private"), body.get("visibility")
    visibility = _visibility(word if isinstance(word, str) else None, private if isinstance(private, bool) else None)
    if visibility is not None:
        repo = hub.change_settings(session, repo, actor, visibility=visibility)
    hub.change_space(session, repo, _settings(call))
    return wire.open_answer(call, _studio(session, call, repo, actor))


@open_routes.post(f"{_OF}/deploy")
def deploy(session: Session, call: Call) -> Response:
    return _wish(session, call, running=True)


@open_routes.post(f"{_OF}/stop")
def stop(session: Session, call: Call) -> Response:
    return _wish(session, call, running=False)


@open_routes.get(f"{_OF}/logs/{{log_type}}")
def logs(session: Session, call: Call) -> Response:
    """The one line that there is: that nothing runs here."""
    repo, _ = _space(session, call, hub.writable_repo)
    if call.params["log_type"] not in ("run", "build"):
        raise QueryInvalid("There are two logs: run and build.")
    number, size = places.page(call, "page_num", "page_size", default=100, most=_MOST_LINES)
    lines = [line for line in _lines(hub.get_space_run(session, repo)) if _is_wanted(call, line)]
    body = {
        "logs": lines[(number - 1) * size : number * size], "page_num": number, "page_size": size,
        "total_count": len(lines), "total_page_num": max(1, -(-len(lines) // size)),
    }  # fmt: skip
    return wire.open_answer(call, body)


@open_routes.get(f"{_OF}/secrets")
def list_secrets(session: Session, call: Call) -> Response:
    return _list_variables(session, call, secret=True)


@open_routes.get(f"{_OF}/variables")
def list_variables(session: Session, call: Call) -> Response:
    return _list_variables(session, call, secret=False)


@open_routes.post(f"{_OF}/secrets")
def add_secret(session: Session, call: Call) -> Response:
    return _put_variable(session, call, secret=True, is_new=True)


@open_routes.post(f"{_OF}/variables")
def add_variable(session: Session, call: Call) -> Response:
    return _put_variable(session, call, secret=False, is_new=True)


@open_routes.put(f"{_OF}/secrets")
def change_secret(session: Session, call: Call) -> Response:
    return _put_variable(session, call, secret=True, is_new=False)


@open_routes.put(f"{_OF}/variables")
def change_variable(session: Session, call: Call) -> Response:
    return _put_variable(session, call, secret=False, is_new=False)


@open_routes.delete(f"{_OF}/secrets")
def drop_secret(session: Session, call: Call) -> Response:
    return _drop_variable(session, call, secret=True)


@open_routes.delete(f"{_OF}/variables")
def drop_variable(session: Session, call: Call) -> Response:
    return _drop_variable(session, call, secret=False)


@open_routes.get("/openapi/v1/studios/hardware")
def list_hardware(session: Session, call: Call) -> Response:
    """None: there is nothing to run studios on."""
    return wire.open_answer(call, {"hardware": [], "total_count": 0})


@open_routes.get("/openapi/v1/studios/base-images")
def list_base_images(session: Session, call: Call) -> Response:
    return wire.open_answer(call, {"base_images": [], "total_count": 0})


@open_routes.get("/openapi/v1/studios/sdk-versions")
def list_sdk_versions(session: Session, call: Call) -> Response:
    return wire.open_answer(call, {"sdk_versions": [], "total_count": 0})


def _space(session: Session, call: Call, door: Any) -> tuple[Repo, Actor]:
    actor = call.actor(session)
    repo: Repo = door(session, "space", f"{call.params['developer']}/{call.params['studio']}", actor)
    return repo, actor


def _wish(session: Session, call: Call, *, running: bool) -> Response:
    repo, actor = _space(session, call, hub.writable_repo)
    hub.wish_space(session, repo, actor, running=running)
    return wire.open_answer(call, _studio(session, call, repo, actor), message=_NO_RUNNER)


def _studio(session: Session, call: Call, repo: Repo, actor: Actor) -> wire.Json:
    run = hub.get_space_run(session, repo)
    shown = run.values if hub.may_write(actor, repo) else {}
    body = wire.item_json(repo, readme(session, call, repo)) | {
        "sdk_type": repo.sdk or "", "hardware": "", "cover_image": "", **shown,
        "id": repo.repo_id, "domain": "", "git_url": f"{call.origin}/studios/{repo.repo_id}.git",
        "runtime": {"status": _status(run), "message": _NO_RUNNER if run.is_wanted else "", "hardware": ""},
    }  # fmt: skip
    name = run.values.get("display_name")
    return body | ({"display_name": name} if isinstance(name, str) else {})


def _status(run: SpaceRun) -> str:
    if run.wished_at is None:
        return "Initialized"
    return "Failed" if run.is_wanted else "Stopped"


def _lines(run: SpaceRun) -> Sequence[wire.Json]:
    if run.wished_at is None:
        return ()
    wish = "to run" if run.is_wanted else "to stop"
    message = f"{clock.iso(run.wished_at)} The studio was told {wish}. {_NO_RUNNER}"
    return [{"message": message, "timestamp": wire.seconds(run.wished_at)}]


def _is_wanted(call: Call, line: wire.Json) -> bool:
    query = call.query_params
    start, end = whole_number(query.get("start_timestamp", "")), whole_number(query.get("end_timestamp", ""))
    in_time = (start is None or line["timestamp"] >= start) and (end is None or line["timestamp"] <= end)
    return in_time and query.get("keyword", "") in line["message"]


def _list_variables(session: Session, call: Call, *, secret: bool) -> Response:
    repo, _ = _space(session, call, hub.writable_repo)
    items = [
        {"key": item.key, "updated_at": wire.stamp(item.updated_at)} | ({} if secret else {"value": item.value})
        for item in hub.list_space_variables(session, repo, secret=secret)
    ]
    return wire.open_answer(call, {"secrets" if secret else "variables": items, "total_count": len(items)})


def _put_variable(session: Session, call: Call, *, secret: bool, is_new: bool) -> Response:
    asked = call.body_as(Variable)
    repo, _ = _space(session, call, hub.ruled_repo)
    hub.put_space_variable(session, call.site.secret, repo, asked.key, asked.value, secret=secret, is_new=is_new)
    return wire.open_answer(call, {"key": asked.key})


def _drop_variable(session: Session, call: Call, *, secret: bool) -> Response:
    asked = call.body_as(Variable)
    repo, _ = _space(session, call, hub.ruled_repo)
    hub.drop_space_variable(session, repo, asked.key, secret=secret)
    return wire.open_answer(call, {"key": asked.key})


def _settings(call: Call) -> dict[str, Any]:
    """What was said beside what the repo itself keeps."""
    return {name: value for name, value in call.body_as(dict[str, Any]).items() if name not in _KNOWN}


def _visibility(word: str | None, private: bool | None) -> Visibility | None:
    match word:
        case "public" | "internal" | "private":
            return word
        case "protected":
            return "private"
        case None:
            return None if private is None else ("private" if private else "public")
        case _:
            raise BodyInvalid("visibility is public, protected or private.")


def _readme(asked: StudioCreate, sdk: str) -> bytes:
    title = asked.display_name or asked.repo_name
    front = {"title": title, "sdk": sdk, "license": wire.license_name(asked.license) or "apache-2.0"}
    if asked.description:
        front["description"] = asked.description
    lines = [f"{name}: {msgspec.json.encode(value).decode()}" for name, value in front.items()]
    return "\n".join(["---", *lines, "---", "", f"# {title}", ""]).encode()
