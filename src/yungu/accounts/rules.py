"""Pure decisions of accounts: which names may be taken, what a role contains."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from yungu.accounts.errors import (
    AdministratorNeeded,
    LinkInvalid,
    NameInvalid,
    OrganizationDenied,
    PasswordWeak,
    SignInRefused,
)
from yungu.accounts.models import ROLES, Actor, Claims, Owner, Role, SignInPolicy

_NAME = re.compile(r"^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$")
_RESERVED = frozenset(
    "api v1 v2 openapi models datasets spaces studios kernels buckets collections settings login logout join new "
    "search static assets docs health healthz metrics xet lfs git me organizations users notifications discover "
    "explore none null".split()
)
LEAST_PASSWORD_LENGTH = 8
_LINK = re.compile(r"https?://[^\s/?#\"<>\\]+[^\s\"<>\\]{0,300}")


def check_owner_name(name: str) -> None:
    """Raises NameInvalid unless ``name`` can own repos: 1 to 96 of ``[A-Za-z0-9._-]``, no reserved word."""
    if not _NAME.fullmatch(name):
        raise NameInvalid(
            name, "it must have 1 to 96 letters, digits, '-', '_' or '.', and start and end with no '-' or '.'"
        )
    if "--" in name or ".." in name:
        raise NameInvalid(name, "'--' and '..' are not allowed")
    if name.casefold() in _RESERVED or name.casefold().endswith(".git"):
        raise NameInvalid(name, "the word is reserved")


def check_password(password: str) -> None:
    if len(password) < LEAST_PASSWORD_LENGTH:
        raise PasswordWeak(LEAST_PASSWORD_LENGTH)


def check_links(links: Sequence[str]) -> None:
    """Raises LinkInvalid unless each is an http address that a page may lead to."""
    for link in links:
        if not _LINK.fullmatch(link):
            raise LinkInvalid(link[:100])


def may_rule(actor: Actor, organization: Owner) -> bool:
    """Whether the actor may administer an organization: its members and their roles."""
    is_its_admin = actor.scope in (None, "admin") and actor.roles.get(organization.id) == "admin"
    return is_its_admin or actor.is_site_admin


def includes(role: Role | None, wanted: Role) -> bool:
    """Whether ``role`` contains the rights of ``wanted`` (read < contributor < write < admin)."""
    return role is not None and ROLES.index(role) >= ROLES.index(wanted)


def check_inviter(actor: Actor | None, organization: Owner | None) -> None:
    """Who may invite: the operator (None) and administrators to anything, an organization's administrators to it.

    Raises AdministratorNeeded, OrganizationDenied."""
    if actor is None or actor.is_site_admin:
        return
    if organization is None:
        raise AdministratorNeeded
    if not may_rule(actor, organization):
        raise OrganizationDenied(organization.name)


def check_claims(policy: SignInPolicy, claims: Claims) -> None:
    """Raises SignInRefused for somebody whom the policy does not let in."""
    domain = claims.email.rpartition("@")[2].casefold()
    if policy.domains and domain not in policy.domains:
        raise SignInRefused
    if policy.groups and not policy.groups & set(claims.groups):
        raise SignInRefused


def suggest_name(claims: Claims) -> str:
    """A name to begin with for a newcomer; it may be taken."""
    text = claims.username or claims.email.partition("@")[0] or claims.name
    return re.sub(r"-{2,}|\.{2,}", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", text.partition("@")[0])).strip("-.")[:96]


def digest(secret: bytes, value: str) -> str:
    """What is stored of a token, session or invitation: HMAC-SHA256, 64 hex."""
    return hmac.digest(secret, value.encode(), "sha256").hex()
