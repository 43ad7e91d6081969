"""``yungu token``: access tokens for scripts and clients."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, columns, open_site, show

if TYPE_CHECKING:
    from yungu.accounts import Scope, Token
    from yungu.kernel.db import Session

app = typer.Typer(help="Access tokens: create, list, revoke.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER")]


class ScopeName(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command()
def create(
    user: User,
    scope: Annotated[ScopeName, typer.Option("--scope", help="What the token may do.")],
    name: Annotated[str, typer.Option("--name", help="To tell it from others.")] = "command line",
    value: Annotated[str | None, typer.Option("--value", metavar="TOKEN", help="Import this one.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Create a token. Prints nothing but the token, which cannot be shown again."""
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        owner = accounts.get_user(session, user)
        made, secret = _make(session, site.secret, owner.id, name, scope.value, value)
    answer = {"id": made.id, "user": owner.name, "name": made.name, "scope": made.scope, "token": secret}
    show(answer, secret, as_json=as_json)


@app.command("list")
def list_tokens(user: User, data: Data = None, as_json: AsJson = False) -> None:
    """List a user's tokens, without their values."""
    from yungu import accounts

    with open_site(data) as site, site.db.read() as session:
        found = accounts.list_tokens(session, accounts.get_user(session, user).id)
    rows = [
        (t.id, t.name, t.preview, t.scope, _day(t.created_at), _day(t.last_used_at), _day(t.expires_at)) for t in found
    ]
    show(found, columns(rows, "ID", "NAME", "TOKEN", "SCOPE", "CREATED", "LAST USED", "EXPIRES"), as_json=as_json)


@app.command()
def revoke(
    user: User, token_id: Annotated[int, typer.Argument(metavar="ID")], data: Data = None, as_json: AsJson = False
) -> None:
    """Make a token worthless, at once."""
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        owner = accounts.get_user(session, user)
        accounts.revoke_token(session, owner.id, token_id)
    show({"id": token_id, "user": owner.name}, f"Revoked token {token_id} of {owner.name}.", as_json=as_json)


def _day(moment: object) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "never"


def _make(session: Session, key: bytes, user_id: int, name: str, scope: Scope, value: str | None) -> tuple[Token, str]:
    from yungu import accounts

    if value:
        return accounts.import_token(session, key, user_id, name=name, scope=scope, value=value)
    return accounts.create_token(session, key, user_id, name=name, scope=scope)
