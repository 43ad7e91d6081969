"""Owners of spaces say what these shall find, and whether they shall run. Nobody runs them yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import queries
from yungu.hub.errors import VariableExists, VariableInvalid, VariableNotFound
from yungu.hub.events import SpaceStartWished, SpaceStopWished
from yungu.hub.models import Repo, space_settings, space_variables
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record
from yungu.trust import seal

MAX_VARIABLES = 200
MAX_VALUE_LENGTH = 65_536
MAX_SETTINGS_BYTES = 65_536
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def change_space(session: Session, repo: Repo, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Set what is given (None: take it out) beside what is set already; returns all. Raises VariableInvalid."""
    held = queries.get_space_run(session, repo)
    merged = {name: value for name, value in {**held.values, **values}.items() if value is not None}
    if len(msgspec.json.encode(merged)) > MAX_SETTINGS_BYTES:
        raise VariableInvalid(f"The settings of a space may have at most {MAX_SETTINGS_BYTES} bytes.")
    row = {"repo_id": repo.id, "values": merged, "is_wanted": held.is_wanted, "wished_at": held.wished_at}
    upsert(session, space_settings, row, keys=["repo_id"], update=["values"])
    return merged


def wish_space(session: Session, repo: Repo, actor: Actor, *, running: bool) -> None:
    """Note that the space shall run, or stop."""
    values = queries.get_space_run(session, repo).values
    row = {"repo_id": repo.id, "values": dict(values), "is_wanted": running, "wished_at": clock.now()}
    upsert(session, space_settings, row, keys=["repo_id"], update=["is_wanted", "wished_at"])
    record(session, SpaceStartWished() if running else SpaceStopWished(), actor_id=actor.id, repo_id=repo.id)


def put_space_variable(
    session: Session, site_secret: bytes, repo: Repo, key: str, value: str, *, secret: bool, is_new: bool | None = None
) -> None:
    """Set a variable, or a secret, which is kept sealed with the server's own key. ``is_new``: it must not (True), or
    must (False) be there already; None: either.

    Raises VariableInvalid, VariableExists, VariableNotFound."""
    if not _KEY.fullmatch(key):
        raise VariableInvalid(
            "A key has letters, digits and '_', at most 128 of them, and does not begin with a digit."
        )
    if len(value) > MAX_VALUE_LENGTH or "\0" in value:
        raise VariableInvalid(f"A value is text of at most {MAX_VALUE_LENGTH} characters.")
    held = {item.key for kind in (True, False) for item in queries.list_space_variables(session, repo, secret=kind)}
    if is_new is True and key in held:
        raise VariableExists(key)
    if is_new is False and key not in held:
        raise VariableNotFound(key)
    if key not in held and len(held) >= MAX_VARIABLES:
        raise VariableInvalid(f"A space may have at most {MAX_VARIABLES} variables and secrets.")
    kept = seal(site_secret, space_secret_place(repo, key), value) if secret else value
    row = {"repo_id": repo.id, "key": key, "value": kept, "is_secret": secret, "updated_at": clock.now()}
    upsert(session, space_variables, row, keys=["repo_id", "key"], update=["value", "is_secret", "updated_at"])


def space_secret_place(repo: Repo, key: str) -> str:
    """Where alone the sealed secret opens; see `yungu.trust`."""
    return f"space {repo.id} {key}"


def drop_space_variable(session: Session, repo: Repo, key: str, *, secret: bool) -> None:
    """Raises VariableNotFound."""
    c = space_variables.c
    here = (c.repo_id == repo.id) & (c.key == key) & c.is_secret.is_(secret)
    if session.execute(sa.delete(space_variables).where(here)).rowcount == 0:
        raise VariableNotFound(key)
