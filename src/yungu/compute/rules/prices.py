"""What calls cost. All amounts are integer micro-credits; a part of one is charged as one."""

from __future__ import annotations

import math

from yungu.compute.models import Prices, Usage

_MILLION = 1_000_000


def cost(prices: Prices, usage: Usage) -> int:
    """What one call costs."""
    tokens = usage.prompt_tokens * prices.prompt_million + usage.completion_tokens * prices.completion_million
    return prices.request + -(-tokens // _MILLION) + math.ceil(usage.device_seconds * prices.second)
