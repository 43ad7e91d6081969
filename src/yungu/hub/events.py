"""What the hub tells."""

from __future__ import annotations

from yungu.kernel.events import Event


class RepoCreated(Event, frozen=True, kw_only=True):
    kind: str
    repo: str
    visibility: str


class RepoDeleted(Event, frozen=True, kw_only=True):
    kind: str
    repo: str
    owner_id: int


class RepoMoved(Event, frozen=True, kw_only=True):
    kind: str
    before: str
    after: str


class RepoSettingsChanged(Event, frozen=True, kw_only=True):
    visibility: str
    gated: str


class RepoDuplicated(Event, frozen=True, kw_only=True):
    source: int


class CommitPushed(Event, frozen=True, kw_only=True):
    """A ref moved to a commit, by whichever dialect. ``before`` None: the ref is new."""

    ref: str
    before: str | None
    after: str


class HeadMeasured(Event, frozen=True, kw_only=True):
    """The sizes and parameters of the files at the head are known; what they are is in the repo's row."""


class RefDeleted(Event, frozen=True, kw_only=True):
    ref: str
    before: str


class DiscussionOpened(Event, frozen=True, kw_only=True):
    number: int
    is_pull: bool


class DiscussionCommented(Event, frozen=True, kw_only=True):
    number: int
    comment_id: int


class DiscussionStatusChanged(Event, frozen=True, kw_only=True):
    number: int
    before: str
    after: str


class PullRequestReviewed(Event, frozen=True, kw_only=True):
    number: int
    verdict: str


class RepoLiked(Event, frozen=True, kw_only=True):
    user_id: int


class RepoUnliked(Event, frozen=True, kw_only=True):
    user_id: int


class AccessRequested(Event, frozen=True, kw_only=True):
    """A user asked to read a gated repo; ``status`` is "accepted" where the gate opens by itself."""

    user_id: int
    status: str


class AccessDecided(Event, frozen=True, kw_only=True):
    """An administrator accepted, rejected or put back a user. ``before`` None: the user had not asked."""

    user_id: int
    before: str | None
    after: str


class CollectionCreated(Event, frozen=True, kw_only=True):
    collection_id: int
    owner_id: int


class CollectionDeleted(Event, frozen=True, kw_only=True):
    collection_id: int
    owner_id: int


class CollectionItemAdded(Event, frozen=True, kw_only=True):
    """``repo_id`` of the event's row: the repo, where it is one."""

    collection_id: int


class SpaceStartWished(Event, frozen=True, kw_only=True):
    """The owner of a space wants it to run (again)."""


class SpaceStopWished(Event, frozen=True, kw_only=True):
    """The owner of a space wants it to stop."""


class SkillPublished(Event, frozen=True, kw_only=True):
    skill_id: int
