"""Shapes of the hf dialect: what the client sends, and what it reads of an answer.

Source: the client's own code, https://github.com/huggingface/huggingface_hub/tree/main/src/huggingface_hub"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Annotated, Any, Literal

import msgspec

from yungu.hub import Kind, Line, Pointer, Repo, TreeFile, TreeNode, read_line, trending_score
from yungu.kernel import clock
from yungu.kernel.clock import iso
from yungu.kernel.errors import Invalid
from yungu.storage.git import Commit

Json = dict[str, Any]
_OLD_CLIENTS_ASK = {"securityRepoStatus", "xetEnabled"}
"""Properties that are answered but no longer advertised."""


class ExpandInvalid(Invalid):
    """``expand`` names a property that this kind of repo does not have."""

    def __init__(self, allowed: Iterable[str]) -> None:
        names = "|".join(f'"{name}"' for name in sorted(set(allowed) - _OLD_CLIENTS_ASK))
        super().__init__(f'Invalid option for "expand": expected one of {names}')


# --- requests


class RepoCreate(msgspec.Struct):
    name: str
    organization: str | None = None
    type: Literal["model", "dataset", "space"] | None = "model"
    visibility: Literal["public", "private", "internal", "protected"] | None = None
    private: bool | None = None
    sdk: str | None = None
    template: str | None = None


class RepoDelete(msgspec.Struct):
    name: str
    organization: str | None = None
    type: Literal["model", "dataset", "space"] | None = "model"


class RepoMove(msgspec.Struct, rename="camel"):
    from_repo: str
    to_repo: str
    type: Literal["model", "dataset", "space"] | None = "model"


class RepoDuplicate(msgspec.Struct):
    repository: str
    visibility: Literal["public", "private", "internal", "protected"] | None = None
    private: bool | None = None


class RepoSettings(msgspec.Struct):
    visibility: Literal["public", "private", "internal", "protected"] | None = None
    private: bool | None = None
    gated: Literal["auto", "manual", False] | None = None


class YamlCheck(msgspec.Struct, rename="camel"):
    content: str
    repo_type: Literal["model", "dataset", "space"] = "model"


class PreuploadFile(msgspec.Struct):
    path: str
    size: int = 0
    sample: str = ""


class Preupload(msgspec.Struct, rename="camel"):
    files: list[PreuploadFile]
    git_ignore: str | None = None


class CommitHeader(msgspec.Struct, rename="camel"):
    summary: str = ""
    description: str = ""
    parent_commit: str | None = None


class CommitFile(msgspec.Struct):
    path: str
    content: msgspec.Raw
    encoding: Literal["base64", "utf-8"] = "base64"


class CommitLfsFile(msgspec.Struct):
    path: str
    oid: str
    algo: Literal["sha256"] = "sha256"
    size: int | None = None


class CommitDrop(msgspec.Struct):
    path: str


class CommitLine(msgspec.Struct):
    key: Literal["header", "file", "lfsFile", "deletedFile", "deletedFolder"]
    value: msgspec.Raw


class BranchCreate(msgspec.Struct, rename="camel"):
    starting_point: str | None = None


class TagCreate(msgspec.Struct):
    tag: str
    message: str | None = None


class Squash(msgspec.Struct):
    message: str = "Super-squash branch using the hub's API"


class DiscussionCreate(msgspec.Struct, rename="camel"):
    title: str
    description: str = ""
    pull_request: bool = False


class CommentCreate(msgspec.Struct):
    comment: str = ""


class CommentEdit(msgspec.Struct):
    content: str


class TitleChange(msgspec.Struct):
    title: str


class StatusChange(msgspec.Struct):
    status: str
    comment: str | None = None


class LfsDeletions(msgspec.Struct, rename="camel"):
    sha: list[str]
    rewrite_history: bool = True


class LfsBatchDelete(msgspec.Struct):
    deletions: LfsDeletions


class AccessDecision(msgspec.Struct, rename="camel"):
    status: Literal["pending", "accepted", "rejected"]
    user: str | None = None
    request_id: str | None = None
    rejection_reason: str | None = None


class AccessGrant(msgspec.Struct):
    user: str


class CollectionCreate(msgspec.Struct):
    title: str
    namespace: str
    private: bool = False
    description: str | None = None


class CollectionChange(msgspec.Struct):
    title: str | None = None
    description: str | None = None
    private: bool | None = None
    theme: Literal["orange", "blue", "green", "purple", "pink", "indigo"] | None = None
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None


class CollectionItemName(msgspec.Struct):
    id: str
    type: str


class CollectionItemAdd(msgspec.Struct):
    item: CollectionItemName
    note: str | None = None


class CollectionItemChange(msgspec.Struct):
    note: str | None = None
    position: int | None = None


class WatchedItem(msgspec.Struct):
    type: Literal["user", "org", "model", "dataset", "space"]
    name: str


class WebhookCreate(msgspec.Struct, rename="camel"):
    watched: list[WatchedItem]
    url: str | None = None
    domains: tuple[Literal["repo", "discussion", "discussions"], ...] = ("repo", "discussion")
    secret: str | None = None
    job_source_id: str | None = None


class WebhookChange(msgspec.Struct, rename="camel"):
    watched: list[WatchedItem] = []
    url: str | None = None
    domains: list[Literal["repo", "discussion", "discussions"]] | None = None
    secret: str | None = None
    job_source_id: str | None = None


# --- answers


def lfs_json(pointer: Pointer, *, key: str = "oid") -> Json:
    return {key: pointer.sha256, "size": pointer.size_bytes, "pointerSize": pointer.pointer_bytes}


def tree_json(node: TreeNode, xet_hash: str | None = None, last: Commit | None = None) -> Json:
    """One entry of a tree or of paths-info."""
    if isinstance(node, TreeFile):
        found: Json = {"type": "file", "oid": node.oid, "size": node.size_bytes, "path": node.path}
        if node.pointer:
            found["lfs"] = lfs_json(node.pointer)
        if xet_hash:
            found["xetHash"] = xet_hash
    else:
        found = {"type": "directory", "oid": node.oid, "size": 0, "path": node.path}
    if last is not None:
        found["lastCommit"] = {"id": last.oid, "title": last.title, "date": iso(last.at)}
    return found


def commit_json(commit: Commit, *, formatted: bool) -> Json:
    found: Json = {
        "id": commit.oid,
        "title": commit.title,
        "message": commit.body,
        "authors": [{"user": commit.author.name, "avatar": ""}],
        "date": iso(commit.at),
    }
    if formatted:
        found["formatted"] = {"title": escape(commit.title), "message": escape(commit.body)}
    return found


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(slots=True)
class InfoSource:
    """What an info object is made of; the costly parts are asked for only when a property needs them."""

    repo: Repo
    commit: str | None
    files: Callable[[], Iterable[TreeFile]] = list
    config: Callable[[], Mapping[str, Any]] = dict
    safetensors: Callable[[], Mapping[str, Any] | None] = dict
    with_blobs: bool = False
    related: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=clock.now)


def siblings_json(files: Iterable[TreeFile], *, with_blobs: bool = False) -> list[Json]:
    found = []
    for file in files:
        item: Json = {"rfilename": file.path}
        if with_blobs:
            item |= {"size": file.size_bytes, "blobId": file.oid}
            if file.pointer:
                item["lfs"] = lfs_json(file.pointer, key="sha256")
        found.append(item)
    return found


Property = Callable[[InfoSource], Any]

_COMMON: dict[str, Property] = {
    "author": lambda s: s.repo.namespace,
    "cardData": lambda s: dict(s.repo.card) or None,
    "createdAt": lambda s: iso(s.repo.created_at),
    "disabled": lambda s: False,
    "lastModified": lambda s: iso(s.repo.modified_at),
    "likes": lambda s: s.repo.likes_count,
    "private": lambda s: s.repo.visibility != "public",
    "resourceGroup": lambda s: None,
    "sha": lambda s: s.commit,
    "siblings": lambda s: siblings_json(s.files(), with_blobs=s.with_blobs),
    "tags": lambda s: list(s.repo.tags),
    "trendingScore": lambda s: trending_score(s.repo.trending, s.at),
    "usedStorage": lambda s: s.repo.stored_bytes,
    "xetEnabled": lambda s: True,
}
_DOWNLOADED: dict[str, Property] = {
    "downloads": lambda s: s.repo.downloads_count,
    "downloadsAllTime": lambda s: s.repo.downloads_total_count,
    "gated": lambda s: s.repo.gated or False,
}
PROPERTIES: dict[Kind, dict[str, Property]] = {
    "model": _COMMON
    | _DOWNLOADED
    | {
        "baseModels": lambda s: s.related.get("baseModels"),
        "childrenModelCount": lambda s: s.related.get("childrenModelCount"),
        "config": lambda s: dict(s.config()) or None,
        "evalResults": lambda s: None,
        "gguf": lambda s: None,
        "inference": lambda s: None,
        "inferenceProviderMapping": lambda s: None,
        "library_name": lambda s: s.repo.library_name,
        "mask_token": lambda s: None,
        "model-index": lambda s: s.repo.card.get("model-index"),
        "pipeline_tag": lambda s: s.repo.pipeline_tag,
        "safetensors": lambda s: s.safetensors(),
        "securityRepoStatus": lambda s: None,
        "spaces": lambda s: s.related.get("spaces", []),
        "transformersInfo": lambda s: _transformers_info(s.config()),
        "widgetData": lambda s: s.repo.card.get("widget"),
    },
    "dataset": _COMMON
    | _DOWNLOADED
    | {
        "citation": lambda s: None,
        "description": lambda s: s.repo.card.get("description"),
        "mainSize": lambda s: None,
        "paperswithcode_id": lambda s: s.repo.card.get("paperswithcode_id"),
    },
    "space": _COMMON
    | {
        "datasets": lambda s: _names(s.repo.card.get("datasets")),
        "models": lambda s: _names(s.repo.card.get("models")),
        "region": lambda s: None,
        "runtime": lambda s: {"stage": "NO_APP_FILE", "hardware": {"current": None, "requested": None}},
        "sdk": lambda s: s.repo.sdk,
        "subdomain": lambda s: s.repo.repo_id.replace("/", "-").replace(".", "-").replace("_", "-").lower(),
    },
}

_NOT_BY_DEFAULT = {
    "baseModels", "childrenModelCount", "downloadsAllTime", "evalResults", "gguf", "inference",
    "inferenceProviderMapping", "resourceGroup", "securityRepoStatus", "trendingScore", "xetEnabled", "mainSize",
    "citation",
}  # fmt: skip
_LISTED = {
    "createdAt", "downloads", "gated", "library_name", "likes", "pipeline_tag", "private", "sdk", "tags",
    "trendingScore",
}  # fmt: skip
_LISTED_ALSO: dict[Kind, set[str]] = {
    "model": set(),
    "dataset": {"author", "description", "disabled", "lastModified", "paperswithcode_id", "sha"},
    "space": {"author"},
}
_BEYOND_LINE = {"config", "safetensors", "transformersInfo", "baseModels", "childrenModelCount"}
_KEPT_LINE = 4096
_long_fields = itemgetter(*(at for at, one in enumerate(fields(Repo)) if one.name in ("card", "card_warnings", "tags")))
_LISTED_FULL = {"author", "disabled", "lastModified", "sha", "siblings", "description", "paperswithcode_id"}


def check_expand(kind: Kind, expand: Sequence[str]) -> Sequence[str]:
    """Raises ExpandInvalid unless such repos have all of these properties."""
    if not PROPERTIES[kind].keys() >= set(expand):
        raise ExpandInvalid(PROPERTIES[kind])
    return expand


def info_json(source: InfoSource, expand: Sequence[str] = ()) -> Json:
    """The info object of one repo: everything usual, or with ``expand`` (checked) only what it names."""
    return _info(source, expand or [name for name in PROPERTIES[source.repo.kind] if name not in _NOT_BY_DEFAULT])


@cache
def listed_names(kind: Kind, *, full: bool, card: bool, config: bool, linked: bool) -> tuple[str, ...]:
    """What a list shows of each repo: less than the repo's own page."""
    extra = {"cardData": card or (full and kind != "model"), "config": config, "models": linked, "datasets": linked}
    shown = _LISTED | _LISTED_ALSO[kind] | {name for name, is_on in extra.items() if is_on}
    shown |= _LISTED_FULL if full else set()
    return tuple(name for name in PROPERTIES[kind] if name in shown)


def is_in_line(names: Iterable[str]) -> bool:
    """Whether the row of a repo, with the names of its files, is enough to tell all of this."""
    return _BEYOND_LINE.isdisjoint(names)


def line_json(line: Line, names: tuple[str, ...], minute: datetime) -> msgspec.Raw:
    """The info object of one repo in a list, of what its line tells. Lists show the same repos again and again, so
    what was made of a line is kept; a line that differs in anything is another one."""
    is_short = sum(map(len, _long_fields(line))) < _KEPT_LINE
    return (_kept_line if is_short else _kept_line.__wrapped__)(line, names, minute)


def with_siblings(line: msgspec.Raw, siblings: bytes) -> msgspec.Raw:
    """The info object of a line (which is never empty), and the files as JSON."""
    return msgspec.Raw(b'%b,"siblings":%b}' % (bytes(line)[:-1], siblings))


@lru_cache(maxsize=2048)  # of at most 4 KiB each, and what is made of them
def _kept_line(line: Line, names: tuple[str, ...], minute: datetime) -> msgspec.Raw:
    repo = read_line(line)
    return msgspec.Raw(msgspec.json.encode(info_json(InfoSource(repo, repo.head, at=minute), names)))


def _info(source: InfoSource, names: Iterable[str]) -> Json:
    properties, repo = PROPERTIES[source.repo.kind], source.repo
    found: Json = {"_id": f"{repo.id:024x}", "id": repo.repo_id}
    if repo.kind == "model":
        found["modelId"] = repo.repo_id
    for name in names:
        value = properties[name](source)
        if value is not None:
            found[name] = value
    return found


def _transformers_info(config: Mapping[str, Any]) -> Json | None:
    architectures = config.get("architectures")
    if not isinstance(architectures, list) or not architectures:
        return None
    return {"auto_model": _auto_class(str(architectures[0]))}


def _auto_class(architecture: str) -> str:
    for ending in (
        "ForCausalLM",
        "ForMaskedLM",
        "ForSequenceClassification",
        "ForTokenClassification",
        "ForQuestionAnswering",
    ):
        if architecture.endswith(ending):
            return f"AutoModel{ending}"
    return "AutoModel"


def _names(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if item]
