"""May this actor see it, write it, rule it? From values alone."""

from __future__ import annotations

from enum import IntEnum

from yungu.accounts.models import Actor, Owner
from yungu.accounts.rules import includes
from yungu.hub.models import Collection, Repo, Skill


class Power(IntEnum):
    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


def may_read(actor: Actor, repo: Repo) -> bool:
    """Whether the actor may know of the repo at all."""
    return power(actor, repo) >= Power.READ


def may_read_files(actor: Actor, repo: Repo, *, is_granted: bool = False) -> bool:
    """Whether the actor may read content: like ``may_read``, but a gated repo asks for membership or a grant,
    and a fine-grained token has to name it: that everybody may know of the repo is no leave to read it."""
    if not may_read(actor, repo) or (repo.gated and not _is_named(actor, repo)):
        return False
    return not repo.gated or is_granted or _own_power(actor, repo) >= Power.READ


def may_write(actor: Actor, repo: Repo) -> bool:
    return power(actor, repo) >= Power.WRITE


def may_contribute(actor: Actor, repo: Repo) -> bool:
    """Whether the actor may open discussions and pull requests: anybody who is signed in and may read the repo, by a
    token only if it may write there."""
    return actor.user is not None and may_read(actor, repo) and _token_limit(actor, repo) >= Power.WRITE


def is_guest(actor: Actor, repo: Repo) -> bool:
    """Whether the person, by whatever token, can only propose changes."""
    return _own_power(actor, repo) < Power.WRITE


def may_admin(actor: Actor, repo: Repo) -> bool:
    return power(actor, repo) >= Power.ADMIN


def can_create_in(actor: Actor, owner: Owner) -> bool:
    """Whether the actor may create repos under this user or organization."""
    if actor.user is None or actor.scope == "read":
        return False
    if actor.scope == "fine-grained" and not _granted(actor, owner.name.casefold(), "write"):
        return False
    if actor.is_site_admin or owner.id == actor.id:
        return True
    return includes(actor.roles.get(owner.id), "contributor")


def may_see_collection(actor: Actor, collection: Collection) -> bool:
    """Whether the actor may know of the collection: of a public one everybody, of a private one its owner and the
    owner's members."""
    return not collection.is_private or _belongs(actor, collection.owner_id, collection.owner)


def may_see_skill(actor: Actor, skill: Skill) -> bool:
    """The same for a skill."""
    return not skill.is_private or _belongs(actor, skill.owner_id, skill.owner)


def may_curate(actor: Actor, owner_id: int, namespace: str) -> bool:
    """Whether the actor may make and change collections of this user or organization."""
    if actor.user is None or actor.scope == "read":
        return False
    if actor.scope == "fine-grained" and not _granted(actor, namespace.casefold(), "write"):
        return False
    return actor.is_site_admin or owner_id == actor.id or includes(actor.roles.get(owner_id), "write")


def may_configure(actor: Actor) -> bool:
    """Whether the actor may see and change the user's own settings, secrets among them."""
    return actor.user is not None and actor.scope not in ("read", "fine-grained")


def _belongs(actor: Actor, owner_id: int, namespace: str) -> bool:
    if actor.is_site_admin:
        return True
    owner = namespace.casefold()
    if actor.scope == "fine-grained" and not (_granted(actor, owner, "read") or _granted(actor, owner, "write")):
        return False
    return actor.user is not None and (owner_id == actor.id or owner_id in actor.roles)


def power(actor: Actor, repo: Repo) -> Power:
    """The most that the actor may do: what the person may, cut down to what the token may."""
    return min(max(_own_power(actor, repo), _everyones_power(actor, repo)), _token_limit(actor, repo))


def _everyones_power(actor: Actor, repo: Repo) -> Power:
    if repo.visibility == "public" or (repo.visibility == "internal" and actor.user is not None):
        return Power.READ
    return Power.NONE


def _own_power(actor: Actor, repo: Repo) -> Power:
    if actor.user is None:
        return Power.NONE
    if actor.is_site_admin or repo.owner_id == actor.id:
        return Power.ADMIN
    match actor.roles.get(repo.owner_id):
        case "admin":
            return Power.ADMIN
        case "write":
            return Power.WRITE
        case "contributor":
            return Power.ADMIN if repo.created_by == actor.id else Power.READ
        case "read":
            return Power.READ
        case _:
            return Power.NONE


def _token_limit(actor: Actor, repo: Repo) -> Power:
    match actor.scope:
        case "read":
            return Power.READ
        case "fine-grained":
            if _is_named(actor, repo, "write"):
                return Power.ADMIN
            return Power.READ if _is_named(actor, repo) or repo.visibility == "public" else Power.NONE
        case _:
            return Power.ADMIN


def _is_named(actor: Actor, repo: Repo, *rights: str) -> bool:
    """Whether the token names the repo or its owner, with one of the rights (any, if none is given)."""
    places = (f"{repo.kind}s/{repo.repo_id}".casefold(), repo.namespace.casefold())
    named = any(_granted(actor, place, right) for place in places for right in rights or ("read", "write"))
    return named or actor.scope != "fine-grained"


def _granted(actor: Actor, target: str, right: str) -> bool:
    return any(grant.target == target and grant.right == right for grant in actor.grants)
