"""Rows and values of accounts. A *user* and an *organization* are both owners of repos and share one name space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import sqlalchemy as sa

from yungu.kernel.db import BigId, Moment, metadata

OwnerKind = Literal["user", "organization"]
Role = Literal["read", "contributor", "write", "admin"]
Scope = Literal["read", "write", "admin", "fine-grained"]
Right = Literal["read", "write"]
ROLES: tuple[Role, ...] = ("read", "contributor", "write", "admin")
SCOPES: tuple[Scope, ...] = ("read", "write", "admin", "fine-grained")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or an organization. ``name`` as typed at creation; lookups ignore case."""

    id: int
    kind: OwnerKind
    name: str
    full_name: str
    email: str | None
    is_admin: bool
    default_visibility: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """One user's role in one organization."""

    organization_id: int
    organization: str
    organization_full_name: str
    user_id: int
    user: str
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as its owner may see it later: the value itself is shown once and never stored."""

    id: int
    user_id: int
    name: str
    preview: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a fine-grained token may do: on one repo (``models/ns/name``) or on all repos of one owner (``ns``)."""

    target: str
    right: Right


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. ``roles``: organization id to role. ``scope`` None: a browser session, as strong as the user."""

    user: Owner | None = None
    roles: Mapping[int, Role] = field(default_factory=lambda: MappingProxyType({}))
    scope: Scope | None = None
    token_id: int | None = None
    token_name: str | None = None
    grants: tuple[TokenGrant, ...] = ()

    @property
    def id(self) -> int | None:
        return self.user.id if self.user else None

    @property
    def name(self) -> str | None:
        return self.user.name if self.user else None

    @property
    def is_site_admin(self) -> bool:
        return self.user is not None and self.user.is_admin and self.scope in (None, "admin")


ANONYMOUS = Actor()

owners = sa.Table(
    "owners",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.String(96), nullable=False),
    sa.Column("key", sa.String(96), nullable=False, unique=True),
    sa.Column("full_name", sa.String(200), nullable=False, default=""),
    sa.Column("email", sa.String(254)),
    sa.Column("password_hash", sa.String(200)),
    sa.Column("is_admin", sa.Boolean, nullable=False, default=False),
    sa.Column("default_visibility", sa.String(16), nullable=False, default="public"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("disabled_at", Moment),
    sqlite_autoincrement=True,
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("organization_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True, index=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("preview", sa.String(16), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("scope", sa.String(16), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("last_used_at", Moment),
    sa.Column("expires_at", Moment),
)

token_grants = sa.Table(
    "token_grants",
    metadata,
    sa.Column("token_id", BigId, sa.ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", sa.String(260), primary_key=True),
    sa.Column("right", sa.String(8), nullable=False),
)

browser_sessions = sa.Table(
    "browser_sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
)
