"""How scenarios say no."""

from __future__ import annotations
