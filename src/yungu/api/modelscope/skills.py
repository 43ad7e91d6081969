"""The catalogue of agent skills, and their files, which come and go as one small zip file."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Call
from yungu.api.http.files import FileResponse
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.open_api import open_page
from yungu.api.modelscope.routes import legacy, open_routes
from yungu.hub import Skill
from yungu.kernel.db import Session

_FILTERS = ("owner", "developer", "category", "license")
_BRANCHES = (places.BRANCH, "main")
_OF = "/api/v1/skills/{developer}/{skill}"


class SkillCreate(msgspec.Struct):
    """``skill_file``: the id of an uploaded archive. Whatever else is said is kept with the skill."""

    skill_name: str
    owner: str = ""
    private: bool | None = None
    skill_file: str | None = None


class SkillChange(msgspec.Struct):
    private: bool | None = None
    skill_file: str | None = None


@open_routes.get("/openapi/v1/skills")
def list_skills(session: Session, call: Call) -> Response:
    number, size = open_page(call)
    query = call.query_params
    equal = {name: text for name in _FILTERS if (text := query.get(f"filter.{name}"))}
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
    asked, actor = call.body_as(SkillCreate), call.actor(session)
    private = asked.private is not False
    made = hub.create_skill(session, asked.owner, asked.skill_name, actor, values=_values(call), is_private=private)
    return wire.open_answer(call, _skill_json(_with_files(session, made, actor, asked.skill_file)))


@open_routes.get("/openapi/v1/skills/{path*}")
def show_skill(session: Session, call: Call) -> Response:
    slug = unquote(call.params["path"]).removeprefix("@")
    skill = hub.visible_skill(session, slug, call.actor(session))
    call.site.views.note(skill.id, call.visitor, of="skill")
    return wire.open_answer(call, _skill_json(skill))


@open_routes.patch("/openapi/v1/skills/{developer}/{skill}/settings")
def change_skill(session: Session, call: Call) -> Response:
    asked, actor = call.body_as(SkillChange), call.actor(session)
    skill = hub.visible_skill(session, _slug(call), actor)
    changed = hub.change_skill(session, skill, actor, values=_values(call), is_private=asked.private)
    return wire.open_answer(call, _skill_json(_with_files(session, changed, actor, asked.skill_file)))


@legacy.delete(_OF)
def delete_skill(session: Session, call: Call) -> Response:
    actor = call.actor(session)
    hub.delete_skill(session, hub.visible_skill(session, _slug(call), actor), actor)
    return wire.answer(call, {})


# --- files


@legacy.get(f"{_OF}/archive/zip/{{rev*}}")
def skill_archive(session: Session, call: Call) -> Response:
    skill, data = _files(session, call, call.params["rev"])
    assert skill.archive_sha256 is not None
    return _sent(call, skill, data, f"{skill.name}.zip", skill.archive_sha256, "application/zip")


@legacy.get(f"{_OF}/repo/files")
def list_skill_files(session: Session, call: Call) -> Response:
    """All of them, without their folders: there are few."""
    skill, data = _files(session, call, places.revision(call))
    found = [
        {
            "Name": file.path.rpartition("/")[2], "Path": file.path, "Type": "blob", "Size": file.size_bytes,
            "Mode": "100644", "IsLFS": False, "InCheck": False, "Revision": (skill.archive_sha256 or "")[:40],
            "Sha256": hashlib.sha256(hub.read_skill_file(data, file.path)).hexdigest(),
            "CommittedDate": wire.seconds(skill.updated_at), "CommitterName": skill.owner, "CommitMessage": "",
        }
        for file in hub.list_skill_files(data)
    ]  # fmt: skip
    return wire.answer(call, {"Files": found, "TotalCount": len(found)})


@legacy.get(f"{_OF}/repo")
def download_skill_file(session: Session, call: Call) -> Response:
    skill, data = _files(session, call, places.revision(call))
    path = places.file_path(call)
    content = hub.read_skill_file(data, path)
    return _sent(call, skill, content, path, hashlib.sha256(content).hexdigest(), "application/octet-stream")


def _files(session: Session, call: Call, revision: str | None) -> tuple[Skill, bytes]:
    """The skill and its archive. There are no revisions but the present one."""
    skill = hub.visible_skill(session, _slug(call), call.actor(session))
    if revision is not None and revision not in _BRANCHES:
        raise hub.RevisionNotFound(revision)
    return skill, hub.skill_archive(session, skill)


def _sent(call: Call, skill: Skill, data: bytes, filename: str, sha256: str, media_type: str) -> FileResponse:
    if call.method == "GET":
        call.site.downloads.note(skill.id, call.visitor, of="skill")
    headers = {"X-Content-Type-Options": "nosniff", "Vary": "Authorization, Cookie", "Cache-Control": "no-cache"}
    return FileResponse(
        data, size_bytes=len(data), etag=sha256, filename=filename, media_type=media_type, headers=headers
    )


def _with_files(session: Session, skill: Skill, actor: Actor, file_id: str | None) -> Skill:
    if file_id is None:
        return skill
    return hub.put_skill_archive(session, skill, actor, hub.take_loose_file(session, actor, file_id))


def _values(call: Call) -> dict[str, Any]:
    """What was said beside what is kept in columns."""
    said, known = call.body_as(dict[str, Any]), SkillCreate.__struct_fields__
    return {name: value for name, value in said.items() if name not in known}


def _slug(call: Call) -> str:
    return f"{call.params['developer'].removeprefix('@')}/{call.params['skill']}"


def _skill_json(skill: Skill) -> wire.Json:
    return {
        "display_name": skill.name, "description": "", **skill.values, "id": skill.slug, "owner": skill.owner,
        "name": skill.name, "skill_name": skill.name, "private": skill.is_private,
        "has_files": skill.archive_sha256 is not None, "downloads": skill.downloads_count, "views": skill.views_count,
        "created_at": wire.stamp(skill.created_at), "last_modified": wire.stamp(skill.updated_at),
    }  # fmt: skip
