"""What scenarios tell."""

from __future__ import annotations
