"""The pages of scenarios, by address."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.web.views import repos, scenario_desk, scenario_imports, scenario_writing, scenarios


def _of_lists(path: str = "") -> tuple[str, str]:
    return f"/-/opportunities{path}", f"/-/capabilities{path}"


def add(routes: Routes) -> None:
    routes.get(*_of_lists())(scenarios.get_list)
    routes.get(*_of_lists("/notice"))(scenarios.get_notice)
    routes.get(*_of_lists("/export/{format}"))(scenarios.get_export)
    routes.get(*_of_lists("/new"))(scenario_writing.get_new)
    routes.post(*_of_lists("/new"))(scenario_writing.post_new)
    routes.post(*_of_lists("/lint"), writes=False)(scenario_writing.post_lint)
    routes.get(*_of_lists("/{code}"))(scenarios.get_item)
    routes.get(*_of_lists("/{code}/versions"))(scenarios.get_versions)
    routes.get(*_of_lists("/{code}/edit"))(scenario_writing.get_edit)
    routes.post(*_of_lists("/{code}/edit"))(scenario_writing.post_edit)
    for verb, handler in {
        "step": scenarios.post_step,
        "review": scenarios.post_review,
        "confirm": scenarios.post_confirm,
        "merge": scenarios.post_merge,
        "claim": scenarios.post_claim,
        "decide": scenarios.post_decision,
    }.items():
        routes.post(*_of_lists(f"/{{code}}/{verb}"))(handler)
        routes.get(*_of_lists(f"/{{code}}/{verb}"))(repos.get_parent)
    routes.get("/-/scenarios/mine")(scenario_desk.get_mine)
    routes.get("/-/scenarios/queue")(scenario_desk.get_queue)
    routes.get("/-/scenarios/desk")(scenario_desk.get_desk)
    routes.post("/-/scenarios/desk/roles")(scenario_desk.post_role)
    routes.post("/-/scenarios/desk/firms")(scenario_desk.post_alias)
    routes.get("/-/scenarios/desk/roles", "/-/scenarios/desk/firms")(repos.get_parent)
    routes.get("/-/scenarios/imports")(scenario_imports.get_list)
    routes.post("/-/scenarios/imports")(scenario_imports.post_new)
    routes.get("/-/scenarios/imports/{number}")(scenario_imports.get_batch)
    routes.post("/-/scenarios/imports/{number}")(scenario_imports.post_batch)
    routes.get("/-/scenarios/imports/{number}/diff")(scenario_imports.get_diff)
