"""Rows and values of the hub."""

from __future__ import annotations

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
KINDS: tuple[Kind, ...] = ("model", "dataset", "space")
VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository. ``id`` is its number and never changes; ``repo_id`` ("namespace/name") may, by rename or transfer."""

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
    stored_bytes: int
    created_by: int | None
    created_at: datetime
    modified_at: datetime

    @property
    def repo_id(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Ref:
    """A full ref name ("refs/heads/main") and where it points (an annotated tag's own oid included)."""

    name: str
    oid: str


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
    """Delete a file or a whole folder."""

    path: str
    folder: bool = False


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
    gated: bool | None = None
    min_parameters: int | None = None
    max_parameters: int | None = None
    sort: Literal["trending", "created", "modified", "downloads", "likes"] = "trending"
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
    """One thing that happened in a discussion. ``kind``: comment, status-change, title-change or commit."""

    id: int
    kind: str
    at: datetime
    author_id: int | None
    author: str
    payload: Mapping[str, Any]


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
    sa.Column("likes_count", sa.Integer, nullable=False, default=0),
    sa.Column("downloads_count", sa.Integer, nullable=False, default=0),
    sa.Column("downloads_total_count", sa.Integer, nullable=False, default=0),
    sa.Column("trending", sa.Float, nullable=False, default=0.0),
    sa.Column("stored_bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("created_by", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("modified_at", Moment, nullable=False),
    sa.Column("discussions_count", sa.Integer, nullable=False, default=0),
    sa.UniqueConstraint("kind", "key"),
    sa.Index("ix_repos_kind_trending", "kind", "trending", "id"),
    sa.Index("ix_repos_kind_downloads", "kind", "downloads_count", "id"),
    sa.Index("ix_repos_kind_likes", "kind", "likes_count", "id"),
    sa.Index("ix_repos_kind_modified", "kind", "modified_at", "id"),
    sa.Index("ix_repos_kind_created", "kind", "created_at", "id"),
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

repo_blobs = sa.Table(
    "repo_blobs",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, index=True),
    sa.Column("added_by", BigId),
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("is_committed", sa.Boolean, nullable=False, default=False),
    comment="which content a repo may refer to: uploaded to it, or taken from a repo that the uploader could read",
)

access_grants = sa.Table(
    "access_grants",
    metadata,
    sa.Column("repo_id", BigId, sa.ForeignKey("repos.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("granted_at", Moment, nullable=False),
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
    sa.Column("author_id", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("repo_id", "number"),
)

discussion_events = sa.Table(
    "discussion_events",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("discussion_id", BigId, sa.ForeignKey("discussions.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author_id", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
    sa.Column("payload", Json, nullable=False),
)
