"""Entries of the catalogues come, change and go."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from yungu import accounts
from yungu.accounts.models import Actor
from yungu.hub import queries, rules
from yungu.hub.errors import (
    LooseFileNotFound,
    LooseFilesTooMany,
    McpServerNotFound,
    SkillDenied,
    SkillExists,
    TextTooLong,
)
from yungu.hub.events import SkillPublished
from yungu.hub.models import McpServer, Skill, loose_files, mcp_servers, skill_archives, skills
from yungu.kernel import clock
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record

MAX_VALUES_BYTES = 65_536
MAX_LOOSE_FILES = 20
LOOSE_LIVES = timedelta(days=1)


def put_mcp_server(
    session: Session,
    slug: str,
    *,
    name: str,
    chinese_name: str = "",
    description: str = "",
    category: str = "",
    server_config: Sequence[Mapping[str, Any]] = (),
    operational_urls: Sequence[Mapping[str, str]] = (),
) -> McpServer:
    """Make an entry, or replace the one of that slug."""
    row = {
        "slug": slug, "name": name, "chinese_name": chinese_name, "description": description, "category": category,
        "server_config": list(server_config), "operational_urls": list(operational_urls), "created_at": clock.now(),
    }  # fmt: skip
    upsert(
        session,
        mcp_servers,
        row,
        keys=["slug"],
        update=[column for column in row if column not in ("slug", "created_at")],
    )
    return queries.get_mcp_server(session, slug)


def delete_mcp_server(session: Session, slug: str) -> None:
    """Raises McpServerNotFound."""
    if session.execute(sa.delete(mcp_servers).where(mcp_servers.c.slug == slug)).rowcount == 0:
        raise McpServerNotFound(slug)


def create_skill(
    session: Session, namespace: str, name: str, actor: Actor, *, values: Mapping[str, Any], is_private: bool
) -> Skill:
    """Raises SignInRequired, SkillDenied, RepoNameInvalid, SkillExists, TextTooLong."""
    if actor.user is None:
        raise accounts.SignInRequired
    owner = accounts.find_owner(session, namespace or actor.user.name)
    if owner is None or not rules.may_curate(actor, owner.id, owner.name):
        raise SkillDenied(namespace)
    rules.check_repo_name(name)
    now = clock.now()
    row = {
        "owner_id": owner.id, "name": name, "key": name.casefold(), "is_private": is_private,
        "values": _checked(values), "created_at": now, "updated_at": now,
    }  # fmt: skip
    try:
        with session.begin_nested():
            number = session.execute(sa.insert(skills).values(row).returning(skills.c.id)).scalar_one()
    except sa.exc.IntegrityError:
        raise SkillExists(f"{owner.name}/{name}") from None
    record(session, SkillPublished(skill_id=number), actor_id=actor.id)
    return queries.visible_skill(session, f"{owner.name}/{name}", actor)


def change_skill(
    session: Session, skill: Skill, actor: Actor, *, values: Mapping[str, Any], is_private: bool | None = None
) -> Skill:
    """Set what is given. Raises SignInRequired, SkillDenied, TextTooLong."""
    _check_curating(skill, actor)
    merged = {name: value for name, value in {**skill.values, **values}.items() if value is not None}
    changed = {"values": _checked(merged), "updated_at": clock.now()}
    if is_private is not None:
        changed["is_private"] = is_private
    session.execute(sa.update(skills).where(skills.c.id == skill.id).values(changed))
    return queries.visible_skill(session, skill.slug, actor)


def delete_skill(session: Session, skill: Skill, actor: Actor) -> None:
    """Raises SignInRequired, SkillDenied."""
    _check_curating(skill, actor)
    session.execute(sa.delete(skills).where(skills.c.id == skill.id))


def put_skill_archive(session: Session, skill: Skill, actor: Actor, data: bytes) -> Skill:
    """Give a skill its files, in place of those that it had. Where its owner has said nothing, its values say what the
    files say. Raises SkillArchiveInvalid, SignInRequired, SkillDenied, TextTooLong."""
    _check_curating(skill, actor)
    front = rules.check_skill_archive(data)
    upsert(session, skill_archives, {"skill_id": skill.id, "data": data}, keys=["skill_id"], update=["data"])
    told = {name: str(front[name]) for name in ("description", "version", "license") if front.get(name)}
    values = _checked({**told, **skill.values})
    changed = {"values": values, "archive_sha256": hashlib.sha256(data).hexdigest(), "updated_at": clock.now()}
    session.execute(sa.update(skills).where(skills.c.id == skill.id).values(changed))
    return queries.visible_skill(session, skill.slug, actor)


def keep_loose_file(session: Session, actor: Actor, name: str, data: bytes) -> str:
    """Keep a small file for a day, until its uploader makes it part of something; its id. Raises SignInRequired,
    LooseFilesTooMany."""
    if actor.id is None:
        raise accounts.SignInRequired
    c, now = loose_files.c, clock.now()
    session.execute(sa.delete(loose_files).where(c.uploaded_at < now - LOOSE_LIVES))
    waiting = session.scalar(sa.select(sa.func.count()).select_from(loose_files).where(c.user_id == actor.id))
    if (waiting or 0) >= MAX_LOOSE_FILES:
        raise LooseFilesTooMany(MAX_LOOSE_FILES)
    row = {"id": secrets.token_hex(16), "user_id": actor.id, "name": name[:200], "data": data, "uploaded_at": now}
    session.execute(sa.insert(loose_files).values(row))
    return str(row["id"])


def take_loose_file(session: Session, actor: Actor, file_id: str) -> bytes:
    """The content of a file that the actor has uploaded, which is not kept loose any longer. Raises
    LooseFileNotFound."""
    c = loose_files.c
    mine = (c.id == file_id) & (c.user_id == actor.id) & (c.uploaded_at >= clock.now() - LOOSE_LIVES)
    data = session.scalar(sa.delete(loose_files).where(mine).returning(c.data))
    if data is None:
        raise LooseFileNotFound(file_id)
    return bytes(data)


def _check_curating(skill: Skill, actor: Actor) -> None:
    if actor.user is None:
        raise accounts.SignInRequired
    if not rules.may_curate(actor, skill.owner_id, skill.owner):
        raise SkillDenied(skill.owner)


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(dict(values))) > MAX_VALUES_BYTES:
        raise TextTooLong("description of the skill", MAX_VALUES_BYTES)
    return dict(values)
