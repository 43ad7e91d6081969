"""The guided form of an item: its fields as texts, and back. Rows that say nothing are left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast, get_args

import msgspec

from yungu.api.web.forms import FieldInvalid, Form
from yungu.api.web.language import marked
from yungu.api.web.visit import Visit
from yungu.scenarios import Constraint, Content, Indicator, Measurement, Side, Words
from yungu.scenarios.models import ConstraintKind, Operator
from yungu.scenarios.rules import contents

MOST_FIELDS = 600
_SPARE_ROWS = 2
_LEAST_ROWS = 3
_LINES = frozenset({"filings", "certificates", "chips", "repos", "deployments", "affiliations"})
_MANY = frozenset({"domains", "forms"})
_DAYS = frozenset({"starts_on", "deadline", "expires_on"})
_AMOUNTS = frozenset({"budget_least", "budget_most", "price_least", "price_most"})
_OPERATORS: Sequence[Operator] = get_args(Operator)
_INDICATOR = ("metric", "metric_en", "op", "value", "unit", "method", "method_en")
_MEASUREMENT = ("metric", "metric_en", "value", "unit", "evidence")
_KINDS: Sequence[ConstraintKind] = get_args(ConstraintKind)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form shows: single values by name, and the rows of its tables."""

    values: Mapping[str, str]
    many: Mapping[str, Sequence[str]]
    indicators: Sequence[Mapping[str, str]]
    measurements: Sequence[Mapping[str, str]]
    constraints: Sequence[Mapping[str, str]]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


def fill(content: Content) -> Filled:
    values: dict[str, str] = {}
    many: dict[str, Sequence[str]] = {}
    for field in dataclasses.fields(content):
        value = getattr(content, field.name)
        if isinstance(value, Words):
            values |= {f"{field.name}_zh": value.zh, f"{field.name}_en": value.en}
        elif field.name in _MANY:
            many[field.name] = value
        elif field.name in _LINES:
            values[field.name] = "\n".join(value)
        elif isinstance(value, bool):
            values[field.name] = "1" if value else ""
        elif not isinstance(value, list | tuple):
            values[field.name] = "" if value is None else str(value)
    tables = {name: _rows(getattr(content, name, ())) for name in ("indicators", "measurements", "constraints")}
    return Filled(values, many, **tables)


def as_typed(side: Side, form: Form) -> Filled:
    """The form again, whatever was typed."""
    values: dict[str, str] = {}
    for field in dataclasses.fields(contents.CLASSES[side]):
        for name in (field.name, f"{field.name}_zh", f"{field.name}_en"):
            values[name] = form[name]
    tables = {
        "indicators": _typed_rows(form, "indicator", *_INDICATOR),
        "measurements": _typed_rows(form, "measurement", *_MEASUREMENT),
        "constraints": _typed_rows(form, "constraint", "kind", "value"),
    }
    return Filled(values, {name: form.all(name) for name in _MANY}, **tables)


def read(visit: Visit, side: Side, form: Form) -> Content:
    """What was typed. Raises FieldInvalid."""
    made = contents.CLASSES[side]()
    found: dict[str, Any] = {}
    for field in dataclasses.fields(made):
        name, before = field.name, getattr(made, field.name)
        if isinstance(before, Words):
            found[name] = Words(form[f"{name}_zh"], form[f"{name}_en"])
        elif name in _MANY:
            found[name] = [value for value in form.all(name) if value][:60]
        elif name in _LINES:
            found[name] = [line.strip() for line in form[name].splitlines() if line.strip()]
        elif name in _DAYS:
            found[name] = _day(visit, name, form[name])
        elif name in _AMOUNTS or name in ("capacity", "maturity"):
            found[name] = _whole(visit, name, form[name])
        elif isinstance(before, bool):
            found[name] = form[name] == "1"
        elif isinstance(before, str):
            found[name] = form[name] or before
    found["capacity"] = found["capacity"] or 1
    found |= _tables(visit, side, form)
    return contents.unpack(side, msgspec.to_builtins(found))


def _tables(visit: Visit, side: Side, form: Form) -> dict[str, Any]:
    if side == "capability":
        return {"measurements": list(_measurements(visit, form))}
    return {"indicators": list(_indicators(visit, form)), "constraints": list(_constraints(form))}


def _indicators(visit: Visit, form: Form) -> Iterator[Indicator]:
    for row in _columns(form, "indicator", *_INDICATOR):
        metric, metric_en, op, value, unit, method, method_en = (text[:300] for text in row)
        if metric or metric_en or value:
            operator = cast(Operator, op if op in _OPERATORS else ">=")
            number = _number(visit, "indicators", value)
            texts = (method or method_en, metric_en, method_en)
            yield Indicator(metric or metric_en, operator, number, unit[:40], *texts)


def _measurements(visit: Visit, form: Form) -> Iterator[Measurement]:
    for metric, metric_en, value, unit, evidence in _columns(form, "measurement", *_MEASUREMENT):
        if metric or metric_en or value:
            seen = [one[:300] for one in evidence.replace(",", " ").split()]
            number = _number(visit, "measurements", value)
            yield Measurement((metric or metric_en)[:300], number, unit[:40], seen, metric_en[:300])


def _constraints(form: Form) -> Iterator[Constraint]:
    for kind, value in _columns(form, "constraint", "kind", "value"):
        if kind in _KINDS:
            yield Constraint(cast(ConstraintKind, kind), value[:300])


def _columns(form: Form, table: str, *names: str) -> Iterator[tuple[str, ...]]:
    columns = [[value.strip() for value in form.all(f"{table}_{name}")][:60] for name in names]
    longest = max(map(len, columns), default=0)
    for at in range(longest):
        yield tuple(column[at] if at < len(column) else "" for column in columns)


def _typed_rows(form: Form, table: str, *names: str) -> Sequence[Mapping[str, str]]:
    rows = [dict(zip(names, row, strict=True)) for row in _columns(form, table, *names)]
    return [*rows, {}] if rows else [{}] * _LEAST_ROWS


def _rows(values: Sequence[Indicator | Measurement | Constraint]) -> Sequence[Mapping[str, str]]:
    """With some empty ones to write into."""
    filled: list[dict[str, str]] = []
    for one in values:
        row = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
        filled.append({name: _text(value) for name, value in row.items()})
    spare = max(_SPARE_ROWS, _LEAST_ROWS - len(filled))
    return [*filled, *[{} for _ in range(spare)]]


def _text(value: Any) -> str:
    match value:
        case float():
            return f"{value:.12g}"
        case list() | tuple():
            return " ".join(value)
        case _:
            return str(value)


def _day(visit: Visit, name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise FieldInvalid(name, visit.gettext(marked("Write the date as 2026-12-31."))) from error


def _whole(visit: Visit, name: str, text: str) -> int | None:
    plain = text.replace(",", "").replace("，", "").replace(" ", "")
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) < 16):
        raise FieldInvalid(name, visit.gettext(marked("Write a whole number.")))
    return int(plain)


def _number(visit: Visit, name: str, text: str) -> float:
    try:
        value = float(text.replace(",", "").replace("，", ""))
    except ValueError as error:
        raise FieldInvalid(name, visit.gettext(marked("Each line needs a number."))) from error
    if value != value or abs(value) > 1e15:
        raise FieldInvalid(name, visit.gettext(marked("Each line needs a number.")))
    return value
