"""``yungu user``: who may sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, read_password, show

if TYPE_CHECKING:
    from yungu.accounts import Owner

app = typer.Typer(help="Users: create, list, disable, change passwords.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def create(
    name: Name,
    password_stdin: PasswordStdin = False,
    admin: Annotated[bool, typer.Option("--admin", help="May administer the whole hub.")] = False,
    email: Annotated[str | None, typer.Option("--email")] = None,
    full_name: Annotated[str, typer.Option("--full-name")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Create a user. Without a password the user can only use tokens."""
    from yungu import accounts

    password = read_password(password_stdin)
    with open_site(data, make=True) as site, site.db.write() as session:
        user = accounts.create_user(session, name, password=password, email=email, full_name=full_name, is_admin=admin)
    show(user, f"Created the user {user.name}.", as_json=as_json)


@app.command("list")
def list_users(data: Data = None, as_json: AsJson = False) -> None:
    """List all users."""
    from yungu import accounts

    with open_site(data) as site, site.db.read() as session:
        users = accounts.list_owners(session, "user", limit=1_000_000)
    rows = [(user.name, user.full_name, user.email, _state(user), f"{user.created_at:%Y-%m-%d}") for user in users]
    show(users, columns(rows, "NAME", "FULL NAME", "EMAIL", "STATE", "SINCE"), as_json=as_json)


@app.command()
def disable(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Shut a user out: no sign-in, no tokens. Repos and commits stay."""
    from yungu.kernel import clock

    _set(name, data, as_json, disabled_at=clock.now())


@app.command()
def enable(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Let a disabled user in again."""
    _set(name, data, as_json, disabled_at=None)


@app.command()
def password(name: Name, password_stdin: PasswordStdin = False, data: Data = None, as_json: AsJson = False) -> None:
    """Set a new password (read from standard input) and end the user's browser sessions."""
    from yungu import accounts

    fresh = read_password(password_stdin) or str(typer.prompt("New password", hide_input=True, err=True))
    with open_site(data) as site, site.db.write() as session:
        user = accounts.get_user(session, name)
        accounts.change_password(session, user.id, fresh)
    show(user, f"Changed the password of {user.name}.", as_json=as_json)


def _set(name: str, data: str | None, as_json: bool, **values: object) -> None:
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        user = accounts.get_user(session, name)
        accounts.update_owner(session, user.id, **values)
        user = accounts.get_user(session, name)
    show(user, f"{user.name} is {_state(user)}.", as_json=as_json)


def _state(user: Owner) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "administrator" if user.is_admin else "active"
