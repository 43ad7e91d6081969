"""The schema's history, applied at every start: ``upgrade(database)``.

A new table or column needs a new file in ``versions``; a test compares the result with the tables in the code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from yungu.kernel.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_NUMBER = 0x79756E6775  # "yungu"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to the newest schema (or up to a revision); safe when several processes start at once."""
    if revision == "head" and _is_newest(database):
        return
    from alembic import command  # takes half a second to load and most starts have nothing to do

    config = configuration()
    with database.write() as session:
        if not database.is_sqlite:
            session.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")
        config.attributes["connection"] = session
        command.upgrade(config, revision)


def configuration() -> Config:
    """Where Alembic finds the history; the caller adds ``attributes["connection"]``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _is_newest(database: Database) -> bool:
    """Whether the database is at the last of the numbered files in ``versions``."""
    newest = max(path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
    try:
        with database.read() as session:
            return session.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == newest
    except sa.exc.DBAPIError:
        return False
