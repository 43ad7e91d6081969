"""From the sheets of a file to items: where the header is, which column means what, and what is wrong with which cell.

A sheet is what `yungu.scenarios.backends.sheets` says it is; rows and columns count from 0 here, addresses as in the
program that made the file ("B7")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from yungu.scenarios.errors import ContentInvalid
from yungu.scenarios.models import CapabilityContent, Content, OpportunityContent, Side, Words
from yungu.scenarios.rules import cells, contents, domains, firms, lint
from yungu.scenarios.rules.cells import Cell, CellUnreadable

Weight = Literal["error", "warning"]
HEADER = "header"
_SEARCHED_ROWS = 30
_MOST_PROBLEMS = 1000
_FOOTER = re.compile(r"^(合计|总计|小计|注[:：]|备注[:：]|说明[:：]|填表|total|note[:s])", re.IGNORECASE)
_NOISE = re.compile(r"[\s*＊·•:：]+|（必填）|\(必填\)|（选填）")
_BRACKETS = re.compile(r"[（(].*?[)）]")

_NAMED: Mapping[str, str] = {
    "title": "场景名称 场景机会名称 场景能力名称 机会名称 能力名称 项目名称 需求名称 名称 场景 产品名称 "
    "title name scenario",
    "title.zh": "中文名称 名称中文 标题中文 title_zh chinese_title title(chinese)",
    "title.en": "英文名称 名称英文 标题英文 title_en english_title title(english)",
    "firm": "单位名称 需求单位 发布单位 企业名称 企业 单位 公司名称 提供单位 供给单位 能力单位 责任单位 牵头部门 unit "
    "company provider organisation organization firm",
    "firm_kind": "单位类型 单位性质 企业类别 企业类型 企业性质 主体类型 unit_kind unit_type provider_kind company_type",
    "domains": "场景类型 场景领域 领域 所属领域 应用领域 行业 所属行业 行业领域 技术领域 "
    "field fields domain industry sector",
    "region": "地区 区域 所在地 城市 属地 注册地 region city location",
    "background": "背景 场景背景 项目背景 场景简介 简介 background introduction",
    "background.en": "背景英文 background_en",
    "pain": "痛点 痛点问题 存在问题 需求描述 场景需求 合作需求 具体需求 需求内容 需求 问题 "
    "pain need problem pain_point",
    "pain.en": "痛点英文 需求英文 pain_en",
    "baseline": "现状 当前水平 基线 现状指标 baseline current_value",
    "baseline.en": "现状英文 baseline_en",
    "measured": "指标 预期指标 技术指标 考核指标 验收指标 指标要求 技术标准 性能指标 实测指标 indicators indicator kpi "
    "target measurements performance",
    "offered": "开放数据 可提供数据 数据与场地 提供条件 开放资源 支持条件 offered resources data_offered",
    "offered.en": "提供条件英文 offered_en",
    "constraints": "约束 硬性要求 准入条件 限制条件 资质要求 constraints requirements",
    "mode": "合作方式 合作模式 合作类型 mode cooperation cooperation_mode",
    "budget": "预算 预算金额 投资额 投资估算 资金 计划投资 经费预算 budget price 价格 报价 产品价格",
    "budget_least": "预算下限 最低预算 budget_least budget_min price_least price_min 价格下限",
    "budget_most": "预算上限 最高预算 budget_most budget_max price_most price_max 价格上限",
    "budget_source": "资金来源 预算来源 经费来源 budget_source funding",
    "payer": "付费方 付款方 出资方 买单方 payer",
    "starts_on": "开始时间 启动时间 计划开始 starts_on start",
    "deadline": "截止时间 截止日期 申报截止 报名截止 有效期 有效期至 deadline expires_on expiry due",
    "capacity": "容量 试点数量 可容纳试点 名额 揭榜名额 capacity pilots",
    "ownership": "知识产权 成果归属 数据权属 ownership ip",
    "contact": "联系方式 联系人 联系电话 联系人及电话 联系人及联系方式 contact phone",
    "confidentiality": "密级 公开范围 保密等级 confidentiality visibility",
    "problem": "解决问题 解决的问题 应用场景 适用场景 problem_solved use_case",
    "problem.en": "解决问题英文 problem_en",
    "route": "技术路线 核心技术 能力描述 能力简介 产品简介 主要技术 核心产品 企业简介 route technology core_technology "
    "capability description",
    "route.en": "技术路线英文 route_en",
    "cases": "案例 应用案例 典型案例 参考案例 cases case references",
    "maturity": "成熟度 技术成熟度 trl maturity",
    "forms": "部署方式 交付形式 服务形式 forms deployment",
    "certificates": "资质 资质证书 证书 企业资质 certificates certificate",
    "filings": "备案 备案号 算法备案 filings filing",
    "chips": "适配芯片 芯片 国产化适配 chips chip",
    "licence": "许可 许可证 licence license",
    "repos": "模型 模型地址 关联模型 repos models",
    "source": "来源 出处 source",
    "number": "序号 编号 no id code #",
}
_ONLY: Mapping[Side, frozenset[str]] = {
    "opportunity": frozenset(
        "background background.en pain pain.en baseline baseline.en offered offered.en constraints mode budget_source "
        "payer starts_on ownership".split()
    ),
    "capability": frozenset(
        "problem problem.en route route.en cases maturity forms certificates filings chips licence repos".split()
    ),
}
_COMMON = frozenset(_NAMED) - _ONLY["opportunity"] - _ONLY["capability"]
_INSTEAD: Mapping[Side, Mapping[str, str]] = {
    "opportunity": {"problem": "pain", "problem.en": "pain.en", "certificates": "constraints"},
    "capability": {"pain": "problem", "pain.en": "problem.en", "background": "route", "constraints": "certificates"},
}


@dataclass(frozen=True, slots=True)
class Problem:
    """``code``: what it is, for words in the reader's language; ``found``: what stands in the cell."""

    sheet: str
    cell: str
    weight: Weight
    code: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One row that became an item. ``row``: as the program counts, from 1."""

    sheet: str
    row: int
    key: str
    content: Content


@dataclass(frozen=True, slots=True)
class Reading:
    """What would be imported, and everything that is wrong."""

    records: Sequence[Record]
    problems: Sequence[Problem]

    @property
    def errors(self) -> Sequence[Problem]:
        return [one for one in self.problems if one.weight == "error"]


@dataclass(slots=True)
class _Row:
    """One row on its way to an item."""

    side: Side
    sheet: str
    number: int
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, column: int, weight: Weight, code: str, found: Cell = "") -> None:
        self.problems.append(Problem(self.sheet, address(self.number, column), weight, code, cells.text(found)[:80]))


def fields_of(side: Side) -> Sequence[str]:
    """What a column of that list can mean."""
    return [name for name in _NAMED if name in _COMMON or name in _ONLY[side]]


def address(row: int, column: int) -> str:
    """``B7`` for row 6, column 1."""
    letters, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def guess_mapping(side: Side, sheets: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Sheet name to column number to field; "header" is the last row of its header. Sheets that do not look like a
    list are left out."""
    mapping: dict[str, dict[str, str]] = {}
    for sheet in sheets:
        rows: Sequence[Sequence[Cell]] = sheet["rows"]
        best: tuple[int, int, dict[str, str]] = (0, 0, {})
        for at in range(min(len(rows), _SEARCHED_ROWS)):
            for height in (1, 2):
                found = _header(side, rows[at : at + height]) if at + height <= len(rows) else {}
                if len(found) > best[0]:
                    best = (len(found), at + height - 1, found)
        if best[0] >= 2 and ({"title", "title.zh", "title.en", "firm"} & set(best[2].values())):
            mapping[sheet["name"]] = {HEADER: str(best[1]), **best[2]}
    return mapping


def labels(sheet: Mapping[str, Any], header: int) -> Sequence[str]:
    """What stands over each column; of a header of two rows both."""
    rows = sheet["rows"]
    if not 0 <= header < len(rows):
        return []
    above = rows[header - 1] if header else [None] * len(rows[header])
    return [_label(top, bottom) for top, bottom in zip(above, rows[header], strict=True)]


def read(
    side: Side,
    sheets: Sequence[Mapping[str, Any]],
    mapping: Mapping[str, Mapping[str, str]],
    aliases: Mapping[str, str],
) -> Reading:
    """Every row under the headers as an item, or a problem that says why not."""
    records: list[Record] = []
    problems: list[Problem] = []
    seen: dict[str, Record] = {}
    spelt: dict[str, str] = {}
    for sheet in sheets:
        columns = mapping.get(sheet["name"])
        if not columns:
            problems.append(Problem(sheet["name"], "", "warning", "sheet-skipped"))
            continue
        for row in _rows(side, sheet, columns, aliases):
            record = _finish(row, spelt)
            problems += row.problems
            if record is None:
                continue
            if record.key in seen:
                first = seen[record.key]
                where = f"{first.sheet} {first.row}"
                problems.append(Problem(record.sheet, address(row.number, 0), "warning", "double-row", where))
                continue
            seen[record.key] = record
            records.append(record)
    if not mapping:
        problems.append(Problem("", "", "error", "no-header"))
    return Reading(records, problems[:_MOST_PROBLEMS])


# --- headers


def _header(side: Side, rows: Sequence[Sequence[Cell]]) -> dict[str, str]:
    """Column number to field, where these rows are a header."""
    found: dict[str, str] = {}
    above = rows[0] if len(rows) == 2 else [None] * len(rows[-1])
    for column, (top, bottom) in enumerate(zip(above, rows[-1], strict=True)):
        if len(cells.text(bottom)) > 40:
            continue
        name = _field(side, cells.text(top), cells.text(bottom))
        if name and name not in found.values():
            found[str(column)] = name
    return found


def _label(top: Cell, bottom: Cell) -> str:
    upper, lower = cells.text(top), cells.text(bottom)
    return lower if not upper or upper == lower or len(upper) > 20 else f"{upper} / {lower}"


@lru_cache(maxsize=4096)
def _field(side: Side, top: str, bottom: str) -> str | None:
    """The field that a label means: as it stands, then with what stands above it, then without its brackets."""
    tries = [bottom, f"{top}{bottom}", f"{bottom}{top}", _BRACKETS.sub("", bottom), _BRACKETS.sub("", top + bottom)]
    for text in tries:
        if name := _BY_LABEL.get(_plain(text)):
            name = _INSTEAD[side].get(name, name)
            return name if name in fields_of(side) else None
    return None


def _plain(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).replace("_", "").casefold()


_BY_LABEL = {_plain(label): name for name, known in _NAMED.items() for label in known.split()}


# --- rows


def _rows(
    side: Side, sheet: Mapping[str, Any], columns: Mapping[str, str], aliases: Mapping[str, str]
) -> Iterator[_Row]:
    rows: Sequence[Sequence[Cell]] = sheet["rows"]
    header = int(columns[HEADER])
    over = labels(sheet, header)
    for number in range(header + 1, len(rows)):
        cells_of = rows[number]
        filled = {cells.text(cell) for cell in cells_of if cells.text(cell)}
        if not filled or filled == {text for text in map(cells.text, rows[header]) if text}:
            continue
        row = _Row(side, sheet["name"], number)
        _tell_notes(row, sheet["notes"], columns)
        if len(filled) == 1 or _FOOTER.match(cells.text(cells_of[0])):
            row.tell(0, "warning", "row-skipped", next(iter(filled)))
            yield row
            continue
        for column, cell in enumerate(cells_of):
            name = columns.get(str(column), "")
            if name and name != "number" and cells.text(cell):
                _take(row, name, column, cell, over[column], aliases)
        yield row


def _tell_notes(row: _Row, notes: Mapping[str, str], columns: Mapping[str, str]) -> None:
    """Formulas and errors are not taken; where they stand in a column that counts, neither is their row."""
    for column in map(int, columns.keys() - {HEADER}):
        if note := notes.get(address(row.number, column)):
            row.tell(column, "warning" if note == "cut" else "error", f"cell-{note}")


def _take(row: _Row, name: str, column: int, cell: Cell, label: str, aliases: Mapping[str, str]) -> None:
    try:
        _READERS.get(name, _take_text)(row, name, column, cell, label, aliases)
    except CellUnreadable as error:
        row.tell(column, "warning" if error.code in ("choice", "constraint") else "error", f"cell-{error.code}", cell)


Reader = Callable[[_Row, str, int, Cell, str, Mapping[str, str]], None]


def _take_text(row: _Row, name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    field_name, _, language = name.partition(".")
    kind = getattr(contents.CLASSES[row.side](), field_name)
    if not isinstance(kind, Words):
        row.values[field_name] = cells.text(cell)[:300]
        return
    said = cells.words(cell) if not language else Words(**{language: cells.text(cell)})
    before = row.values.get(field_name, Words())
    row.values[field_name] = Words(before.zh or said.zh, before.en or said.en)


def _take_firm(row: _Row, _name: str, column: int, cell: Cell, _label: str, aliases: Mapping[str, str]) -> None:
    said = cells.text(cell)
    firm = firms.resolve(said, aliases)
    row.values["unit" if row.side == "opportunity" else "provider"] = firm[:300]
    if row.side == "opportunity":
        row.values.setdefault("unit_kind", firms.guess_unit_kind(firm))
    elif extra := firms.held(said):
        row.values["certificates"] = [*row.values.get("certificates", []), *extra]
    if firm != said:
        row.tell(column, "warning", "firm-resolved", f"{said} → {firm}")


def _take_firm_kind(row: _Row, _name: str, column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    """Lists of firms have a category of their own in this place: a second taxonomy, kept as a field."""
    name = "unit_kind" if row.side == "opportunity" else "provider_kind"
    try:
        row.values[name] = cells.choice(name, cell)
    except CellUnreadable:
        row.values["domains"] = [*row.values.get("domains", []), *domains.codes(cells.names(cell))]
        row.tell(column, "warning", "category-as-field", cell)


def _take_domains(row: _Row, _name: str, column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    codes = domains.codes(cells.names(cell))
    row.values["domains"] = list(dict.fromkeys([*row.values.get("domains", []), *codes]))
    if unknown := [code for code in codes if code not in domains.FIELDS and code not in domains.CATEGORIES]:
        row.tell(column, "warning", "field-unknown", ", ".join(unknown))


def _take_measured(row: _Row, _name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    if row.side == "opportunity":
        row.values["indicators"] = cells.indicators(cell)
    else:
        row.values["measurements"] = cells.measurements(cell)


def _take_budget(row: _Row, name: str, _column: int, cell: Cell, label: str, _aliases: Mapping[str, str]) -> None:
    unit = 10**8 if "亿" in label else 10**4 if "万" in label else 1
    least, most = cells.amounts(cell, unit=unit)
    stem = "budget" if row.side == "opportunity" else "price"
    if name == "budget":
        row.values |= {f"{stem}_least": least, f"{stem}_most": most}
    else:
        row.values[f"{stem}_{name.partition('_')[2]}"] = most if most is not None else least


def _take_day(row: _Row, name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    name = "expires_on" if name == "deadline" and row.side == "capability" else name
    row.values[name] = cells.day(cell)


def _take_number(row: _Row, name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    row.values[name] = cells.whole(cell, least=1, most=9 if name == "maturity" else 1000)


def _take_choice(row: _Row, name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    row.values[name] = cells.choice(name, cell)


def _take_names(row: _Row, name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    found = (
        [part for piece in cells.lines(cell) for part in cells.names(piece)] if name != "repos" else cells.lines(cell)
    )
    row.values[name] = [*row.values.get(name, []), *(one[:300] for one in found)]


def _take_forms(row: _Row, _name: str, _column: int, cell: Cell, _label: str, _aliases: Mapping[str, str]) -> None:
    row.values["forms"] = [cells.choice("form", one) for one in cells.names(cell)]


def _take_constraints(row: _Row, _name: str, _column: int, cell: Cell, _label: str, _al: Mapping[str, str]) -> None:
    row.values["constraints"] = cells.constraints(cell)


_READERS: Mapping[str, Reader] = {
    "firm": _take_firm,
    "firm_kind": _take_firm_kind,
    "domains": _take_domains,
    "measured": _take_measured,
    "budget": _take_budget,
    "budget_least": _take_budget,
    "budget_most": _take_budget,
    "starts_on": _take_day,
    "deadline": _take_day,
    "capacity": _take_number,
    "maturity": _take_number,
    "mode": _take_choice,
    "confidentiality": _take_choice,
    "forms": _take_forms,
    "constraints": _take_constraints,
    "certificates": _take_names,
    "filings": _take_names,
    "chips": _take_names,
    "repos": _take_names,
}


def _finish(row: _Row, spelt: dict[str, str]) -> Record | None:
    """The row as an item, unless something in it is wrong. ``spelt``: how this file spelt each firm first."""
    if not row.values:
        return None
    made: Content = contents.CLASSES[row.side]()
    try:
        made = contents.check(replace(made, **row.values))
    except ContentInvalid as error:
        row.tell(0, "error", "row-invalid", f"{error.field}: {error.why}")
        return None
    made = _one_spelling(row, made, spelt)
    firm = made.unit if isinstance(made, OpportunityContent) else made.provider
    title = contents.title_of(made)
    if not title:
        row.tell(0, "error", "row-untitled")
    if not firm:
        row.tell(0, "error", "row-firmless")
    for one in lint.errors(made):
        if one.code not in ("title-missing", "unit-missing", "provider-missing"):
            row.tell(0, "warning", one.code, one.found)
    if any(one.weight == "error" for one in row.problems):
        return None
    return Record(row.sheet, row.number + 1, firms.entry_key(row.side, firm, title), made)


def _one_spelling(row: _Row, content: Content, spelt: dict[str, str]) -> Content:
    """The same firm on several rows has one name: the first."""
    firm = content.unit if isinstance(content, OpportunityContent) else content.provider
    if not firm:
        return content
    first = spelt.setdefault(firms.firm_key(firm), firm)
    if first == firm:
        return content
    row.tell(0, "warning", "firm-variant", f"{firm} → {first}")
    if isinstance(content, CapabilityContent):
        return replace(content, provider=first)
    return replace(content, unit=first)
