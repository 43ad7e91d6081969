"""The pages of ``docs/reference`` that are made from the code: ``yungu docs settings``, ``cli`` and ``api``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

_WIDTH = 100
_MADE = "<!-- Made by `yungu docs {name}`; do not edit. -->\n\n"


class PageName(StrEnum):
    SETTINGS = "settings"
    CLI = "cli"
    API = "api"


def docs(page: Annotated[PageName, typer.Argument(metavar="settings|cli|api")]) -> None:
    """Print a page of the reference, made from the code."""
    typer.echo(page_text(page), nl=False)


def page_text(page: PageName) -> str:
    """The whole page in Markdown."""
    return _MADE.format(name=page.value) + _PAGES[page]() + "\n"


def settings_table() -> str:
    """Every setting as a row of a Markdown table."""
    from yungu.app.settings import iter_docs

    lines = ["| Setting | Variable | Default | Meaning |", "| --- | --- | --- | --- |"]
    for doc in iter_docs():
        default = f"`{doc.default}`" if doc.default else "(empty)"
        lines.append(f"| `{doc.name}` | `{doc.variable}` | {default} | {doc.description} |")
    return "\n".join(lines)


def _settings_page() -> str:
    return f"""# Settings

Every setting has a default that works. Later wins: the default, the file `yungu.toml` in the working directory (or the
file that `YUNGU_CONFIG` names), the environment variable, the option of the command line.

{settings_table()}

`yungu settings` prints this table."""


def _cli_page() -> str:
    from yungu.cli.main import app

    parts = [_CLI_INTRODUCTION]
    for name, help_text in _iter_helps(typer.main.get_command(app), "yungu"):
        parts.append(f"## `{name}`\n\n```text\n{help_text.strip()}\n```")
    return "\n\n".join(parts)


def _api_page() -> str:
    from yungu.app.wiring import DIALECTS

    parts = [_API_INTRODUCTION]
    for title, dialect in DIALECTS:
        rows = sorted((route.pattern, route.method, _first_line(route.handler)) for route in dialect.routes)
        table = [f"| {method} | `{pattern}` | {text} |" for pattern, method, text in rows]
        parts.append("\n".join([f"## {title}", "", "| Method | Path | What |", "| --- | --- | --- |", *table]))
    return "\n\n".join(parts)


def _first_line(handler: Any) -> str:
    """What the handler says of itself in its first line, or its name."""
    said = (handler.__doc__ or handler.__name__.replace("_", " ").capitalize()).strip()
    return str(said.split("\n")[0]).replace("|", "\\|")


def _iter_helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """(full name, help) of a command and all below it. The command's class is typer's own affair, hence Any."""
    context = typer.Context(command, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH)
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _iter_helps(below, f"{name} {word}")


_PAGES: dict[PageName, Callable[[], str]] = {
    PageName.SETTINGS: _settings_page,
    PageName.CLI: _cli_page,
    PageName.API: _api_page,
}

_API_INTRODUCTION = """# Addresses

What each dialect answers. `{kinds}` is `models`, `datasets` or `spaces`; an address of a repo without it means a model.
Segments are split before they are unquoted, so a revision such as `refs%2Fpr%2F1` is one segment; `{path*}` is the rest
of the path. HEAD is answered wherever GET is."""

_CLI_INTRODUCTION = """# The command line

All commands work on the data folder that `--data` names (default: the setting `data`), beside a running server or
alone. `--json` prints what a script can read. Results go to standard output, reasons to standard error.

| Exit code | Meaning |
| --- | --- |
| 0 | done |
| 1 | refused or failed; standard error says why, and what to do |
| 2 | wrong usage |
| 3 | damage found (`yungu fsck`, `yungu restore`) |"""
