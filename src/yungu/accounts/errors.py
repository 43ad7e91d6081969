"""How accounts say no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Denied, Invalid, NotFound


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
