"""How matching says no."""

from __future__ import annotations

from yungu.kernel.errors import Conflict, Invalid, NotFound


class RunNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no matching run {number}.")


class MatchNotFound(NotFound):
    """There is no such match, or this actor may not know of it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no match {number}.")


class MatchClosed(Conflict):
    """It was answered by this side, or it is over."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"Match {number}: {why}.")


class ContactNotFound(NotFound):
    """There is no such message, or it is not of the actor's side."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no message {number}.")


class ContactImpossible(Conflict):
    """The other side does not see the match before this side has said yes."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Match {number}: the other side hears of it only after your yes.")


class ContactInvalid(Invalid):
    """A message of no or too many letters, or one too many."""

    def __init__(self, most_letters: int, most_messages: int) -> None:
        self.most_letters, self.most_messages = most_letters, most_messages
        super().__init__(f"A message has 1 to {most_letters} letters, and each side writes at most {most_messages}.")


class RunPublished(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(f"Run {number} is published already.")


class MarketBusy(Conflict):
    """A draft for the whole market is being worked out already."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        super().__init__(f"A draft is being worked out already, by the job {job_id}.")


class DayNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no matchmaking day {number}.")


class DayImpossible(Invalid):
    """A day that cannot be planned. ``why`` says it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
