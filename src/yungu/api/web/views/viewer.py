"""The data of a dataset, and any file that is a table: rows, facts about columns, a reader's own SQL.

Reading happens after the transaction, by processes of its own (`yungu.tables`), so these handlers are asynchronous."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import msgspec
from starlette.responses import Response

from yungu import hub
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.http.rates import asker_of
from yungu.api.http.tables import DataNotFound, DataPlace, table_of
from yungu.api.web import limits, urls
from yungu.api.web.errors import status_of
from yungu.api.web.language import marked
from yungu.api.web.rendering import page
from yungu.api.web.views import files
from yungu.api.web.views.repos import Frame, Place, enter, frame
from yungu.api.web.visit import Visit
from yungu.hub import TreeFile
from yungu.kernel.db import Session
from yungu.kernel.errors import YunguError
from yungu.storage.errors import BytesNotFound
from yungu.tables import (
    MOST_FILES,
    MOST_QUERY_CHARACTERS,
    Column,
    QueryInvalid,
    QueryRefused,
    QueryResult,
    Rows,
    Summary,
    Table,
    TablesBusy,
    TablesOff,
    TableUnreadable,
    TooLong,
    TooMuchMemory,
    quote_name,
)

T = TypeVar("T")
ROWS_PER_PAGE = 100
_PREVIEW_ROWS = 20
_RESULT_ROWS = 500
_SAVED_ROWS = 10_000
_SAVED_CHARACTERS = 100_000
_SUMMARY_SECONDS = 1.5
"""How long a page waits for facts about columns; those that take longer are there when it is opened again."""
_MOST_NAMED_SPLITS = 8
_SUBMODULE = 0o160000
_MOST_THUMBNAIL_BYTES = 4 << 20
_DATA = "data"
_PREVIEWED = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson")
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}

_SAID: tuple[tuple[type[YunguError], str, Callable[[Any], dict[str, object]]], ...] = (
    (TableUnreadable, marked("This data cannot be read as a table."), lambda e: {}),
    (QueryInvalid, marked("The query cannot be run."), lambda e: {}),
    (
        QueryRefused,
        marked("Only one SELECT over the data of this page can be run here; nothing else can be reached."),
        lambda e: {},
    ),
    (
        TooLong,
        marked("This took longer than the %(seconds)d seconds that are granted."),
        lambda e: {"seconds": e.seconds},
    ),
    (TooMuchMemory, marked("This needs more memory than is granted."), lambda e: {}),
    (
        limits.TooManyQueries,
        marked("You ask much at once. Try again in %(seconds)d seconds."),
        lambda e: {"seconds": e.seconds},
    ),
    (TablesBusy, marked("Too many tables are being read at this moment. Try again in a few seconds."), lambda e: {}),
    (TablesOff, marked("Reading tables is switched off on this server."), lambda e: {}),
    (BytesNotFound, marked("The content of this file is missing from the store."), lambda e: {}),
    (DataNotFound, marked("There is no data of this name."), lambda e: {}),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is not shown. ``reason``: in the words of DuckDB."""

    text: str
    reason: str
    status: int
    retry_seconds: int | None = None


@dataclass(frozen=True)
class Shown(Generic[T]):
    """What was read, or why it was not; neither when it is not ready yet."""

    value: T | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in an image folder; ``label``: the folder that it lies in."""

    file: TreeFile
    label: str

    @property
    def is_small(self) -> bool:
        return self.file.size_bytes <= _MOST_THUMBNAIL_BYTES


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody wants to look at: a split of a config, or one file (``path``)."""

    place: Place
    frame: Frame
    data: DataPlace
    config: str = ""
    split: str = ""
    path: str = ""
    paths: Sequence[str] = ()
    table: Table | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)
    is_text: bool = False

    @property
    def choice(self) -> dict[str, str]:
        """The query parameters that lead here again."""
        revision = self.place.revision if self.place.revision != self.place.repo.default_branch else ""
        if self.path:
            return {"file": self.path, "revision": revision}
        return {"config": self.config, "split": self.split, "revision": revision}

    def address(self, **query: str) -> str:
        return urls.viewer(self.place.repo, **self.choice, **query)

    def picture(self, row: int, column: int) -> str:
        return urls.viewer_picture(self.place.repo, **self.choice, row=str(row), column=str(column))


async def get_viewer(call: Call) -> Response:
    look = await call.read(_look, call)
    sql = call.query_params.get("sql", "").strip()
    form = call.query_params.get("format", "")
    if sql and look.table is not None and form in _SAVED:
        return await _save(look, sql, form)
    offset = whole_number(call.query_params.get("offset", "")) or 0
    context: dict[str, Any] = _around(look, offset) | {"sql": sql, "result": None}
    if look.table is not None:
        result = _query(look, sql, _RESULT_ROWS) if sql else None
        context |= await _rows_and_facts(look, offset, ROWS_PER_PAGE)
        context["result"] = await result if result else None
    troubles = [one.trouble for one in (context["rows"], context["result"]) if one and one.trouble]
    return _page(look, troubles[-1] if troubles else None, context)


async def get_first(call: Call) -> Response:
    """The first rows as a part of another page."""
    look = await call.read(_look, call)
    context: dict[str, Any] = {"look": look, "rows": None, "summary": None, "facts": {}}
    if look.table is not None:
        context |= await _rows_and_facts(look, 0, _PREVIEW_ROWS)
    return page(look.place.visit, "parts/first_rows.html", **context)


async def get_picture(call: Call) -> Response:
    """A picture in a cell: of a known raster format, never active content."""
    look = await call.read(_look, call)
    row, column = (whole_number(call.query_params.get(name, "")) for name in ("row", "column"))
    if look.table is None or row is None or column is None:
        raise DataNotFound("")
    count = _PREVIEW_ROWS if call.query_params.get("preview") else ROWS_PER_PAGE
    rows = await asyncio.wrap_future(call.site.tables.rows(look.table, row // count * count, count))
    data = _picture(rows, row % count, column)
    headers = {
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=300",
    }
    media_type = next((kind for mark, kind in _PICTURES.items() if data.startswith(mark)), "application/octet-stream")
    return Response(data, headers=headers, media_type=media_type)


async def get_blob(call: Call) -> Response:
    """The page of a file: with its first rows where it is a table."""
    is_table = call.params["path"].lower().removesuffix(".gz").endswith(_PREVIEWED)
    if not is_table or call.query_params.get("plain") == "1" or not call.site.tables.is_on:
        return await call.read(files.get_blob, call)
    look = await call.read(_file_look, call)
    if look is None:
        return await call.read(files.get_blob, call)
    context = await _rows_and_facts(look, 0, _PREVIEW_ROWS)
    if (trouble := context["rows"].trouble) and look.is_text:
        return await call.read(files.get_blob, call)
    view = files.FileView("damaged", reason=trouble.text) if trouble else files.FileView("table")
    around = await call.read(_file_context, look, view)
    return page(look.place.visit, "blob.html", **{**around, **context, "look": look})


# --- what is looked at


def _look(session: Session, call: Call) -> Look:
    place = _enter(session, call)
    data = DataPlace(place.repo, place.commit, place.git)
    around = frame(session, place.visit, place.repo, "viewer")
    path = call.query_params.get("file", "")
    if path:
        table = table_of(session, call.site, data, [path])
        return Look(place, around, data, path=path, paths=[path], table=table, tables={_DATA: table})
    if not data.configs:
        return Look(place, around, data)
    config, split = data.pick(call.query_params.get("config", ""), call.query_params.get("split", ""))
    look = Look(place, around, data, config.name, split.name, paths=split.paths)
    if config.format == "images":
        return look
    table = table_of(session, call.site, data, split.paths)
    sql = call.query_params.get("sql", "").lower()
    named = [one for one in config.splits if one.name.lower() in sql]
    tables = {one.name: table_of(session, call.site, data, one.paths) for one in named[:_MOST_NAMED_SPLITS]}
    return replace(look, table=table, tables={**tables, _DATA: table})


def _enter(session: Session, call: Call) -> Place:
    call.params = {**call.params, "rev": call.query_params.get("revision", "")}
    return enter(session, call)


def _file_look(session: Session, call: Call) -> Look | None:
    place = enter(session, call)
    path = call.params["path"]
    found = hub.find_file(place.git, place.commit, path)
    if not isinstance(found, TreeFile) or found.mode == _SUBMODULE:
        return None
    data = DataPlace(place.repo, place.commit, place.git)
    table = table_of(session, call.site, data, [path])
    around = frame(session, place.visit, place.repo, "files")
    return Look(place, around, data, path=path, paths=[path], table=table, is_text=found.pointer is None)


def _file_context(session: Session, look: Look, view: files.FileView) -> dict[str, Any]:
    file = hub.get_file(look.place.git, look.place.commit, look.path)
    return files.file_context(session, look.place, file, view, shows_source=False)


def _around(look: Look, offset: int) -> dict[str, Any]:
    chosen = next((config for config in look.data.configs if config.name == look.config), None)
    is_images = chosen is not None and chosen.format == "images" and not look.path
    return {
        "repo": look.place.repo,
        "frame": look.frame,
        "revision": look.place.revision,
        "look": look,
        "chosen": chosen,
        "offset": offset,
        "rows": None,
        "summary": None,
        "rows_per_page": ROWS_PER_PAGE,
        "examples": [],
        "most_files": MOST_FILES,
        "most_query_characters": MOST_QUERY_CHARACTERS,
        "pictures": _pictures(look, offset) if is_images else [],
    }


def _pictures(look: Look, offset: int) -> list[Picture]:
    found = look.data.files(look.paths[offset : offset + ROWS_PER_PAGE])
    return [Picture(file, file.path.rpartition("/")[0].rpartition("/")[2]) for file in found]


# --- reading


async def _rows_and_facts(look: Look, offset: int, count: int) -> dict[str, Any]:
    tables = look.place.visit.call.site.tables
    assert look.table is not None
    table = look.table
    rows = await _shown(look.place.visit, lambda: tables.rows(table, offset, count))
    if rows.value is None:
        return {"rows": rows, "summary": Shown[Summary](), "facts": {}, "offset": offset}
    summary = await _shown(look.place.visit, lambda: tables.summary(table), _SUMMARY_SECONDS)
    facts = {fact.column.name: fact for fact in summary.value.columns} if summary.value else {}
    examples = _examples(rows.value.columns)
    return {"rows": rows, "summary": summary, "facts": facts, "offset": offset, "examples": examples}


def _examples(columns: Sequence[Column]) -> list[str]:
    """Queries that make sense over these columns."""
    number = next((quote_name(column.name) for column in columns if column.shape == "number"), None)
    text = next((quote_name(column.name) for column in columns if column.shape in ("text", "boolean")), None)
    found = ["SELECT count(*) FROM data", "SUMMARIZE data"]
    if text:
        found.append(f"SELECT {text}, count(*) AS n FROM data GROUP BY {text} ORDER BY n DESC LIMIT 20")  # noqa: S608
    if number:
        found.append(f"SELECT * FROM data ORDER BY {number} DESC LIMIT 20")  # noqa: S608
    return found


async def _query(look: Look, sql: str, most_rows: int, cut_at: int | None = None) -> Shown[QueryResult]:
    tables = look.place.visit.call.site.tables
    work = lambda: tables.query(look.tables, sql, most_rows=most_rows, cut_at=cut_at)  # noqa: E731
    asker = asker_of(look.place.visit.call)
    return await _shown(look.place.visit, lambda: limits.queries.start(asker, work))


def _page(look: Look, trouble: Trouble | None, context: Mapping[str, Any]) -> Response:
    response = page(look.place.visit, "viewer.html", trouble.status if trouble else 200, **context)
    if trouble is not None and trouble.retry_seconds is not None:
        response.headers["retry-after"] = str(trouble.retry_seconds)
    return response


async def _shown(visit: Visit, begin: Callable[[], Future[T]], seconds: float | None = None) -> Shown[T]:
    """The value, or what is wrong, or neither after ``seconds``; reading goes on then."""
    try:
        value = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(begin())), seconds)
        return Shown(value)
    except TimeoutError:
        return Shown()
    except YunguError as error:
        return Shown(trouble=_trouble(visit, error))


def _trouble(visit: Visit, error: YunguError) -> Trouble:
    text = next(
        (visit.gettext(text) % facts(error) for kind, text, facts in _SAID if isinstance(error, kind)), error.message
    )
    retry = error.seconds if isinstance(error, limits.TooManyQueries) else None
    return Trouble(text, str(getattr(error, "reason", "")), status_of(error), retry)


def _picture(rows: Rows, row: int, column: int) -> bytes:
    if row < len(rows.rows) and column < len(rows.columns):
        value = rows.rows[row][column]
        if isinstance(value, dict) and value.get("data"):
            return base64.b64decode(value["data"])
    raise DataNotFound("")


# --- results as files


async def _save(look: Look, sql: str, form: str) -> Response:
    """The result of a query as a file, or the page that says what is wrong with it."""
    result = await _query(look, sql, _SAVED_ROWS, _SAVED_CHARACTERS)
    if result.value is None:
        context = _around(look, 0) | await _rows_and_facts(look, 0, ROWS_PER_PAGE) | {"sql": sql, "result": result}
        return _page(look, result.trouble, context)
    write, media_type = _SAVED[form]
    headers = {
        "content-disposition": f'attachment; filename="{look.place.repo.name}-query.{form}"',
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-cache",
    }
    return Response(write(result.value.rows), headers=headers, media_type=media_type)


def _as_csv(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in rows.columns])
    writer.writerows([[_plain(column, value) for column, value in _cells(rows, row)] for row in rows.rows])
    return text.getvalue().encode("utf-8", "replace")


def _as_json(rows: Rows) -> bytes:
    return msgspec.json.encode(
        [{column.name: _plain(column, value) for column, value in _cells(rows, row)} for row in rows.rows]
    )


def _cells(rows: Rows, row: Sequence[Any]) -> list[tuple[Column, Any]]:
    return list(zip(rows.columns, row, strict=True))


def _plain(column: Column, value: Any) -> Any:
    return value.get("path") if column.shape == "binary" and isinstance(value, dict) else value


_SAVED: dict[str, tuple[Callable[[Rows], bytes], str]] = {
    "csv": (_as_csv, "text/csv; charset=utf-8"),
    "json": (_as_json, "application/json"),
}
