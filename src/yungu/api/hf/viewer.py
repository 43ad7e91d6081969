"""The rows of datasets as JSON, in the shapes of the public dataset viewer, under each repo's own address.

https://huggingface.co/docs/dataset-viewer; values are cut as on our pages, and the cut cells named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.hf.routes import routes
from yungu.api.http import Call, json_response
from yungu.api.http.call import whole_number
from yungu.api.http.tables import DataPlace, table_of
from yungu.hub import DataConfig
from yungu.kernel.db import Session
from yungu.tables import Column, ColumnFacts, Rows, Table

_MOST_ROWS = 100
_COLUMN_TYPES = {"number": "float", "boolean": "bool", "text": "string_text", "list": "list"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A split that is looked at."""

    dataset: str
    config: str
    split: str
    table: Table


@routes.get("/api/{kinds}/{owner}/{name}/is-valid")
def is_valid(session: Session, call: Call) -> Response:
    configs = _place(session, call).configs
    shows = call.site.tables.is_on and any(config.format != "images" for config in configs)
    return json_response({"preview": shows, "viewer": shows, "search": False, "filter": False, "statistics": shows})


@routes.get("/api/{kinds}/{owner}/{name}/splits")
def list_splits(session: Session, call: Call) -> Response:
    place = _place(session, call)
    found = [
        {"dataset": place.repo.repo_id, "config": config.name, "split": split.name}
        for config in place.configs
        for split in config.splits
    ]
    return json_response({"splits": found, "pending": [], "failed": []})


@routes.get("/api/{kinds}/{owner}/{name}/parquet")
def list_parquet(session: Session, call: Call) -> Response:
    """Config to split to addresses, of the data that is kept as Parquet; nothing is converted here."""
    place = _place(session, call)
    configs = [config for config in place.configs if config.format == "parquet"]
    return json_response({config.name: _addresses(call, place, config) for config in configs})


@routes.get("/api/{kinds}/{owner}/{name}/first-rows")
async def first_rows(call: Call) -> Response:
    chosen = await call.read(_choose, call)
    rows = await asyncio.wrap_future(call.site.tables.rows(chosen.table, 0, _MOST_ROWS))
    answer = _named(chosen) | {"features": _features(rows.columns), "rows": _rows(call, chosen, rows, 0)}
    return json_response(answer | {"truncated": rows.has_more})


@routes.get("/api/{kinds}/{owner}/{name}/rows")
async def list_rows(call: Call) -> Response:
    """``offset`` and ``length`` (at most 100)."""
    chosen = await call.read(_choose, call)
    offset = whole_number(call.query_params.get("offset", "")) or 0
    length = min(whole_number(call.query_params.get("length", "")) or _MOST_ROWS, _MOST_ROWS)
    rows = await asyncio.wrap_future(call.site.tables.rows(chosen.table, offset, length))
    answer: dict[str, Any] = {"features": _features(rows.columns), "rows": _rows(call, chosen, rows, offset)}
    return json_response(
        answer | {"num_rows_total": rows.total_count, "num_rows_per_page": _MOST_ROWS, "partial": rows.has_more_columns}
    )


@routes.get("/api/{kinds}/{owner}/{name}/statistics")
async def get_statistics(call: Call) -> Response:
    chosen = await call.read(_choose, call)
    summary = await asyncio.wrap_future(call.site.tables.summary(chosen.table))
    told = [_statistics(fact, summary.rows_count) for fact in summary.columns]
    return json_response({"num_examples": summary.rows_count, "statistics": told, "partial": not summary.is_whole})


def _place(session: Session, call: Call) -> DataPlace:
    repo = hub.readable_repo(session, call.kind, call.repo_id, call.actor(session))
    commit = hub.resolve_revision(session, call.site.git, repo, call.query_params.get("revision") or None)
    return DataPlace(repo, commit, call.site.git.open(repo.id))


def _choose(session: Session, call: Call) -> Chosen:
    place = _place(session, call)
    config, split = place.pick(call.query_params.get("config", ""), call.query_params.get("split", ""))
    table = table_of(session, call.site, place, split.paths)
    return Chosen(place.repo.repo_id, config.name, split.name, table)


def _named(chosen: Chosen) -> dict[str, Any]:
    return {"dataset": chosen.dataset, "config": chosen.config, "split": chosen.split}


def _addresses(call: Call, place: DataPlace, config: DataConfig) -> Mapping[str, Sequence[str]]:
    kind = "" if place.repo.kind == "model" else f"/{place.repo.kind}s"
    base = f"{call.origin}{kind}/{place.repo.repo_id}/resolve/{place.commit}"
    return {split.name: [f"{base}/{quote(path, safe='/')}" for path in split.paths] for split in config.splits}


def _features(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [
        {"feature_idx": at, "name": column.name, "type": {"dtype": column.type_name, "_type": "Value"}}
        for at, column in enumerate(columns)
    ]


def _rows(call: Call, chosen: Chosen, rows: Rows, offset: int) -> list[dict[str, Any]]:
    return [_row(call, chosen, rows, row, offset + at) for at, row in enumerate(rows.rows)]


def _row(call: Call, chosen: Chosen, rows: Rows, row: Sequence[Any], number: int) -> dict[str, Any]:
    cut = [
        column.name
        for column, value in zip(rows.columns, row, strict=True)
        if isinstance(value, str) and len(value) > rows.cut_at
    ]
    values = {
        column.name: _value(call, chosen, column, value, number, at)
        for at, (column, value) in enumerate(zip(rows.columns, row, strict=True))
    }
    return {"row_idx": number, "row": values, "truncated_cells": cut}


def _value(call: Call, chosen: Chosen, column: Column, value: Any, row: int, at: int) -> Any:
    if column.shape == "binary" and isinstance(value, dict):
        if not value.get("data"):
            return {"path": value.get("path"), "size": value.get("size")}
        query = urlencode({"config": chosen.config, "split": chosen.split, "row": row, "column": at})
        return {"src": f"{call.origin}/{call.kind}s/{chosen.dataset}/viewer/picture?{query}"}
    if column.shape in ("list", "other") and isinstance(value, str):
        return _decoded(value)
    return value


def _decoded(text: str) -> Any:
    """Nested values come as JSON, unless they were cut."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _statistics(fact: ColumnFacts, rows_count: int) -> dict[str, Any]:
    nulls = {"nan_count": fact.nulls_count, "nan_proportion": fact.nulls_count / rows_count if rows_count else 0}
    told: dict[str, Any] = {**nulls, **fact.facts}
    kind = _COLUMN_TYPES.get(fact.column.shape, fact.column.type_name)
    if fact.bars_of == "labels":
        kind = "bool" if kind == "bool" else "string_label" if kind == "string_text" else kind
        told |= {"n_unique": fact.distinct_count, "frequencies": {bar.label: bar.count for bar in fact.bars}}
    elif fact.bars:
        edges = [bar.low for bar in fact.bars] + [fact.bars[-1].high]
        told |= {"histogram": {"hist": [bar.count for bar in fact.bars], "bin_edges": edges}}
    if kind == "float" and "int" in fact.column.type_name:
        kind = "int"
    return {"column_name": fact.column.name, "column_type": kind, "column_statistics": told}
