"""What becomes of everything that somebody owns when they go."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts.models import Actor, Owner
from yungu.hub import queries
from yungu.hub.models import likes, repos
from yungu.hub.service.repos import delete_repo, move_repo
from yungu.kernel.db import Session


def clear_owner(session: Session, owner: Owner, actor: Actor, *, heir: Owner | None) -> int:
    """Hand all repos of an owner over to ``heir``, or delete them, and take the owner's likes back; how many repos.

    Raises RepoExists when the heir has one of that name already, NamespaceDenied, QuotaExceeded."""
    found = queries.list_repos_of(session, owner.id)
    for repo in found:
        if heir is None:
            delete_repo(session, repo, actor)
        else:
            move_repo(session, repo, f"{heir.name}/{repo.name}", actor)
    liked = sa.select(likes.c.repo_id).where(likes.c.user_id == owner.id)
    fewer = sa.update(repos).where(repos.c.id.in_(liked)).values(likes_count=repos.c.likes_count - 1)
    session.execute(fewer)
    session.execute(sa.delete(likes).where(likes.c.user_id == owner.id))
    return len(found)
