"""The page of a user or an organization."""

from __future__ import annotations

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.http import Call
from yungu.api.web.rendering import page
from yungu.api.web.visit import begin
from yungu.hub import KINDS, RepoFilter
from yungu.kernel.db import Session

_SHOWN = 20


def get_owner(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    owner = accounts.get_owner(session, call.params["owner"])
    found = {
        kind: hub.list_repos(session, RepoFilter(kind, author=owner.name, sort="modified", limit=_SHOWN), visit.actor)
        for kind in KINDS
    }
    is_organization = owner.kind == "organization"
    listed = accounts.list_members if is_organization else accounts.list_memberships
    return page(
        visit,
        "owner.html",
        owner=owner,
        found=found,
        members=listed(session, owner.id),
        may_rule=is_organization and accounts.may_rule(visit.actor, owner),
        may_create=hub.can_create_in(visit.actor, owner),
    )
