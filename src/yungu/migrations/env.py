"""Runs the migrations inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from yungu.app.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
context.run_migrations()
