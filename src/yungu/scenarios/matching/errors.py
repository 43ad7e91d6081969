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


class RunPublished(Conflict):
    def __init__(self, number: int) -> None:
        super().__init__(f"Run {number} is published already.")


class DayNotFound(NotFound):
    def __init__(self, number: int) -> None:
        super().__init__(f"There is no matchmaking day {number}.")


class DayImpossible(Invalid):
    """A day that cannot be planned. ``why`` says it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
