"""Branches, tags, history."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.modelscope import places, wire
from yungu.api.modelscope.routes import legacy
from yungu.hub import Ref
from yungu.kernel.db import Session

_MOST_COMMITS = 100
_OF = "/api/v1/{kinds}/{owner}/{name}"


@legacy.get(f"{_OF}/revisions")
def list_revisions(session: Session, call: Call) -> Response:
    """All branches, and the tags; with ``EndTime`` (unix seconds) only those that were there then. Newest first."""
    repo, _ = places.readable(session, call)
    heads = hub.list_refs(session, repo, "refs/heads/")
    names = [ref.name.removeprefix("refs/heads/") for ref in heads]
    default, shown = f"refs/heads/{repo.default_branch}", places.branch_name(repo, names)
    branches = [_revision(ref, shown if ref.name == default else ref.name.split("/", 2)[2]) for ref in _newest(heads)]
    end = whole_number(call.query_params.get("EndTime", ""))
    tags = [
        _revision(ref, ref.name.split("/", 2)[2])
        for ref in _newest(hub.list_refs(session, repo, "refs/tags/"))
        if end is None or wire.seconds(ref.moved_at) <= end
    ]
    return wire.answer(call, {"RevisionMap": {"Branches": branches, "Tags": tags}})


@legacy.get(f"{_OF}/commits")
def list_commits(session: Session, call: Call) -> Response:
    repo, _ = places.readable(session, call)
    commit = hub.resolve_revision(session, call.site.git, repo, places.revision(call, "Ref"))
    number, size = places.page(call, default=50, most=_MOST_COMMITS)
    objects = call.site.git.open(repo.id)
    found = islice(objects.log(commit), (number - 1) * size, number * size)
    total = hub.commit_count(objects, commit)
    data = {"Commit": [wire.commit_json(item) for item in found], "TotalCount": total}
    return wire.answer(call, data, TotalCount=total, PageNumber=number, PageSize=size)


@legacy.post(f"{_OF}/repo/tag")
def create_tag(session: Session, call: Call) -> Response:
    asked = call.body_as(wire.TagCreate)
    repo, actor = places.writable(session, call)
    hub.create_tag(session, call.site.git, repo, asked.tag_name, actor, revision=asked.ref or None)
    return wire.answer(call, {"TagName": asked.tag_name, "Ref": asked.ref or places.BRANCH})


def _newest(refs: Sequence[Ref]) -> list[Ref]:
    return sorted(refs, key=lambda ref: (ref.moved_at, ref.name), reverse=True)


def _revision(ref: Ref, name: str) -> wire.Json:
    return {"Revision": name, "CreatedAt": wire.seconds(ref.moved_at), "CommitId": ref.oid}
