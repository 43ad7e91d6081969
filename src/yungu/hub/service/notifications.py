"""What users hear of: their discussions, their names in a text, requests for access, new followers.

Nobody hears of what he did himself, nor of a repo that he may not read. What happens again in the same place makes the
same notification new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from yungu.accounts import OwnerNotFound, TokenInvalid, actor_for_user, get_owner_by_id
from yungu.accounts.models import Role
from yungu.hub import queries, rules
from yungu.hub.models import Discussion, Reason, Repo, muted_discussions, notifications
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import Fact

NOTIFIED = (
    "DiscussionOpened",
    "DiscussionCommented",
    "DiscussionStatusChanged",
    "PullRequestReviewed",
    "AccessRequested",
    "AccessDecided",
    "OwnerFollowed",
)
"""The kinds of facts that users may hear of."""
_n = notifications.c
Call = tuple[int, Reason, str, int | None]
"""One user to be told: number, reason, place, number of the discussion's row."""


def notify(session: Session, facts: Sequence[Fact]) -> None:
    """Tell everybody whom the facts concern."""
    for fact in facts:
        repo = queries.find_repo_by_id(session, fact.repo_id) if fact.repo_id else None
        for user_id, reason, place, discussion_id in _calls(session, fact, repo):
            if user_id != fact.actor_id and _may_hear(session, user_id, repo, discussion_id):
                row = {
                    "user_id": user_id, "place": place, "repo_id": repo.id if repo else None, "reason": reason,
                    "discussion_id": discussion_id, "actor_id": fact.actor_id, "at": fact.at, "read_at": None,
                }  # fmt: skip
                anew = ["reason", "actor_id", "at", "read_at"]
                upsert(session, notifications, row, keys=["user_id", "place"], update=anew)


def tell(
    session: Session,
    user_id: int,
    reason: Reason,
    place: str,
    *,
    subject: Mapping[str, str],
    fact: Fact,
) -> None:
    """Let a user hear of a fact that floors above the hub know of. ``place``: what happens again there makes the same
    notification new; ``subject``: what it is about, in each language."""
    if user_id == fact.actor_id or not _may_hear(session, user_id, None, None):
        return
    row = {"user_id": user_id, "place": place, "reason": reason, "actor_id": fact.actor_id, "at": fact.at}
    row |= {"subject": dict(subject), "read_at": None}
    anew = ["reason", "actor_id", "at", "read_at", "subject"]
    upsert(session, notifications, row, keys=["user_id", "place"], update=anew)


def mark_read(session: Session, user_id: int, *, numbers: Sequence[int] | None = None) -> None:
    """Mark some of the user's notifications as read, or all of them."""
    unread = sa.update(notifications).where(_n.user_id == user_id, _n.read_at.is_(None))
    if numbers is not None:
        unread = unread.where(_n.id.in_(numbers))
    session.execute(unread.values(read_at=clock.now()))


def mark_seen(session: Session, user_id: int, discussion: Discussion) -> None:
    """The user has looked at the discussion: what there was to hear of it is read."""
    seen = sa.update(notifications).where(_n.user_id == user_id, _n.discussion_id == discussion.id)
    session.execute(seen.where(_n.read_at.is_(None)).values(read_at=clock.now()))


def mark_seen_at(session: Session, user_id: int, place: str) -> None:
    """The user has looked at a place of higher floors."""
    seen = sa.update(notifications).where(_n.user_id == user_id, _n.place == place, _n.read_at.is_(None))
    session.execute(seen.values(read_at=clock.now()))


def mute(session: Session, user_id: int, discussion: Discussion) -> None:
    """Let the user hear nothing of the discussion any more but mentions."""
    row = {"user_id": user_id, "discussion_id": discussion.id}
    upsert(session, muted_discussions, row, keys=["user_id", "discussion_id"], update=[])


def unmute(session: Session, user_id: int, discussion: Discussion) -> None:
    c = muted_discussions.c
    session.execute(sa.delete(muted_discussions).where(c.user_id == user_id, c.discussion_id == discussion.id))


def _calls(session: Session, fact: Fact, repo: Repo | None) -> Iterator[Call]:
    if fact.kind == "OwnerFollowed":
        yield fact.payload["owner_id"], "followed", f"follower {fact.actor_id}", None
    elif repo is not None and fact.kind == "AccessRequested":
        if fact.payload["status"] == "pending":
            place = f"access {repo.id} {fact.payload['user_id']}"
            yield from ((keeper, "asked", place, None) for keeper in queries.list_keepers(session, repo, "admin"))
    elif repo is not None and fact.kind == "AccessDecided":
        if fact.payload["after"] in ("accepted", "rejected"):
            yield fact.payload["user_id"], fact.payload["after"], f"access {repo.id}", None
    elif repo is not None:
        yield from _discussion_calls(session, fact, repo)


def _discussion_calls(session: Session, fact: Fact, repo: Repo) -> Iterator[Call]:
    found = queries.get_discussion(session, repo, fact.payload["number"])
    place = f"discussion {found.id}"
    called = set(queries.users_named(session, rules.find_mentions(_text(session, fact, found))).values())
    roles: tuple[Role, ...] = ("admin", "write") if fact.kind == "DiscussionOpened" else ()
    concerned = {*queries.list_participants(session, found), *queries.list_keepers(session, repo, *roles)}
    concerned -= queries.list_muting(session, found.id)
    yield from ((user_id, _reason(fact), place, found.id) for user_id in sorted(concerned - called))
    yield from ((user_id, "mentioned", place, found.id) for user_id in sorted(called))


def _text(session: Session, fact: Fact, found: Discussion) -> str:
    if fact.kind in ("DiscussionStatusChanged", "PullRequestReviewed"):
        return ""
    if fact.kind == "DiscussionOpened":
        return str(queries.get_description(session, found).payload["text"])
    return str(queries.get_comment(session, found, fact.payload["comment_id"]).payload["text"])


def _reason(fact: Fact) -> Reason:
    if fact.kind == "DiscussionOpened":
        return "opened"
    if fact.kind == "DiscussionCommented":
        return "commented"
    if fact.kind == "PullRequestReviewed":
        return "reviewed"
    after: Reason = fact.payload["after"] if fact.payload["after"] in ("merged", "closed") else "reopened"
    return after


def _may_hear(session: Session, user_id: int, repo: Repo | None, discussion_id: int | None) -> bool:
    try:
        user = get_owner_by_id(session, user_id)
        actor = actor_for_user(session, user)
    except (OwnerNotFound, TokenInvalid):  # the account is gone or disabled
        return False
    if user.kind != "user" or repo is None:
        return user.kind == "user"
    return queries.is_readable(session, repo, actor) if discussion_id else rules.may_read(actor, repo)
