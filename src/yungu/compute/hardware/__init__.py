"""Profiles of chips, as YAML beside this file: every figure with its source, and whether it was measured or quoted.

A figure that nobody published with a source that can be looked up is left out, and what would follow from it is not
said. A profile that changes gets a higher ``version``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec

from yungu.compute.models.fit import Chip


@cache
def list_chips() -> Sequence[Chip]:
    """All profiles, in the order of their files' names."""
    import yaml

    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    texts = [file.read_text("utf-8") for file in files if file.name.endswith(".yaml")]
    return [chip for text in texts for chip in msgspec.convert(yaml.safe_load(text), list[Chip])]
