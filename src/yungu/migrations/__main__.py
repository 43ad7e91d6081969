"""``python -m yungu.migrations "add gates"``: write the next migration from what the tables in the code have become."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import cast

from alembic import command
from alembic.script import Script, ScriptDirectory

from yungu.kernel.db import Database
from yungu.migrations import configuration, upgrade


def write_next(message: str) -> Path:
    """A new file in ``versions`` that leads from the newest schema to ``yungu.app.tables``: to be read before use."""
    config = configuration()
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/now.db")
        upgrade(database)
        with database.write() as session:
            config.attributes["connection"] = session
            made = command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")
        database.close()
    return Path(cast(Script, made).path)


if __name__ == "__main__":
    write_next(" ".join(sys.argv[1:]))
