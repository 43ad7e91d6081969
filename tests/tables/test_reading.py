"""What is read out of files of every format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from support.web_forge import png
from tables.conftest import Desk
from yungu.tables import Tables, TablesBusy, TablesOff, TableUnreadable, ending_of, format_of

CSV = b"name,cups\nlongjing,3\npuer,\n"
LINES = b'{"name": "longjing", "marks": [1, 2], "place": {"village": "\xe9\xbe\x99\xe5\x9d\x9e"}}\n{"name": null}\n'


def types(rows: object) -> dict[str, str]:
    return {column.name: column.type_name for column in rows.columns}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "form", "ending"),
    [
        ("a/b.PARQUET", "parquet", ".parquet"),
        ("x.csv.gz", "csv", ".csv.gz"),
        ("x.tsv", "csv", ".tsv"),
        ("x.jsonl", "json", ".jsonl"),
        ("x.json", "json", ".json"),
        ("x.parquet.gz", None, ""),
        ("README.md", None, ""),
        ("csv", None, ""),
    ],
)
def test_a_name_tells_how_a_file_is_read(path: str, form: str | None, ending: str) -> None:
    assert (format_of(path), ending_of(path)) == (form, ending)


def test_csv_has_types_and_nulls(desk: Desk) -> None:
    rows = desk.rows(desk.write("a.csv", CSV))

    assert types(rows) == {"name": "string", "cups": "int64"}
    assert rows.rows == [["longjing", 3], ["puer", None]]
    assert (rows.total_count, rows.has_more, rows.is_loose) == (2, False, False)


def test_tabs_and_packed_files_are_read(desk: Desk) -> None:
    assert desk.rows(desk.write("a.tsv", b"a\tb\n1\tx,y\n")).rows == [[1, "x,y"]]
    assert desk.rows(desk.write("a.csv.gz", gzip.compress(CSV))).rows == [["longjing", 3], ["puer", None]]


def test_json_lines_keep_what_is_nested(desk: Desk) -> None:
    rows = desk.rows(desk.write("a.jsonl", LINES))

    assert types(rows)["marks"] == "list<int64>"
    assert rows.rows[0][0] == "longjing"
    assert json.loads(rows.rows[0][1]) == [1, 2]
    assert json.loads(rows.rows[0][2]) == {"village": "龙坞"}
    assert rows.rows[1] == [None, None, None]


def test_a_json_file_may_be_one_list(desk: Desk) -> None:
    assert desk.rows(desk.write("a.json", b'[{"a": 1}, {"a": 2}]')).rows == [[1], [2]]


@pytest.mark.parametrize("is_proxied", [False, True], ids=["from a plain file", "through the server"])
def test_pages_of_parquet_follow_one_another(desk: Desk, is_proxied: bool) -> None:
    path = desk.parquet("SELECT range AS i, 'v' || range AS v FROM range(250)")

    pages = [desk.rows(path, offset=offset, is_proxied=is_proxied) for offset in (0, 100, 200)]

    assert [row[0] for page in pages for row in page.rows] == list(range(250))
    assert [page.has_more for page in pages] == [True, True, False]
    assert {page.total_count for page in pages} == {250}


def test_a_page_of_a_long_file_reads_little_of_it(desk: Desk) -> None:
    path = desk.parquet("SELECT range AS i, md5(range::VARCHAR) AS v FROM range(1000000)")

    rows = desk.rows(path)

    assert len(rows.rows) == 100
    assert rows.read_bytes < path.stat().st_size / 4


def test_several_files_are_one_table(desk: Desk) -> None:
    paths = [desk.parquet(f"SELECT {n} AS n", f"{n}.parquet") for n in range(3)]

    assert [row[0] for row in desk.rows(*paths).rows] == [0, 1, 2]


def test_values_of_every_type_come_as_text_or_numbers(desk: Desk) -> None:
    path = desk.parquet(
        "SELECT 'nan'::DOUBLE AS x, 12.50::DECIMAL(9,2) AS d, DATE '2024-05-01' AS day, true AS yes, "
        "170141183460469231731687303715884105727::HUGEINT AS big, MAP{'a': 1} AS m, 'x'::BLOB AS b"
    )

    [row] = desk.rows(path).rows

    assert row[:4] == ["nan", "12.50", "2024-05-01", True]
    assert float(row[4]) > 1e38
    assert json.loads(row[5]) == {"a": 1}
    assert row[6] == {"size": 1, "path": None, "data": None}


def test_long_texts_are_cut_and_small_pictures_are_not(desk: Desk) -> None:
    picture = "".join(f"\\x{byte:02X}" for byte in png())
    path = desk.parquet(
        f"SELECT repeat('x', 9000) AS t, struct_pack(bytes := '{picture}'::BLOB, path := 'leaf.png') AS image"
    )

    rows = desk.rows(path)

    assert len(rows.rows[0][0]) == rows.cut_at + 1
    assert rows.rows[0][1]["path"] == "leaf.png" and rows.rows[0][1]["size"] == len(png())
    assert rows.rows[0][1]["data"]
    assert [column.shape for column in rows.columns] == ["text", "binary"]


def test_lines_that_do_not_fit_are_left_out_and_it_is_said(desk: Desk) -> None:
    path = desk.write("a.csv", b"a,b\n" + b"1,2\n" * 30_000 + b"x,y\n" + b"3,4\n")

    rows = desk.rows(path, offset=29_995)

    assert rows.is_loose
    assert rows.rows[-1] == ["3", "4"]


def test_facts_tell_spread_nulls_and_frequent_values(desk: Desk) -> None:
    path = desk.parquet(
        "SELECT range::DOUBLE AS x, CASE WHEN range % 4 > 0 THEN range END AS holes, 'abc'[1:1 + range % 3] AS word, "
        "range % 2 = 0 AS even, [1] AS list, NULL::INTEGER AS nothing FROM range(1000)"
    )

    summary = desk.summary(path)
    facts = {fact.column.name: fact for fact in summary.columns}

    assert (summary.rows_count, summary.is_whole) == (1000, True)
    assert facts["x"].facts["min"] == 0 and facts["x"].facts["max"] == 999 and facts["x"].facts["mean"] == 499.5
    assert [bar.count for bar in facts["x"].bars] == [100] * 10
    assert facts["holes"].nulls_count == 250
    assert facts["word"].bars_of == "labels" and {bar.label for bar in facts["word"].bars} == {"a", "ab", "abc"}
    assert {bar.label: bar.count for bar in facts["even"].bars} == {"true": 500, "false": 500}
    assert facts["nothing"].nulls_count == 1000 and not facts["nothing"].bars


def test_facts_of_a_long_table_are_over_its_beginning(desk: Desk) -> None:
    summary = desk.summary(desk.parquet("SELECT range AS i FROM range(60000)"))

    assert (summary.rows_count, summary.is_whole) == (50_000, False)


def test_an_empty_table_is_a_table(desk: Desk) -> None:
    path = desk.parquet("SELECT 1 AS a, 'x' AS b LIMIT 0")

    assert desk.rows(path).rows == [] and desk.rows(path).total_count == 0
    assert desk.summary(path).rows_count == 0


def test_a_query_may_join_the_tables_that_it_names(desk: Desk) -> None:
    train = desk.parquet("SELECT range AS i FROM range(10)", "train.parquet")
    test = desk.parquet("SELECT range AS i FROM range(5)", "test.parquet")

    result = desk.query("SELECT count(*), count(*) FROM train JOIN test USING (i) -- both", train=train, test=test)

    assert result.rows.rows == [[5, 5]]
    assert result.rows_scanned


def test_what_was_read_is_kept(desk: Desk) -> None:
    path = desk.write("a.csv", CSV)
    table = desk.table(path)
    first = desk.tables.rows(table, 0, 10).result()
    path.unlink()

    assert desk.tables.rows(table, 0, 10).result() is first


def test_nothing_is_read_where_it_is_switched_off(desk: Desk) -> None:
    off = Tables(desk.engine, processes=0)
    with pytest.raises(TablesOff):
        off.rows(desk.table(desk.write("a.csv", CSV)), 0, 1)


def test_whoever_comes_while_all_are_busy_is_told(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(seconds=2)
    data = {"data": desk.table(desk.write("a.csv", CSV))}
    endless = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t, (SELECT {})"
    begun = [desk.tables.query(data, endless.format(n), most_rows=1) for n in range(17)]

    with pytest.raises(TablesBusy):
        desk.tables.query(data, "SELECT 1", most_rows=1)
    for future in begun[1:]:
        future.cancel()


def test_a_file_that_is_not_what_its_name_says_is_told(desk: Desk) -> None:
    with pytest.raises(TableUnreadable):
        desk.rows(desk.write("a.parquet", b"not at all"))
