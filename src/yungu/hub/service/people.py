"""Who signs a commit."""

from __future__ import annotations

from yungu.accounts.models import Actor
from yungu.storage.git import Person


def person(actor: Actor) -> Person:
    """The author of commits that the actor makes through an API; the address tells nothing private."""
    name = actor.name or "anonymous"
    return Person(name, f"{name.casefold()}@users.noreply.yungu.local")
