"""What accounts tell."""

from __future__ import annotations

from yungu.kernel.events import Event


class UserCreated(Event, frozen=True, kw_only=True):
    user_id: int
    name: str


class OrganizationCreated(Event, frozen=True, kw_only=True):
    organization_id: int
    name: str


class MemberAdded(Event, frozen=True, kw_only=True):
    organization_id: int
    user_id: int
    role: str


class MemberRemoved(Event, frozen=True, kw_only=True):
    organization_id: int
    user_id: int


class TokenCreated(Event, frozen=True, kw_only=True):
    token_id: int
    scope: str


class TokenRevoked(Event, frozen=True, kw_only=True):
    token_id: int
