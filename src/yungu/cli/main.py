"""The command line: ``yungu serve``, and one group per noun."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """yungu: a model hub for the clients that people already use."""
