"""Nobody else's page, file, card or name may act in the name of a visitor."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu.api.web import urls
from yungu.api.web.cards import MAX_BODY_CHARACTERS, is_as_written, render_markdown

Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


# --- headers


@pytest.mark.parametrize("path", ["/", "/models", "/login", "/nowhere/at/all"])
def test_every_page_carries_a_strict_policy(visit: Visit, path: str) -> None:
    headers = visit().get(path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and policy["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"


def test_files_are_never_active_on_the_pages_origin(live: LiveHub, visit: Visit, lin_name: str) -> None:
    files = {"evil.html": SCRIPT.encode(), "evil.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"}
    repo = live.world.repo(f"{lin_name}/files", by=live.actor(lin_name), files=files)

    for name in files:
        headers = visit().get(f"/{repo.repo_id}/resolve/main/{name}").headers
        assert "sandbox" in headers["content-security-policy"], name
        assert headers["x-content-type-options"] == "nosniff"


# --- what others wrote


WIDE = "|" + "a|" * 1500 + "\n|" + "-|" * 1500 + "\n"


@pytest.mark.parametrize(
    ("first", "piece"),
    [("", piece) for piece in ["[", "![", "[a](", "*a_b", "<http:", "<div>", "<x\n", "`a ``", "> a\n", "- a\n", "a\n"]]
    + [(WIDE, "a\n"), ("|a|b|\n|-|-|\n", "||\n"), ("", "> " * 500 + "\n")],
)
def test_no_text_takes_long_to_lay_out(first: str, piece: str) -> None:
    text = first + piece * ((MAX_BODY_CHARACTERS - len(first)) // len(piece))
    render_markdown("warm", "/a", "/b")
    began = time.thread_time()
    assert render_markdown(text, "/a", "/b")
    assert time.thread_time() - began < 1.0, "half a second, and room for a slow machine"


def test_a_long_text_is_shown_as_it_was_written() -> None:
    html = render_markdown("a < b & *c* " * 20_000, "/a", "/b")
    assert is_as_written(html) and "a &lt; b &amp; *c*" in html


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "<a href='java&#10;script:alert(1)'>x</a>",
        "<svg onload=alert(1)></svg>",
        "<iframe src=//evil.example></iframe>",
        "<style>body{display:none}</style>",
        "<math><mtext></p><style><img src onerror=alert(1)>",
        "<form action=/logout method=post><button>x</button></form>",
        "<div style='position:fixed' class='panel' onclick=alert(1)>x</div>",
        "```html\n</code></pre><script>alert(1)</script>\n```",
        "![x](data:text/html;base64,PHNjcmlwdD4=)",
        "<details ontoggle=alert(1) open>x</details>",
        "<meta http-equiv=refresh content='0;url=//evil.example'>",
        "<base href=//evil.example>",
    ],
)
def test_a_card_cannot_act(text: str) -> None:
    for tag, attributes in _elements(render_markdown(text, "/o/n/blob/main", "/o/n/resolve/main")):
        assert tag not in {
            "script",
            "style",
            "iframe",
            "form",
            "button",
            "base",
            "meta",
            "svg",
            "math",
            "object",
            "embed",
        }
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "srcset", "formaction"}]
        assert "panel" not in attributes.get("class", "").split()
        for name in ("href", "src"):
            assert re.match(r"(/|#|https?:|$)", attributes.get(name, "")), attributes


def _elements(html: str) -> list[tuple[str, dict[str, str]]]:
    """The tags that a browser would see, with their attributes."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, {k: v or "" for k, v in attributes}))  # type: ignore[method-assign]
    parser.feed(html)
    return found


def test_pictures_from_elsewhere_are_not_asked_for() -> None:
    html = render_markdown("![a](https://evil.example/a.png) <img src='//evil.example/b.png' alt=b>", "/b", "/r")

    assert "evil.example" not in html and 'alt="a"' in html


def test_links_of_a_card_stay_in_its_repo() -> None:
    html = render_markdown("[a](../x.md) [b](sub/y.md#z) [c](../../../../etc) [d](/datasets/o/n)", "/b", "/r", "docs")

    assert 'href="/b/x.md"' in html and 'href="/b/docs/sub/y.md#z"' in html and 'href="/datasets/o/n"' in html
    assert "etc" not in html


def test_anchors_of_a_card_cannot_pose_as_parts_of_the_page() -> None:
    html = render_markdown("# Main\n\n<h2 id='q'>x</h2>\n\n[up](#main)", "/b", "/r")

    assert 'id="c-main"' in html and 'id="c-q"' in html and 'href="#c-main"' in html


def test_many_headings_of_one_name_take_no_time_to_tell_apart() -> None:
    begun = time.monotonic()
    html = render_markdown("# a\n" * 3_000 + "# a-7\n", "/b", "/r")

    assert 'id="c-a"' in html and 'id="c-a-2999"' in html and 'id="c-a-7-1"' in html
    assert time.monotonic() - begun < 5


def test_names_tags_paths_and_messages_are_only_text(live: LiveHub, visit: Visit, lin_name: str) -> None:
    odd, lin = f"{SCRIPT.replace('/', '∕')}.txt", live.actor(lin_name)
    card = f"---\ntags: ['{SCRIPT}', '\"><img src=x onerror=alert(1)>']\nlicense: '{SCRIPT}'\n---\n# x\n".encode()
    repo = live.world.repo(f"{lin_name}/odd", by=lin, files={"README.md": card, odd: SCRIPT.encode()})
    commit = live.world.commit(repo, {odd: b"changed <b>"}, by=lin, title=SCRIPT, body=SCRIPT)
    visit(lin_name).submit("/settings/profile", full_name=SCRIPT, email="")
    reader = visit(lin_name)
    pages = [
        f"/{repo.repo_id}",
        f"/{repo.repo_id}/tree/main",
        urls.blob(repo, "main", odd),
        f"/{repo.repo_id}/commits/main",
        f"/{repo.repo_id}/commit/{commit.oid}",
        f"/{lin_name}",
        "/settings/profile",
        f"/models?author={lin_name}&tag={SCRIPT}&search={SCRIPT}",
        f"/search?q={SCRIPT}",
    ]

    for path in pages:
        page = reader.read(path)
        assert not re.search(r"<script>(?!<)|<img src=x", page), path
        assert "alert(1)" in page, path


def test_an_error_page_says_addresses_only_as_text(visit: Visit) -> None:
    page = visit().read("/%3Cscript%3Ealert(1)%3C%2Fscript%3E/x", 404)

    assert "<script>alert" not in page and "&lt;script&gt;" in page


# --- forms of other sites


def _fields() -> dict[str, str]:
    return {"kind": "model", "name": "forced", "visibility": "public"}


def test_a_form_without_its_token_does_nothing(live: LiveHub, visit: Visit, lin_name: str) -> None:
    response = visit(lin_name).post("/new", data=_fields() | {"owner": lin_name})

    assert response.status_code == 403
    visit(lin_name).read(f"/{lin_name}/forced", 404)


def test_a_token_of_another_session_does_nothing(visit: Visit, lin_name: str) -> None:
    other = visit(lin_name).read("/new").partition('name="form_token" value="')[2].partition('"')[0]

    response = visit(lin_name).post("/new", data=_fields() | {"owner": lin_name, "form_token": other})

    assert response.status_code == 403


@pytest.mark.parametrize(
    "header", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_form_on_another_site_does_nothing(visit: Visit, lin_name: str, header: dict[str, str]) -> None:
    visitor = visit(lin_name)
    token = visitor.read("/new").partition('name="form_token" value="')[2].partition('"')[0]

    response = visitor.post("/new", data=_fields() | {"owner": lin_name, "form_token": token}, headers=header)

    assert response.status_code == 403
    signing_in = visit().post("/login", data={"name": "x", "password": "y"}, headers=header)
    assert signing_in.status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:x",
        "",
    ],
)
def test_signing_in_never_leads_to_another_site(visit: Visit, lin_name: str, target: str) -> None:
    response = visit(lin_name).get("/login", params={"next": target})

    assert response.status_code == 303
    assert response.headers["location"] == "/"


def test_a_page_that_is_not_there_leads_to_no_other_site(live: LiveHub) -> None:
    with socket.create_connection(("127.0.0.1", int(live.url.rpartition(":")[2]))) as raw:  # clients tidy such paths
        raw.sendall(b"GET //evil.example/x HTTP/1.1\r\nHost: hub\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        page = b"".join(iter(lambda: raw.recv(65536), b"")).decode()

    assert " 404 " in page.partition("\r\n")[0] and "evil.example/x" in page
    assert '"//' not in page


def test_too_large_and_broken_forms_are_refused(visit: Visit, lin_name: str) -> None:
    visitor = visit(lin_name)
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert visitor.post("/login", content=b"a=" + b"x" * 100_000, headers=form).status_code == 413
    assert visitor.post("/new", content=b"name=%ff%fe", headers=form).status_code == 400
    assert visitor.post("/new", content=b"&".join([b"a=b"] * 1000), headers=form).status_code == 400


def test_a_bad_token_is_an_error_never_a_stranger(visit: Visit) -> None:
    assert visit().get("/models", headers={"authorization": "Bearer nonsense"}).status_code == 401
