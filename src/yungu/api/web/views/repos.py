"""The front page of a repo, and what its other pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from yungu import compute, hub
from yungu.api.http import Call
from yungu.api.http.blobs import read_blob
from yungu.api.web import cards, gates, snippets, urls
from yungu.api.web.forms import read_form
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views import fits
from yungu.api.web.visit import Visit, begin
from yungu.hub import Kind, Repo, SafetensorsHeader, TreeFile
from yungu.kernel import clock
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid, NotFound, Unavailable
from yungu.storage.git import GitObjects
from yungu.tables import format_of

MAX_NAMED_REFS = 200
_KIN_PER_PAGE = 30
_DOWNLOADS_DAYS = 90
_LEAST_HEADINGS = 5
"""From so many headings on a card has a table of contents."""
_MOST_TOPICS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A commit of a repo that the visitor may look into. ``revision``: as it stands in the address."""

    visit: Visit
    repo: Repo
    revision: str
    commit: str
    git: GitObjects


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a repo was made from and with (by name, with the repo where the visitor may know of it), and how many were
    made from it. ``relation``: to ``bases``."""

    relation: hub.Relation | None
    bases: Mapping[str, Repo | None]
    models: Mapping[str, Repo | None]
    datasets: Mapping[str, Repo | None]
    counts: Mapping[hub.Kinship, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of a repo shows around its content. ``may_read_files`` is false for a gated repo. ``topics``: the
    tags that no other line of its side bar tells."""

    repo: Repo
    tab: str
    may_rule: bool
    may_read_files: bool
    may_contribute: bool
    open_discussions_count: int
    is_liked: bool
    topics: Sequence[str]


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
    card = _card(git, repo)
    files = hub.list_files(git, repo.head) if repo.head else []
    around = frame(session, visit, repo, "card")
    open_files = files if around.may_read_files else []
    names = [file.path for file in open_files if "/" not in file.path]
    context: dict[str, Any] = {
        "frame": around,
        "card": card,
        "card_is_as_written": card is not None and cards.is_as_written(card),
        "shows_rows": call.site.tables.is_on and _has_tables(repo, open_files),
        "card_is_long": card is None and any(file.path == "README.md" for file in files),
        "headings": cards.list_headings(card) if card else [],
        "facts": _facts(repo),
        "files": files,
        "weights": _weights(session, call, repo, open_files),
        "runs_on": _runs_on(session, visit, repo) if around.may_read_files else None,
        "fit_contexts": fits.CONTEXTS,
        "fit_batches": fits.BATCHES,
        "callables": compute.list_deployments(session, visit.actor, repo=repo) if repo.kind == "model" else [],
        "lineage": _lineage(session, visit, repo),
        "downloads": hub.daily_downloads(session, repo, last=clock.now().date(), days=_DOWNLOADS_DAYS),
        "snippets": snippets.list_snippets(repo, call.origin, names),
        "least_headings": _LEAST_HEADINGS,
    }
    running = next((one for one in context["callables"] if one.wanted == "on"), None)
    context["call_snippets"] = (
        snippets.list_call_snippets(running.name, running.answers, call.origin) if running else []
    )
    if repo.gated:
        context["asked"] = visit.actor.id and hub.find_access_request(session, repo, visit.actor.id)
        context["questions"] = gates.questions(repo)
    return page(visit, "repo.html", repo=repo, **context)


def get_kin(session: Session, call: Call) -> Response:
    """What was made from the repo in one way, or uses it."""
    visit = begin(session, call)
    repo = hub.visible_repo(session, call.kind, call.repo_id, visit.actor)
    counts = hub.count_kin(session, repo, visit.actor)
    asked = call.query_params.get("kinship", "")
    usual = next(iter(counts), hub.KINSHIPS[0])
    kinship: hub.Kinship = next((one for one in hub.KINSHIPS if one == asked), usual)
    found = hub.list_kin(
        session, repo, kinship, visit.actor, limit=_KIN_PER_PAGE, cursor=call.query_params.get("cursor")
    )
    context: dict[str, Any] = {
        "counts": counts,
        "kinship": kinship,
        "found": found,
        "frame": frame(session, visit, repo, "card"),
    }
    return page(visit, "kin.html", repo=repo, **context)


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
        _topics(repo),
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


def _has_tables(repo: Repo, files: Sequence[TreeFile]) -> bool:
    return repo.kind == "dataset" and any(format_of(file.path) for file in files)


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
    facts = {name: _words(repo.card.get(name)) for name in ("license", "license_name", "language", "size_categories")}
    tasks = [repo.pipeline_tag] if repo.pipeline_tag else _words(repo.card.get("task_categories"))
    papers = [tag.removeprefix("arxiv:") for tag in repo.tags if tag.startswith("arxiv:")]
    return facts | {"task": tasks, "paper": papers[:8]}


def _topics(repo: Repo) -> list[str]:
    told = {*_words(repo.card.get("language")), repo.pipeline_tag, repo.library_name, repo.sdk}
    return [tag for tag in repo.tags if ":" not in tag and tag not in told][:_MOST_TOPICS]


def _lineage(session: Session, visit: Visit, repo: Repo) -> Lineage:
    def named(kind: Kind, field: str) -> Mapping[str, Repo | None]:
        names = _words(repo.card.get(field))
        found = hub.find_named(session, kind, names, visit.actor)
        return {name: found.get(name) for name in names}

    relation = next(
        (one for one in hub.RELATIONS if any(tag.startswith(f"base_model:{one}:") for tag in repo.tags)), None
    )
    bases = named("model", "base_model") if repo.kind == "model" else {}
    models = named("model", "models") if repo.kind == "space" else {}
    datasets = named("dataset", "datasets") if repo.kind != "dataset" else named("dataset", "source_datasets")
    return Lineage(relation, bases, models, datasets, hub.count_kin(session, repo, visit.actor))


def _weights(session: Session, call: Call, repo: Repo, files: Sequence[TreeFile]) -> SafetensorsHeader | None:
    """The header of the first file of weights in the root folder; the others have the same types of tensors."""
    read = partial(read_blob, call.site)
    for file in files if repo.kind == "model" else ():
        with suppress(Invalid, NotFound, Unavailable):
            if "/" not in file.path and file.path.endswith(".safetensors"):
                return hub.safetensors_header(session, read, repo, call.site.git.open(repo.id), file)
            if "/" not in file.path and file.path.endswith(".gguf"):
                return hub.gguf_header(session, read, repo, call.site.git.open(repo.id), file)
    return None


def _runs_on(session: Session, visit: Visit, repo: Repo) -> fits.RunsOn | None:
    return fits.find_runs_on(session, visit.call, repo, visit.gettext("This server"))


def _words(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item)[:100] for item in items if isinstance(item, str | int) and not isinstance(item, bool)][:20]
