"""The viewer of data: rows, facts, pictures, SQL, for those who may read the files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import duckdb
import pytest

from support.keeping import put_lfs, put_xet
from support.servers import LiveHub
from support.visitor import Visitor
from support.web_forge import png
from yungu import hub
from yungu.api.web import limits
from yungu.api.web.limits import Queries, TooManyQueries
from yungu.hub import Repo

Visit = Callable[..., Visitor]
CSV = b"name,cups\nlongjing,3\npuer,5\n<script>alert(1)</script>,\n"


def _dataset(live: LiveHub, owner: str, files: dict[str, bytes] | None = None, **options: Any) -> Repo:
    name = f"{owner}/{live.fresh_name('data')}"
    return live.world.repo(name, by=live.actor(owner), kind="dataset", files=files, **options)


def _parquet(folder: Path, sql: str) -> bytes:
    path = folder / "made.parquet"
    duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def _viewer(repo: Repo, **query: str) -> str:
    return f"/datasets/{repo.repo_id}/viewer?" + "&".join(
        f"{name}={quote_plus(value)}" for name, value in query.items()
    )


def test_a_dataset_shows_its_splits_rows_and_facts(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _dataset(live, lin_name, {"train.csv": CSV, "test.csv": b"name,cups\nbiluochun,7\n"})

    assert visit().get(f"/api/datasets/{repo.repo_id}/statistics").status_code == 200  # from here on facts are known

    page = visit().read(_viewer(repo))

    assert "longjing" in page and "biluochun" not in page
    assert "int64" in page and "1 null" in page and '<svg class="bars"' in page
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "biluochun" in visit().read(_viewer(repo, split="test"))
    assert f'href="/datasets/{repo.repo_id}/viewer"' in visit().read(f"/datasets/{repo.repo_id}")


@pytest.mark.parametrize("put", ["git", "raw", "xet"])
def test_rows_come_from_wherever_the_bytes_are(
    live: LiveHub, visit: Visit, lin_name: str, tmp_path: Path, put: str
) -> None:
    data = _parquet(tmp_path, f"SELECT range AS i, '{put}-' || range AS v FROM range(300)")
    lin, repo = live.actor(lin_name), _dataset(live, lin_name)
    if put == "git":
        live.world.commit(repo, {"train.parquet": data}, by=lin)
    elif put == "raw":
        put_lfs(live.world, repo, {"train.parquet": data}, by=lin)
    else:
        chunks = [data[start : start + 700] for start in range(0, len(data), 700)]
        put_xet(live.world, repo, "train.parquet", chunks, by=lin)
    reader = visit()

    first, last = reader.read(_viewer(repo)), reader.read(_viewer(repo, offset="200"))
    counted = reader.get(_viewer(repo, sql="SELECT count(*) AS n FROM data", format="json")).json()

    assert f"{put}-0<" in first and 'rel="next"' in first
    assert f"{put}-299" in last and 'rel="next"' not in last
    assert counted == [{"n": 300}]


def test_sql_is_answered_shared_and_saved(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _dataset(live, lin_name, {"train.csv": CSV, "test.csv": b"name,cups\nlongjing,7\n"})
    reader = visit()
    sql = "SELECT name, train.cups + test.cups AS both FROM train JOIN test USING (name)"

    page = reader.read(_viewer(repo, sql=sql))
    saved = reader.get(_viewer(repo, sql=sql, format="csv"))

    assert ">10<" in page.replace("\n", "") and "1 row" in page
    assert list(csv.reader(io.StringIO(saved.text))) == [["name", "both"], ["longjing", "10"]]
    assert saved.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("sql", "status", "words"),
    [
        ("SELECT nope FROM data", 400, "cannot be run"),
        ("SELECT * FROM read_csv('/etc/passwd')", 403, "nothing else can be reached"),
        ("DROP VIEW data", 403, "Only one SELECT"),
        ("SELECT repeat('x', 4000000000)", 429, "more memory than is granted"),
    ],
)
def test_a_query_that_fails_is_explained_and_kept(
    live: LiveHub, visit: Visit, lin_name: str, sql: str, status: int, words: str
) -> None:
    repo = _dataset(live, lin_name, {"train.csv": CSV})

    page = visit().read(_viewer(repo, sql=sql), status)

    assert words in page and "longjing" in page
    assert sql.replace("'", "&#39;") in page
    assert words in visit().read(_viewer(repo, sql=sql, format="csv"), status)
    assert visit().get("/healthz").status_code == 200


def test_a_dataset_shows_its_first_rows_beside_its_card(
    live: LiveHub, visit: Visit, lin_name: str, chromium: Any
) -> None:
    repo = _dataset(live, lin_name, {"train.csv": CSV})
    page = visit().read(f"/datasets/{repo.repo_id}")
    assert f'data-part="/datasets/{repo.repo_id}/viewer/first"' in page and "longjing" not in page
    part = visit().read(f"/datasets/{repo.repo_id}/viewer/first")
    assert "longjing" in part and "<html" not in part
    browser = chromium.new_page()
    browser.goto(f"{live.url}/datasets/{repo.repo_id}")
    browser.locator(".first-rows td", has_text="longjing").first.wait_for()
    browser.close()
    assert "data-part" not in visit().read(f"/datasets/{_dataset(live, lin_name, {'a.txt': b'x'}).repo_id}")


def test_nobody_asks_all_the_time(live: LiveHub, visit: Visit, lin_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "queries", Queries(at_once=2, most=2, window_seconds=300))
    repo = _dataset(live, lin_name, {"train.csv": CSV})
    person, address = visit(live.user(live.fresh_name("curious"))), _viewer(repo, sql="SELECT 1")

    assert [person.get(address).status_code for _ in range(2)] == [200, 200]
    for refused in (person.get(address), person.get(f"{address}&format=csv")):
        assert refused.status_code == 429 and 290 < int(refused.headers["retry-after"]) <= 300
        assert "Try again in" in refused.text and "longjing" in refused.text
    assert person.get(_viewer(repo)).status_code == 200, "rows are not counted"
    strangers = [visit().get(address, headers={"x-forwarded-for": "203.0.113.7"}).status_code for _ in range(3)]
    assert strangers == [200, 200, 429]
    assert visit(lin_name).get(address).status_code == 200


def test_queries_count_until_they_are_done_whoever_waits_for_them() -> None:
    counted, running = Queries(at_once=2, most=9, window_seconds=300), [Future[int]() for _ in range(3)]
    for one in running[:2]:
        counted.start("u1", lambda one=one: one)  # type: ignore[misc]
    with pytest.raises(TooManyQueries):
        counted.start("u1", lambda: running[2])
    counted.start("u2", lambda: running[2])
    running[0].set_result(1)
    assert counted.start("u1", Future[int])


def test_what_may_not_be_read_is_not_shown(live: LiveHub, visit: Visit, lin_name: str) -> None:
    private = _dataset(live, lin_name, {"train.csv": CSV}, visibility="private")
    gated = _dataset(live, lin_name, {"train.csv": CSV})
    live.world.write_in(hub.change_settings, gated, live.actor(lin_name), gated="manual")
    stranger = live.user(live.fresh_name("stranger"))
    rooms = ["viewer", "viewer?sql=SELECT+1", "viewer/picture?row=0&column=0", "blob/main/train.csv"]
    answers = ["is-valid", "splits", "parquet", "first-rows", "rows", "statistics"]

    for reader in (visit(), visit(stranger)):
        for room in rooms:
            assert "longjing" not in reader.read(f"/datasets/{private.repo_id}/{room}", 404)
            assert "longjing" not in reader.read(f"/datasets/{gated.repo_id}/{room}", 403)
        for answer in answers:
            assert reader.get(f"/api/datasets/{private.repo_id}/{answer}").status_code == 404
            assert reader.get(f"/api/datasets/{gated.repo_id}/{answer}").status_code == 403
    assert "longjing" in visit(lin_name).read(_viewer(private))


def test_a_file_in_a_revision_is_shown_as_a_table(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _dataset(live, lin_name, {"x/a.csv": CSV})
    reader = visit()

    page = reader.read(f"/datasets/{repo.repo_id}/blob/main/x/a.csv")

    assert 'class="data-table"' in page and "3 rows" in page
    assert "/viewer?file=x%2Fa.csv" in page
    assert 'class="line-number"' in reader.read(f"/datasets/{repo.repo_id}/blob/main/x/a.csv?plain=1")
    assert "puer" in reader.read(_viewer(repo, file="x/a.csv", revision="main"))
    assert reader.get(_viewer(repo, file="x/none.csv")).status_code == 404
    assert reader.get(_viewer(repo, file="README.md")).status_code == 404


def test_a_broken_table_is_shown_as_what_it_is(live: LiveHub, visit: Visit, lin_name: str) -> None:
    repo = _dataset(live, lin_name, {"train.parquet": b"PAR1 nothing PAR1"})

    assert "cannot be read as a table" in visit().read(_viewer(repo), 400)
    assert "Download" in visit().read(f"/datasets/{repo.repo_id}/blob/main/train.parquet")


def test_pictures_are_shown_and_nothing_that_could_act(
    live: LiveHub, visit: Visit, lin_name: str, tmp_path: Path
) -> None:
    folder = _dataset(live, lin_name, {"train/green/1.png": png(), "train/black/2.png": png()})
    data = bytes(png()).hex()
    escaped = "".join(f"\\x{data[at : at + 2]}" for at in range(0, len(data), 2))
    rows = _parquet(
        tmp_path,
        f"SELECT {{'bytes': '{escaped}'::BLOB, 'path': 'leaf.png'}} AS image UNION ALL "
        "SELECT {'bytes': '<svg onload=\"alert(1)\">'::BLOB, 'path': 'x.svg'}",
    )
    inside = _dataset(live, lin_name, {"train.parquet": rows})
    reader = visit()

    grid, table = reader.read(_viewer(folder)), reader.read(_viewer(inside))
    picture = reader.get(f"/datasets/{inside.repo_id}/viewer/picture?row=0&column=0")

    assert "green" in grid and "resolve/main/train/green/1.png" in grid
    assert table.count('class="thumb"') == 1 and "x.svg" in table
    assert (picture.content, picture.headers["content-type"]) == (png(), "image/png")
    assert "sandbox" in picture.headers["content-security-policy"]
    assert reader.get(f"/datasets/{inside.repo_id}/viewer/picture?row=1&column=0").status_code == 404


def test_an_empty_dataset_says_what_to_do(live: LiveHub, visit: Visit, lin_name: str) -> None:
    assert "no data to show yet" in visit().read(_viewer(_dataset(live, lin_name)))


def test_programs_get_the_same_as_json(live: LiveHub, visit: Visit, lin_name: str, tmp_path: Path) -> None:
    data = _parquet(tmp_path, "SELECT range AS i, [range, 2] AS pair FROM range(120)")
    repo = _dataset(live, lin_name, {"train.parquet": data, "test.parquet": data})
    reader, base = visit(), f"/api/datasets/{repo.repo_id}"

    splits = reader.get(f"{base}/splits").json()["splits"]
    rows = reader.get(f"{base}/rows?split=test&offset=110&length=50").json()
    statistics = reader.get(f"{base}/statistics").json()
    parquet = reader.get(f"{base}/parquet").json()["default"]

    assert [split["split"] for split in splits] == ["train", "test"]
    assert rows["num_rows_total"] == 120 and [row["row_idx"] for row in rows["rows"]] == list(range(110, 120))
    assert rows["rows"][0]["row"] == {"i": 110, "pair": [110, 2]}
    assert statistics["num_examples"] == 120 and statistics["statistics"][0]["column_statistics"]["max"] == 119
    assert reader.get(parquet["train"][0]).content == data
    assert len(reader.get(f"{base}/first-rows").json()["rows"]) == 100
    assert reader.get(f"{base}/rows?split=none").status_code == 404


def test_sql_is_asked_with_the_keyboard_and_without_scripts(live: LiveHub, chromium: Any, lin_name: str) -> None:
    repo = _dataset(live, lin_name, {"train.csv": CSV})
    context = chromium.new_context(base_url=live.url, locale="en-US", java_script_enabled=False)
    page = context.new_page()

    page.goto(f"/datasets/{repo.repo_id}")
    page.click(".tabs >> text=Data")
    page.focus(".sql summary")
    page.keyboard.press("Enter")
    page.focus("#v-sql")
    page.keyboard.type("SELECT sum(cups) AS total FROM data")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**sql=*")

    assert page.locator(".sql .data-table td").first.inner_text() == "8"
    context.close()
