"""The schema's history, applied at every start: ``upgrade(database)``.

A new table or column needs a new file in ``versions``; a test compares the result with the tables in the code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from yungu.kernel.db import Database

LOCK_NUMBER = 0x79756E6775  # "yungu"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to the newest schema (or up to a revision); safe when several processes start at once."""
    config = configuration()
    with database.write() as session:
        if not database.is_sqlite:
            session.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")
        config.attributes["connection"] = session
        command.upgrade(config, revision)


def configuration() -> Config:
    """Where Alembic finds the history; the caller adds ``attributes["connection"]``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
