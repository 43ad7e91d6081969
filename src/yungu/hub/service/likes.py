"""Liking repos. The count and the fashion of a repo move in the same transaction as the like."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts.errors import SignInRequired
from yungu.accounts.models import Actor
from yungu.hub import rules
from yungu.hub.errors import RepoDenied
from yungu.hub.events import RepoLiked, RepoUnliked
from yungu.hub.models import Repo, likes, repos
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.events import record


def like_repo(session: Session, repo: Repo, actor: Actor) -> bool:
    """Whether it was not liked before: liking twice is liking once. Raises SignInRequired, RepoDenied."""
    user_id, now = _liker(repo, actor), clock.now()
    try:
        with session.begin_nested():
            session.execute(sa.insert(likes).values(repo_id=repo.id, user_id=user_id, liked_at=now))
    except sa.exc.IntegrityError:
        return False
    _count(session, repo, 1, rules.trending_gain(rules.LIKE_WEIGHT, now))
    record(session, RepoLiked(user_id=user_id), actor_id=user_id, repo_id=repo.id)
    return True


def unlike_repo(session: Session, repo: Repo, actor: Actor) -> bool:
    """Whether it was liked before. Raises SignInRequired, RepoDenied."""
    user_id = _liker(repo, actor)
    mine = (likes.c.repo_id == repo.id) & (likes.c.user_id == user_id)
    liked_at = session.scalar(sa.delete(likes).where(mine).returning(likes.c.liked_at))
    if liked_at is None:
        return False
    _count(session, repo, -1, -rules.trending_gain(rules.LIKE_WEIGHT, liked_at))
    record(session, RepoUnliked(user_id=user_id), actor_id=user_id, repo_id=repo.id)
    return True


def _liker(repo: Repo, actor: Actor) -> int:
    if actor.id is None:
        raise SignInRequired
    if not rules.may_contribute(actor, repo):
        raise RepoDenied(repo.repo_id, "write")
    return actor.id


def _count(session: Session, repo: Repo, likes_more: int, trending_more: float) -> None:
    values = {"likes_count": repos.c.likes_count + likes_more, "trending": repos.c.trending + trending_more}
    session.execute(sa.update(repos).where(repos.c.id == repo.id).values(values))
