"""Shapes of the ModelScope dialect: what the clients send, and what they read of an answer.

Source: the clients' own code, https://github.com/modelscope/modelscope_hub and https://github.com/modelscope/modelscope"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

from yungu.api.http import Call, json_response
from yungu.api.modelscope.errors import request_id
from yungu.hub import Repo, Visibility
from yungu.storage.git import Commit

Json = dict[str, Any]

VISIBILITIES: Mapping[int, Visibility] = {1: "private", 3: "internal", 5: "public"}
VISIBILITY_NUMBERS = {name: number for number, name in VISIBILITIES.items()}
GATED, NOT_GATED = 1, 2
_LICENSES = {
    "apache license 2.0": "apache-2.0",
    "mit license": "mit",
    "gpl-2.0": "gpl-2.0",
    "gpl-3.0": "gpl-3.0",
    "lgpl-2.1": "lgpl-2.1",
    "lgpl-3.0": "lgpl-3.0",
    "afl-3.0": "afl-3.0",
    "ecl-2.0": "ecl-2.0",
}


# --- requests


class Login(msgspec.Struct, rename="pascal"):
    access_token: str = ""


class RepoCreate(msgspec.Struct, rename="pascal"):
    """``path`` (of models) and ``owner`` (of datasets) are the namespace. Numbers come as text in forms."""

    name: str
    path: str = ""
    owner: str = ""
    visibility: int | None = None
    license: str | None = None
    chinese_name: str | None = None
    description: str | None = None
    protected_mode: int | None = None


class RepoChange(msgspec.Struct, rename="pascal"):
    """The clients echo everything that they know of the repo; only these two mean something."""

    visibility: int | None = None
    protected_mode: int | None = None


class RepoSearch(msgspec.Struct, rename="pascal"):
    path: str = ""
    page_number: int = 1
    page_size: int = 10
    name: str = ""


class TagCreate(msgspec.Struct, rename="pascal"):
    tag_name: str
    ref: str = ""


class CommitHead(msgspec.Struct):
    """A commit without its actions."""

    commit_message: str = ""
    actions: list[Any] = []


class Action(msgspec.Struct):
    """One file of a commit. ``content`` is empty for git-lfs and for deletions."""

    action: str
    path: str
    type: str = "normal"
    size: int | None = None
    sha256: str | None = None
    content: str | None = None
    encoding: str | None = None


class LfsObject(msgspec.Struct):
    oid: str
    size: int


class LfsBatch(msgspec.Struct):
    objects: list[LfsObject]
    operation: str = "upload"


# --- answers


def answer(call: Call, data: Any = None, *, message: str = "success", **more: Any) -> Response:
    """``data`` in the envelope of ``/api/v1``; ``more`` are fields beside it."""
    request = request_id(call)
    body = {"Code": 200, "Success": True, "Message": message, "RequestId": request, "Data": data} | more
    return json_response(body, headers={"X-Request-Id": request})


def open_answer(call: Call, data: Any, *, message: str = "") -> Response:
    """``data`` in the envelope of ``/openapi/v1``."""
    request = request_id(call)
    body: Json = {"success": True, "data": data, "request_id": request}
    return json_response(body | ({"message": message} if message else {}), headers={"X-Request-Id": request})


def seconds(moment: datetime) -> int:
    """Unix time, as ``/api/v1`` has it."""
    return int(moment.timestamp())


def stamp(moment: datetime) -> str:
    """``2026-11-22T08:00:00Z``, as ``/openapi/v1`` has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def license_name(text: str | None) -> str:
    """The name that cards use for a licence, whichever way the clients spell it."""
    name = (text or "").strip().casefold()
    return _LICENSES.get(name, name)


def repo_json(repo: Repo, readme: str) -> Json:
    """A repo as ``/api/v1`` shows it. ``Type`` 4 of a dataset: its files lie in git, there is no script to run."""
    name, owner = repo.name, repo.namespace
    body: Json = {
        "Id": repo.id, "Name": name, "Path": owner, "Owner": owner, "Namespace": owner, "RepoId": repo.repo_id,
        "Visibility": VISIBILITY_NUMBERS[repo.visibility], "ProtectedMode": GATED if repo.gated else NOT_GATED,
        "ApprovalMode": 1 if repo.gated == "manual" else 2, "License": card_text(repo, "license"),
        "ChineseName": card_text(repo, "chinese_name"), "Description": card_text(repo, "description"),
        "Downloads": repo.downloads_count, "Stars": repo.likes_count, "Likes": repo.likes_count,
        "Views": repo.views_count,
        "CreatedTime": seconds(repo.created_at), "GmtCreate": seconds(repo.created_at),
        "LastUpdatedTime": seconds(repo.modified_at), "GmtModified": seconds(repo.modified_at),
        "LastUpdatedDate": seconds(repo.modified_at), "CreatedAt": seconds(repo.created_at),
        "UpdatedAt": seconds(repo.modified_at), "Tags": list(repo.tags),
        "Tasks": [{"name": task} for task in tasks(repo)],
        "ReadMeContent": readme, "ModelFramework": repo.library_name or "", "Frameworks": frameworks(repo),
        "Organization": {"Name": owner, "FullName": owner}, "StorageSize": repo.stored_bytes,
        "Revision": repo.head or "",
    }  # fmt: skip
    return body | (
        {"Type": 4} if repo.kind == "dataset" else {"ModelType": [], "BaseModel": words(repo.card, "base_model")}
    )


def item_json(repo: Repo, readme: str | None = None) -> Json:
    """A repo as ``/openapi/v1`` shows it."""
    license_ = card_text(repo, "license")
    tags = [f"license:{license_}"] if license_ else []
    tags += [f"task:{task}" for task in tasks(repo)] + [f"custom_tag:{tag}" for tag in words(repo.card, "tags")]
    body: Json = {
        "id": repo.repo_id, "owner": repo.namespace, "name": repo.name,
        "display_name": card_text(repo, "chinese_name") or repo.name, "description": card_text(repo, "description"),
        "downloads": repo.downloads_count, "likes": repo.likes_count, "license": license_, "tasks": tasks(repo),
        "created_at": stamp(repo.created_at), "last_modified": stamp(repo.modified_at),
        "file_size": repo.content_bytes or 0, "params": repo.parameters_count or 0, "views": repo.views_count,
        "view_num": repo.views_count, "tags": tags, "private": repo.visibility == "private", "gated": bool(repo.gated),
        "visibility": VISIBILITY_NUMBERS[repo.visibility], "library": repo.library_name or "",
    }  # fmt: skip
    if repo.kind == "dataset":
        body["login_required"] = repo.visibility != "public"
    return body if readme is None else body | {"readme": readme}


def commit_json(commit: Commit) -> Json:
    at, who = seconds(commit.at), commit.author
    return {
        "Id": commit.oid, "ShortId": commit.oid[:8], "Title": commit.title, "Message": commit.message,
        "AuthorName": who.name, "AuthorEmail": who.email, "AuthoredDate": at, "CommitterName": who.name,
        "CommitterEmail": who.email, "CommittedDate": at, "CreatedAt": at, "ParentIds": list(commit.parents),
    }  # fmt: skip


def tasks(repo: Repo) -> list[str]:
    """What the repo is for: the card's ``tasks``, or what other hubs write instead."""
    found = [*words(repo.card, "tasks"), *words(repo.card, "task_categories")]
    return list(dict.fromkeys([*found, *([repo.pipeline_tag] if repo.pipeline_tag else [])]))


def frameworks(repo: Repo) -> list[str]:
    return words(repo.card, "frameworks") or ([repo.library_name] if repo.library_name else [])


def card_text(repo: Repo, name: str) -> str:
    """A field of the card as one text; the first of several."""
    return next(iter(words(repo.card, name)), "")


def words(card: Mapping[str, Any], name: str) -> list[str]:
    """A field of a card that is a text or a list of texts."""
    value = card.get(name)
    found: Sequence[Any] = value if isinstance(value, list) else [value]
    return [str(word) for word in found if isinstance(word, str | int | float) and not isinstance(word, bool)]
