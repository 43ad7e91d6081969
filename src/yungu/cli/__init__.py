"""The ``yungu`` command: one file per noun."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from yungu.cli.main import app

    app()
