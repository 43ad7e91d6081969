"""``yungu settings``: what an operator may choose."""

from __future__ import annotations

from yungu.cli.console import AsJson, show


def settings(as_json: AsJson = False) -> None:
    """Print every setting with its default, as a table in Markdown."""
    from yungu.app.settings import iter_docs
    from yungu.cli.reference import settings_table

    show(list(iter_docs()), settings_table(), as_json=as_json)
