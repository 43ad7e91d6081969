"""The command line: ``yungu serve``, and one group per noun."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from yungu import __version__
from yungu.cli import (
    backup,
    credits,
    deployment,
    fsck,
    gc,
    job,
    mcp,
    org,
    reference,
    repo,
    scenario,
    serve,
    settings,
    token,
    user,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("serve")(serve.serve)
app.command("fsck")(fsck.fsck)
app.command("gc")(gc.gc)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.add_typer(user.app, name="user")
app.add_typer(org.app, name="org")
app.add_typer(token.app, name="token")
app.add_typer(mcp.app, name="mcp")
app.add_typer(repo.app, name="repo")
app.add_typer(credits.app, name="credits")
app.add_typer(deployment.app, name="deployment")
app.add_typer(job.app, name="job")
app.add_typer(scenario.app, name="scenario")
app.command("settings")(settings.settings)
app.command("docs", hidden=True)(reference.docs)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yungu {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """yungu: a model hub for the clients that people already use."""
    os.umask(0o077)  # the data folder is its owner's alone: passwords' hashes and private repos lie in it
