"""How scenarios say no."""

from __future__ import annotations

from collections.abc import Sequence

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound
from yungu.scenarios.models import Content, RoleName, Status


class ItemNotFound(NotFound):
    """There is no such item, or this actor may not know of it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no item {code[:40]}.")
        self.code = code[:40]


class ItemDenied(Denied):
    """The actor may see the item but not do this to it."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"You may not do this to {code}: {what}.")
        self.code = code
        self.what = what


class TokenWeak(Denied):
    """A token that only reads, or that names repos, changes nothing here."""

    def __init__(self) -> None:
        super().__init__("This token may not write in scenarios.", hint="Use one with the scope 'write'.")


class OwnReview(Denied):
    """Nobody reviews what they, or those whom they belong to, have applied for."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code} is an application of your own: others review it.")


class StepImpossible(Conflict):
    """The item is not where this step begins."""

    def __init__(self, code: str, step: str, status: Status) -> None:
        super().__init__(f"{code} is {status}: '{step}' cannot follow.")
        self.code, self.step, self.status = code, step, status


class ReasonMissing(Invalid):
    def __init__(self, step: str) -> None:
        super().__init__(f"Say why: '{step}' needs a reason.")
        self.step = step


class Unready(Invalid):
    """What an item must say before it is handed in is missing. ``codes``: see `yungu.scenarios.rules.lint`."""

    def __init__(self, code: str, missing: Sequence[str], codes: Sequence[str]) -> None:
        super().__init__(f"{code} cannot be handed in yet: {' '.join(missing)}")
        self.missing, self.codes = tuple(missing), tuple(codes)


class ObjectionOpen(Conflict):
    """A reviewer objects to this version."""

    def __init__(self, code: str, reviewer: str) -> None:
        super().__init__(f"{reviewer} objects to this version of {code}.", hint="Return it, or let them look again.")
        self.reviewer = reviewer


class ApprovalMissing(Conflict):
    def __init__(self, code: str) -> None:
        super().__init__(f"Nobody has approved this version of {code} yet.", hint="An expert has to look at it first.")


class VersionOutdated(Conflict):
    """Somebody else has changed the item since. ``current``: what it says now; ``version``: its number;
    ``fields``: where the two differ."""

    def __init__(self, code: str, based_on: int, version: int, current: Content, fields: Sequence[str]) -> None:
        super().__init__(
            f"{code} has version {version} by now; yours began from version {based_on}.",
            hint=f"They differ in: {', '.join(fields) or 'nothing'}.",
        )
        self.based_on, self.version, self.current, self.fields = based_on, version, current, tuple(fields)


class ClaimTaken(Conflict):
    def __init__(self, provider: str, code: str) -> None:
        super().__init__(f"{provider} has a claim on {code} already.")
        self.provider, self.code = provider, code


class DeadlinePassed(Conflict):
    def __init__(self, code: str) -> None:
        super().__init__(f"The deadline of {code} has passed.")
        self.code = code


class CapacityFull(Exhausted):
    def __init__(self, code: str) -> None:
        super().__init__(f"{code} has no capacity left.")
        self.code = code


class ClaimNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no claim {number}.")


class ClaimRefused(Conflict):
    """A claim that cannot be made or decided. ``why`` says it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)


class RoleNeeded(Denied):
    def __init__(self, role: RoleName) -> None:
        super().__init__(f"This needs the role '{role}' in scenarios.", hint="An administrator can grant it.")
        self.role = role


class ContentInvalid(Invalid):
    """A field does not hold what it should. ``field``: which."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


class BatchNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no batch {number}.")


class BatchClosed(Conflict):
    def __init__(self, number: int, state: str) -> None:
        super().__init__(f"Batch {number} is {state} already.")


class SheetRefused(Invalid):
    """A file that is not read. ``why``: in one of the words of `yungu.scenarios.backends.sheets`."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class NothingToImport(Invalid):
    def __init__(self) -> None:
        super().__init__("No row of this file can be taken as it is mapped now.")
