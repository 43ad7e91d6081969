"""Discussions and pull requests: numbered together, per repo."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import (
    CommentNotFound,
    DiscussionDenied,
    NotMergeable,
    ReviewDenied,
    RevisionNotFound,
    StatusInvalid,
    TextMissing,
)
from yungu.hub.events import DiscussionCommented, DiscussionOpened, DiscussionStatusChanged, PullRequestReviewed
from yungu.hub.models import (
    ChangedLine,
    Discussion,
    DiscussionEvent,
    Repo,
    Verdict,
    discussion_events,
    discussions,
    repos,
)
from yungu.hub.service.commits import merge_ref
from yungu.hub.service.quotas import take_over
from yungu.hub.service.refs import move_ref
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id
from yungu.kernel.events import record
from yungu.storage.git import Commit, GitStore

MAX_TITLE_LENGTH = 300


def open_discussion(
    session: Session,
    git: GitStore,
    repo: Repo,
    actor: Actor,
    *,
    title: str,
    text: str = "",
    is_pull: bool = False,
    is_draft: bool = False,
    into: str | None = None,
) -> Discussion:
    """A new discussion; a pull request gets its ref at once, at the head of branch ``into`` (the default branch when
    None). Raises TextMissing, RevisionNotFound when ``into`` is no branch."""
    title = title.strip()[:MAX_TITLE_LENGTH]
    if not title:
        raise TextMissing("title")
    target = _branch(session, repo, into) if is_pull else None
    number = _next_number(session, repo)
    row = {
        "repo_id": repo.id, "number": number, "title": title, "status": "draft" if is_draft else "open",
        "is_pull": is_pull, "into": target, "author_id": actor.id, "created_at": clock.now(),
    }  # fmt: skip
    session.execute(sa.insert(discussions).values(row))
    found = queries.get_discussion(session, repo, number)
    _note(session, found, "comment", actor, {"text": text})
    if target is not None:
        head = queries.resolve_revision(session, git, repo, target)
        move_ref(session, git, repo, found.ref, expect=None, to=head, actor_id=actor.id)
    record(session, DiscussionOpened(number=number, is_pull=is_pull), actor_id=actor.id, repo_id=repo.id)
    return found


def add_comment(
    session: Session, repo: Repo, found: Discussion, actor: Actor, text: str, *, at: ChangedLine | None = None
) -> DiscussionEvent:
    """``at``: the line of a pull request's changes that it is about. Raises TextMissing."""
    if not text.strip():
        raise TextMissing("comment")
    place = {"at": {"path": at.path, "line": at.number, "side": at.side}} if at else {}
    comment = _note(session, found, "comment", actor, {"text": text} | place)
    event = DiscussionCommented(number=found.number, comment_id=comment.id)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    return comment


def add_review(
    session: Session, repo: Repo, found: Discussion, actor: Actor, verdict: Verdict, text: str = ""
) -> DiscussionEvent:
    """What somebody thinks of a pull request that is open; nobody judges their own. Raises NotMergeable,
    ReviewDenied."""
    if not found.is_pull or found.status not in ("open", "draft"):
        raise NotMergeable(found.number, found.status if found.is_pull else "no pull request")
    if actor.id == found.author_id:
        raise ReviewDenied
    review = _note(session, found, "review", actor, {"verdict": verdict, "text": text})
    event = PullRequestReviewed(number=found.number, verdict=verdict)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    return review


def edit_comment(
    session: Session, repo: Repo, found: Discussion, comment: DiscussionEvent, actor: Actor, text: str
) -> None:
    """Replace a comment's text; the former one stays in its history. Raises DiscussionDenied, TextMissing,
    CommentNotFound for one that is hidden."""
    _check_author(actor, repo, comment.author_id, "edit this comment")
    if comment.payload.get("hidden"):
        raise CommentNotFound
    if not text.strip():
        raise TextMissing("comment")
    former = {"text": comment.payload["text"], "at": clock.iso(clock.now())}
    history = [*comment.payload.get("history", []), former]
    _replace(session, comment, {**comment.payload, "text": text, "edited": True, "history": history})


def hide_comment(session: Session, repo: Repo, found: Discussion, comment: DiscussionEvent, actor: Actor) -> None:
    """Hide a comment for good: its text and history are erased. Raises DiscussionDenied."""
    _check_author(actor, repo, comment.author_id, "hide this comment")
    by: dict[str, Any] = {"hidden_by": actor.name, "text": "This comment has been hidden", "history": []}
    _replace(session, comment, {**comment.payload, "hidden": True, **by})


def rename_discussion(session: Session, repo: Repo, found: Discussion, actor: Actor, title: str) -> DiscussionEvent:
    """Raises DiscussionDenied, TextMissing."""
    _check_author(actor, repo, found.author_id, "rename this")
    title = title.strip()[:MAX_TITLE_LENGTH]
    if not title:
        raise TextMissing("title")
    session.execute(sa.update(discussions).where(discussions.c.id == found.id).values(title=title))
    return _note(session, found, "title-change", actor, {"from": found.title, "to": title})


def change_status(
    session: Session, repo: Repo, found: Discussion, actor: Actor, status: str, comment: str = ""
) -> DiscussionEvent:
    """Open or close, with an optional comment. Raises DiscussionDenied, StatusInvalid."""
    _check_author(actor, repo, found.author_id, "change the status")
    found = _locked(session, repo, found)
    if status not in ("open", "closed") or found.status == "merged" or found.status == status:
        raise StatusInvalid(status)
    if comment.strip():
        add_comment(session, repo, found, actor, comment)
    return _become(session, repo, found, actor, status)


def merge_pull_request(
    session: Session, git: GitStore, repo: Repo, found: Discussion, actor: Actor, comment: str = ""
) -> Commit:
    """Merge into the branch that the pull request is meant for. Raises NotMergeable, MergeConflict,
    QuotaExceeded."""
    found = _locked(session, repo, found)
    if not found.is_pull or found.into is None or found.status not in ("open", "draft"):
        raise NotMergeable(found.number, found.status if found.is_pull else "no pull request")
    if comment.strip():
        add_comment(session, repo, found, actor, comment)
    title = f"{found.title} (#{found.number})"
    commit = merge_ref(session, git, repo, found.ref, found.into, title, actor)
    take_over(session, repo, found)
    session.execute(sa.update(discussions).where(discussions.c.id == found.id).values(merged_as=commit.oid))
    _become(session, repo, found, actor, "merged")
    return commit


def note_push(session: Session, found: Discussion, commit: Commit, actor: Actor) -> None:
    """Note in a pull request that a commit was added to it."""
    _note(session, found, "commit", actor, {"subject": commit.title, "oid": commit.oid})


def _become(session: Session, repo: Repo, found: Discussion, actor: Actor, status: str) -> DiscussionEvent:
    session.execute(sa.update(discussions).where(discussions.c.id == found.id).values(status=status))
    event = DiscussionStatusChanged(number=found.number, before=found.status, after=status)
    record(session, event, actor_id=actor.id, repo_id=repo.id)
    return _note(session, found, "status-change", actor, {"status": status})


def _locked(session: Session, repo: Repo, found: Discussion) -> Discussion:
    """The discussion as it is now; nobody else changes its status until this transaction ends."""
    session.execute(sa.select(discussions.c.id).where(discussions.c.id == found.id).with_for_update())
    return queries.get_discussion(session, repo, found.number)


def _branch(session: Session, repo: Repo, into: str | None) -> str:
    name = into or repo.default_branch
    full = name if name.startswith("refs/heads/") else f"refs/heads/{name}"
    if queries.find_ref(session, repo, full) is not None:
        return full
    if name in ("main", "master"):
        return f"refs/heads/{repo.default_branch}"
    raise RevisionNotFound(name)


def _next_number(session: Session, repo: Repo) -> int:
    one_more = sa.update(repos).where(repos.c.id == repo.id).values(discussions_count=repos.c.discussions_count + 1)
    return int(session.execute(one_more.returning(repos.c.discussions_count)).scalar_one())


def _note(session: Session, found: Discussion, kind: str, actor: Actor, payload: dict[str, Any]) -> DiscussionEvent:
    at = clock.now()
    row = {"discussion_id": found.id, "kind": kind, "at": at, "author_id": actor.id, "payload": payload}
    number = new_id(session.execute(sa.insert(discussion_events).values(row)))
    return DiscussionEvent(number, kind, at, actor.id, actor.name or "ghost", payload)


def _replace(session: Session, comment: DiscussionEvent, payload: dict[str, Any]) -> None:
    session.execute(sa.update(discussion_events).where(discussion_events.c.id == comment.id).values(payload=payload))


def _check_author(actor: Actor, repo: Repo, author_id: int | None, what: str) -> None:
    if actor.id is None or (actor.id != author_id and not rules.may_write(actor, repo)):
        raise DiscussionDenied(what)
