"""The catalogues of MCP servers and of skills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from yungu.accounts.models import Actor, members, owners
from yungu.hub import rules
from yungu.hub.errors import McpServerNotFound, SkillFilesMissing, SkillNotFound
from yungu.hub.models import McpServer, Skill, mcp_servers, skill_archives, skills
from yungu.kernel.db import Session, columns

_SERVER = columns(McpServer, mcp_servers)
_s = skills.c
SKILL = (
    _s.id, _s.owner_id, owners.c.name, _s.name, _s.is_private, _s["values"], _s.archive_sha256, _s.downloads_count,
    _s.views_count, _s.created_at, _s.updated_at,
)  # fmt: skip
_SKILL = sa.select(*SKILL).join(owners, owners.c.id == _s.owner_id)


def list_mcp_servers(
    session: Session, *, search: str = "", category: str = "", operational: bool | None = None, skip: int, limit: int
) -> tuple[Sequence[McpServer], int]:
    """Entries whose name or description has the word, and how many there are. ``operational``: that the operator runs,
    or does not."""
    c = mcp_servers.c
    where: list[sa.ColumnElement[bool]] = []
    if search:
        texts = (c.slug, c.name, c.chinese_name, c.description)
        where.append(sa.or_(*(sa.func.lower(text).contains(search.lower(), autoescape=True) for text in texts)))
    if category:
        where.append(c.category == category)
    if operational is not None:
        where.append((sa.cast(c.operational_urls, sa.Text) != "[]") == operational)
    rows = session.execute(sa.select(*_SERVER).where(*where).order_by(c.id).offset(skip).limit(limit))
    total = session.scalar(sa.select(sa.func.count()).select_from(mcp_servers).where(*where))
    return [McpServer(*row) for row in rows], int(total or 0)


def get_mcp_server(session: Session, slug: str) -> McpServer:
    """Raises McpServerNotFound."""
    row = session.execute(sa.select(*_SERVER).where(mcp_servers.c.slug == slug)).first()
    if row is None:
        raise McpServerNotFound(slug)
    return McpServer(*row)


def list_skills(
    session: Session, actor: Actor, *, search: str = "", equal: Mapping[str, str] | None = None, skip: int, limit: int
) -> tuple[Sequence[Skill], int]:
    """Skills that the actor may know of, newest first, and how many there are. ``equal``: "owner", or a text among
    their values, to what it has to be."""
    where = [_visible_to(actor)]
    if search:
        where.append(_s.key.contains(search.casefold(), autoescape=True))
    for name, text in (equal or {}).items():
        where.append(owners.c.key == text.casefold() if name == "owner" else _s["values"][name].as_string() == text)
    matching = _SKILL.where(*where)
    total = session.scalar(sa.select(sa.func.count()).select_from(matching.subquery()))
    rows = session.execute(matching.order_by(_s.id.desc()).offset(skip).limit(limit))
    return [skill for row in rows if rules.may_see_skill(actor, skill := Skill(*row))], int(total or 0)


def visible_skill(session: Session, slug: str, actor: Actor) -> Skill:
    """The skill "owner/name", or the one of that number. Raises SkillNotFound alike for the missing and the hidden."""
    owner, slash, name = slug.rpartition("/")
    if slash:
        where: sa.ColumnElement[bool] = sa.and_(owners.c.key == owner.casefold(), _s.key == name.casefold())
    elif slug.isdecimal() and len(slug) < 16:
        where = _s.id == int(slug)
    else:
        raise SkillNotFound(slug)
    row = session.execute(_SKILL.where(where)).first()
    if row is None or not rules.may_see_skill(actor, Skill(*row)):
        raise SkillNotFound(slug)
    return Skill(*row)


def skill_archive(session: Session, skill: Skill) -> bytes:
    """The zip file with the files of a skill. Raises SkillFilesMissing."""
    c = skill_archives.c
    data = session.scalar(sa.select(c.data).where(c.skill_id == skill.id))
    if data is None:
        raise SkillFilesMissing(skill.slug, str(skill.values.get("source_url") or ""))
    return bytes(data)


def _visible_to(actor: Actor) -> sa.ColumnElement[bool]:
    """The same rule as ``rules.may_see_skill``, as SQL, for everything but the token's own limits."""
    if actor.user is None:
        return _s.is_private.is_(False)
    if actor.is_site_admin:
        return sa.true()
    shared = sa.select(members.c.organization_id).where(members.c.user_id == actor.id)
    return sa.or_(_s.is_private.is_(False), _s.owner_id == actor.id, _s.owner_id.in_(shared))
