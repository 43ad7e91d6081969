"""Bringing a file into a list: first only looked at, then confirmed. The next file of a series changes what it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import Actor, Owner
from yungu.accounts.rules import includes
from yungu.kernel import clock
from yungu.kernel.db import Session, new_id, upsert
from yungu.kernel.events import record
from yungu.scenarios import queries
from yungu.scenarios.errors import BatchClosed, BatchNotFound, ContentInvalid, ItemDenied, NothingToImport, RoleNeeded
from yungu.scenarios.events import BatchImported
from yungu.scenarios.models import Batch, Entry, Item, Outcome, Side, batches, entries, firm_aliases
from yungu.scenarios.rules import contents, firms, lint, sheets, workflow
from yungu.scenarios.rules.sheets import Reading
from yungu.scenarios.service.items import create_item, edit_item
from yungu.scenarios.service.steps import move_item


def preview_import(
    session: Session, side: Side, name: str, file_name: str, sheets_: list[dict[str, Any]], actor: Actor, owner: Owner
) -> Batch:
    """Keep what was in a file, with a guess at what its columns mean; no list is touched. ``sheets_``: of
    `yungu.scenarios.backends.sheets`. Raises SignInRequired, ItemDenied, ContentInvalid."""
    workflow.check_may_act(actor)
    assert actor.id is not None
    is_own = owner.id == actor.id or includes(actor.roles.get(owner.id), "write")
    if not (is_own or _is_operator(session, actor)):
        raise ItemDenied(owner.name, "write for this owner")
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise ContentInvalid("name", "between 1 and 100 characters")
    row: dict[str, Any] = {"side": side, "name": name, "file_name": file_name[:200], "owner_id": owner.id}
    row |= {"made_by": actor.id, "state": "preview", "sheets": sheets_, "created_at": clock.now()}
    row["mapping"] = sheets.guess_mapping(side, sheets_)
    return queries.get_batch(session, new_id(session.execute(sa.insert(batches).values(row))))


def own_batch(session: Session, number: int, actor: Actor) -> Batch:
    """A batch that the actor made, or any for an operator or auditor. Raises BatchNotFound."""
    batch = queries.get_batch(session, number)
    roles = queries.roles_of(session, actor.id)
    if batch.made_by != actor.id and not ({"operator", "auditor"} & roles or actor.is_site_admin):
        raise BatchNotFound(number)
    return batch


def change_mapping(session: Session, number: int, actor: Actor, mapping: Mapping[str, Mapping[str, str]]) -> Batch:
    """Say what the columns mean. Raises BatchNotFound, BatchClosed, ContentInvalid."""
    batch = _open_batch(session, number, actor)
    _check_mapping(batch, mapping)
    session.execute(sa.update(batches).where(batches.c.id == number).values(mapping=dict(mapping)))
    return queries.get_batch(session, number)


def read_preview(session: Session, batch: Batch) -> Reading:
    """What would be imported as the columns are mapped now."""
    return sheets.read(batch.side, batch.sheets, batch.mapping, queries.list_aliases(session))


def confirm_import(session: Session, number: int, actor: Actor, *, submit: bool = False) -> Batch:
    """Write what was previewed: new items as drafts (or handed in, if ``submit`` and nothing is missing in them), those
    that the series has already as new versions where they changed. Rows with errors are left out.

    Raises BatchNotFound, BatchClosed, NothingToImport."""
    batch = _open_batch(session, number, actor)
    reading = read_preview(session, batch)
    if not reading.records:
        raise NothingToImport
    owner = _owner(session, batch)
    known = _known(session, batch)
    counts: dict[Outcome, int] = {"added": 0, "changed": 0, "same": 0}
    rows: list[dict[str, Any]] = []
    for one in reading.records:
        item, outcome = _write(session, batch, one, known.get(one.key), actor, owner)
        if submit and item.status in ("draft", "returned") and not lint.errors(item.content):
            item = move_item(session, item.code, "submit", actor)
        counts[outcome] += 1
        packed = contents.pack(one.content)
        rows.append({"batch_id": batch.id, "key": one.key, "item_id": item.id, "content": packed, "outcome": outcome})
    session.execute(sa.insert(entries), rows)
    done = {"state": "confirmed", "confirmed_at": clock.now(), "sheets": []}
    session.execute(sa.update(batches).where(batches.c.id == batch.id).values(done))
    event = BatchImported(batch_id=batch.id, side=batch.side, name=batch.name, **counts)
    record(session, event, actor_id=actor.id)
    return queries.get_batch(session, number)


def drop_import(session: Session, number: int, actor: Actor) -> None:
    """Forget a preview. Raises BatchNotFound, BatchClosed."""
    batch = _open_batch(session, number, actor)
    session.execute(sa.update(batches).where(batches.c.id == batch.id).values(state="dropped", sheets=[]))


def name_firm(session: Session, alias: str, name: str, actor: Actor) -> None:
    """Let every import call the firm that is written ``alias`` by ``name``. Raises RoleNeeded."""
    workflow.check_may_act(actor)
    if not _is_operator(session, actor):
        raise RoleNeeded("operator")
    row = {"key": firms.firm_key(alias), "name": firms.bare_name(name)[:200]}
    if not row["key"] or not row["name"]:
        raise ContentInvalid("name", "empty")
    upsert(session, firm_aliases, row, keys=["key"], update=["name"])


def _is_operator(session: Session, actor: Actor) -> bool:
    return actor.is_site_admin or "operator" in queries.roles_of(session, actor.id)


def _open_batch(session: Session, number: int, actor: Actor) -> Batch:
    """It, held until this transaction ends."""
    workflow.check_may_act(actor)
    batch = own_batch(session, number, actor)
    session.execute(sa.select(batches.c.id).where(batches.c.id == batch.id).with_for_update())
    batch = queries.get_batch(session, number)
    if batch.state != "preview":
        raise BatchClosed(number, batch.state)
    return batch


def _check_mapping(batch: Batch, mapping: Mapping[str, Mapping[str, str]]) -> None:
    names = {sheet["name"]: sheet for sheet in batch.sheets}
    allowed = set(sheets.fields_of(batch.side))
    for name, columns in mapping.items():
        header = columns.get(sheets.HEADER, "")
        known = {value for key, value in columns.items() if key != sheets.HEADER}
        rows = len(names[name]["rows"]) if name in names else 0
        if not (header.isascii() and header.isdigit() and int(header) < rows) or known - allowed:
            raise ContentInvalid("mapping", "no such sheet, row or field")


def _owner(session: Session, batch: Batch) -> Owner:
    from yungu.accounts.queries import get_owner_by_id

    return get_owner_by_id(session, batch.owner_id)


def _known(session: Session, batch: Batch) -> Mapping[str, Entry]:
    """What the series has of each key, as its latest batch knew it."""
    known: dict[str, Entry] = {}
    for former in reversed(queries.list_batches(session, side=batch.side, name=batch.name, state="confirmed")):
        if former.owner_id == batch.owner_id:
            known |= queries.list_entries(session, former)
    return known


def _write(
    session: Session, batch: Batch, one: sheets.Record, known: Entry | None, actor: Actor, owner: Owner
) -> tuple[Item, Outcome]:
    item = queries.get_item_by_id(session, known.item_id) if known else None
    if known is None or item is None or item.status in ("withdrawn", "superseded"):
        return create_item(session, batch.side, one.content, actor, owner, batch=batch.name), "added"
    if not contents.differences(known.content, one.content) or item.status not in workflow.EDITABLE:
        return item, "same"
    return edit_item(session, item.code, one.content, actor, based_on=item.version), "changed"
