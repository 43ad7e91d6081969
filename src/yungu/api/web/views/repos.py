"""The front page of a repo, and what its other pages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.web import cards, gates, urls
from yungu.api.web.forms import read_form
from yungu.api.web.rendering import page, see_other
from yungu.api.web.visit import Visit, begin
from yungu.hub import Repo, TreeFile
from yungu.kernel.db import Session
from yungu.storage.git import GitObjects

MAX_NAMED_REFS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A commit of a repo that the visitor may look into. ``revision``: as it stands in the address."""

    visit: Visit
    repo: Repo
    revision: str
    commit: str
    git: GitObjects


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of a repo shows around its content. ``may_read_files`` is false for a gated repo."""

    repo: Repo
    tab: str
    may_rule: bool
    may_read_files: bool
    may_contribute: bool
    open_discussions_count: int
    is_liked: bool


def get_repo(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    name = call.params["name"]
    if name.endswith(".git"):
        return _moved(urls.repo_named(call.kind, f"{call.params['owner']}/{name.removesuffix('.git')}"))
    repo = hub.visible_repo(session, call.kind, call.repo_id, visit.actor)
    if repo.repo_id != call.repo_id:
        return _moved(urls.repo(repo))
    call.site.views.note(repo.id, call.visitor)
    git = call.site.git.open(repo.id)
    context: dict[str, Any] = {
        "frame": frame(session, visit, repo, "card"),
        "card": _card(git, repo),
        "facts": _facts(repo),
        "files": hub.list_files(git, repo.head) if repo.head else [],
        "endpoint": call.origin,
    }
    if repo.gated:
        context["asked"] = visit.actor.id and hub.find_access_request(session, repo, visit.actor.id)
        context["questions"] = gates.questions(repo)
    return page(visit, "repo.html", repo=repo, **context)


def post_like(session: Session, call: Call) -> Response:
    """Like the repo, or no longer."""
    visit = begin(session, call)
    visit.person()
    repo, form = hub.visible_repo(session, call.kind, call.repo_id, visit.actor), read_form(visit)
    (hub.like_repo if form["like"] == "1" else hub.unlike_repo)(session, repo, visit.actor)
    return see_other(visit, urls.repo(repo))


def get_plain_models(_session: Session, call: Call) -> Response:
    """``/models/owner/name``: a model's page has no prefix."""
    return _moved(urls.repo_named("model", call.repo_id))


def get_parent(_session: Session, call: Call) -> Response:
    """Where a form's own address leads when somebody reloads it, or changes the language of a form that came back."""
    return _moved(call.url.path.rpartition("/")[0] + (f"?{call.url.query}" if call.url.query else ""))


def frame(session: Session, visit: Visit, repo: Repo, tab: str) -> Frame:
    granted = bool(repo.gated) and hub.is_granted(session, repo, visit.actor)
    may_read_files = hub.may_read_files(visit.actor, repo, is_granted=granted)
    may_contribute = may_read_files and hub.may_contribute(visit.actor, repo)
    return Frame(
        repo,
        tab,
        hub.may_admin(visit.actor, repo),
        may_read_files,
        may_contribute,
        hub.count_open_discussions(session, repo),
        hub.has_liked(session, repo, visit.actor),
    )


def enter(session: Session, call: Call) -> Place:
    """The repo and commit that the address names. Raises RepoNotFound, RepoGated, RevisionNotFound."""
    visit = begin(session, call)
    repo = hub.readable_repo(session, call.kind, call.repo_id, visit.actor)
    revision = call.params.get("rev") or repo.default_branch
    commit = hub.resolve_revision(session, call.site.git, repo, revision)
    return Place(visit, repo, revision, commit, call.site.git.open(repo.id))


def named_revisions(session: Session, repo: Repo) -> Mapping[str, list[str]]:
    """Branches and tags by their short names, for the switcher."""
    refs = [ref.name for ref in hub.list_refs(session, repo)]
    return {
        "branches": [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")][
            :MAX_NAMED_REFS
        ],
        "tags": [name.removeprefix("refs/tags/") for name in refs if name.startswith("refs/tags/")][:MAX_NAMED_REFS],
    }


def _moved(target: str) -> Response:
    return RedirectResponse(urls.safe_path(target), 307, {"cache-control": "no-store"})


def _card(git: GitObjects, repo: Repo) -> Markup | None:
    if repo.head is None:
        return None
    found = hub.find_file(git, repo.head, "README.md")
    if not isinstance(found, TreeFile) or found.size_bytes > cards.MAX_MARKDOWN_BYTES:
        return None
    text = hub.read_text(git, repo.head, "README.md", limit=cards.MAX_MARKDOWN_BYTES)
    if text is None:
        return None
    branch = repo.default_branch
    return cards.render_markdown(text, urls.blob(repo, branch, ""), urls.resolve(repo, branch, ""))


def _facts(repo: Repo) -> Mapping[str, list[str]]:
    """The parts of the card that the side bar names, as lists of words; anything of another shape is left out."""
    return {
        name: _words(repo.card.get(name))
        for name in ("license", "language", "datasets", "base_model", "task_categories")
    }


def _words(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item)[:100] for item in items if isinstance(item, str | int) and not isinstance(item, bool)][:20]
