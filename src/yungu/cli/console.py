"""What every command shares: its options, opening the hub, and how answers look."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yungu.kernel.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from rich.progress import Progress

    from yungu.api.http import Site
    from yungu.app.settings import Settings
    from yungu.kernel.upkeep import Kind

Data = Annotated[str | None, typer.Option("--data", metavar="DIR", help="The hub's data folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class RoleName(StrEnum):
    """What a member may do in an organization's repos."""

    READ = "read"
    CONTRIBUTOR = "contributor"
    WRITE = "write"
    ADMIN = "admin"


class HubNotFound(NotFound):
    """The data folder holds no hub."""

    hint = "Name its folder with --data, or run 'yungu serve' first."

    def __init__(self, folder: Path) -> None:
        super().__init__(f"There is no hub in {folder}.")


class DataUnusable(Unavailable):
    """The data folder or the database cannot be opened or written."""


class PasswordMissing(Invalid):
    """A password was expected on standard input."""

    hint = 'For example: printf %s "$PASSWORD" | yungu user create NAME --password-stdin'


def load_settings(**options: Any) -> Settings:
    """The settings of this invocation. Raises SettingsInvalid."""
    from yungu.app import settings

    return settings.load(**options)


def public_address(data: str | None) -> str:
    """Where people reach the hub: the setting ``base_url``, else where it listens."""
    settings = load_settings(data=data)
    scheme = "https" if settings.tls or settings.tls_cert else "http"
    return settings.base_url.rstrip("/") or f"{scheme}://{settings.host}:{settings.port}"


@contextmanager
def open_site(data: str | None, *, make: bool = False) -> Iterator[Site]:
    """The hub in the data folder, without HTTP, next to a running server or alone; ``make``: a new one if need be.

    Raises HubNotFound, DataUnusable, SettingsInvalid."""
    settings = load_settings(data=data)
    if not make and not (settings.data_path / "secret.key").exists():
        raise HubNotFound(settings.data_path)
    with data_problems_told(settings):
        from yungu.app.wiring import build_site

        site = build_site(settings)
        try:
            yield site
        finally:
            site.workers.shutdown()
            site.db.close()


@contextmanager
def data_problems_told(settings: Settings) -> Iterator[None]:
    """Turn what the system says about the data folder or the database into one clear sentence."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except OSError as error:
        reason = "it is not a folder" if settings.data_path.is_file() else error.strerror or str(error)
        raise DataUnusable(
            f"The data folder {settings.data_path} cannot be used: {reason}.",
            hint="Choose another one with --data, or give this user the right to write there.",
        ) from error
    except DBAPIError as error:
        place = settings.database_url.rpartition("@")[2] or str(settings.data_path / "yungu.db")
        raise DataUnusable(f"The database {place} cannot be used: {error.orig}.") from error


def note_run(site: Site, kind: Kind, started_at: datetime, result: str) -> None:
    """Let the administrators' page know of a check, a sweep or a backup that was done by a command."""
    from yungu.kernel import upkeep

    with site.db.write() as session:
        upkeep.note(session, kind, {}, started_at, result)


def read_password(wanted: bool) -> str | None:
    """The first line of standard input when ``wanted``. Raises PasswordMissing."""
    if not wanted:
        return None
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise PasswordMissing("No password came on standard input.")
    return password


def show(value: Any, text: str, *, as_json: bool) -> None:
    """Print ``value`` as JSON, or ``text`` for people."""
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
    elif text:
        typer.echo(text)


def columns(rows: Sequence[Sequence[object]], *heads: str) -> str:
    """Rows as aligned columns under their heads."""
    lines = [heads, *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(heads))]
    padded = ((cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


def size_text(size_bytes: int) -> str:
    """``1.5 GB``: decimal units, as disks are sold."""
    amount, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "B" else f"{amount:.1f} {units[0]}"


Tell = Callable[[str, int, int], None]
"""Called with (what is being done, done so far, of how many)."""


@contextmanager
def progress(*, as_json: bool) -> Iterator[Tell]:
    """A progress bar on a terminal's standard error; silence elsewhere."""
    if as_json or not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars).tell


class _Bars:
    """One bar at a time, named after what is being done."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._what = ""
        self._task = bars.add_task("", total=None)

    def tell(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what = what
            self._bars.reset(self._task, description=what)
        self._bars.update(self._task, completed=done, total=total)
