"""How accounts say no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable


class NameInvalid(Invalid):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"'{name}' cannot be a name here: {reason}.", hint="Use letters, digits, '-', '_' and '.'.")


class NameTaken(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"The name '{name}' is already taken.", hint="Choose another name.")


class OwnerNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user or organization '{name}'.")
        self.name = name


class UserNotFound(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user '{name}'.")
        self.name = name


class NotMember(NotFound):
    def __init__(self, user: str, organization: str) -> None:
        super().__init__(f"'{user}' is not a member of '{organization}'.")


class OrganizationDenied(Denied):
    def __init__(self, name: str) -> None:
        super().__init__(f"Only administrators of '{name}' may do this.")


class SignInRequired(Denied):
    """Nobody is signed in and the request needs somebody (HTTP 401)."""

    def __init__(self, message: str = "Please sign in or send an access token.") -> None:
        super().__init__(message, hint="Create a token under Settings > Access tokens.")


class TokenInvalid(SignInRequired):
    """A token or session was sent but it is unknown, revoked or expired. Never silently anonymous."""

    def __init__(self) -> None:
        super().__init__("Invalid user token.")


class TokenNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such access token.")


class PasswordWrong(Denied):
    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.", hint="Passwords are case-sensitive.")


class PasswordWeak(Invalid):
    def __init__(self, least: int) -> None:
        super().__init__(f"A password needs at least {least} characters.")


class LastAdmin(Conflict):
    def __init__(self, organization: str) -> None:
        super().__init__(f"'{organization}' would be left without an administrator.", hint="Appoint another one first.")


class FollowsItself(Invalid):
    def __init__(self) -> None:
        super().__init__("Nobody follows themselves.")


class LinkInvalid(Invalid):
    """What cannot stand as a link on somebody's page."""

    def __init__(self, link: str) -> None:
        super().__init__(f"'{link}' is not a web address.", hint="It begins with https:// or http://.")
        self.link = link


class LastAdministrator(Conflict):
    def __init__(self) -> None:
        super().__init__("The hub would be left without an administrator.", hint="Appoint another one first.")


class AdministratorNeeded(Denied):
    def __init__(self) -> None:
        super().__init__("Only administrators of the hub may do this.")


class OwnerBusy(Conflict):
    """An owner that still has repos, or is the last administrator of an organization, cannot be deleted."""


class InvitationInvalid(NotFound):
    def __init__(self) -> None:
        super().__init__(
            "This invitation is used, expired or withdrawn.", hint="Ask whoever invited you for a new one."
        )


class RegistrationClosed(Denied):
    def __init__(self) -> None:
        super().__init__("Nobody can make an account here without an invitation.")


class ResetInvalid(NotFound):
    def __init__(self) -> None:
        super().__init__("This link is used or expired.", hint="Ask an administrator for a new one.")


class IdentityTaken(Conflict):
    def __init__(self) -> None:
        super().__init__("This identity belongs to another account already.")


class IdentityNeeded(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Without this identity there would be no way to sign in.", hint="Ask an administrator for a password link."
        )


class ProviderFailed(Unavailable):
    """The OpenID provider did not answer as it should."""

    hint = "Try again, or sign in with a password."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The sign-in provider did not do its part: {reason}.")


class SignInRefused(Denied):
    """The provider knows this person, but the operator does not let them in."""

    def __init__(self) -> None:
        super().__init__("This account is not allowed in here.", hint="Ask an administrator.")


class QuotaExceeded(Exhausted):
    """An owner keeps, or would keep, more bytes than allowed. All numbers are bytes."""

    def __init__(self, owner: str, limit_bytes: int, used_bytes: int, more_bytes: int) -> None:
        super().__init__(
            f"The storage of '{owner}' is used up: {_gigabytes(used_bytes)} of {_gigabytes(limit_bytes)} GB are taken "
            f"and {_gigabytes(more_bytes)} GB more were sent.",
            hint="Delete what is no longer needed, or ask an administrator for more room.",
        )
        self.owner = owner
        self.limit_bytes = limit_bytes
        self.used_bytes = used_bytes


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3f}".rstrip("0").rstrip(".")
