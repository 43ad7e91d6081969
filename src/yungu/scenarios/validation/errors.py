"""How validation says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound


class PilotNotFound(NotFound):
    def __init__(self, code: str) -> None:
        super().__init__(f"There is no pilot {code}.")
        self.code = code


class EvidenceNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such evidence.")


class TermsInvalid(Invalid):
    """Terms that nobody could be held to. ``field``: which part of them."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"The terms cannot be agreed: {reason}.")
        self.field = field
        self.reason = reason


class BenchReadable(Conflict):
    def __init__(self, dataset: str, reader: str) -> None:
        super().__init__(
            f"{reader} of the provider's side can read {dataset}.",
            hint="Make the dataset private, in a namespace that nobody of the provider's side belongs to.",
        )


class TermsMoved(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "The terms have changed since you read them.", hint="Read them again, then sign what is there now."
        )


class TermsSigned(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "Both sides have signed: the terms stay as they are.", hint="Cancel the pilot and agree on another one."
        )


class NotAgreed(Conflict):
    def __init__(self) -> None:
        super().__init__("Both sides must sign the terms first.")


class PilotEnded(Conflict):
    def __init__(self, state: str) -> None:
        super().__init__(f"The pilot is {state}: nothing more can happen to it.")
        self.state = state


class AttemptsUsed(Exhausted):
    def __init__(self, most: int) -> None:
        super().__init__(f"All {most} agreed evaluations were made.")


class AttemptOpen(Conflict):
    def __init__(self) -> None:
        super().__init__("An evaluation is under way.", hint="Wait until it has ended, or cancel its job.")


class GoalsOpen(Conflict):
    def __init__(self, goals: str) -> None:
        super().__init__(
            f"Nothing is known yet of: {goals}.",
            hint="Evaluate or hand in evidence, or end it as failed with a reason.",
        )


class PartDenied(Denied):
    """The other side, or a stranger, asks for what only one side may do."""

    def __init__(self, party: str) -> None:
        super().__init__(f"Only the {party} side may do that.")
        self.party = party
