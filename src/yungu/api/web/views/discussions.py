"""Discussions and pull requests: the list, the thread, what a pull request changes, and every form in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Literal, cast

from markupsafe import Markup
from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.web import cards, urls
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, read_form, shown_again
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.repos import frame, named_revisions
from yungu.api.web.visit import Visit, begin
from yungu.hub import Discussion, DiscussionEvent, Repo
from yungu.kernel.db import Session

View = Literal["conversation", "commits", "files"]
_PER_PAGE = 30
_EVENTS_PER_PAGE = 50
_MAX_COMMITS = 250
_MAX_TEXT = 65_536
_STATUSES = {"open": ("open", "draft"), "closed": ("closed", "merged")}


# --- pages


def get_list(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    repo = hub.readable_repo(session, call.kind, call.repo_id, visit.actor)
    asked = call.query_params
    status = asked["status"] if asked.get("status") in _STATUSES else "open"
    kind = asked["type"] if asked.get("type") in ("discussion", "pull_request") else ""
    found = hub.page_discussions(
        session,
        repo,
        is_pull=(kind == "pull_request") if kind else None,
        statuses=_STATUSES[status],
        limit=_PER_PAGE,
        cursor=asked.get("cursor"),
    )
    context: dict[str, Any] = {
        "repo": repo,
        "frame": frame(session, visit, repo, "discussions"),
        "found": found,
        "wanted_status": status,
        "wanted_type": kind,
    }
    return page(visit, "discussions.html", **context)


def get_new(session: Session, call: Call) -> Response:
    visit, repo = _contributed(session, call)
    return _new_page(session, visit, repo, EMPTY, {})


def get_discussion(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    repo = hub.readable_repo(session, call.kind, call.repo_id, visit.actor)
    found = _find(session, call, repo)
    if visit.actor.id is not None and hub.has_unread(session, visit.actor.id, found):
        with call.site.db.write() as writing:
            hub.mark_seen(writing, visit.actor.id, found)
    return _thread_page(session, visit, repo, found, EMPTY, {})


# --- forms


def post_new(session: Session, call: Call) -> Response:
    visit, repo = _contributed(session, call)
    form = read_form(visit)
    is_pull = form["kind"] == "pull_request"
    with shown_again(
        visit,
        lambda errors: _new_page(session, visit, repo, form, errors),
        title=hub.TextMissing,
        into=hub.RevisionNotFound,
    ):
        _check_length(visit, form)
        made = hub.open_discussion(
            session,
            call.site.git,
            repo,
            visit.actor,
            title=form["title"],
            text=form["text"],
            is_pull=is_pull,
            is_draft=is_pull,
            into=form["into"] or None,
        )
    return see_other(visit, urls.discussion(repo, made.number))


def post_comment(session: Session, call: Call) -> Response:
    """A comment, on a line of the changes if the form names one; with "close" or "open" pressed also the new status."""
    visit, repo, found, form = _taking_part(session, call)
    with shown_again(
        visit, lambda errors: _thread_page(session, visit, repo, found, form, errors), text=hub.TextMissing
    ):
        _check_length(visit, form)
        if form["status"]:
            hub.change_status(session, repo, found, visit.actor, form["status"], form["text"])
            return see_other(visit, urls.discussion(repo, found.number))
        made = hub.add_comment(session, repo, found, visit.actor, form["text"], at=_line(form))
    return see_other(visit, f"{urls.discussion(repo, found.number)}#comment-{made.id}")


def post_edit(session: Session, call: Call) -> Response:
    """Another text for a comment, or with "hide" pressed none."""
    visit, repo, found, form = _taking_part(session, call)
    comment = hub.get_comment(session, found, whole_number(form["comment"]) or 0)
    with shown_again(visit, lambda errors: _thread_page(session, visit, repo, found, form, errors)):
        _check_length(visit, form)
        if form["hide"]:
            hub.hide_comment(session, repo, found, comment, visit.actor)
        else:
            hub.edit_comment(session, repo, found, comment, visit.actor, form["text"])
    return see_other(visit, f"{_thread(repo, found, call)}#comment-{comment.id}")


def post_title(session: Session, call: Call) -> Response:
    visit, repo, found, form = _taking_part(session, call)
    with shown_again(
        visit, lambda errors: _thread_page(session, visit, repo, found, form, errors), title=hub.TextMissing
    ):
        hub.rename_discussion(session, repo, found, visit.actor, form["title"])
    return see_other(visit, urls.discussion(repo, found.number))


def post_review(session: Session, call: Call) -> Response:
    visit, repo, found, form = _taking_part(session, call)
    with shown_again(visit, lambda errors: _thread_page(session, visit, repo, found, form, errors)):
        _check_length(visit, form)
        verdict: hub.Verdict = "approve" if form["verdict"] == "approve" else "reject"
        hub.add_review(session, repo, found, visit.actor, verdict, form["text"])
    return see_other(visit, urls.discussion(repo, found.number))


def post_merge(session: Session, call: Call) -> Response:
    visit, repo, found, form = _taking_part(session, call)
    hub.writable_repo(session, call.kind, call.repo_id, visit.actor)
    with shown_again(visit, lambda errors: _thread_page(session, visit, repo, found, form, errors)):
        hub.merge_pull_request(session, call.site.git, repo, found, visit.actor)
    told = visit.gettext("Pull request #%(number)s is merged.") % {"number": found.number}
    return see_other(visit, urls.discussion(repo, found.number), told=told)


def post_mute(session: Session, call: Call) -> Response:
    """Hear nothing of it any more but mentions, or with "unmute" pressed everything again."""
    visit = begin(session, call)
    user = visit.person()
    repo = hub.readable_repo(session, call.kind, call.repo_id, visit.actor)
    found, form = _find(session, call, repo), read_form(visit)
    (hub.unmute if form["unmute"] else hub.mute)(session, user.id, found)
    return see_other(visit, urls.discussion(repo, found.number))


# --- what they share


def _contributed(session: Session, call: Call) -> tuple[Visit, Repo]:
    visit = begin(session, call)
    visit.person()
    return visit, hub.contributable_repo(session, call.kind, call.repo_id, visit.actor)


def _taking_part(session: Session, call: Call) -> tuple[Visit, Repo, Discussion, Form]:
    visit, repo = _contributed(session, call)
    return visit, repo, _find(session, call, repo), read_form(visit)


def _find(session: Session, call: Call, repo: Repo) -> Discussion:
    number = whole_number(call.params["number"])
    if number is None:
        raise hub.DiscussionNotFound(call.params["number"])
    return hub.get_discussion(session, repo, number)


def _thread(repo: Repo, found: Discussion, call: Call) -> str:
    """The part of the thread that a form stood in."""
    return urls.with_query(urls.discussion(repo, found.number), until=call.query_params.get("until"))


def _check_length(visit: Visit, form: Form) -> None:
    if len(form["text"]) > _MAX_TEXT:
        raise FieldInvalid(
            "text", visit.gettext("This is too long: at most %(number)s characters.") % {"number": _MAX_TEXT}
        )


def _line(form: Form) -> hub.ChangedLine | None:
    number = whole_number(form["line"]) if form["line"] else None
    if not form["path"] or not number:
        return None
    return hub.ChangedLine(form["path"][:1000], number, "old" if form["side"] == "old" else "new")


def _new_page(session: Session, visit: Visit, repo: Repo, form: Form, errors: Mapping[str, str]) -> Response:
    kind = form["kind"] or visit.call.query_params.get("type", "")
    context: dict[str, Any] = {
        "repo": repo,
        "frame": frame(session, visit, repo, "discussions"),
        "is_pull": kind == "pull_request",
        "branches": named_revisions(session, repo)["branches"],
        "form": form,
        "errors": errors,
    }
    return page(visit, "discussion_new.html", **context)


def _thread_page(
    session: Session, visit: Visit, repo: Repo, found: Discussion, form: Form, errors: Mapping[str, str]
) -> Response:
    asked = visit.call.query_params
    view = asked["view"] if found.is_pull and asked.get("view") in ("commits", "files") else "conversation"
    until = whole_number(asked.get("until", ""))
    events, has_older = _shown_events(session, found, view, until)
    context: dict[str, Any] = {
        "repo": repo,
        "frame": frame(session, visit, repo, "discussions"),
        "discussion": found,
        "events": events,
        "has_older": has_older,
        "is_muted": visit.actor.id is not None and hub.has_muted(session, visit.actor.id, found),
        "until": until,
        "view": view,
        "texts": _texts(session, repo, events),
        "may_write": hub.may_write(visit.actor, repo),
        "may_change": hub.may_write(visit.actor, repo) or (found.author_id == visit.actor.id is not None),
        "form": form,
        "errors": errors,
        "asked_line": (asked.get("path", ""), asked.get("line", ""), asked.get("side", "new")),
        "endpoint": visit.call.origin,
    }
    if found.is_pull:
        context |= _pull_context(session, visit, repo, found, cast(View, view), events)
    return page(visit, "discussion.html", **context)


def _pull_context(
    session: Session, visit: Visit, repo: Repo, found: Discussion, view: View, events: Sequence[DiscussionEvent]
) -> dict[str, Any]:
    store = visit.call.site.git
    git, sides = store.open(repo.id), hub.pull_sides(session, store, repo, found)
    is_open = found.status in ("open", "draft")
    tips = (sides[0], git.commit(sides[1]).parents[-1] if found.merged_as else sides[1]) if sides else None
    return {
        "has_branch": sides is not None,
        "conflicts": hub.find_conflicts(session, store, repo, found) if is_open else (),
        "commits": list(islice(git.log_between(*tips), _MAX_COMMITS)) if tips else [],
        "diff": hub.diff_trees(git, *(git.commit(side).tree for side in sides)) if sides and view == "files" else None,
        "line_comments": _by_line(events),
        "reviews": _verdicts(hub.list_discussion_events(session, found, kind="review")) if is_open else {},
    }


def _shown_events(
    session: Session, found: Discussion, view: str, until: int | None
) -> tuple[Sequence[DiscussionEvent], bool]:
    """The description and the last of what happened; beside the changes what was said about lines of them."""
    if view == "files":
        return hub.list_line_comments(session, found), False
    first = hub.get_description(session, found)
    last, has_older = hub.list_latest_events(session, found, after=first.id, until=until, limit=_EVENTS_PER_PAGE)
    return [first, *last], has_older


def _texts(session: Session, repo: Repo, events: Sequence[DiscussionEvent]) -> Mapping[int, Markup]:
    """The comments as HTML, by the number of the event."""
    raw = {event.id: str(event.payload["text"]) for event in events if event.payload.get("text")}
    names = hub.users_named(session, [name for text in raw.values() for name in hub.find_mentions(text)])
    links, images = urls.blob(repo, repo.default_branch, ""), urls.resolve(repo, repo.default_branch, "")
    return {
        number: cards.render_markdown(hub.link_mentions(text, names, urls.owner), links, images)
        for number, text in raw.items()
    }


def _verdicts(events: Sequence[DiscussionEvent]) -> Mapping[str, str]:
    """The last verdict of each reviewer."""
    return {event.author: event.payload["verdict"] for event in events if event.kind == "review"}


def _by_line(events: Sequence[DiscussionEvent]) -> Mapping[tuple[str, str, int], list[DiscussionEvent]]:
    """The comments on lines, by path, side and number."""
    found: dict[tuple[str, str, int], list[DiscussionEvent]] = {}
    for event in events:
        if at := event.payload.get("at"):
            found.setdefault((at["path"], at["side"], at["line"]), []).append(event)
    return found
