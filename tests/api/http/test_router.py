"""Routes over raw paths: which handler an address leads to, and with which parameters."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import Response

from yungu.api.http.router import PathNotText, Router, Routes
from yungu.kernel.errors import YunguError


def refuse(call: Any, error: YunguError) -> Response:
    return Response(status_code=400)


def handler(session: Any, call: Any) -> Response:
    return Response()


async def async_handler(call: Any) -> Response:
    return Response()


@pytest.fixture
def router() -> Router:
    routes = Routes(on_error=refuse)
    routes.get("/")(handler)
    routes.get("/api/{kinds}")(handler)
    routes.get("/api/{kinds}/{owner}/{name}")(handler)
    routes.get("/api/{kinds}/{owner}/{name}/revision/{rev}")(handler)
    routes.get("/api/{kinds}/{owner}/{name}/tree/{rev}", "/api/{kinds}/{owner}/{name}/tree/{rev}/{path*}")(handler)
    routes.post("/api/repos/create", max_body=10)(handler)
    pages = Routes(on_error=refuse)
    pages.get("/{owner}")(handler)
    pages.get("/{owner}/{name}")(handler)
    pages.get("/{kinds}/{owner}/{name}")(handler)
    pages.get("/{owner}/{name}/resolve/{rev}/{path*}", quick=True)(handler)
    pages.head("/{owner}/{name}/resolve/{rev}/{path*}")(async_handler)
    return Router([routes, pages])


def find(router: Router, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    """The pattern that the path leads to, and its parameters."""
    found = router.match(path.encode(), method)
    route = found.route(method) if found else None
    return (route.pattern, found.params) if found and route else None


def test_a_path_leads_to_its_pattern(router: Router) -> None:
    assert find(router, "/api/models/lin/tea") == (
        "/api/{kinds}/{owner}/{name}",
        {"kinds": "models", "owner": "lin", "name": "tea"},
    )


ENDINGS = {"/": "/", "/lin": "/{owner}", "/lin/": "/{owner}", "/lin/tea/": "/{owner}/{name}"}


@pytest.mark.parametrize(("path", "pattern"), ENDINGS.items())
def test_a_slash_at_the_end_does_not_matter(router: Router, path: str, pattern: str) -> None:
    found = find(router, path)
    assert found is not None
    assert found[0] == pattern


def test_an_escaped_slash_stays_inside_its_segment(router: Router) -> None:
    found = find(router, "/api/models/lin/tea/revision/refs%2Fpr%2F1")
    assert found is not None
    assert found[1]["rev"] == "refs/pr/1"


def test_the_rest_of_a_path_is_one_parameter(router: Router) -> None:
    found = find(router, "/lin/tea/resolve/main/a%20b/%E8%8C%B6%2Fx.txt")
    assert found is not None
    assert found[1] == {"owner": "lin", "name": "tea", "rev": "main", "path": "a b/茶/x.txt"}


def test_a_literal_wins_over_a_parameter_and_a_kind_over_any_word(router: Router) -> None:
    assert find(router, "/api/repos/create", "POST") == ("/api/repos/create", {})
    assert find(router, "/datasets/lin/tea") == (
        "/{kinds}/{owner}/{name}",
        {"kinds": "datasets", "owner": "lin", "name": "tea"},
    )


@pytest.mark.parametrize(
    "path",
    ["/api/things/lin/tea", "/api/models//tea", "/lin/tea/resolve/main", "/a/b/c/d/e/f", "/lin//resolve/main/x"],
)
def test_what_fits_no_pattern_leads_nowhere(router: Router, path: str) -> None:
    assert find(router, path) is None


@pytest.mark.parametrize("path", ["/%ff", "/lin/%C3%28", "/a%00b", "/api/models/lin/tea/tree/main/%ED%A0%80"])
def test_what_is_no_text_is_refused(router: Router, path: str) -> None:
    with pytest.raises(PathNotText):
        router.match(path.encode(), "GET")


def test_bytes_that_nobody_escaped_are_refused(router: Router) -> None:
    with pytest.raises(PathNotText):
        router.match("/茶".encode(), "GET")


def test_a_known_path_with_another_method_tells_which_it_takes(router: Router) -> None:
    found = router.match(b"/api/models/lin/tea", "DELETE")
    assert found is not None
    assert found.route("DELETE") is None
    assert set(found.routes) == {"GET"}


def test_a_get_answers_a_head_unless_there_is_a_head(router: Router) -> None:
    for path, is_async in [("/api/models/lin/tea", False), ("/lin/tea/resolve/main/x", True)]:
        found = router.match(path.encode(), "HEAD")
        assert found is not None
        route = found.route("HEAD")
        assert route is not None
        assert route.is_async is is_async


def test_routes_that_change_things_write_unless_they_say_otherwise(router: Router) -> None:
    writes = {(route.method, route.pattern): route.writes for route in router.routes}
    assert writes["POST", "/api/repos/create"]
    assert not writes["GET", "/{owner}"]


def test_two_routes_for_one_address_are_a_mistake() -> None:
    routes = Routes(on_error=refuse)
    routes.get("/{owner}/{name}")(handler)
    routes.get("/{owner}/{name}")(handler)
    with pytest.raises(ValueError, match="two routes"):
        Router([routes])
