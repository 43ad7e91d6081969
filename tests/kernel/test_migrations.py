"""The schema's history leads to the tables that the code speaks of."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from yungu import migrations
from yungu.app.tables import metadata
from yungu.kernel.db import Database


def test_the_migrations_lead_to_exactly_the_tables_in_the_code(database: Database) -> None:
    with database.read() as session:
        context = MigrationContext.configure(session, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_a_second_time_changes_nothing(database: Database) -> None:
    migrations.upgrade(database)
    with database.read() as session:
        assert session.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one() == 1
