"""What accounts tell."""

from __future__ import annotations

from yungu.kernel.events import Event


class UserCreated(Event, frozen=True, kw_only=True):
    user_id: int
    name: str


class OrganizationCreated(Event, frozen=True, kw_only=True):
    organization_id: int
    name: str


class OwnerChanged(Event, frozen=True, kw_only=True):
    """What a user or organization says of itself."""

    owner_id: int


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


class OwnerFollowed(Event, frozen=True, kw_only=True):
    owner_id: int


class OwnerUnfollowed(Event, frozen=True, kw_only=True):
    owner_id: int


class SignedIn(Event, frozen=True, kw_only=True):
    """``how``: password, oidc, invitation or join."""

    how: str


class SignInFailed(Event, frozen=True, kw_only=True):
    """``name``: of the user who was meant; None for a name that nobody has, which may be a password mistyped there."""

    name: str | None
    how: str


class PasswordChanged(Event, frozen=True, kw_only=True):
    user_id: int


class PasswordResetMade(Event, frozen=True, kw_only=True):
    """An administrator made a link by which the user may choose a new password."""

    user_id: int


class SessionsEnded(Event, frozen=True, kw_only=True):
    user_id: int


class UserSuspended(Event, frozen=True, kw_only=True):
    user_id: int


class UserUnsuspended(Event, frozen=True, kw_only=True):
    """A suspended user may sign in again."""

    user_id: int


class AdministratorMade(Event, frozen=True, kw_only=True):
    user_id: int


class AdministratorUnmade(Event, frozen=True, kw_only=True):
    user_id: int


class OwnerDeleted(Event, frozen=True, kw_only=True):
    """``kind``: user or organization."""

    owner_id: int
    kind: str
    name: str


class InvitationMade(Event, frozen=True, kw_only=True):
    invitation_id: int
    organization_id: int | None
    role: str | None


class InvitationRevoked(Event, frozen=True, kw_only=True):
    invitation_id: int


class InvitationAccepted(Event, frozen=True, kw_only=True):
    invitation_id: int
    user_id: int


class IdentityLinked(Event, frozen=True, kw_only=True):
    user_id: int
    issuer: str


class IdentityUnlinked(Event, frozen=True, kw_only=True):
    user_id: int
    issuer: str


class QuotaChanged(Event, frozen=True, kw_only=True):
    """``owner_id`` None: the default of ``kind``. ``limit_bytes`` None: no limit. ``is_own`` False: back to the
    default."""

    owner_id: int | None
    kind: str
    limit_bytes: int | None
    is_own: bool = True
