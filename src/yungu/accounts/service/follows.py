"""Users follow users and organizations."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts import queries
from yungu.accounts.errors import FollowsItself
from yungu.accounts.events import OwnerFollowed, OwnerUnfollowed
from yungu.accounts.models import Owner, follows
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record


def follow_owner(session: Session, user: Owner, owner: Owner) -> None:
    """Doing it again changes nothing. Raises FollowsItself."""
    if user.id == owner.id:
        raise FollowsItself
    if queries.is_following(session, user.id, owner.id):
        return
    row = {"follower_id": user.id, "followed_id": owner.id, "followed_at": clock.now()}
    upsert(session, follows, row, keys=["follower_id", "followed_id"], update=[])
    record(session, OwnerFollowed(owner_id=owner.id), actor_id=user.id)


def unfollow_owner(session: Session, user: Owner, owner: Owner) -> None:
    """Doing it again changes nothing."""
    where = (follows.c.follower_id == user.id) & (follows.c.followed_id == owner.id)
    if session.execute(sa.delete(follows).where(where)).rowcount:
        record(session, OwnerUnfollowed(owner_id=owner.id), actor_id=user.id)
