"""Files as they come: read in a shut-in process, mapped, looked at, and only then written."""
# ruff: noqa: E501 - rows of lists stand on one line, as they do in the files

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest

from support import sheet_forge as forge
from support.lists import Lists
from yungu import scenarios
from yungu.accounts import Actor
from yungu.scenarios import Constraint, Indicator, Side
from yungu.scenarios.backends.sheets import open_sheets, packed
from yungu.scenarios.models import Batch
from yungu.scenarios.rules import cells, diffs, firms, sheets

WILD = [
    ["2026年第一批场景机会清单（征求意见稿）", None, None, None, None, None, None, None, None],
    ["序号", "场景领域", "场景机会名称", "单位名称", "需求描述", "指标要求", "预算（万元）", None, "联系方式"],
    [None, None, None, None, None, None, "下限", "上限", None],
    [1, "农业", "茶园开采期\n预测", "狮峰茶叶合作社（高新技术企业）", "凭经验开采，早晚两天损失三成产量", "1、预测误差≤2天，与实际开采日比对\n2、提前预测≥7天，看发布日期", 20, 40, "张三 1380000"],
    [2, "水利", "水库漂浮物巡检", "龙岗区水务局", "雨后漂浮物两天才清理，影响取水口", "识别率不低于90%（投放100个标记物）", 70, 130, "李四"],
    [3, "低空、物流", "山区药品运输", "龙岗区水务局（国企资质）", "转运三次，冷链断裂率9%", "送达时间≤90分钟，航班记录", 300, "面议", ""],
    [4, "教育", "坏预算的一行", "市西中学", "批改作业每天四小时", "节省时间≥2小时，计时", "很多", 3, ""],
    ["合计", None, 4, None, None, None, 390, 173, None],
]  # fmt: skip
MERGED = ["A1:I1", "G2:H2", *(f"{letter}2:{letter}3" for letter in "ABCDEFI")]


def read(data: bytes, side: Side = "opportunity", **mapping: Any) -> sheets.Reading:
    found = packed(open_sheets(data))
    return sheets.read(side, found, mapping or sheets.guess_mapping(side, found), {})


def codes(reading: sheets.Reading) -> set[tuple[str, str, str]]:
    return {(one.cell, one.weight, one.code) for one in reading.problems if one.cell}


def bring(
    lists: Lists, by: Actor, data: bytes, *, side: Side = "opportunity", name: str = "2026", confirm: bool = True
) -> Batch:
    found = packed(open_sheets(data))
    batch = lists.write(scenarios.preview_import, side, name, "list.xlsx", found, by, by.user)  # type: ignore[arg-type]
    return lists.write(scenarios.confirm_import, batch.id, by) if confirm else batch


def all_codes(lists: Lists, by: Actor) -> set[str]:
    return {item.code for item in lists.read(scenarios.list_owned, by)}


# --- reading


def test_a_workbook_from_the_wild_is_understood_and_its_bad_cells_are_named() -> None:
    reading = read(forge.xlsx(WILD, merged=MERGED))

    tea, water, drone = [one.content for one in reading.records]
    assert tea.title.zh == "茶园开采期\n预测" and tea.unit == "狮峰茶叶合作社" and tea.domains == ["agriculture"]  # type: ignore[union-attr]
    assert tea.indicators == [  # type: ignore[union-attr]
        Indicator("预测误差", "<=", 2.0, "天", "与实际开采日比对"),
        Indicator("提前预测", ">=", 7.0, "天", "看发布日期"),
    ]
    assert (tea.budget_least, tea.budget_most) == (200_000, 400_000)  # type: ignore[union-attr]
    assert tea.contact == "张三 1380000" and water.unit_kind == "government"  # type: ignore[union-attr]
    assert water.indicators == [Indicator("识别率", ">=", 90.0, "%", "投放100个标记物")]  # type: ignore[union-attr]
    assert drone.unit == "龙岗区水务局" and drone.domains == ["low_altitude", "logistics"]  # type: ignore[union-attr]
    assert {("G7", "error", "cell-amount"), ("D4", "warning", "firm-resolved")} <= codes(reading)
    assert ("A8", "warning", "row-skipped") in codes(reading)
    assert [one.row for one in reading.records] == [4, 5, 6]


def test_the_same_list_is_read_from_every_kind_of_file() -> None:
    rows = [
        ["名称", "单位", "痛点", "预算"],
        ["茶园", "农业局", "靠经验", "50-100万元"],
        ["湖", "水务局", "晚三天", "约30万"],
    ]
    text = "\n".join(",".join(str(cell) for cell in row) for row in rows)
    page = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    files = {
        "xlsx": forge.xlsx(rows),
        "xls": forge.xls(rows),
        "csv in GB18030": text.encode("gb18030"),
        "csv in UTF-8": text.encode("utf-8-sig"),
        "csv with tabs in UTF-16": text.replace(",", "\t").encode("utf-16"),
        "html": f"<html><body><table>{page}</table></body></html>".encode(),
    }
    found = {name: [one.content for one in read(data).records] for name, data in files.items()}
    assert all(contents == found["xlsx"] for contents in found.values()), found
    assert [(one.budget_least, one.budget_most) for one in found["xlsx"]] == [(500_000, 1_000_000), (300_000, 300_000)]  # type: ignore[union-attr]


def test_lists_of_firms_have_taxonomies_and_suffixes_of_their_own() -> None:
    rows = [
        ["企业名称", "企业类别", "能力名称", "应用场景", "核心技术", "资质证书", "性能指标", "技术成熟度", "部署方式"],
        ["云栖智能有限公司（ISO9001认证）", "机器视觉", "缺陷检测", "产线漏检", "线阵成像", "", "漏检率0.1%", "TRL 8", "边缘设备"],
        ["云栖智能", "机器视觉", "瓶盖检测", "产线漏检", "线阵成像", "等保三级", "速度：600只/分钟", 7, "私有化部署、接口"],
        ["云栖智能有限公司", "机器视觉", "瓶盖 检测", "又一行", "线阵成像", "", "", 7, ""],
    ]  # fmt: skip
    reading = read(forge.xlsx(rows), "capability")

    first, second = [one.content for one in reading.records]
    assert first.provider == second.provider == "云栖智能有限公司"  # type: ignore[union-attr]
    assert first.certificates == ["ISO9001认证"] and first.domains == ["vision"]  # type: ignore[union-attr]
    assert (first.maturity, first.forms, second.forms) == (8, ["edge"], ["private", "api"])  # type: ignore[union-attr]
    assert second.measurements[0].value == 600 and second.measurements[0].unit == "只/分钟"  # type: ignore[union-attr]
    assert {("A3", "warning", "firm-variant"), ("A4", "warning", "double-row")} <= codes(reading)


@pytest.mark.parametrize(
    ("cell", "unit", "amounts"),
    [
        ("50-100万元", 1, (500_000, 1_000_000)), ("约1.2亿", 1, (120_000_000, 120_000_000)),
        ("不超过30万", 1, (None, 300_000)), (3.5, 10_000, (35_000, 35_000)), ("1,200", 1, (1200, 1200)),
        ("面议", 1, (None, None)), ("至少 20万", 1, (200_000, 200_000)), ("2 million", 1, (2_000_000, 2_000_000)),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(cell: cells.Cell, unit: int, amounts: tuple[int | None, ...]) -> None:
    assert cells.amounts(cell, unit=unit) == amounts


@pytest.mark.parametrize(
    ("cell", "day"),
    [("2026年3月", date(2026, 3, 31)), ("2026.3.5", date(2026, 3, 5)), (46086, date(2026, 3, 5)), ("长期", None)],
)
def test_days_are_read_as_people_write_them(cell: cells.Cell, day: date | None) -> None:
    assert cells.day(cell) == day


def test_constraints_and_firms_are_told_apart() -> None:
    assert cells.constraints("需驻场；证书：等保三级\n注册地：杭州") == [
        Constraint("on_site"), Constraint("certificate", "等保三级"), Constraint("region", "杭州"),
    ]  # fmt: skip
    same = ["云栖智能有限公司", "云栖 智能", "云栖智能（高新资质）", "云栖智能股份有限公司"]
    assert len({firms.firm_key(name) for name in same}) == 1
    assert firms.bare_name("云栖(杭州)智能公司") == "云栖(杭州)智能公司"


# --- poisoned


def poisoned() -> dict[str, tuple[bytes, str]]:
    plain = forge.xlsx([["名称", "单位"], ["茶园", "农业局"]])
    sheet = forge.part(plain, "xl/worksheets/sheet1.xml")
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    laughs = (
        b"<!DOCTYPE l [" + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 9)) + b"]>"
    )
    far = sheet.replace(b'r="A2"', b'r="XFD1048576"')
    wide = sheet.replace(b"</sheetData>", b"</sheetData>" + b" " * (70 << 20))
    return {
        "macros": (forge.repacked(plain, xl__vbaProject_bin=b"x"), "macros"),
        "links to other files": (forge.repacked(plain, xl__externalLinks__externalLink1_xml=b"<x/>"), "links"),
        "external entities": (forge.repacked(plain, xl__sharedStrings_xml=entity + b"<x>&a;</x>"), "entities"),
        "a billion laughs": (forge.repacked(plain, xl__workbook_xml=laughs), "entities"),
        "entities in UTF-16": (forge.repacked(plain, xl__workbook_xml=entity.decode().encode("utf-16")), "entities"),
        "a zip bomb": (forge.repacked(plain, xl__worksheets__sheet1_xml=wide), "bomb"),
        "a cell at the end of the world": (forge.repacked(plain, xl__worksheets__sheet1_xml=far), "dimensions"),
        "half a workbook": (plain[: len(plain) // 2], "damaged"),
        "half an old one": (forge.xls([["名称"]])[:1500], "damaged"),
        "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "format"),
        "too many columns": ((",".join("x" * 200) + "\n").encode(), "dimensions"),
        "too many rows": (b"a,b\n" * 25_000, "dimensions"),
        "too many bytes": (b"a" * (9 << 20), "dimensions"),
        "a page without a table": (b"<html><p>hello</p></html>", "format"),
        "an XML spreadsheet": (b'<?xml version="1.0"?><Workbook/>', "format"),
    }


@pytest.mark.parametrize("name", list(poisoned()))
def test_a_poisoned_file_is_refused_clearly_and_soon(name: str) -> None:
    data, why = poisoned()[name]
    begun = time.monotonic()
    with pytest.raises(scenarios.SheetRefused) as refused:
        open_sheets(data)
    assert refused.value.why == why, refused.value.message
    assert time.monotonic() - begun < 30


def test_formulas_are_neither_computed_nor_taken() -> None:
    rows = [["名称", "单位", "痛点"], ["=1+1", "农业局", '=cmd|"/c calc"!A1'], ["茶园", "农业局", "@SUM(1)"]]
    reading = read(forge.xlsx(rows))
    assert {("A2", "error", "cell-formula"), ("C2", "error", "cell-formula")} <= codes(reading)
    assert [one.content.pain.zh + one.content.pain.en for one in reading.records] == ["@SUM(1)"]  # type: ignore[union-attr]


def test_the_process_that_reads_can_open_nothing() -> None:
    import subprocess
    import sys

    from yungu.scenarios.backends import sheets as backend

    program = (
        "import os, runpy, socket, sys; sys.path.append(sys.argv[1]); ns = runpy.run_path(sys.argv[2]); ns['warm'](); ns['shut_in']()\n"
        "for work in (lambda: open('/etc/passwd'), lambda: socket.socket(), os.fork, lambda: bytearray(2 << 30)):\n"
        "    try:\n        work()\n        print('could')\n"
        "    except (OSError, MemoryError) as error:\n        print('refused')\n"
    )
    command = [sys.executable, "-I", "-c", program, str(backend._SOURCE), str(backend._PROGRAM)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout.split() == [b"refused"] * 4


# --- confirming


def test_nothing_is_in_the_lists_until_it_is_confirmed(lists: Lists, lin: Actor) -> None:
    batch = bring(lists, lin, forge.xlsx(WILD, merged=MERGED), confirm=False)
    reading = lists.read(scenarios.read_preview, batch)
    assert (len(reading.records), len(reading.errors), all_codes(lists, lin)) == (3, 1, set())

    lists.write(scenarios.confirm_import, batch.id, lin, submit=True)
    made = lists.read(scenarios.list_owned, lin)
    assert len(made) == 3 and {item.batch for item in made} == {"2026"}
    assert {item.status for item in made} == {"draft"}, "without a payer none is handed in"
    with pytest.raises(scenarios.BatchClosed):
        lists.write(scenarios.confirm_import, batch.id, lin)


def test_another_mapping_gives_other_items(lists: Lists, lin: Actor) -> None:
    batch = bring(lists, lin, forge.xlsx([["甲", "乙", "丙"], ["茶园", "农业局", "区财政"]]), confirm=False)
    assert lists.read(scenarios.read_preview, batch).records == []
    with pytest.raises(scenarios.ContentInvalid):
        lists.write(scenarios.change_mapping, batch.id, lin, {"Sheet1": {"header": "0", "0": "nonsense"}})
    mapping = {"Sheet1": {"header": "0", "0": "title", "1": "firm", "2": "payer"}}
    changed = lists.write(scenarios.change_mapping, batch.id, lin, mapping)
    assert lists.read(scenarios.read_preview, changed).records[0].content.payer == "区财政"  # type: ignore[union-attr]


def test_the_same_file_again_changes_nothing_and_a_later_one_only_what_differs(lists: Lists, lin: Actor) -> None:
    head = ["名称", "单位", "痛点", "付费方"]
    first = [
        head,
        ["茶园", "农业局", "靠经验", "财政"],
        ["湖", "水务局", "晚三天", "财政"],
        ["路", "城管局", "坑", "财政"],
    ]
    later = [
        head,
        ["茶园", "农业局（国企资质）", "靠经验", "合作社"],
        ["湖", "水务局", "晚三天", "财政"],
        ["桥", "城管局", "裂缝", "财政"],
    ]
    one = bring(lists, lin, forge.xlsx(first))
    before = {item.code: item.version for item in lists.read(scenarios.list_owned, lin)}
    again = bring(lists, lin, forge.xlsx(first))
    assert {item.code: item.version for item in lists.read(scenarios.list_owned, lin)} == before

    two = bring(lists, lin, forge.xlsx(later))
    owned = {item.content.title.zh: item for item in lists.read(scenarios.list_owned, lin)}
    assert {title: item.version for title, item in owned.items()} == {"茶园": 2, "湖": 1, "路": 1, "桥": 1}
    found = diffs.compare(lists.read(scenarios.list_entries, again), lists.read(scenarios.list_entries, two))
    assert [entry.content.title.zh for entry in found.added] == ["桥"]
    assert [entry.content.title.zh for entry in found.removed] == ["路"]
    assert [(one.after.title.zh, list(one.fields)) for one in found.changed] == [("茶园", ["payer"])]
    assert found.same_count == 1
    outcomes = [entry.outcome for entry in lists.read(scenarios.list_entries, again).values()]
    assert outcomes == ["same"] * 3 and one.name == two.name


def test_a_firm_is_called_as_the_operator_says(lists: Lists, lin: Actor, operator: Actor) -> None:
    with pytest.raises(scenarios.RoleNeeded):
        lists.write(scenarios.name_firm, "云栖智能", "Yunqi", lin)
    lists.write(scenarios.name_firm, "云栖智能有限公司", "杭州云栖智能", operator)
    batch = bring(
        lists, lin, forge.xlsx([["名称", "企业名称"], ["检测", "云栖智能"]]), side="capability", confirm=False
    )
    assert lists.read(scenarios.read_preview, batch).records[0].content.provider == "杭州云栖智能"  # type: ignore[union-attr]


def test_a_batch_is_its_makers_and_the_operators(lists: Lists, lin: Actor, mei: Actor, operator: Actor) -> None:
    batch = bring(lists, lin, forge.xlsx([["名称", "单位"], ["茶园", "农业局"]]), confirm=False)
    with pytest.raises(scenarios.BatchNotFound):
        lists.write(scenarios.confirm_import, batch.id, mei)
    lists.write(scenarios.drop_import, batch.id, operator)
    with pytest.raises(scenarios.BatchClosed):
        lists.write(scenarios.confirm_import, batch.id, lin)
