"""What the owners of spaces have set."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from yungu.hub.models import Repo, SpaceRun, SpaceVariable, space_settings, space_variables
from yungu.kernel.db import Session, columns

_RUN = columns(SpaceRun, space_settings)
_VARIABLE = columns(SpaceVariable, space_variables)


def get_space_run(session: Session, repo: Repo) -> SpaceRun:
    """What was set and wished for so far; empty when nothing was."""
    row = session.execute(sa.select(*_RUN).where(space_settings.c.repo_id == repo.id)).first()
    return SpaceRun(*row) if row else SpaceRun()


def list_space_variables(session: Session, repo: Repo, *, secret: bool) -> Sequence[SpaceVariable]:
    """The variables, or the secrets, by key."""
    c = space_variables.c
    query = sa.select(*_VARIABLE).where(c.repo_id == repo.id, c.is_secret.is_(secret)).order_by(c.key)
    return [SpaceVariable(*row) for row in session.execute(query)]
