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


class RefDeleted(Event, frozen=True, kw_only=True):
    ref: str
    before: str


class DiscussionOpened(Event, frozen=True, kw_only=True):
    number: int
    is_pull: bool


class DiscussionCommented(Event, frozen=True, kw_only=True):
    number: int


class DiscussionStatusChanged(Event, frozen=True, kw_only=True):
    number: int
    before: str
    after: str
