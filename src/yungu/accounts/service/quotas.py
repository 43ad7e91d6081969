"""How many bytes owners may keep."""

from __future__ import annotations

import sqlalchemy as sa

from yungu.accounts.events import QuotaChanged
from yungu.accounts.models import Owner, OwnerKind, default_quotas, quotas
from yungu.kernel.db import Session, upsert
from yungu.kernel.events import record


def set_quota(session: Session, owner: Owner, limit_bytes: int | None, *, by: int | None) -> None:
    """A limit for one owner; None: no limit."""
    row = {"owner_id": owner.id, "limit_bytes": limit_bytes}
    upsert(session, quotas, row, keys=["owner_id"], update=["limit_bytes"])
    record(session, QuotaChanged(owner_id=owner.id, kind=owner.kind, limit_bytes=limit_bytes), actor_id=by)


def reset_quota(session: Session, owner: Owner, *, by: int | None) -> None:
    """Let the default of its kind hold for an owner again."""
    session.execute(sa.delete(quotas).where(quotas.c.owner_id == owner.id))
    record(session, QuotaChanged(owner_id=owner.id, kind=owner.kind, limit_bytes=None, is_own=False), actor_id=by)


def set_default_quota(session: Session, kind: OwnerKind, limit_bytes: int | None, *, by: int | None) -> None:
    """What holds for every owner of a kind that has no limit of its own; None: no limit."""
    row = {"kind": kind, "limit_bytes": limit_bytes}
    upsert(session, default_quotas, row, keys=["kind"], update=["limit_bytes"])
    record(session, QuotaChanged(owner_id=None, kind=kind, limit_bytes=limit_bytes), actor_id=by)
