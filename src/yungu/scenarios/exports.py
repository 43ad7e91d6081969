"""Lists as files: a workbook, CSV, JSON. What comes out can be brought in again.

A text that a spreadsheet would take for a formula gets an apostrophe before it, so that nothing runs where the file is
opened (https://owasp.org/www-community/attacks/CSV_Injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from yungu.scenarios.models import CapabilityContent, Item, OpportunityContent, Side
from yungu.scenarios.rules import contents, domains

_LIVE = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"

_MODES = {
    "purchase": "设备采购", "lease": "设备租赁", "operation": "商业运营", "solution": "解决方案",
    "joint_development": "联合研发", "joint_operation": "联合运营", "trial": "试用",
}  # fmt: skip
_UNIT_KINDS = {
    "government": "政府部门", "state_owned": "国有企业", "private": "民营企业", "hospital": "医院", "school": "学校",
    "other": "其他",
}  # fmt: skip
_PROVIDER_KINDS = {"opc": "一人公司", "company": "企业", "laboratory": "科研院所", "university": "高校"}
_FORMS = {"api": "接口", "private": "私有化部署", "edge": "边缘设备", "on_site": "现场部署"}


def _opportunity(content: OpportunityContent) -> Mapping[str, str | int | None]:
    return {
        "单位名称": content.unit,
        "单位类型": _UNIT_KINDS[content.unit_kind],
        "背景": content.background.zh,
        "背景英文": content.background.en,
        "痛点": content.pain.zh,
        "痛点英文": content.pain.en,
        "现状": content.baseline.zh,
        "现状英文": content.baseline.en,
        "指标": "\n".join(
            f"{contents.in_both(one.metric, one.metric_en)}{one.op}{one.value:g}{one.unit}"
            + (f"，{contents.in_both(one.method, one.method_en)}" if one.method or one.method_en else "")
            for one in content.indicators
        ),
        "提供条件": content.offered.zh,
        "提供条件英文": content.offered.en,
        "合作方式": _MODES[content.mode],
        "预算下限": content.budget_least,
        "预算上限": content.budget_most,
        "资金来源": content.budget_source,
        "付费方": content.payer,
        "截止日期": content.deadline.isoformat() if content.deadline else "",
        "容量": content.capacity,
    }


def _capability(content: CapabilityContent) -> Mapping[str, str | int | None]:
    return {
        "企业名称": content.provider,
        "企业类型": _PROVIDER_KINDS[content.provider_kind],
        "解决问题": content.problem.zh,
        "解决问题英文": content.problem.en,
        "技术路线": content.route.zh,
        "技术路线英文": content.route.en,
        "成熟度": content.maturity,
        "指标": "\n".join(
            f"{contents.in_both(one.metric, one.metric_en)}：{one.value:g}{one.unit}" for one in content.measurements
        ),
        "案例": content.cases.zh or content.cases.en,
        "部署方式": "、".join(_FORMS[form] for form in content.forms),
        "模型": "\n".join(content.repos),
        "资质证书": "、".join(content.certificates),
        "备案": "、".join(content.filings),
        "芯片": "、".join(content.chips),
        "许可证": content.licence,
        "价格下限": content.price_least,
        "价格上限": content.price_most,
        "有效期": content.expires_on.isoformat() if content.expires_on else "",
        "容量": content.capacity,
    }


def rows(side: Side, items: Iterable[Item]) -> Iterable[Mapping[str, str | int | None]]:
    """One mapping of header to cell for each item, every one with the same headers."""
    for item in items:
        content = item.content
        specific = _opportunity(content) if isinstance(content, OpportunityContent) else _capability(content)
        yield {
            "编号": item.code,
            "状态": item.status,
            "中文名称": content.title.zh,
            "英文名称": content.title.en,
            "领域": "、".join(domains.name_of(code).zh for code in content.domains),
            "地区": content.region,
            **specific,
            "来源": content.source,
        }


def headers(side: Side) -> Sequence[str]:
    empty = OpportunityContent() if side == "opportunity" else CapabilityContent()
    specific = _opportunity(empty) if isinstance(empty, OpportunityContent) else _capability(empty)
    return ["编号", "状态", "中文名称", "英文名称", "领域", "地区", *specific, "来源"]


def inert(value: str | int | None) -> str | int | None:
    """The same, with nothing in it that a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_LIVE) else value


def to_csv(side: Side, items: Iterable[Item]) -> bytes:
    """UTF-8 with its mark, so that spreadsheet programs read Chinese."""
    out = io.StringIO(newline="")
    out.write(_BOM)
    writer = csv.DictWriter(out, list(headers(side)))
    writer.writeheader()
    for row in rows(side, items):
        writer.writerow({name: inert(value) for name, value in row.items()})
    return out.getvalue().encode()


def to_xlsx(side: Side, items: Iterable[Item]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("场景机会清单" if side == "opportunity" else "场景能力清单")
    sheet.freeze_panes = "A2"
    names = headers(side)
    head = [WriteOnlyCell(sheet, value=name) for name in names]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in rows(side, items):
        sheet.append([_cell(sheet, WriteOnlyCell, inert(row[name])) for name in names])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def to_json(items: Iterable[Item]) -> bytes:
    """As `public` makes it, in one array."""
    return msgspec.json.format(msgspec.json.encode([public(item) for item in items]), indent=2)


def public(item: Item) -> dict[str, Any]:
    """An item as programs read it."""
    left = max(0, item.content.capacity - item.taken_count)
    names = "code side version status owner batch score created_at changed_at confirmed_at".split()
    told: dict[str, Any] = {name: msgspec.to_builtins(getattr(item, name)) for name in names}
    return told | contents.pack(item.content) | {"capacity_left": left}


def _cell(sheet: Any, make: Callable[..., Any], value: str | int | None) -> Any:
    cell = make(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
