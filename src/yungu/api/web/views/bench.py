"""Where files are changed in the browser: one branch of a repo, or a pull request of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import Form
from yungu.api.web.rendering import see_other
from yungu.api.web.views.repos import frame
from yungu.api.web.visit import Visit, begin
from yungu.hub import Change, CommitPlan, Discussion, Repo, RevisionNotFound
from yungu.kernel.db import Session
from yungu.storage.git import Commit, GitObjects

_MAX_TITLE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Bench:
    """``revision``: the branch's short name, or the full ref of ``pull``. ``head``: None in a repo without commits.
    ``may_write``: straight to it; else only by a new pull request."""

    visit: Visit
    repo: Repo
    git: GitObjects
    revision: str
    head: str | None
    pull: Discussion | None
    may_write: bool


@dataclass(frozen=True, slots=True)
class Done:
    """``revision``: where the commit now is. ``pull``: the pull request that was opened for it."""

    revision: str
    commit: Commit
    pull: Discussion | None


def enter_bench(session: Session, call: Call) -> Bench:
    """The branch or pull request that the address names. Raises RepoNotFound, RepoGated, RepoDenied, SignInRequired,
    RevisionNotFound for what cannot be committed to."""
    visit = begin(session, call)
    repo = hub.contributable_repo(session, call.kind, call.repo_id, visit.actor)
    visit.person()
    revision = call.params["rev"]
    pull = hub.get_pull_request(session, repo, revision)
    ref = revision if pull else f"refs/heads/{revision}"
    if hub.find_ref(session, repo, ref) is None and (repo.head is not None or revision != repo.default_branch):
        raise RevisionNotFound(revision)
    head = hub.resolve_revision(session, call.site.git, repo, ref) if repo.head else None
    is_own = pull is not None and pull.author_id == visit.actor.id and pull.status in ("open", "draft")
    may_write = is_own or hub.may_write(visit.actor, repo)
    return Bench(visit, repo, call.site.git.open(repo.id), revision, head, pull, may_write)


def commit(session: Session, bench: Bench, form: Form, changes: Sequence[Change], default_title: str) -> Done:
    """Commit as the form asks: straight to the branch, or to a new pull request. Raises what `hub.apply_commit` and
    `hub.open_discussion` raise."""
    git, repo, actor = bench.visit.call.site.git, bench.repo, bench.visit.actor
    title = form["title"][:_MAX_TITLE_LENGTH] or default_title
    body = form["description"].replace("\r\n", "\n")
    opened: Discussion | None = None
    if wants_pull(bench, form):
        opened = hub.open_discussion(
            session, git, repo, actor, title=title, text=body, is_pull=True, into=bench.revision
        )
    branch = opened.ref if opened else bench.revision
    plan = CommitPlan(branch, changes, title, body, parent=None if opened else bench.head)
    made = hub.apply_commit(session, git, repo, plan, actor)
    if (opened or bench.pull) and made.oid != bench.head:
        hub.note_push(session, opened or bench.pull, made, actor)  # type: ignore[arg-type]  # one of them is there
    return Done(branch, made, opened)


def wants_pull(bench: Bench, form: Form) -> bool:
    if bench.pull is not None and bench.may_write:
        return False
    return not bench.may_write or form["how"] == "pull"


def go_on(bench: Bench, done: Done, otherwise: str) -> Response:
    """To the pull request that was opened, or to the page ``otherwise``."""
    target = urls.discussion(bench.repo, done.pull.number) if done.pull else otherwise
    return see_other(bench.visit, target, told=_told(bench, done))


def _told(bench: Bench, done: Done) -> str:
    """What the page after the commit says."""
    if done.pull is not None:
        return bench.visit.gettext("Pull request #%(number)s is open.") % {"number": done.pull.number}
    if done.commit.oid == bench.head:
        return bench.visit.gettext("Nothing was changed.")
    return bench.visit.gettext("Committed: %(title)s") % {"title": done.commit.title}


def around(session: Session, bench: Bench, form: Form, errors: Mapping[str, str]) -> dict[str, Any]:
    """What every page of the bench shows."""
    return {
        "repo": bench.repo,
        "frame": frame(session, bench.visit, bench.repo, "files"),
        "revision": bench.revision,
        "bench": bench,
        "form": form,
        "errors": errors,
        "to_pull": wants_pull(bench, form),
    }
