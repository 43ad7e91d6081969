"""``yungu user``: who may sign in, and who administers the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, RoleName, columns, open_site, public_address, read_password, show

if TYPE_CHECKING:
    from yungu.accounts import Owner

app = typer.Typer(help="Users: create, invite, list, suspend, promote, change passwords.", no_args_is_help=True)

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
    hashed = accounts.hash_password(password) if password is not None else None
    with open_site(data, make=True) as site, site.db.write() as session:
        user = accounts.create_user(
            session, name, password_hash=hashed, email=email, full_name=full_name, is_admin=admin
        )
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
def suspend(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Shut a user out: no sign-in, no tokens, all browsers signed out. Repos and commits stay."""
    from yungu import accounts

    _change(accounts.suspend_user, name, data, as_json)


@app.command()
def unsuspend(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Let a suspended user in again."""
    from yungu import accounts

    _change(accounts.unsuspend_user, name, data, as_json)


@app.command()
def promote(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Let a user administer the whole hub."""
    from yungu import accounts

    _change(accounts.make_administrator, name, data, as_json)


@app.command()
def demote(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Take the administration of the hub from a user."""
    from yungu import accounts

    _change(accounts.unmake_administrator, name, data, as_json)


@app.command()
def invite(
    organization: Annotated[
        str | None, typer.Option("--org", metavar="ORG", help="Also make the guest a member.")
    ] = None,
    role: Annotated[RoleName, typer.Option("--role", help="What the member may do there.")] = RoleName.READ,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="How long the link is good.")] = 7,
    note: Annotated[str, typer.Option("--note", help="Whom it is for, shown to administrators.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print a link with which one guest can make an account, also where registration is closed."""
    from datetime import timedelta

    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        place = accounts.get_organization(session, organization) if organization else None
        made, value = accounts.create_invitation(
            session, site.secret, by=None, organization=place, role=role.value, note=note, lifetime=timedelta(days=days)
        )
    link = f"{public_address(data)}/join?invitation={value}"
    show(
        {"link": link, "expires_at": made.expires_at},
        f"{link}\nIt works once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.",
        as_json=as_json,
    )


@app.command()
def password(name: Name, password_stdin: PasswordStdin = False, data: Data = None, as_json: AsJson = False) -> None:
    """Set a new password (read from standard input) and end the user's browser sessions."""
    from yungu import accounts

    fresh = read_password(password_stdin) or str(typer.prompt("New password", hide_input=True, err=True))
    hashed = accounts.hash_password(fresh)
    with open_site(data) as site, site.db.write() as session:
        user = accounts.get_user(session, name)
        accounts.change_password(session, user.id, hashed)
    show(user, f"Changed the password of {user.name}.", as_json=as_json)


def _change(change: Callable[..., None], name: str, data: str | None, as_json: bool) -> None:
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        change(session, accounts.get_user(session, name), by=None)
        user = accounts.get_user(session, name)
    show(user, f"{user.name} is {_state(user)}.", as_json=as_json)


def _state(user: Owner) -> str:
    if user.disabled_at is not None:
        return "suspended"
    return "administrator" if user.is_admin else "active"
