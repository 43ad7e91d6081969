"""The tags in use, grouped by what they speak of."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response

from yungu import accounts, hub
from yungu.api.hf import wire
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.kernel.db import Session

_MOST = 5000
_GROUPS = {
    "model": "pipeline_tag library dataset language license region other".split(),
    "dataset": "task_categories size_categories modality format library language license other".split(),
}


@routes.get("/api/models-tags-by-type")
def model_tags(session: Session, call: Call) -> Response:
    """Group to tags, of public models; within a group the most used tag first."""
    tasks = [name for name, _ in hub.list_tasks(session, "model", accounts.ANONYMOUS, limit=_MOST)]
    libraries = list(hub.list_libraries(session))
    named = {"pipeline_tag": tasks, "library": libraries}
    return json_response(_grouped(session, "model", named))


@routes.get("/api/datasets-tags-by-type")
def dataset_tags(session: Session, call: Call) -> Response:
    """Group to tags, of public datasets; within a group the most used tag first."""
    return json_response(_grouped(session, "dataset", {}))


def _grouped(session: Session, kind: str, named: dict[str, list[str]]) -> wire.Json:
    found: dict[str, list[wire.Json]] = {group: [] for group in _GROUPS[kind]}
    for group, names in named.items():
        found[group] = [{"type": group, "id": name, "label": name} for name in names]
    taken = {name.casefold() for names in named.values() for name in names}
    for tag, _ in hub.count_tags(session, cast(hub.Kind, kind), limit=_MOST):
        if tag not in taken:
            group = hub.tag_type(cast(hub.Kind, kind), tag)
            label = tag.removeprefix(f"{group}:")
            found.setdefault(group, []).append({"type": group, "id": tag, "label": label})
    return found
