"""``yungu org``: organizations and who belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from yungu.cli.console import AsJson, Data, RoleName, columns, open_site, show

if TYPE_CHECKING:
    from yungu.accounts import Member

app = typer.Typer(help="Organizations: create, list, add and remove members.", no_args_is_help=True)

Organization = Annotated[str, typer.Argument(metavar="ORG")]
User = Annotated[str, typer.Argument(metavar="USER")]


class VisibilityName(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    owner: Annotated[str, typer.Option("--owner", metavar="USER", help="Its first administrator.")],
    full_name: Annotated[str, typer.Option("--full-name")] = "",
    default_visibility: Annotated[
        VisibilityName, typer.Option("--default-visibility", help="Of repos that are created without one.")
    ] = VisibilityName.PUBLIC,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Create an organization."""
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        creator = accounts.get_user(session, owner)
        made = accounts.create_organization(
            session, name, creator=creator, full_name=full_name, default_visibility=default_visibility.value
        )
    show(made, f"Created the organization {made.name}, administered by {creator.name}.", as_json=as_json)


@app.command()
def add(
    organization: Organization,
    user: User,
    role: Annotated[RoleName, typer.Option("--role", help="What the member may do in the organization's repos.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a member, or change a member's role."""
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        place, member = accounts.get_organization(session, organization), accounts.get_user(session, user)
        accounts.add_member(session, place, member, role.value, by=None)
    answer = {"organization": place.name, "user": member.name, "role": role.value}
    show(answer, f"{member.name} is in {place.name} as {role.value}.", as_json=as_json)


@app.command()
def remove(organization: Organization, user: User, data: Data = None, as_json: AsJson = False) -> None:
    """Remove a member."""
    from yungu import accounts

    with open_site(data) as site, site.db.write() as session:
        place, member = accounts.get_organization(session, organization), accounts.get_user(session, user)
        accounts.remove_member(session, place, member, by=None)
    answer = {"organization": place.name, "user": member.name}
    show(answer, f"{member.name} is no longer in {place.name}.", as_json=as_json)


@app.command("list")
def list_organizations(data: Data = None, as_json: AsJson = False) -> None:
    """List all organizations with their members."""
    from yungu import accounts

    with open_site(data) as site, site.db.read() as session:
        found = [
            (place, accounts.list_members(session, place.id))
            for place in accounts.list_owners(session, "organization", limit=1_000_000)
        ]
    rows = [(place.name, place.full_name, _names(members)) for place, members in found]
    answer = [
        {
            "name": place.name,
            "full_name": place.full_name,
            "default_visibility": place.default_visibility,
            "created_at": place.created_at,
            "members": [{"user": member.user, "role": member.role} for member in members],
        }
        for place, members in found
    ]
    show(answer, columns(rows, "NAME", "FULL NAME", "MEMBERS"), as_json=as_json)


def _names(members: Iterable[Member]) -> str:
    return ", ".join(f"{member.user} ({member.role})" for member in members)
