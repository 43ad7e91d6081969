"""How reading tables says no."""

from __future__ import annotations

from yungu.kernel.errors import Denied, Exhausted, Invalid, Unavailable


class TableUnreadable(Invalid):
    """The file is not what its name says, or is built in a way that cannot be read within the limits."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"This data cannot be read as a table{f': {reason}' if reason else '.'}")
        self.reason = reason


class QueryInvalid(Invalid):
    """The query does not say anything that makes sense over this data. ``reason``: in the words of DuckDB."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The query cannot be run: {reason}")
        self.reason = reason


class QueryRefused(Denied):
    """The query wants something else than to read the data that it was given."""

    def __init__(self) -> None:
        super().__init__("Only one SELECT over the data of this page can be run here; nothing else can be reached.")


class TooLong(Exhausted):
    """Reading took longer than is granted."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"This took longer than the {seconds:g} seconds that are granted.")
        self.seconds = seconds


class TooMuchMemory(Exhausted):
    """Reading needed more memory than is granted."""

    def __init__(self) -> None:
        super().__init__("This needs more memory than is granted.")


class TablesBusy(Unavailable):
    """As many tables as are granted are being read at this moment, and as many readers wait."""

    hint = "Try again in a few seconds."

    def __init__(self) -> None:
        super().__init__("Too many tables are being read at this moment.")


class TablesOff(Unavailable):
    """This server reads no tables."""

    def __init__(self) -> None:
        super().__init__("Reading tables is switched off on this server.")
