"""How a command of this process ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec


@dataclass(frozen=True)
class Ended:
    """Its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


class Run(Protocol):
    """``yungu("user", "list")``"""

    def __call__(self, *arguments: str, stdin: str = "") -> Ended: ...
