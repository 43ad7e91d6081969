"""Rows and values of the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

Kind = Literal["model", "dataset", "space"]
Visibility = Literal["public", "internal", "private"]
Gate = Literal["", "auto", "manual"]
DiscussionStatus = Literal["open", "closed", "merged", "draft"]
Verdict = Literal["approve", "reject"]
AccessStatus = Literal["pending", "accepted", "rejected"]
KINDS: tuple[Kind, ...] = ("model", "dataset", "space")
VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository. ``id`` is its number and never changes; ``repo_id`` ("namespace/name") may, by rename or transfer.
    ``trending`` is the kept number that ``rules.trending_score`` reads. ``stored_bytes``: of all large content that was
    ever committed; ``content_bytes``, ``parameters_count``: of the files at the head, None until they are measured."""

    id: int
    kind: Kind
    owner_id: int
    namespace: str
    name: str
    visibility: Visibility
    gated: Gate
    default_branch: str
    sdk: str | None
    head: str | None
    card: Mapping[str, Any]
    card_warnings: Sequence[str]
    tags: Sequence[str]
    pipeline_tag: str | None
    library_name: str | None
    likes_count: int
    downloads_count: int
    downloads_total_count: int
    views_count: int
    trending: float
    stored_bytes: int
    content_bytes: int | None
    parameters_count: int | None
    created_by: int | None
    created_at: datetime
    modified_at: datetime

    @property
    def repo_id(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Ref:
    """A full ref name ("refs/heads/main"), where it points (an annotated tag's own oid included), and since when."""

    name: str
    oid: str
    moved_at: datetime = field(compare=False)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a git-lfs pointer says of the real content, and the length of the pointer text itself."""

    sha256: str
    size_bytes: int
    pointer_bytes: int


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file as a reader sees it. ``size_bytes``: of the content, not of a pointer."""

    path: str
    oid: str
    size_bytes: int
    mode: int
    pointer: Pointer | None

    @property
    def etag(self) -> str:
        """sha256 of LFS content, git blob id otherwise (what the clients' caches are keyed by)."""
        return self.pointer.sha256 if self.pointer else self.oid


@dataclass(frozen=True, slots=True)
class TreeFolder:
    path: str
    oid: str


TreeNode = TreeFile | TreeFolder


@dataclass(frozen=True, slots=True)
class FilePut:
    """Write a regular file whose blob is already in the repo's git objects."""

    path: str
    oid: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LfsPut:
    """Write a pointer to content that the server already holds (``size_bytes`` None: take it from the content)."""

    path: str
    sha256: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete a file or a whole folder. ``is_optional``: it need not be there."""

    path: str
    folder: bool = False
    is_optional: bool = False


Change = FilePut | LfsPut | Drop


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """What a commit shall do, in order. ``parent``: the commit that the author has seen, if the author cares."""

    branch: str
    changes: Sequence[Change]
    title: str
    body: str = ""
    parent: str | None = None
    create_branch: bool = False
    base: str | None = None


@dataclass(frozen=True, slots=True)
class RepoFilter:
    """Which repos a list shall hold; empty fields filter nothing. ``tags`` must all be there."""

    kind: Kind
    search: Sequence[str] = ()
    author: str | None = None
    tags: Sequence[str] = ()
    pipeline_tag: str | None = None
    library_name: str | None = None
    gated: bool | None = None
    min_parameters: int | None = None
    max_parameters: int | None = None
    sort: Literal["trending", "created", "modified", "downloads", "likes", "views"] = "trending"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A parsed README: its front matter, the facts taken from it, and what is wrong with it."""

    data: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    library_name: str | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LfsFile:
    """Content that a ref reaches, and one path where it is found."""

    sha256: str
    size_bytes: int
    path: str
    ref: str
    pushed_at: datetime


@dataclass(frozen=True, slots=True)
class LfsLock:
    id: int
    path: str
    ref: str | None
    owner: str
    owner_id: int
    locked_at: datetime


@dataclass(frozen=True, slots=True)
class Discussion:
    """A discussion, or a pull request (``is_pull``) whose commits lie on ``ref`` and are meant for branch ``into``."""

    id: int
    repo_id: int
    number: int
    title: str
    status: DiscussionStatus
    is_pull: bool
    into: str | None
    merged_as: str | None
    author_id: int | None
    author: str
    created_at: datetime

    @property
    def ref(self) -> str:
        return f"refs/pr/{self.number}"


@dataclass(frozen=True, slots=True)
class DiscussionEvent:
    """One thing that happened in a discussion. ``kind``: comment, review, status-change, title-change or commit. A
    comment on a line of the changes has ``at`` in its payload: path, line number and side ("old" or "new")."""

    id: int
    kind: str
    at: datetime
    author_id: int | None
    author: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of the files that a pull request changes: ``number`` counts from 1 on its ``side``."""

    path: str
    number: int
    side: Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One user's wish to read a gated repo, and what became of it. ``is_given``: an administrator let the user in
    unasked. ``answers``: what the user filled into the gate's form."""

    id: int
    repo_id: int
    user_id: int
    user: str
    user_full_name: str
    user_email: str | None
    status: AccessStatus
    is_given: bool
    answers: Mapping[str, Any]
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Like:
    """A user's like, seen from the user: the repo, and since when."""

    repo: Repo
    liked_at: datetime


@dataclass(frozen=True, slots=True)
class Collection:
    """A named list of repos and other collections. ``owner`` is its namespace; ``slug`` names it in addresses, where
    only the number at its end counts."""

    id: int
    owner_id: int
    owner: str
    title: str
    description: str
    is_private: bool
    theme: str
    position: int
    updated_at: datetime

    @property
    def slug(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")[:80].rstrip("-")
        return f"{self.owner}/{words}-{self.id:024x}" if words else f"{self.owner}/{self.id:024x}"


@dataclass(frozen=True, slots=True)
class CollectionItem:
    """One entry of a collection: ``target`` is a repo, another collection or a skill. ``position`` counts from 0."""

    id: int
    collection_id: int
    position: int
    note: str
    target: Repo | Collection | Skill


@dataclass(frozen=True, slots=True)
class Watched:
    """What a webhook looks at: all repos of a user or organization, or one repo. It need not exist (yet)."""

    type: Literal["user", "org", "model", "dataset", "space"]
    name: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that wants to hear of changes. ``sealed_secret`` goes along, unsealed, with each call, so that the
    address knows us."""

    id: int
    owner_id: int
    url: str
    watched: Sequence[Watched]
    domains: Sequence[str]
    sealed_secret: str | None
    is_disabled: bool
    created_at: datetime


Reason = Literal[
    "mentioned",
    "opened",
    "commented",
    "merged",
    "closed",
    "reopened",
    "reviewed",
    "asked",
    "accepted",
    "rejected",
    "followed",
    "proposed",
    "wrote",
    "agreed",
    "declined",
]


@dataclass(frozen=True, slots=True)
class Notification:
    """The latest of what happened in one place that a user has to do with. ``number``: of a discussion, None where it
    is about access to the repo or about a follower; ``who``: who did it, None where that account is gone. What floors
    above the hub tell has a ``subject`` in each language, and its ``place`` says where it can be read."""

    id: int
    reason: Reason
    who: str | None
    repo_id: int | None
    number: int | None
    title: str | None
    is_pull: bool | None
    at: datetime
    read_at: datetime | None
    subject: Mapping[str, str] | None = None
    place: str = ""


DeliveryStatus = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One fact on its way to one webhook. ``body`` is sent as it stands. ``answer_status``: of the last try, None
    where no answer came; ``answer_text``: its beginning, or why there was none. ``next_try_at`` None: it is over."""

    id: int
    webhook_id: int
    event_id: int
    kind: str
    body: str
    status: DeliveryStatus
    tries_count: int
    answer_status: int | None
    answer_text: str
    answer_seconds: float | None
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None


_DUE = sa.text("next_try_at IS NOT NULL")
_UNREAD = sa.text("read_at IS NULL")
_PENDING = sa.text("NOT is_committed")
_PROPOSED = sa.text("proposed_by IS NOT NULL")
_UNMEASURED = sa.text("head IS NOT NULL AND (measured_head IS NULL OR measured_head <> head)")


@dataclass(frozen=True, slots=True)
class SpaceRun:
    """What the owner of a space has set. ``is_wanted``: it shall run, said at ``wished_at``."""

    values: Mapping[str, Any] = field(default_factory=dict)
    is_wanted: bool = False
    wished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SpaceVariable:
    """What a space finds in its environment. The value of a secret is sealed, and for nobody but the space."""

    key: str
    value: str
    is_secret: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class McpServer:
    """An entry of the catalogue of MCP servers. ``slug`` is its id in addresses ("@owner/name"), ``operational_urls``
    ({url, transport_type}) where the operator runs one."""

    id: int
    slug: str
    name: str
    chinese_name: str
    description: str
    category: str
    server_config: Sequence[Mapping[str, Any]]
    operational_urls: Sequence[Mapping[str, str]]
    views_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Skill:
    """An entry of the catalogue of agent skills. ``values``: what its owner says of it; ``archive_sha256``: of the zip
    with its files, when there is one."""

    id: int
    owner_id: int
    owner: str
    name: str
    is_private: bool
    values: Mapping[str, Any]
    archive_sha256: str | None
    downloads_count: int
    views_count: int
    created_at: datetime
    updated_at: datetime

    @property
    def slug(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class SkillFile:
    """A file in the archive of a skill."""

    path: str
    size_bytes: int


repos = sa.Table(
    "repos",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id"), nullable=False, index=True),
    sa.Column("namespace", sa.String(96), nullable=False),
    sa.Column("name", sa.String(96), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("visibility", sa.String(16), nullable=False),
    sa.Column("gated", sa.String(8), nullable=False, default=""),
    sa.Column("default_branch", sa.String(200), nullable=False, default="main"),
    sa.Column("sdk", sa.String(32)),
    sa.Column("head", sa.String(40)),
    sa.Column("card", Json, nullable=False, default=dict),
    sa.Column("card_warnings", Json, nullable=False, default=list),
    sa.Column("tags", Json, nullable=False, default=list),
    sa.Column("pipeline_tag", sa.String(100), index=True),
    sa.Column("library_name", sa.String(100)),
    sa.Column("parameters_count", sa.BigInteger),
    sa.Column("measured_head", sa.String(40), comment="the head whose files were measured"),
    sa.Column("content_bytes", sa.BigInteger),
    sa.Column("likes_count", sa.Integer, nullable=False, default=0),
    sa.Column("downloads_count", sa.Integer, nullable=False, default=0),
    sa.Column("downloads_total_count", sa.Integer, nullable=False, default=0),
    sa.Column("views_count", sa.Integer, nullable=False, default=0),
    sa.Column("trending", sa.Float, nullable=False, default=0.0),
    sa.Column("stored_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("git_bytes", sa.BigInteger, nullable=False, default=0, comment="regular files as they were sent"),
    sa.Column("created_by", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("modified_at", Moment, nullable=False),
    sa.Column("discussions_count", sa.Integer, nullable=False, default=0),
    sa.UniqueConstraint("kind", "key"),
    sa.Index("ix_repos_kind_trending", "kind", "trending", "id"),
    sa.Index("ix_repos_kind_downloads", "kind", "downloads_count", "id"),
    sa.Index("ix_repos_kind_likes", "kind", "likes_count", "id"),
    sa.Index("ix_repos_kind_views", "kind", "views_count", "id"),
    sa.Index("ix_repos_kind_modified", "kind", "modified_at", "id"),
    sa.Index("ix_repos_kind_created", "kind", "created_at", "id"),
    sa.Index("ix_repos_unmeasured", "id", sqlite_where=_UNMEASURED, postgresql_where=_UNMEASURED),
    sqlite_autoincrement=True,  # a number is never given twice: the git directory of a deleted repo may still lie there
)

repo_names = sa.Table(
    "repo_names",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), nullable=False, index=True),
    comment="former names of renamed and transferred repos",
)

refs = sa.Table(
    "refs",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(300), primary_key=True),
    sa.Column("oid", sa.String(40), nullable=False),
    sa.Column("moved_at", Moment, nullable=False),
)

repo_tags = sa.Table(
    "repo_tags",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.String(200), primary_key=True),
    sa.Index("ix_repo_tags_tag", "tag", "repo_id"),
)

repo_downloads = sa.Table(
    "repo_downloads",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="in UTC"),
    sa.Column("count", sa.Integer, nullable=False),
    comment="days without a download have no row; the first of a month long past stands for all of it",
)

repo_blobs = sa.Table(
    "repo_blobs",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, index=True),
    sa.Column("added_by", BigId),
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("is_committed", sa.Boolean, nullable=False, default=False),
    sa.Column("proposed_by", BigId, comment="the guest whose pull request alone refers to it"),
    sa.Index("ix_repo_blobs_pending", "added_by", sqlite_where=_PENDING, postgresql_where=_PENDING),
    sa.Index("ix_repo_blobs_proposed", "proposed_by", sqlite_where=_PROPOSED, postgresql_where=_PROPOSED),
    comment="which content a repo may refer to: uploaded to it, or taken from a repo that the uploader could read",
)

access_requests = sa.Table(
    "access_requests",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), nullable=False),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("is_given", sa.Boolean, nullable=False, default=False),
    sa.Column("answers", Json, nullable=False, default=dict),
    sa.Column("reason", sa.String(1000), nullable=False, default=""),
    sa.Column("asked_at", Moment, nullable=False),
    sa.UniqueConstraint("repo_id", "user_id"),
    sa.Index("ix_access_requests_repo_status", "repo_id", "status", "id"),
    comment="who may read a gated repo: those whose request is accepted",
)

likes = sa.Table(
    "likes",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("liked_at", Moment, nullable=False),
    sa.Index("ix_likes_user_liked_at", "user_id", "liked_at", "repo_id"),
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("title", sa.String(120), nullable=False),
    sa.Column("key", sa.String(240), nullable=False, comment="the title, whatever its case"),
    sa.Column("description", sa.String(1000), nullable=False, default=""),
    sa.Column("is_private", sa.Boolean, nullable=False, default=False),
    sa.Column("theme", sa.String(16), nullable=False, default="orange"),
    sa.Column("position", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("owner_id", "key"),
    sa.Index("ix_collections_updated", "updated_at", "id"),
    sqlite_autoincrement=True,  # a slug that was handed out must not lead to somebody else's later collection
)

collection_items = sa.Table(
    "collection_items",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("collection_id", BigId, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), index=True),
    sa.Column("inner_id", BigId, sa.ForeignKey("collections.id", ondelete="CASCADE"), index=True),
    sa.Column("skill_id", BigId, sa.ForeignKey("skills.id", ondelete="CASCADE"), index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("note", sa.String(1000), nullable=False, default=""),
    sa.UniqueConstraint("collection_id", "repo_id"),
    sa.UniqueConstraint("collection_id", "inner_id"),
    sa.UniqueConstraint("collection_id", "skill_id"),
    comment="each holds a repo, an inner collection or a skill",
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("url", sa.String(2000), nullable=False),
    sa.Column("watched", Json, nullable=False),
    sa.Column("domains", Json, nullable=False),
    sa.Column("sealed_secret", sa.String(2000)),
    sa.Column("is_disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

webhook_places = sa.Table(
    "webhook_places",
    metadata,
    sa.Column("webhook_id", BigId, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.String(200), primary_key=True, index=True),
    comment="what each webhook watches, to be found by it",
)

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("place", sa.String(64), nullable=False),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), index=True),
    sa.Column("discussion_id", BigId, sa.ForeignKey("discussions.id", ondelete="CASCADE"), index=True),
    sa.Column("reason", sa.String(16), nullable=False),
    sa.Column("actor_id", BigId),
    sa.Column("at", Moment, nullable=False),
    sa.Column("read_at", Moment),
    sa.Column("subject", Json),
    sa.UniqueConstraint("user_id", "place"),
    sa.Index("ix_notifications_user_id_at", "user_id", "at"),
    sa.Index("ix_notifications_unread", "user_id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    sqlite_autoincrement=True,
)
"""One row for each place where something happened to a user: a discussion, the access to a repo, a follower, or what
floors above the hub call a place."""

muted_discussions = sa.Table(
    "muted_discussions",
    metadata,
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column(
        "discussion_id", BigId, sa.ForeignKey("discussions.id", ondelete="CASCADE"), primary_key=True, index=True
    ),
    comment="of which a user wants to hear nothing but mentions",
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("webhook_id", BigId, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("event_id", BigId, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("tries_count", sa.Integer, nullable=False, default=0),
    sa.Column("answer_status", sa.Integer),
    sa.Column("answer_text", sa.Text, nullable=False, default=""),
    sa.Column("answer_seconds", sa.Float),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("tried_at", Moment),
    sa.Column("next_try_at", Moment),
    sa.Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    sa.Index("ix_webhook_deliveries_due", "next_try_at", sqlite_where=_DUE, postgresql_where=_DUE),
    sqlite_autoincrement=True,
)

lfs_locks = sa.Table(
    "lfs_locks",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), nullable=False),
    sa.Column("path", sa.String(1000), nullable=False),
    sa.Column("ref", sa.String(300)),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("locked_at", Moment, nullable=False),
    sa.UniqueConstraint("repo_id", "path"),
)

discussions = sa.Table(
    "discussions",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("is_pull", sa.Boolean, nullable=False),
    sa.Column("into", sa.String(300)),
    sa.Column("merged_as", sa.String(40)),
    sa.Column("author_id", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL"), index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("git_bytes", sa.BigInteger, nullable=False, default=0, comment="regular files that a guest proposes"),
    sa.UniqueConstraint("repo_id", "number"),
    sa.Index("ix_discussions_repo_id_status", "repo_id", "status"),
)

discussion_events = sa.Table(
    "discussion_events",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("discussion_id", BigId, sa.ForeignKey("discussions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author_id", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
    sa.Column("payload", Json, nullable=False),
    sa.Index("ix_discussion_events_discussion_id", "discussion_id", "id"),
)

# --- spaces: what their owners set, for whoever runs them

space_settings = sa.Table(
    "space_settings",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("values", Json, nullable=False, default=dict),
    sa.Column("is_wanted", sa.Boolean, nullable=False, default=False, comment="whether it shall run"),
    sa.Column("wished_at", Moment),
)

space_variables = sa.Table(
    "space_variables",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("is_secret", sa.Boolean, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

# --- registries: things that are known here, but lie elsewhere

mcp_servers = sa.Table(
    "mcp_servers",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("slug", sa.String(200), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("chinese_name", sa.String(200), nullable=False, default=""),
    sa.Column("description", sa.String(2000), nullable=False, default=""),
    sa.Column("category", sa.String(64), nullable=False, default="", index=True),
    sa.Column("server_config", Json, nullable=False, default=list),
    sa.Column("operational_urls", Json, nullable=False, default=list),
    sa.Column("views_count", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", Moment, nullable=False),
)

skills = sa.Table(
    "skills",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(96), nullable=False),
    sa.Column("key", sa.String(96), nullable=False),
    sa.Column("is_private", sa.Boolean, nullable=False),
    sa.Column("values", Json, nullable=False, default=dict),
    sa.Column("archive_sha256", sa.String(64)),
    sa.Column("downloads_count", sa.Integer, nullable=False, default=0),
    sa.Column("views_count", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("owner_id", "key"),
    sqlite_autoincrement=True,
)

skill_archives = sa.Table(
    "skill_archives",
    metadata,
    sa.Column("skill_id", BigId, sa.ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    comment="at most 5 MiB each, so they may lie here",
)

loose_files = sa.Table(
    "loose_files",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("uploaded_at", Moment, nullable=False, index=True),
    sa.Index("ix_loose_files_user", "user_id", "uploaded_at"),
    comment="small files that wait to be made part of something",
)
