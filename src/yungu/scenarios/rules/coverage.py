"""Does what a capability was measured at meet what an opportunity asks for? Same metric, converted unit, compared.

Metrics and units are written in two languages and many ways; a table names the common ones. What cannot be compared
is unknown, never unmet."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from yungu.scenarios.models import Indicator, Measurement, Operator

State = Literal["met", "unmet", "unknown"]
WORTH: Mapping[State, float] = {"met": 1.0, "unknown": 0.4, "unmet": 0.0}
UNPROVEN = 0.8
"""What an indicator is worth that is met by a claim without evidence."""
_TOLERANCE = 1e-9
_PER = re.compile(r"\s*(?:\bper\b|每|/)\s*")
_SPACES = re.compile(r"[\s\-_/·()（）]+")

METRICS: Mapping[str, Sequence[str]] = {
    "accuracy": ("准确率", "准确度", "正确率", "精度", "accuracy"),
    "precision": ("精确率", "查准率", "precision"),
    "recall": ("召回率", "查全率", "检出率", "recall", "detection rate", "sensitivity", "灵敏度"),
    "f1": ("f1", "f1值", "f1 score"),
    "map": ("map", "平均精度均值", "mean average precision"),
    "auc": ("auc", "曲线下面积"),
    "false_alarms": ("误报率", "误检率", "虚警率", "false alarm rate", "false positive rate", "false alarms"),
    "misses": ("漏检率", "漏报率", "miss rate", "false negative rate"),
    "latency": ("响应时间", "时延", "延迟", "响应时长", "推理耗时", "latency", "response time", "delay"),
    "throughput": ("吞吐量", "处理速度", "检测速度", "处理能力", "throughput", "inspection speed", "processing speed"),
    "error": (
        "平均绝对误差", "平均误差", "预测误差", "误差", "mae", "mean absolute error", "prediction error", "error",
    ),
    "lead_time": ("提前量", "预警提前", "提前时间", "提前期", "lead time", "warning time"),
    "saving": ("节能率", "节电率", "能耗下降", "energy saving", "energy savings"),
    "cost_cut": ("降本率", "成本下降", "人工成本下降", "cost reduction", "labour saving"),
    "efficiency": ("效率提升", "提效", "装载率提升", "efficiency gain", "productivity gain"),
    "availability": ("可用率", "可用性", "在线率", "availability", "uptime"),
    "coverage": ("覆盖率", "coverage"),
    "resolution": ("最小检出尺寸", "检出尺寸", "检测精度", "分辨率", "smallest defect", "defect size", "resolution"),
    "endurance": ("续航时间", "续航", "航时", "endurance", "flight time"),
    "payload": ("载重", "有效载荷", "payload"),
    "automation": ("自动化率", "自动办结率", "自动分拨率", "automation rate", "straight-through rate"),
    "satisfaction": ("满意度", "满意率", "satisfaction"),
    "handling_time": ("处置时间", "处理时长", "办理时长", "办结时间", "handling time", "turnaround"),
}  # fmt: skip

_SIZES: Mapping[str, tuple[str, float, Sequence[str]]] = {
    "1": ("ratio", 1.0, ("", "1", "ratio", "比例")),
    "%": ("ratio", 1e-2, ("percent", "pct", "个百分点", "百分点", "pp", "pts")),
    "‰": ("ratio", 1e-3, ("permille",)),
    "ppm": ("ratio", 1e-6, ()),
    "us": ("time", 1e-6, ("µs", "微秒")),
    "ms": ("time", 1e-3, ("毫秒", "millisecond", "milliseconds")),
    "s": ("time", 1.0, ("秒", "秒钟", "sec", "second", "seconds")),
    "min": ("time", 60.0, ("分", "分钟", "minute", "minutes")),
    "h": ("time", 3600.0, ("时", "小时", "hour", "hours", "hr")),
    "d": ("time", 86400.0, ("天", "日", "day", "days")),
    "week": ("time", 604800.0, ("周", "weeks")),
    "um": ("length", 1e-6, ("µm", "微米")),
    "mm": ("length", 1e-3, ("毫米",)),
    "cm": ("length", 1e-2, ("厘米",)),
    "m": ("length", 1.0, ("米", "metre", "metres", "meter", "meters")),
    "km": ("length", 1e3, ("公里", "千米")),
    "g": ("mass", 1e-3, ("克",)),
    "kg": ("mass", 1.0, ("千克", "公斤")),
    "t": ("mass", 1e3, ("吨", "tonne", "tonnes")),
    "m2": ("area", 1.0, ("m²", "平方米", "平米")),
    "mu": ("area", 2000 / 3, ("亩",)),
    "ha": ("area", 1e4, ("公顷", "hectare")),
    "km2": ("area", 1e6, ("km²", "平方公里", "平方千米")),
    "w": ("power", 1.0, ("瓦",)),
    "kw": ("power", 1e3, ("千瓦",)),
    "mw": ("power", 1e6, ("兆瓦",)),
    "kwh": ("energy", 3.6e6, ("千瓦时", "度")),
    "j": ("energy", 1.0, ("焦",)),
    "yuan": ("money", 1.0, ("元", "rmb", "cny")),
    "wanyuan": ("money", 1e4, ("万元", "10k yuan")),
    "kb": ("data", 1e3, ()),
    "mb": ("data", 1e6, ()),
    "gb": ("data", 1e9, ()),
    "tb": ("data", 1e12, ()),
    "°c": ("temperature", 1.0, ("℃", "摄氏度", "celsius")),
    "db": ("decibel", 1.0, ("分贝",)),
    "items": (
        "count", 1.0,
        ("件", "只", "个", "张", "次", "条", "台", "份", "单", "辆", "人", "item", "pcs", "piece", "pieces", "cells",
         "frames", "帧", "req", "requests", "请求", "times", "cases", "tickets", "images", "vehicles", "tokens"),
    ),
    "wan": ("count", 1e4, ("万件", "万次", "万张", "万条")),
    "hz": ("count/time", 1.0, ("fps", "qps", "tps", "帧/秒", "rps")),
    "kmh": ("length/time", 1 / 3.6, ("kph",)),
}  # fmt: skip
"""Unit: what it measures, how much of the base unit it is, how else it is written."""


@dataclass(frozen=True, slots=True)
class Covered:
    """How one indicator fares. ``best``: the measurement that decides, None when nothing was measured;
    ``margin``: by how much it is met (positive) or missed, as a share of what is asked for."""

    indicator: Indicator
    state: State
    best: Measurement | None = None
    margin: float = 0.0

    @property
    def is_proven(self) -> bool:
        return self.state == "met" and self.best is not None and bool(self.best.evidence)


def compare(indicators: Sequence[Indicator], measurements: Sequence[Measurement]) -> Sequence[Covered]:
    """Each indicator beside the best measurement of its metric."""
    return [_cover(indicator, measurements) for indicator in indicators]


def share(covered: Sequence[Covered]) -> float:
    """How much of what is asked for is covered, 0 to 1; one half where nothing is asked for."""
    if not covered:
        return 0.5
    return sum(_worth(one) for one in covered) / len(covered)


@lru_cache(maxsize=4096)
def metric_of(text: str) -> str:
    """The one name of a metric; its squeezed letters if the table does not know it."""
    plain = _squeezed(text)
    if plain in _BY_METRIC:
        return _BY_METRIC[plain]
    inside = [alias for alias in _BY_METRIC if len(alias) >= 2 and _ends_or_holds(plain, alias)]
    return _BY_METRIC[max(inside, key=len)] if inside else plain


def convert(value: float, unit: str, to: str) -> float | None:
    """``value`` in another unit; None when the two do not measure the same thing."""
    one, other = _unit_of(_unit_text(unit)), _unit_of(_unit_text(to))
    if one is None or other is None or one[0] != other[0]:
        return value if _unit_text(unit) == _unit_text(to) else None
    return value * one[1] / other[1]


def holds(value: float, op: Operator, wanted: float) -> bool:
    """Whether ``value op wanted``, equality within rounding."""
    is_equal = math.isclose(value, wanted, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    match op:
        case ">=":
            return value > wanted or is_equal
        case "<=":
            return value < wanted or is_equal
        case ">":
            return value > wanted and not is_equal
        case "<":
            return value < wanted and not is_equal
        case "=":
            return is_equal


def _cover(indicator: Indicator, measurements: Sequence[Measurement]) -> Covered:
    wanted = _metrics(indicator)
    found = [_judge(indicator, one) for one in measurements if wanted & _metrics(one)]
    known = [one for one in found if one.state != "unknown"]
    if known:
        return max(known, key=lambda one: (one.state == "met", one.is_proven, one.margin))
    return found[0] if found else Covered(indicator, "unknown")


def _metrics(one: Indicator | Measurement) -> set[str]:
    """What is measured, as it is called in either language."""
    return {metric_of(name) for name in (one.metric, one.metric_en) if name} or {metric_of("")}


def _judge(indicator: Indicator, measurement: Measurement) -> Covered:
    value = convert(measurement.value, measurement.unit, indicator.unit)
    if value is None or not math.isfinite(value):
        return Covered(indicator, "unknown", measurement)
    distance = value - indicator.value if indicator.op.startswith(">") else indicator.value - value
    margin = distance / abs(indicator.value) if indicator.value else distance
    return Covered(indicator, "met" if holds(value, indicator.op, indicator.value) else "unmet", measurement, margin)


def _worth(covered: Covered) -> float:
    return UNPROVEN if covered.state == "met" and not covered.is_proven else WORTH[covered.state]


def _ends_or_holds(plain: str, alias: str) -> bool:
    """Latin names only count at the end ("detectionaccuracy"), or "map" would be in "mapping"."""
    return plain.endswith(alias) if alias.isascii() else alias in plain


@lru_cache(maxsize=4096)
def _unit_of(text: str) -> tuple[str, float] | None:
    """What a unit measures, and how much of the base unit it is; "a/b" is a quotient."""
    if text in _BY_UNIT:
        return _BY_UNIT[text]
    above, slash, below = text.partition("/")
    one, other = (_BY_UNIT.get(above), _BY_UNIT.get(below)) if slash else (None, None)
    if one is None or other is None:
        return None
    return f"{one[0]}/{other[0]}", one[1] / other[1]


@lru_cache(maxsize=4096)
def _unit_text(unit: str) -> str:
    plain = _PER.sub("/", unicodedata.normalize("NFKC", unit).casefold())
    return plain.replace(" ", "")


def _squeezed(text: str) -> str:
    return _SPACES.sub("", unicodedata.normalize("NFKC", text)).casefold()


_BY_METRIC = {_squeezed(alias): code for code, aliases in METRICS.items() for alias in (code, *aliases)}
_BY_UNIT = {
    _unit_text(name): (measures, factor)
    for unit, (measures, factor, names) in _SIZES.items()
    for name in (unit, *names)
}
