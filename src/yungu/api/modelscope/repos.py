"""Repos are created, shown, listed, changed and deleted, by the older of the two APIs.

**What a client asks for when it uploads to a repo that is missing.** Every upload of the newer clients begins with
``POST /api/v1/models``, and ignores the answer when the repo exists. When it does not, it asks for visibility 5,
public, because that is what it fills in when its user has said nothing: an upload to a mistyped or forgotten name would
publish the user's files. On the wire such a request is the same, byte for byte, as that of ``ms create NAME
--visibility public``. So the bare request is what counts: from one of the SDK's clients (by its User-Agent),
visibility 5, the licence that it fills in, no Chinese name, no description. It makes a private repo, unless the
setting ``modelscope_create_visibility`` is "as-asked", and the answer's Message says so. Whatever says more than the
bare request was meant by somebody, and gets what it asks for."""

from __future__ import annotations

import json

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import BodyInvalid
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.forms import form_fields
from yungu.api.modelscope.routes import legacy
from yungu.hub import Kind, Repo, Visibility
from yungu.kernel.db import Session

_MOST_PER_PAGE = 500
_README_BYTES = 1 << 20
_FILLED_IN = ("apache-2.0", "")
_KEPT_PRIVATE = (
    "success. The repo was made private: this server does not publish what an upload creates unasked. "
    "Change its visibility in its settings when it may be seen."
)


@legacy.post("/api/v1/models")
def create_model(session: Session, call: Call) -> Response:
    asked = call.body_as(wire.RepoCreate)
    return _create(session, call, "model", asked.path or asked.owner, asked)


@legacy.post("/api/v1/datasets")
def create_dataset(session: Session, call: Call) -> Response:
    """The body is a form with files, each of which is a field."""
    asked = _form_as_create(call)
    return _create(session, call, "dataset", asked.owner or asked.path, asked)


@legacy.get("/api/v1/{kinds}/{owner}/{name}", "/api/v1/datasets/{number}")
def show_repo(session: Session, call: Call) -> Response:
    repo, _ = places.visible(session, call)
    return wire.answer(call, _repo_json(session, call, repo))


@legacy.put("/api/v1/{kinds}/{owner}/{name}", "/api/v1/datasets/{number}")
def change_repo(session: Session, call: Call) -> Response:
    """Only visibility and gate can change this way; the rest of a repo's facts lie in its card."""
    asked = call.body_as(wire.RepoChange)
    repo, actor = places.ruled(session, call)
    visibility = _visibility(asked.visibility) if asked.visibility is not None else None
    gated = _gate(asked.protected_mode, repo)
    changed = hub.change_settings(session, repo, actor, visibility=visibility, gated=gated)
    return wire.answer(call, _repo_json(session, call, changed))


@legacy.delete("/api/v1/{kinds}/{owner}/{name}", "/api/v1/datasets/{number}")
def delete_repo(session: Session, call: Call) -> Response:
    repo, actor = places.ruled(session, call)
    hub.delete_repo(session, repo, actor)
    return wire.answer(call, {})


@legacy.put("/api/v1/models", writes=False)
def list_models(session: Session, call: Call) -> Response:
    """The models of one owner; the question comes in the body."""
    asked = call.body_as(wire.RepoSearch)
    number, size = max(1, asked.page_number), min(max(1, asked.page_size), _MOST_PER_PAGE)
    search = (asked.name,) if asked.name else ()
    wanted = hub.RepoFilter("model", author=asked.path or None, search=search, sort="modified", limit=size)
    found, total = hub.search_repos(session, wanted, call.actor(session), skip=(number - 1) * size)
    data = {"Models": [wire.repo_json(repo, "") for repo in found], "TotalCount": total}
    return wire.answer(call, data | {"PageNumber": number, "PageSize": size}, TotalCount=total)


@legacy.get("/api/v1/datasets")
def list_datasets(session: Session, call: Call) -> Response:
    number, size = places.page(call, default=10, most=_MOST_PER_PAGE)
    query = call.query_params
    owner = query.get("owner") or query.get("Owner")
    search = [word for word in (query.get("Search"), query.get("Query")) if word]
    wanted = hub.RepoFilter("dataset", author=owner, search=search, sort="modified", limit=size)
    found, total = hub.search_repos(session, wanted, call.actor(session), skip=(number - 1) * size)
    data = [wire.repo_json(repo, "") for repo in found]
    return wire.answer(call, data, TotalCount=total, PageNumber=number, PageSize=size)


@legacy.get("/api/v1/{kinds}/{owner}/{name}/downloads")
def count_model_download(session: Session, call: Call) -> Response:
    return _count(session, call)


@legacy.post(
    "/api/v1/{kinds}/{owner}/{name}/download/increase",
    "/api/v1/{kinds}/{owner}/{name}/download/uv/{channel}",
    writes=False,
)
def count_dataset_download(session: Session, call: Call) -> Response:
    return _count(session, call)


def first_files(kind: Kind, repo_id: str, asked: wire.RepoCreate) -> dict[str, bytes]:
    """The first commit of a repo that a ModelScope client makes, as these clients expect it to be there."""
    front = {
        "license": wire.license_name(asked.license) or "apache-2.0",
        "chinese_name": asked.chinese_name or "",
        "description": asked.description or "",
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items() if value]
    name = repo_id.rpartition("/")[2]
    text = "\n".join(
        ["---", *lines, "---", "", f"# {name}", *(["", asked.description] if asked.description else []), ""]
    )
    config = {"framework": "other", "task": "other"} if kind == "model" else {}
    return {"README.md": text.encode(), "configuration.json": json.dumps(config).encode() + b"\n"}


def _create(session: Session, call: Call, kind: Kind, namespace: str, asked: wire.RepoCreate) -> Response:
    if "/" in asked.name or "/" in namespace or not namespace:
        raise BodyInvalid("A repo needs the name of its owner and a name of its own, neither with a '/'.")
    actor, repo_id = call.actor(session), f"{namespace}/{asked.name}"
    visibility = _visibility(asked.visibility) if asked.visibility is not None else None
    kept_private = call.site.modelscope_create_visibility != "as-asked" and _is_bare(call, asked)
    files = first_files(kind, repo_id, asked)
    repo = hub.create_repo(
        session, call.site.git, kind, repo_id, actor, visibility="private" if kept_private else visibility, files=files
    )
    if asked.protected_mode == wire.GATED:
        repo = hub.change_settings(session, repo, actor, gated="manual")
    return wire.answer(call, wire.repo_json(repo, ""), message=_KEPT_PRIVATE if kept_private else "success")


def _is_bare(call: Call, asked: wire.RepoCreate) -> bool:
    """Whether a client may have sent this without its user having asked for a public repo; see the module."""
    said_more = asked.chinese_name or asked.description or asked.protected_mode is not None
    is_default = asked.visibility == 5 and wire.license_name(asked.license) in _FILLED_IN
    return is_default and not said_more and "modelscope" in call.headers.get("user-agent", "").lower()


def _repo_json(session: Session, call: Call, repo: Repo) -> wire.Json:
    text = None
    if repo.head is not None and hub.may_read_files(
        call.known_actor, repo, is_granted=bool(repo.gated) and hub.is_granted(session, repo, call.known_actor)
    ):
        text = hub.read_text(call.site.git.open(repo.id), repo.head, "README.md", limit=_README_BYTES)
    return wire.repo_json(repo, text or "")


def _visibility(number: int) -> Visibility:
    if number not in wire.VISIBILITIES:
        raise BodyInvalid("Visibility is 1 (private), 3 (internal) or 5 (public).")
    return wire.VISIBILITIES[number]


def _gate(mode: int | None, repo: Repo) -> hub.Gate | None:
    match mode:
        case None:
            return None
        case wire.GATED:
            return repo.gated or "manual"
        case wire.NOT_GATED:
            return ""
        case _:
            raise BodyInvalid("ProtectedMode is 1 (gated) or 2 (not).")


def _count(session: Session, call: Call) -> Response:
    repo, _ = places.visible(session, call)
    call.site.downloads.note(repo.id, call.visitor)
    return wire.answer(call, {"Downloads": repo.downloads_count})


def _form_as_create(call: Call) -> wire.RepoCreate:
    """A small multipart form, or JSON, which some clients send instead. Raises BodyInvalid."""
    fields = form_fields(call)
    if fields is None:
        return call.body_as(wire.RepoCreate)
    try:
        return msgspec.convert({name: field.text for name, field in fields.items()}, wire.RepoCreate, strict=False)
    except msgspec.ValidationError as error:
        raise BodyInvalid(f"The form is not valid: {error}.") from error
