"""The OpenID provider of the settings, if there is one."""

from __future__ import annotations

from collections.abc import Iterator

from yungu.accounts.backends import OpenIdProvider
from yungu.accounts.models import ROLES, Role, SignInPolicy
from yungu.api.http.site import OpenId
from yungu.app.settings import Settings, SettingsInvalid


def find_provider(settings: Settings) -> OpenId | None:
    """Raises SettingsInvalid."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_issuer.startswith(("https://", "http://")):
        raise SettingsInvalid("oidc_issuer must be a web address.")
    if not settings.oidc_client_id or not settings.oidc_client_secret:
        raise SettingsInvalid("oidc_client_id and oidc_client_secret are needed besides oidc_issuer.")
    provider = OpenIdProvider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        scopes=settings.oidc_scopes,
        groups_claim=settings.oidc_groups_claim,
    )
    policy = SignInPolicy(
        domains=frozenset(domain.casefold() for domain in _listed(settings.oidc_allowed_domains)),
        groups=frozenset(_listed(settings.oidc_allowed_groups)),
        admin_group=settings.oidc_admin_group,
        organizations=tuple(_memberships(settings.oidc_organizations)),
        may_register=settings.oidc_registration == "open",
    )
    return OpenId(settings.oidc_name or "OpenID", provider, policy)


def _listed(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(",") if part.strip())


def _memberships(text: str) -> Iterator[tuple[str, str, Role]]:
    for part in _listed(text):
        group, _, rest = part.rpartition("=")
        organization, _, role = rest.partition(":")
        if not group or not organization or role not in ROLES:
            raise SettingsInvalid(f"oidc_organizations has {part!r}, which is not group=organization:role.")
        yield group, organization, role
