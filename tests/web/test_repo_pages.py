"""What a repo's pages tell of it: its kin, how to use it, its files of every kind, its history."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from support.keeping import put_lfs, put_xet
from support.servers import LiveHub
from support.visitor import Visitor
from support.web_forge import gguf, png
from yungu import hub
from yungu.api.web.cards import list_headings, render_markdown
from yungu.api.web.mathematics import to_mathml
from yungu.api.web.notebooks import PictureNotFound, read_picture, render_notebook
from yungu.app import worker
from yungu.hub import Repo

Visit = Callable[..., Visitor]
SCRIPT = "<script>alert(1)</script>"


def _repo(live: LiveHub, owner: str, files: dict[str, bytes] | None = None, **options: Any) -> Repo:
    return live.world.repo(f"{owner}/{live.fresh_name('repo')}", by=live.actor(owner), files=files, **options)


def _card(**front: object) -> bytes:
    return ("---\n" + "".join(f"{name}: {value}\n" for name, value in front.items()) + "---\n# x\n").encode()


def _notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": list(cells)}).encode()


def _code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 1, "source": source, "outputs": list(outputs)}


def _shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {name.replace("_", "/", 1): value for name, value in data.items()}}


# --- the card and its side


def test_formulas_are_drawn_by_the_browser_itself() -> None:
    html = render_markdown("Costs $5 or $10, $x^2$.\n\n$$\\frac{a}{b}$$\n\n```math\n\\sqrt{y}\n```\n", "/b", "/r")

    assert "Costs $5 or $10, <math" in html and "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert "<mfrac>" in html and "<msqrt>" in html and html.count('class="formula"') == 2


@pytest.mark.parametrize(
    "latex",
    [
        f"\\text{{{SCRIPT}}}",
        "\\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
        "\\href{javascript:alert(1)}{x}",
        "\\style{position:fixed}{x}",
        "\\class{panel}{x}",
        '\\color{red" onclick="alert(1)}{x}',
        "<img src=x onerror=alert(1)>",
        "</math><script>alert(1)</script>",
    ],
)
def test_a_formula_cannot_act(latex: str) -> None:
    for text in (
        f"$${latex}$$",
        f"a ${latex}$ b",
        f"```math\n{latex}\n```",
        f"<span class='math inline'>{latex}</span>",
    ):
        html = render_markdown(text, "/b", "/r")
        assert not re.search(r"<script|<img[^>]*onerror|<[^>]*(?:href|style=|onclick|class=.panel)", html), html


@pytest.mark.parametrize("latex", ["{" * 900, "\\left(" * 300, "\\begin{matrix}" * 100, "\\frac" * 300, "^" * 1900])
def test_a_formula_that_makes_no_sense_stays_as_it_was_written(latex: str) -> None:
    assert to_mathml(latex, is_block=False) == ""
    assert "<math" not in render_markdown(f"${latex}$", "/b", "/r")


def test_a_long_card_has_a_table_of_contents(live: LiveHub, visit: Visit, lin_name: str) -> None:
    text = "# 茶 <b>tea</b>\n" + "".join(f"## Part {number} {SCRIPT}\n" for number in range(5))
    headings = list_headings(render_markdown(text, "/b", "/r"))
    repo = _repo(live, lin_name, {"README.md": text.encode()})

    page = visit().read(f"/{repo.repo_id}")

    assert [(one.level, one.text) for one in headings[:2]] == [(1, "茶 tea"), (2, "Part 0")]
    assert f'<a href="#{headings[1].anchor}">Part 0</a>' in page and f'id="{headings[1].anchor}"' in page


def test_the_side_bar_speaks_plain_words_of_both_languages(live: LiveHub, visit: Visit, lin_name: str) -> None:
    card = _card(license="cc-by-4.0", language="[zh, en]", pipeline_tag="text-generation", tags="[tea]")
    repo = _repo(live, lin_name, {"README.md": card})

    english, chinese = visit().read(f"/{repo.repo_id}"), visit().read(f"/{repo.repo_id}?lang=zh")

    assert 'href="/models?license=cc-by-4.0">Creative Commons Attribution 4.0</a>' in english
    assert 'href="/models?language=zh">Chinese</a>' in english and ">中文</a>" in chinese
    assert "Text generation" in english and "文本生成" in chinese
    assert 'href="/models?tag=tea"' in english


def test_the_model_tree_leads_up_and_down_but_never_to_what_is_hidden(
    live: LiveHub, visit: Visit, lin_name: str
) -> None:
    base = _repo(live, lin_name)
    hidden = _repo(live, lin_name, visibility="private")
    card = _card(base_model=f"[{base.repo_id}, {hidden.repo_id}, far/away]", base_model_relation="merge")
    child = _repo(live, lin_name, {"README.md": card})
    secret = _repo(live, lin_name, {"README.md": _card(base_model=base.repo_id)}, visibility="private")

    of_child, of_base = visit().read(f"/{child.repo_id}"), visit().read(f"/{base.repo_id}")
    kin = visit().read(f"/{base.repo_id}/kin?kinship=merge")
    of_owner = visit(lin_name).read(f"/{base.repo_id}/kin?kinship=finetune")

    assert "Merged from" in of_child and f'href="/{base.repo_id}"' in of_child and "far/away" in of_child
    assert f'href="/{hidden.repo_id}"' not in of_child
    assert re.search(r'kinship=merge">Merges <span class="count">1<', of_base) and "kinship=finetune" not in of_base
    assert child.name in kin and secret.name not in kin
    assert secret.name in of_owner


def test_a_repo_is_used_by_copying_what_its_page_says(live: LiveHub, visit: Visit, lin_name: str) -> None:
    files = {"README.md": _card(library_name="transformers", pipeline_tag="text-classification"), "a b;'.gguf": b"GGUF"}
    model, data = _repo(live, lin_name, files), _repo(live, lin_name, kind="dataset")
    reader = visit()

    page = reader.read(f"/{model.repo_id}").replace("&#34;", '"').replace("&#39;", "'")
    other = reader.read(f"/datasets/{data.repo_id}").replace("&#34;", '"')

    assert f'os.environ["HF_ENDPOINT"] = "{live.url}"' in page
    assert f'AutoModelForSequenceClassification.from_pretrained("{model.repo_id}")' in page
    assert f"export MODEL_ENDPOINT={live.url}/" in page and """--hf-file 'a b;'"'"'.gguf'""" in page
    assert f"export MODELSCOPE_ENDPOINT={live.url}" in page
    assert f"git clone {live.url}/{model.repo_id}" in page and f"curl -L -O {live.url}/{model.repo_id}/resolve/" in page
    assert f'load_dataset("{data.repo_id}")' in other and "--repo-type dataset" in other
    assert f"modelscope download --dataset {data.repo_id}" in other


def test_a_gate_keeps_names_and_headers_of_files(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _repo(live, lin_name, {"secret-name.gguf": gguf({"general.architecture": "hush"}, {"w": (0, [2])})})
    live.world.write_in(hub.change_settings, repo, live.actor(lin_name), gated="manual")

    stranger, owner = visit().read(f"/{repo.repo_id}"), visit(lin_name).read(f"/{repo.repo_id}")

    assert "secret-name" in owner and "hush" in owner
    assert "secret-name" not in stranger and "hush" not in stranger


def test_downloads_are_drawn_over_time(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _repo(live, lin_name)
    assert "Downloads in 90 days" not in visit().read(f"/{repo.repo_id}")

    for visitor in range(3):
        live.site.downloads.note(repo.id, f"visitor {visitor}")
    worker.flush(live.site)

    assert re.search(r"Downloads in 90 days <b>3</b>", visit().read(f"/{repo.repo_id}"))


# --- files


@pytest.mark.parametrize("put", ["git", "raw", "xet"])
def test_a_gguf_file_and_an_archive_show_what_they_hold_wherever_their_bytes_are(
    live: LiveHub, visit: Visit, lin_name: str, put: str
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"<img src=x>{put}", b"12345")
    files = {"m.gguf": gguf({"general.name": SCRIPT}, {"<b>w</b>": (0, [2, 3])}), "a.zip": out.getvalue()}
    lin, repo = live.actor(lin_name), _repo(live, lin_name)
    if put == "git":
        live.world.commit(repo, dict(files), by=lin)
    elif put == "raw":
        put_lfs(live.world, repo, files, by=lin)
    else:
        for path, data in files.items():
            put_xet(live.world, repo, path, [data[start : start + 90] for start in range(0, len(data), 90)], by=lin)

    weights = visit().read(f"/{repo.repo_id}/blob/main/m.gguf")
    listed = visit().read(f"/{repo.repo_id}/blob/main/a.zip")

    assert "[3, 2]" in weights and "F32" in weights and "general.name" in weights
    assert f"&lt;img src=x&gt;{put}" in listed and "1 file in this archive" in listed
    for page in (weights, listed):
        assert SCRIPT not in page and "<img src=x" not in page and "<b>w" not in page


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("broken.gguf", b"GGUF" + b"\xff" * 40, "The header of this file is damaged"),
        ("broken.zip", b"PK\x05\x06" + b"\xff" * 18, "not an archive"),
        ("broken.tar.gz", b"\x1f\x8b" + b"\xff" * 100, "not an archive"),
        ("paper.pdf", b"%PDF-1.4", "This is a PDF document"),
        ("broken.ipynb", b'{"cells": 3}', "&#34;cells&#34;"),
    ],
)
def test_what_cannot_be_shown_is_said_kindly(
    live: LiveHub, visit: Visit, lin_name: str, name: str, data: bytes, words: str
) -> None:
    repo = _repo(live, lin_name, {name: data})
    page = visit().read(f"/{repo.repo_id}/blob/main/{name}")
    assert words in re.sub(r"</?span[^>]*>", "", page)


def test_sound_and_film_are_played_by_ranges_from_this_server(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _repo(live, lin_name, {"a.mp3": bytes(3000), "b.mp4": bytes(3000)})
    reader = visit()

    sound, film = (reader.get(f"/{repo.repo_id}/blob/main/{name}") for name in ("a.mp3", "b.mp4"))
    part = reader.get(f"/{repo.repo_id}/resolve/main/b.mp4", headers={"range": "bytes=100-199"})

    assert "<audio controls" in sound.text and "<video controls" in film.text
    assert "media-src 'self'" in film.headers["content-security-policy"]
    assert part.status_code == 206 and part.headers["content-type"] == "video/mp4" and len(part.content) == 100


def test_of_a_long_text_the_beginning_is_shown(live: LiveHub, visit: Visit, lin_name: str) -> None:
    text = b"".join(b"line %d\n" % number for number in range(150_000))
    lin, repo = live.actor(lin_name), _repo(live, lin_name)
    put_lfs(live.world, repo, {"long.txt": text}, by=lin)

    page = visit().read(f"/{repo.repo_id}/blob/main/long.txt")

    assert "line 900<" in page and "line 149999" not in page and len(page) < 150_000
    assert "Only the beginning is shown." in page and f"/{repo.repo_id}/resolve/main/long.txt" in page


def test_a_pointer_to_what_the_repo_does_not_hold_shows_nothing_of_it(
    live: LiveHub, visit: Visit, lin_name: str
) -> None:
    lin, secret, other = live.actor(lin_name), _repo(live, lin_name, visibility="private"), _repo(live, lin_name)
    put_lfs(live.world, secret, {"m.gguf": gguf({"general.name": "hidden words"}, {})}, by=lin)
    assert "hidden words" in visit(lin_name).read(f"/{secret.repo_id}/blob/main/m.gguf")
    pointer = live.world.read(secret, "m.gguf")
    commit = live.world.objects(other).write_blob(pointer)
    tree = live.world.objects(other).edit_tree(None, {"m.gguf": (commit, 0o100644)})
    stolen = _smuggle(live, other, tree)

    page = visit().read(f"/{other.repo_id}/blob/{stolen}/m.gguf")

    assert "hidden words" not in page


def _smuggle(live: LiveHub, repo: Repo, tree: str) -> str:
    """A commit on the default branch that nobody checked."""
    objects, head = live.world.objects(repo), live.world.resolve(repo)
    parent = objects.commit(head)
    made = objects.write_commit(tree, [head], "smuggled", parent.author, parent.at)
    live.world.write_in(
        hub.move_ref, live.site.git, live.world.fresh(repo), "refs/heads/main", expect=head, to=made, actor_id=None
    )
    return made


# --- notebooks


def test_a_notebook_shows_text_code_and_results(live: LiveHub, visit: Visit, lin_name: str) -> None:
    picture = base64.b64encode(png()).decode()
    table = "<table><tr><td>green</td></tr></table>"
    notebook = _notebook(
        {"cell_type": "markdown", "source": ["# Tea\n", "$x^2$"]},
        _code("print('hi')", {"output_type": "stream", "text": ["\x1b[31mhi\x1b[0m\n"]}),
        _code("df", _shown(text_html=table, text_plain="in plain words")),
        _code("plot()", _shown(image_png=picture, text_plain="a figure")),
        _code("1/0", {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mBoom"]}),
    )
    repo = _repo(live, lin_name, {"n.ipynb": notebook})
    reader = visit()

    page = reader.read(f"/{repo.repo_id}/blob/main/n.ipynb")
    address = re.search(r'<img loading="lazy" src="([^"]+)" alt="a figure"', page)

    assert "<h1" in page and "<math" in page and ">hi\n<" in page and "<td>green</td>" in page and "Boom" in page
    assert "\x1b" not in page and "in plain words" not in page and picture not in page
    assert address is not None
    answer = reader.get(address[1].replace("&amp;", "&"))
    assert answer.content == png() and answer.headers["content-type"] == "image/png"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "nbformat" in reader.read(f"/{repo.repo_id}/blob/main/n.ipynb?plain=1")
    assert reader.get(f"/{repo.repo_id}/notebook/main/n.ipynb?cell=1&output=0").status_code == 404
    assert reader.get(f"/{repo.repo_id}/notebook/main/n.ipynb?cell=99&output=x").status_code == 404


@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "markdown", "source": SCRIPT},
        {"cell_type": "raw", "source": SCRIPT},
        _code(SCRIPT),
        _code("x", _shown(text_html=f"{SCRIPT}<img src=x onerror=alert(1)><iframe src=//evil.example></iframe>")),
        _code("x", _shown(text_html="<div style='position:fixed' onclick=alert(1)><style>*{}</style>x</div>")),
        _code("x", _shown(text_latex=f"$\\text{{{SCRIPT}}}$")),
        _code("x", _shown(text_markdown="[x](javascript:alert(1))")),
        _code("x", {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}}),
        _code("x", {"output_type": "display_data", "data": {"image/svg+xml": f"<svg>{SCRIPT}</svg>"}}),
        _code("x", {"output_type": "stream", "text": SCRIPT}),
        _code("x", {"output_type": "error", "traceback": [SCRIPT]}),
        _code(
            "x",
            {"output_type": "display_data", "data": {"image/png": "!", "text/plain": '"><script>alert(1)</script>'}},
        ),
    ],
)
def test_a_notebook_cannot_act(live: LiveHub, visit: Visit, lin_name: str, cell: dict[str, Any]) -> None:
    repo = _repo(live, lin_name, {"n.ipynb": _notebook(cell)})
    page = visit().read(f"/{repo.repo_id}/blob/main/n.ipynb")
    assert 'class="notebook"' in page
    assert not re.search(
        r"<script>|onerror=|onclick=|<iframe|<style|style=|javascript:alert|<svg>", _without_code(page)
    )


def _without_code(page: str) -> str:
    """What a browser would take for elements."""
    return "".join(re.findall(r"<[^>]*>", page))


@pytest.mark.parametrize(
    "data",
    [
        _notebook({}, {"cell_type": 3, "source": 4}, _code("x", {"output_type": [], "data": []})),
        _notebook(_code("x", {"data": {"image/png": {}}}, {"data": {"text/html": 5}})),
        json.dumps({"cells": [None, 1, "x", []], "metadata": {"language_info": []}}).encode(),
    ],
)
def test_an_odd_notebook_is_still_a_notebook(data: bytes) -> None:
    render_notebook(data, "/b", "/r", "")


def test_a_huge_notebook_is_cut() -> None:
    cells = [_code("x = 1\n" * 2000, {"output_type": "stream", "text": "y" * 200_000}) for _ in range(100)]
    shown = render_notebook(_notebook(*cells), "/b", "/r", "")
    assert not shown.is_whole and len(shown.cells) < 30


def test_only_pictures_come_out_of_a_notebook() -> None:
    page = base64.b64encode(b"<html>" + SCRIPT.encode()).decode()
    with pytest.raises(PictureNotFound):
        read_picture(_notebook(_code("x", _shown(image_png=page))), 0, 0)


# --- history


def test_a_file_has_a_history_of_its_own(live: LiveHub, visit: Visit, lin_name: str) -> None:
    lin, repo = live.actor(lin_name), _repo(live, lin_name)
    live.world.commit(repo, {"a/x.txt": b"1"}, by=lin, title="first x")
    live.world.commit(repo, {"y.txt": b"1"}, by=lin, title="only y")
    live.world.commit(repo, {"a/x.txt": b"2"}, by=lin, title="second x")
    live.world.commit(repo, {"a/x.txt": None}, by=lin, title="no x")
    reader = visit()

    of_file = reader.read(f"/{repo.repo_id}/commits/main?path=a/x.txt")
    of_folder = reader.read(f"/{repo.repo_id}/commits/main?path=a")

    for page in (of_file, of_folder):
        titles = [title for title in ("no x", "second x", "only y", "first x") if f"<b>{title}</b>" in page]
        assert titles == ["no x", "second x", "first x"]
    assert "Nothing here yet." in reader.read(f"/{repo.repo_id}/commits/main?path=nowhere/{SCRIPT}")


def test_two_revisions_stand_side_by_side(live: LiveHub, visit: Visit, lin_name: str) -> None:
    lin, repo = live.actor(lin_name), _repo(live, lin_name)
    live.world.commit(repo, {"a.txt": b"old\n"}, by=lin)
    live.world.write_in(hub.create_branch, live.site.git, live.world.fresh(repo), "try/this", lin)
    live.world.commit(repo, {"a.txt": f"new {SCRIPT}\n".encode()}, by=lin, branch="try/this", title="Try it")
    live.world.commit(repo, {"b.txt": b"elsewhere\n"}, by=lin, title="Go on")
    reader = visit()

    chosen = reader.get(f"/{repo.repo_id}/compare?base=main&head=try/this")
    page = reader.read(chosen.headers["location"])

    assert chosen.headers["location"] == f"/{repo.repo_id}/compare/main...try%2Fthis"
    assert "Try it" in page and "Go on" not in page and "elsewhere" not in page
    assert "-old" in page and "+new &lt;script&gt;" in page
    assert "Nothing differs" in reader.read(f"/{repo.repo_id}/compare/main...main")
    assert reader.get(f"/{repo.repo_id}/compare/main").status_code == 400
    assert reader.get(f"/{repo.repo_id}/compare/main...nowhere").status_code == 404


def test_who_may_write_undoes_a_commit_and_a_conflict_is_shown(live: LiveHub, visit: Visit, lin_name: str) -> None:
    lin, repo = live.actor(lin_name), _repo(live, lin_name)
    live.world.commit(repo, {"a.txt": b"one\n"}, by=lin)
    wrong = live.world.commit(repo, {"a.txt": b"two\n"}, by=lin, title="Make it two")
    page = f"/{repo.repo_id}/commit/{wrong.oid}"
    owner, stranger = visit(lin_name), visit(live.user(live.fresh_name("stranger")))

    done = owner.submit(page, f"{page}/revert", branch="main")

    assert done.status_code == 303 and live.world.read(repo, "a.txt") == b"one\n"
    assert live.world.history(repo)[0] == 'Revert "Make it two"'
    live.world.commit(repo, {"a.txt": b"three\n"}, by=lin)
    refused = owner.submit(page, f"{page}/revert", branch="main")
    assert refused.status_code == 409 and "Both sides changed: a.txt" in refused.text
    assert "Undo this commit" not in stranger.read(page)
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', stranger.read(page))
    assert token is not None
    sent = stranger.post(f"{page}/revert", data={"form_token": token[1], "branch": "main"})
    assert sent.status_code == 403 and live.world.read(repo, "a.txt") == b"three\n"


def test_a_tar_file_lists_its_names_as_text(live: LiveHub, visit: Visit, lin_name: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tape:
        tape.addfile(tarfile.TarInfo(SCRIPT))
    repo = _repo(live, lin_name, {"a.tar.gz": out.getvalue()})
    page = visit().read(f"/{repo.repo_id}/blob/main/a.tar.gz")
    assert "&lt;script&gt;alert(1)" in page and SCRIPT not in page


def test_a_browser_draws_formulas_and_pictures_and_runs_nothing(
    open_page: Callable[..., Any], live: LiveHub, lin_name: str
) -> None:
    evil = f"{SCRIPT}<img src=x onerror='document.title=1'>"
    picture = _code("plot()", _shown(image_png=base64.b64encode(png(40, 20)).decode()), _shown(text_html=evil))
    card = f"# x\n$\\frac{{a}}{{b}}$ {evil}\n\n$$\\text{{{evil}}}$$\n".encode()
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{SCRIPT}</svg>".encode()
    repo = _repo(live, lin_name, {"README.md": card, "n.ipynb": _notebook(picture), "a.svg": svg, "a.mp3": bytes(99)})
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail(f"something ran: {dialog.message}"))

    page.goto(f"/{repo.repo_id}")
    above, below = (page.locator("mfrac > *").nth(number).bounding_box() for number in (0, 1))
    page.goto(f"/{repo.repo_id}/blob/main/n.ipynb")
    page.wait_for_function("document.querySelector('.notebook img').naturalWidth === 40")
    page.goto(f"/{repo.repo_id}/blob/main/a.svg")
    page.wait_for_function("document.querySelector('.image-view img').naturalWidth === 9")
    page.goto(f"/{repo.repo_id}/blob/main/a.mp3")

    assert above["y"] + above["height"] <= below["y"] + 1
    assert page.locator("audio").is_visible()
