"""One cell of a list in the wild to a value: amounts, days, indicators, choices. What cannot be read says why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta

from yungu.scenarios.models import Constraint, Indicator, Measurement, Words
from yungu.scenarios.rules.contents import apart, is_chinese

Cell = str | int | float | None

_NUMBER = r"[-+]?\d+(?:[,，]\d{3})*(?:\.\d+)?"
_OPERATORS: Mapping[str, str] = {
    "≥": ">=", "≧": ">=", "不低于": ">=", "不少于": ">=", "不小于": ">=", "至少": ">=", "达到": ">=", "at least": ">=",
    "≤": "<=", "≦": "<=", "不超过": "<=", "不高于": "<=", "不大于": "<=", "至多": "<=", "以内": "<=", "at most": "<=",
    "大于": ">", "超过": ">", "高于": ">", "more than": ">", "小于": "<", "低于": "<", "少于": "<", "less than": "<",
    ">=": ">=", "<=": "<=", "=>": ">=", "=<": "<=", ">": ">", "<": "<", "＝": "=", "=": "=", "为": "=",
}  # fmt: skip
_OPERATOR = "|".join(sorted(map(re.escape, _OPERATORS), key=len, reverse=True))
_INDICATOR = re.compile(
    rf"^(?P<metric>[^≥≤<>=＝]*?)\s*(?P<op>{_OPERATOR})\s*(?P<value>{_NUMBER})\s*(?P<unit>[^,，;；。（(]*)"
    rf"[,，;；（(]?\s*(?P<method>.*?)[)）。]?$",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    rf"^(?P<metric>.*?)\s*(?:{_OPERATOR}|[:：])?\s*(?P<value>{_NUMBER})\s*(?P<unit>[^,，;；。（(]*)", re.IGNORECASE
)
_AMOUNT = re.compile(rf"({_NUMBER})\s*(亿|万|千|billion|million|k|m)?", re.IGNORECASE)
_UNITS = {"亿": 10**8, "万": 10**4, "千": 10**3, "billion": 10**9, "million": 10**6, "k": 10**3, "m": 10**6, "": 1}
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2}))?")
_LINES = re.compile(r"[\n;；]+|(?<=[^\d])(?:\d{1,2}[、.．)）])\s*(?=\D)")
_NAMES = re.compile(r"[\n;；,，、/|]+")
_LEADING = re.compile(r"^\s*(?:[\d]{1,2}[、.．)）]|[（(]\d{1,2}[)）]|[-•●·*])\s*")

CHOICES: Mapping[str, Mapping[str, str]] = {
    "mode": {
        "设备采购": "purchase", "采购": "purchase", "购买设备": "purchase", "设备租赁": "lease", "租赁": "lease",
        "商业运营": "operation", "运营": "operation", "购买解决方案": "solution", "解决方案": "solution",
        "购买服务": "solution", "联合研发": "joint_development", "联合开发": "joint_development",
        "联合建设": "joint_development", "共建": "joint_development", "合作研发": "joint_development",
        "联合运营": "joint_operation", "合作运营": "joint_operation", "试用": "trial", "试点": "trial",
        "先试后转": "trial", "测试验证": "trial", "pilot": "trial",
    },
    "unit_kind": {
        "政府": "government", "政府部门": "government", "机关": "government", "事业单位": "government",
        "国企": "state_owned", "国有企业": "state_owned", "央企": "state_owned", "民企": "private",
        "民营企业": "private", "企业": "private", "医院": "hospital", "学校": "school", "高校": "school",
    },
    "provider_kind": {
        "opc": "opc", "一人公司": "opc", "个人": "opc", "企业": "company", "公司": "company", "民营企业": "company",
        "国有企业": "company", "科研院所": "laboratory", "研究院": "laboratory", "实验室": "laboratory",
        "高校": "university", "大学": "university",
    },
    "confidentiality": {"公开": "public", "内部": "internal", "限制": "restricted", "保密": "restricted"},
    "form": {
        "接口": "api", "云服务": "api", "saas": "api", "私有化": "private", "私有化部署": "private",
        "本地部署": "private", "边缘": "edge", "边缘设备": "edge", "端侧": "edge", "现场": "on_site",
        "现场部署": "on_site", "on site": "on_site",
    },
}  # fmt: skip
_CODES = {
    "mode": "purchase lease operation solution joint_development joint_operation trial",
    "unit_kind": "government state_owned private hospital school other",
    "provider_kind": "opc company laboratory university",
    "confidentiality": "public internal restricted",
    "form": "api private edge on_site",
}
_CONSTRAINTS = {
    "证书": "certificate", "资质": "certificate", "certificate": "certificate", "备案": "filing", "filing": "filing",
    "国产": "domestic_chip", "信创": "domestic_chip", "domestic": "domestic_chip", "数据不出": "data_stays",
    "本地化": "data_stays", "data stays": "data_stays", "驻场": "on_site", "现场": "on_site", "on site": "on_site",
    "注册地": "region", "本地企业": "region", "region": "region", "关联": "not_affiliated", "牌照": "licence",
    "许可": "licence", "成熟度": "maturity", "trl": "maturity", "私有化": "form",
}  # fmt: skip


class CellUnreadable(ValueError):
    """``code``: what is wrong with the cell."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def text(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:g}" if abs(cell) < 1e6 else f"{cell:.2f}"
    return "" if cell is None else str(cell).strip()


def words(cell: Cell) -> Words:
    """By the letters in it."""
    said = text(cell)
    return Words(said, "") if is_chinese(said) else Words("", said)


def names(cell: Cell) -> list[str]:
    return [part for piece in _NAMES.split(text(cell)) if (part := _LEADING.sub("", piece).strip())]


def lines(cell: Cell) -> list[str]:
    return [part for piece in _LINES.split(text(cell)) if (part := _LEADING.sub("", piece).strip(" 。"))]


def choice(field: str, cell: Cell) -> str:
    """Raises CellUnreadable."""
    said = unicodedata.normalize("NFKC", text(cell)).strip().casefold()
    if (code := said.replace(" ", "_").replace("-", "_")) in _CODES[field].split():
        return code
    known = CHOICES[field]
    if said in known:
        return known[said]
    for name, code in known.items():
        if name in said:
            return code
    raise CellUnreadable("choice")


def amounts(cell: Cell, *, unit: int = 1) -> tuple[int | None, int | None]:
    """The least and the most, in yuan: "50-100万元", "约30万", "不超过20万元"; a bare number counts in ``unit`` yuan.
    Raises CellUnreadable."""
    said = unicodedata.normalize("NFKC", text(cell))
    found = [(float(number.replace(",", "")), _UNITS[scale.casefold()]) for number, scale in _AMOUNT.findall(said)]
    if not found:
        if said in ("", "面议", "待定", "-", "/", "negotiable", "tbd"):
            return None, None
        raise CellUnreadable("amount")
    scale = found[-1][1] if found[-1][1] > 1 else unit
    values = [round(abs(number) * (own if own > 1 else scale)) for number, own in found[:2]]
    if len(values) == 2:
        return min(values), max(values)
    if re.search(r"不低于|以上|起|at least|≥", said):
        return values[0], None
    return (None, values[0]) if re.search(r"不超过|以内|以下|at most|up to|≤", said) else (values[0], values[0])


def day(cell: Cell) -> date | None:
    """A date; of a month its last day; of a spreadsheet's number the day that it counts. Raises CellUnreadable."""
    if isinstance(cell, int | float) and 20_000 < cell < 80_000:
        return date(1899, 12, 30) + timedelta(days=int(cell))
    said = text(cell)
    if said in ("", "长期", "长期有效", "-", "/", "open"):
        return None
    found = _DAY.search(unicodedata.normalize("NFKC", said))
    if found is None:
        raise CellUnreadable("date")
    year, month = int(found[1]), int(found[2])
    try:
        if found[3]:
            return date(year, month, int(found[3]))
        return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    except ValueError as error:
        raise CellUnreadable("date") from error


def whole(cell: Cell, *, least: int, most: int) -> int:
    """Raises CellUnreadable."""
    found = re.search(r"\d+", text(cell))
    if found is None or not least <= int(found[0]) <= most:
        raise CellUnreadable("number")
    return int(found[0])


def indicators(cell: Cell) -> list[Indicator]:
    """Each line that has a number and a comparison: "识别准确率≥95%，人工复核". Raises CellUnreadable if none has."""
    found = [_indicator(line) for line in lines(cell)]
    read = [one for one in found if one is not None]
    if not read and found:
        raise CellUnreadable("indicator")
    return read


def measurements(cell: Cell) -> list[Measurement]:
    """Each line that has a number. Raises CellUnreadable if none has."""
    read = []
    for line in lines(cell):
        if found := _MEASURED.match(unicodedata.normalize("NFKC", line)):
            metric, english = apart(found["metric"].strip(" :：约为达到可"))
            unit = found["unit"].strip()
            read.append(Measurement(metric or line, _float(found["value"]), unit, metric_en=english))
    if not read and text(cell):
        raise CellUnreadable("indicator")
    return read


def constraints(cell: Cell) -> list[Constraint]:
    """Each line by the first word that tells its kind. Raises CellUnreadable where none does."""
    found: list[Constraint] = []
    for line in lines(cell):
        kind = next((kind for word, kind in _CONSTRAINTS.items() if word in line.casefold()), None)
        if kind is None:
            raise CellUnreadable("constraint")
        said = re.split(r"[:：]", line, maxsplit=1)[-1].strip()
        keeps = kind in ("certificate", "filing", "region", "licence", "maturity", "form")
        found.append(Constraint(kind, said if keeps else ""))  # type: ignore[arg-type]
    return found


def _indicator(line: str) -> Indicator | None:
    found = _INDICATOR.match(unicodedata.normalize("NFKC", line).replace("≥", ">=").replace("≤", "<="))
    if found is None or not found["metric"].strip():
        return None
    op = _OPERATORS[found["op"].casefold()]
    method, method_en = apart(found["method"].strip(" ,，;；:："))
    metric, metric_en = apart(found["metric"].strip(" :：,，"))
    return Indicator(metric, op, _float(found["value"]), found["unit"].strip(), method, metric_en, method_en)  # type: ignore[arg-type]


def _float(number: str) -> float:
    return float(number.replace(",", "").replace("，", ""))
