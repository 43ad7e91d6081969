"""Bringing a file into a list in three looks: choose it, see what would come of it, confirm."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from yungu import accounts, scenarios
from yungu.api.http import Call
from yungu.api.http.call import whole_number
from yungu.api.http.threads import in_byte_thread
from yungu.api.http.uploads import BodyTooLarge, receive_body
from yungu.api.web.forms import EMPTY, FieldInvalid, Form, check_token, read_form, shown_again
from yungu.api.web.language import marked
from yungu.api.web.multipart import MultipartReader
from yungu.api.web.rendering import page, see_other
from yungu.api.web.views.scenarios import tabs_for, value_text, words_for
from yungu.api.web.visit import Visit, begin
from yungu.kernel.db import Session
from yungu.scenarios import Batch, SheetRefused, Side
from yungu.scenarios.backends.sheets import MOST_BYTES, Sheet, open_sheets, packed
from yungu.scenarios.rules import diffs, sheets

_SHOWN_ROWS = 8
_SHOWN_RECORDS = 200
_PLACE = "/-/scenarios/imports"


def get_list(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    user = visit.person()
    tabs = tabs_for(session, visit)
    found = scenarios.list_batches(session)
    shown = [batch for batch in found if batch.made_by == user.id or tabs["is_operator"] or "auditor" in tabs["roles"]]
    return page(
        visit, "scenarios/imports.html", tab="imports", batches=shown, form=EMPTY, errors={}, **tabs, **words_for(visit)
    )


async def post_new(call: Call) -> Response:
    """Read a file in the shut-in process, and keep what was in it for a look."""
    visit, form, name, data = await _receive(call)
    again = await call.read(_again, call, form)
    with shown_again(visit, again, file=SheetRefused):
        if not data:
            raise FieldInvalid("file", visit.gettext(marked("Choose a file.")))
        found = await in_byte_thread(lambda: open_sheets(data))
        number = await call.write(_keep, call, form, name, found)
    return see_other(visit, f"{_PLACE}/{number}")


def get_batch(session: Session, call: Call) -> Response:
    visit = begin(session, call)
    visit.person()
    batch = scenarios.own_batch(session, _number(call), visit.actor)
    return _batch_page(session, visit, batch, EMPTY, {})


def post_batch(session: Session, call: Call) -> Response:
    """Map its columns anew, confirm it, or drop it."""
    visit = begin(session, call)
    visit.person()
    batch, form = scenarios.own_batch(session, _number(call), visit.actor), read_form(visit, most=4000)
    told = ""
    with shown_again(visit, lambda errors: _batch_page(session, visit, batch, form, errors)):
        match form["do"]:
            case "drop":
                scenarios.drop_import(session, batch.id, visit.actor)
                return see_other(visit, _PLACE, told=visit.gettext(marked("Dropped. Nothing was imported.")))
            case "confirm":
                scenarios.confirm_import(session, batch.id, visit.actor, submit=form["submit"] == "1")
                told = visit.gettext(marked("Imported."))
            case _:
                scenarios.change_mapping(session, batch.id, visit.actor, _mapping(batch, form))
    return see_other(visit, f"{_PLACE}/{batch.id}", told=told)


def get_diff(session: Session, call: Call) -> Response:
    """What changed since another batch: the one before in the series, unless ``?with=`` names one."""
    visit = begin(session, call)
    visit.person()
    batch = scenarios.own_batch(session, _number(call), visit.actor)
    series = scenarios.list_batches(session, side=batch.side, name=batch.name, state="confirmed")
    earlier = [other for other in series if other.id < batch.id]
    wanted = whole_number(call.query_params.get("with", ""))
    other = next((one for one in series if one.id == wanted), earlier[0] if earlier else None)
    before = scenarios.list_entries(session, other) if other else {}
    found = diffs.compare(before, scenarios.list_entries(session, batch))
    context = {"batch": batch, "other": other, "series": series, "diff": found, "value_text": value_text(visit)}
    return page(visit, "scenarios/diff.html", tab="imports", **context, **tabs_for(session, visit), **words_for(visit))


# --- the file


class _Taker:
    def __init__(self) -> None:
        self.data = io.BytesIO()

    def write(self, data: bytes) -> None:
        if self.data.tell() + len(data) > MOST_BYTES:
            raise BodyTooLarge(f"At most {MOST_BYTES >> 20} MiB.")
        self.data.write(data)

    def close(self) -> None:
        """It is whole."""


class _Sink:
    """The body of the form; its one file is held in memory. The token comes first."""

    def __init__(self, call: Call, visit: Visit) -> None:
        self.reader = MultipartReader(call.headers.get("content-type", ""), self._open)
        self.name, self.taker = "", _Taker()
        self._visit = visit

    def write(self, data: memoryview | bytes) -> None:
        self.reader.feed(bytes(data))

    def _open(self, _field: str, name: str) -> _Taker:
        check_token(self._visit, Form(self.reader.fields)["form_token"])
        self.name, self.taker = name.replace("\\", "/").rpartition("/")[2], _Taker()
        return self.taker


async def _receive(call: Call) -> tuple[Visit, Form, str, bytes]:
    visit = await call.read(begin, call)
    visit.person()
    sink = _Sink(call, visit)
    await receive_body(call, sink, max_bytes=MOST_BYTES + (1 << 20))
    sink.reader.finish()
    form = Form(sink.reader.fields)
    check_token(visit, form["form_token"])
    return visit, form, sink.name, sink.taker.data.getvalue()


def _again(session: Session, call: Call, form: Form) -> Any:
    """A function of errors to the list of imports with the form open."""
    visit = begin(session, call)
    tabs = tabs_for(session, visit)

    def show(errors: Mapping[str, str]) -> Response:
        return page(
            visit, "scenarios/imports.html", tab="imports", batches=[], form=form, errors=errors, **tabs,
            **words_for(visit),
        )  # fmt: skip

    return show


def _keep(session: Session, call: Call, form: Form, name: str, found: Sequence[Sheet]) -> int:
    visit = begin(session, call)
    user = visit.person()
    owner = accounts.get_owner(session, form["owner"] or user.name)
    side: Side = "capability" if form["side"] == "capability" else "opportunity"
    series = form["name"] or name.rpartition(".")[0] or name
    return scenarios.preview_import(session, side, series[:100], name, packed(found), visit.actor, owner).id


# --- the preview


def _number(call: Call) -> int:
    return whole_number(call.params["number"]) or 0


def _mapping(batch: Batch, form: Form) -> dict[str, dict[str, str]]:
    mapping: dict[str, dict[str, str]] = {}
    for at, sheet in enumerate(batch.sheets):
        header = whole_number(form[f"header_{at}"])
        width = max((len(row) for row in sheet["rows"]), default=0)
        columns = {str(column): form[f"column_{at}_{column}"] for column in range(width)}
        chosen = {column: field for column, field in columns.items() if field}
        if header and chosen:
            mapping[sheet["name"]] = {sheets.HEADER: str(header - 1), **chosen}
    return mapping


def _batch_page(session: Session, visit: Visit, batch: Batch, form: Form, errors: Mapping[str, str]) -> Response:
    context: dict[str, Any] = {"batch": batch, "form": form, "errors": errors}
    if batch.state == "preview":
        context |= {"reading": scenarios.read_preview(session, batch), "previews": _previews(batch)}
        context |= {"column_fields": sheets.fields_of(batch.side), "shown": _SHOWN_RECORDS}
    elif batch.state == "confirmed":
        entries = scenarios.list_entries(session, batch)
        context |= {
            "entries": [(entry, scenarios.get_item_by_id(session, entry.item_id)) for entry in entries.values()]
        }
    tabs = tabs_for(session, visit)
    return page(visit, "scenarios/batch.html", tab="imports", **context, **tabs, **words_for(visit))


def _previews(batch: Batch) -> list[dict[str, Any]]:
    """Of each sheet its first rows, with what is chosen for each column."""
    found = []
    for sheet in batch.sheets:
        columns = batch.mapping.get(sheet["name"], {})
        header = int(columns.get(sheets.HEADER, "0"))
        rows = sheet["rows"][max(0, header - 1) : header + _SHOWN_ROWS]
        width = max((len(row) for row in sheet["rows"]), default=0)
        over = sheets.labels(sheet, header) or [""] * width
        letters = [sheets.address(0, column)[:-1] for column in range(width)]
        found.append({"name": sheet["name"], "header": header + 1, "first": max(0, header - 1) + 1, "rows": rows})
        found[-1] |= {"columns": columns, "labels": over, "letters": letters, "count": len(sheet["rows"])}
    return found
