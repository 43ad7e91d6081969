"""Values of chip and model: what a model needs, what a chip has, what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

Precision = Literal["stored", "16-bit", "8-bit", "4-bit"]


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of a chip with where it is from. ``basis``: "measured" by running something on it, or "quoted"."""

    value: float
    basis: Literal["measured", "quoted"]
    source: str
    seen: date


class Chip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chip's profile. ``memory``: GB (10^9 bytes) of its own; ``bandwidth``: GB/s of that memory; ``compute``: TFLOPS
    of matrix products in 16 bits (32 on a CPU), without sparsity. What nobody published with a source is None."""

    id: str
    name: str
    vendor: str
    version: int
    memory: Figure | None = None
    bandwidth: Figure | None = None
    compute: Figure | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer keeps for each token that it has seen, in elements, for at most ``window`` tokens (None: all);
    ``state_count``: elements that it keeps whatever the number of tokens (linear attention, state spaces)."""

    token_count: int
    window: int | None = None
    state_count: int = 0


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a model's own files say of what it needs.

    ``weights_bytes``: as stored; ``active_bytes``, ``active_count``: of the weights that are read for each token (of a
    mixture, the experts chosen); ``cache_element_bytes``: of one number in the cache; ``layers``: None when the config
    does not tell; ``working_count``: the widest activations of a token, in elements."""

    parameters_count: int
    active_count: int
    weights_bytes: int
    active_bytes: int
    layers: Sequence[Layer] | None
    cache_element_bytes: int = 2
    vocabulary_count: int = 0
    working_count: int = 0
    context_tokens: int | None = None
    is_quantized: bool = False

    @property
    def is_mixture(self) -> bool:
        return self.active_count < 0.9 * self.parameters_count


@dataclass(frozen=True, slots=True)
class Need:
    """Memory that a model needs in one precision, for sequences of one length: weights, cache, activations."""

    precision: Precision
    weights_bytes: int
    cache_bytes: int
    working_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.cache_bytes + self.working_bytes


@dataclass(frozen=True, slots=True)
class Fit:
    """A model on ``devices_count`` chips of a kind, None when not even the most that are tried suffice.

    ``usable_bytes``: of one chip. The speeds are bounds that no software passes, over all sequences together, None when
    the chip's figures are not known."""

    chip: Chip
    need: Need
    usable_bytes: int
    devices_count: int | None
    decode_tokens_second: float | None
    prefill_tokens_second: float | None


NeedsByPrecision = Mapping[Precision, Need]
