"""Lists as files: complete, harmless where they are opened, and readable again."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import openpyxl

from support.lists import MODEL, TEA, Lists
from yungu.accounts import Actor
from yungu.scenarios import Words, exports
from yungu.scenarios.backends.sheets import open_sheets, packed
from yungu.scenarios.rules import sheets

EVIL = ["=cmd|'/c calc'!A1", "+1", "-2+3", "@SUM(A1)", "\t=1", " =1"]


def test_what_is_exported_can_be_imported_again(lists: Lists, lin: Actor) -> None:
    for content in (TEA, MODEL):
        item = lists.post(lin, content)
        for data in (exports.to_xlsx(item.side, [item]), exports.to_csv(item.side, [item])):
            found = packed(open_sheets(data))
            reading = sheets.read(item.side, found, sheets.guess_mapping(item.side, found), {})
            back: Any = reading.records[0].content
            assert reading.errors == []
            left_out = {"contact", "background", "offered", "source", "cases", "measurements", "mode"}
            for name in set(content.__slots__) - left_out:
                assert getattr(back, name) == getattr(item.content, name), name


def test_formulas_in_texts_are_not_live_in_what_comes_out(lists: Lists, lin: Actor) -> None:
    for evil in EVIL:
        item = lists.post(lin, title=Words(evil, ""), payer=evil)
        item = replace(item, content=replace(item.content, title=Words(evil, ""), payer=evil))  # type: ignore[arg-type]
        rows = list(csv.reader(io.StringIO(exports.to_csv("opportunity", [item]).decode("utf-8-sig"))))
        assert all(not cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
        book = openpyxl.load_workbook(io.BytesIO(exports.to_xlsx("opportunity", [item])))
        cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
        assert all(cell.data_type != "f" for cell in cells)
        assert any(cell.value == f"'{evil}" for cell in cells)


def test_programs_get_both_languages_and_the_room_that_is_left(lists: Lists, lin: Actor) -> None:
    item = replace(lists.post(lin), taken_count=1)
    (told,) = json.loads(exports.to_json([item]))
    assert told["title"] == {"zh": TEA.title.zh, "en": TEA.title.en}
    assert (told["capacity"], told["capacity_left"], told["code"]) == (2, 1, item.code)
