"""The commits of a revision or of one path, one commit with what it changed, two revisions side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from starlette.responses import RedirectResponse, Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web import urls
from yungu.api.web.forms import read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.files import page_number
from yungu.api.web.views.repos import Place, enter, frame, named_revisions
from yungu.hub import MergeConflict, RevisionNotFound
from yungu.kernel.db import Session
from yungu.storage.git import Commit

_PER_PAGE = 40
_MOST_WALKED = 20_000
"""Commits that are looked at for the history of one path."""
_MOST_COMPARED = 100


def get_commits(session: Session, call: Call) -> Response:
    place = enter(session, call)
    path, number = call.query_params.get("path", "").strip("/"), page_number(call)
    first = (number - 1) * _PER_PAGE
    commits = list(islice(_walk(place, path), first, first + _PER_PAGE + 1))
    count = 0 if path else hub.commit_count(place.git, place.commit)
    context: dict[str, Any] = {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "revision": place.revision,
        "refs": named_revisions(session, place.repo),
        "path": path,
        "commits": commits[:_PER_PAGE],
        "commits_count": count,
        "pages_count": -(-count // _PER_PAGE),
        "page_number": number,
        "has_more": len(commits) > _PER_PAGE,
    }
    return page(place.visit, "commits.html", **context)


def get_commit(session: Session, call: Call) -> Response:
    place = enter(session, call)
    return _commit_page(session, place, {})


def post_revert(session: Session, call: Call) -> Response:
    """Undo a commit on a branch."""
    place = enter(session, call)
    place.visit.person()
    repo = hub.writable_repo(session, call.kind, call.repo_id, place.visit.actor)
    form = read_form(place.visit)
    refused = {"branch": (RevisionNotFound, MergeConflict)}
    with shown_again(place.visit, lambda errors: _commit_page(session, place, errors, form["branch"]), **refused):
        made = hub.revert_commit(session, call.site.git, repo, form["branch"], place.commit, place.visit.actor)
    told = place.visit.gettext("The commit is undone on %(branch)s.") % {"branch": form["branch"]}
    return see_other(place.visit, urls.commit(repo, made.oid), told=told)


def get_compare_choice(session: Session, call: Call) -> Response:
    """Where the form that chooses two revisions leads."""
    place = enter(session, call)
    base, head = (call.query_params.get(side, "") or place.repo.default_branch for side in ("base", "head"))
    return RedirectResponse(urls.compare(place.repo, base, head), 303)


def get_compare(session: Session, call: Call) -> Response:
    """``base...head``: what head added since their common ancestor; ``base..head``: what leads from one to another."""
    place = enter(session, call)
    spec = call.params["spec"]
    base, head = hub.compare_sides(session, call.site.git, place.repo, spec)
    sides = [part.strip(".") for part in spec.split("..", 1)]
    commits = list(islice(place.git.log_between(base, head), _MOST_COMPARED + 1))
    context: dict[str, Any] = {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "refs": named_revisions(session, place.repo),
        "base": sides[0],
        "head": sides[1],
        "commits": commits[:_MOST_COMPARED],
        "has_more": len(commits) > _MOST_COMPARED,
        "diff": hub.diff_trees(place.git, place.git.commit(base).tree, place.git.commit(head).tree),
    }
    return page(place.visit, "compare.html", **context)


def _walk(place: Place, path: str) -> Iterator[Commit]:
    if not path:
        return place.git.log(place.commit)
    return place.git.log_of(place.commit, path, most=_MOST_WALKED)


def _commit_page(session: Session, place: Place, errors: Mapping[str, str], branch: str = "") -> Response:
    diff = hub.diff_commit(place.git, place.commit)
    context: dict[str, Any] = {
        "repo": place.repo,
        "frame": frame(session, place.visit, place.repo, "files"),
        "diff": diff,
        "branches": _branches(session, place, diff.commit),
        "branch": branch or place.repo.default_branch,
        "errors": errors,
    }
    return page(place.visit, "commit.html", **context)


def _branches(session: Session, place: Place, commit: Commit) -> Sequence[str]:
    """Where the visitor may undo the commit."""
    if place.visit.actor.user is None or len(commit.parents) != 1 or not hub.may_write(place.visit.actor, place.repo):
        return []
    return named_revisions(session, place.repo)["branches"]
