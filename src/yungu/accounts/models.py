"""Rows and values of accounts. A *user* and an *organization* are both owners of repos and share one name space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import sqlalchemy as sa

from yungu.kernel.db import BigId, Json, Moment, metadata

OwnerKind = Literal["user", "organization"]
Role = Literal["read", "contributor", "write", "admin"]
Scope = Literal["read", "write", "admin", "fine-grained"]
Right = Literal["read", "write"]
ROLES: tuple[Role, ...] = ("read", "contributor", "write", "admin")
SCOPES: tuple[Scope, ...] = ("read", "write", "admin", "fine-grained")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or an organization. ``name`` as typed at creation; lookups ignore case. ``bio`` and ``links`` (http
    addresses) are what it says of itself."""

    id: int
    kind: OwnerKind
    name: str
    full_name: str
    email: str | None
    is_admin: bool
    default_visibility: str
    created_at: datetime
    disabled_at: datetime | None
    bio: str = ""
    links: Sequence[str] = ()


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


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against. ``password_hash`` None: nobody signs in by password under that name."""

    user: Owner | None
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that a user is signed in with. ``key`` names it; it is not the cookie."""

    key: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a user is at an OpenID provider: its ``issuer`` and the name that never changes there."""

    issuer: str
    subject: str
    user_id: int
    label: str
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """What an OpenID provider says of somebody. ``email`` is empty unless the provider has verified it."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.email or self.username or self.name or self.subject


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Whom an OpenID provider may send us, and what their groups there mean here. Nothing named: everybody.

    ``organizations``: group to (organization, role). ``may_register``: newcomers may make an account."""

    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    admin_group: str = ""
    organizations: tuple[tuple[str, str, Role], ...] = ()
    may_register: bool = True


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that works once. ``may_register``: whoever holds it may make an account where registration is closed.
    ``organization``: what the guest becomes a member of, in ``role``."""

    id: int
    created_by: int | None
    inviter: str | None
    note: str
    may_register: bool
    organization_id: int | None
    organization: str | None
    role: Role | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    guest: str | None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many bytes an owner may keep: ``own_bytes`` where an administrator set them, else what holds for the kind;
    None: no limit."""

    own_bytes: int | None
    is_own: bool
    default_bytes: int | None

    @property
    def limit_bytes(self) -> int | None:
        return self.own_bytes if self.is_own else self.default_bytes


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
    sa.Column("bio", sa.String(500), nullable=False, default=""),
    sa.Column("links", Json, nullable=False, default=list),
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

follows = sa.Table(
    "follows",
    metadata,
    sa.Column("follower_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("followed_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("followed_at", Moment, nullable=False),
    sa.Index("ix_follows_followed_id", "followed_id", "followed_at"),
    comment="which users want to hear of which users and organizations",
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

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.String(300), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("user_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("label", sa.String(254), nullable=False, default=""),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("last_used_at", Moment, nullable=False),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_by", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE")),
    sa.Column("note", sa.String(200), nullable=False, default=""),
    sa.Column("may_register", sa.Boolean, nullable=False),
    sa.Column("organization_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), index=True),
    sa.Column("role", sa.String(16)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("used_at", Moment),
    sa.Column("used_by", BigId, sa.ForeignKey("owners.id", ondelete="SET NULL")),
)

quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("owner_id", BigId, sa.ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("limit_bytes", sa.BigInteger),
    comment="of single owners; no limit where limit_bytes is NULL",
)

default_quotas = sa.Table(
    "default_quotas",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("limit_bytes", sa.BigInteger),
)
