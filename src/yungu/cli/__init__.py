"""The ``yungu`` command: one file per noun. Everything heavy is imported by the command that needs it.

Exit codes: 0 done; 1 refused or failed, the reason on standard error; 2 wrong usage; 3 damage found."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; ``arguments`` None: those of the process. Always raises SystemExit."""
    from yungu.cli.main import app
    from yungu.kernel.errors import YunguError

    try:
        app(args=arguments, prog_name="yungu")
    except YunguError as error:
        sys.stderr.write(f"yungu: {error.message}\n" + (f"       {error.hint}\n" if error.hint else ""))
        raise SystemExit(1) from None
