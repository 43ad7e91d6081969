"""Decoders of the Llama family in numpy: Llama, Mistral, Qwen2, Qwen3 and Mixtral, with a cache of keys and values.

What the layers compute is that of transformers' ``LlamaForCausalLM`` and ``MixtralForCausalLM``, in float32: RMS norm,
rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023), SwiGLU, and of a mixture the experts
that the router likes best, weighted by its softmax over them (Jiang et al. 2024)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yungu.compute.runtimes.protocol import ModelUnfit, Runtime, Spec
from yungu.compute.runtimes.tensors import load_tensors
from yungu.compute.runtimes.texts import TextRuntime, load_tokenizer

Array = np.ndarray[Any, Any]
FAMILIES = frozenset({"llama", "mistral", "qwen2", "qwen3", "mixtral"})
_CHUNK_TOKENS = 256
"""Of a prompt, fed at once: bounds the attention scores in memory."""
_FIRST_CACHE_TOKENS = 256


def load(spec: Spec) -> Runtime:
    """Raises ModelUnfit."""
    return TextRuntime(Decoder(spec.path), load_tokenizer(spec.path), spec.path, spec.context_tokens)


@dataclass(frozen=True, slots=True)
class _Shape:
    heads: int
    key_heads: int
    head_width: int
    epsilon: float
    window: int | None
    experts_per_token: int


@dataclass(frozen=True, slots=True)
class _Attention:
    """``qkv`` and ``bias`` are those of queries, keys and values, one after the other."""

    norm: Array
    qkv: Array
    bias: Array | None
    out: Array
    query_norm: Array | None
    key_norm: Array | None


@dataclass(frozen=True, slots=True)
class _Layer:
    attention: _Attention
    norm: Array
    mix: Callable[[Array], Array]


class Decoder:
    """A model from the files of a folder. All matrices are kept transposed, as they are multiplied."""

    def __init__(self, folder: Path) -> None:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        if config.get("model_type") not in FAMILIES:
            raise ModelUnfit(f"Models of type {config.get('model_type')} are not served by this runtime.")
        if config.get("hidden_act", "silu") != "silu":
            raise ModelUnfit(f"The activation {config['hidden_act']} is not served by this runtime.")
        tensors = load_tensors(folder)
        try:
            self.shape = _shape(config)
            self._take(config, tensors)
        except KeyError as error:
            raise ModelUnfit(f"The configuration or the weights lack {error}.") from error

    def _take(self, config: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
        self.embeddings = tensors["model.embed_tokens.weight"]
        self.vocabulary_count = len(self.embeddings)
        head = self.embeddings if config.get("tie_word_embeddings") else tensors["lm_head.weight"]
        self.head = np.ascontiguousarray(head.T)
        self.norm = tensors["model.norm.weight"]
        numbers = range(config["num_hidden_layers"])
        self.layers = [_layer(tensors, f"model.layers.{number}.", self.shape) for number in numbers]
        self.frequencies = _frequencies(config, self.shape.head_width)

    def begin(self, most_tokens: int) -> DecoderSession:
        return DecoderSession(self, most_tokens)


class DecoderSession:
    """One text that grows, with the keys and values of what it has so far."""

    def __init__(self, model: Decoder, most_tokens: int) -> None:
        self._model, self._most = model, most_tokens
        self._count = 0
        room = min(most_tokens, _FIRST_CACHE_TOKENS)
        self._keys = [self._empty(room) for _ in model.layers]
        self._values = [self._empty(room) for _ in model.layers]

    def feed(self, tokens: Sequence[int]) -> Array:
        """See `texts.Session`."""
        hidden: Array = np.empty(0)
        for start in range(0, len(tokens), _CHUNK_TOKENS):
            hidden = self._feed(tokens[start : start + _CHUNK_TOKENS])
        model = self._model
        logits: Array = _normed(hidden[-1], model.norm, model.shape.epsilon) @ model.head
        return logits

    def _feed(self, tokens: Sequence[int]) -> Array:
        model, count = self._model, len(tokens)
        if self._count + count > self._keys[0].shape[1]:
            self._grow(min(self._most, max(2 * self._keys[0].shape[1], self._count + count)))
        hidden = model.embeddings[np.asarray(tokens)]
        turn = _turns(model, self._count, count)
        for number, layer in enumerate(model.layers):
            hidden = hidden + self._attend(number, layer.attention, hidden, turn)
            hidden = hidden + layer.mix(_normed(hidden, layer.norm, model.shape.epsilon))
        self._count += count
        return np.asarray(hidden)

    def _attend(self, number: int, layer: _Attention, hidden: Array, turn: tuple[Array, Array]) -> Array:
        """Arrays of heads are (heads, tokens, width); queries are grouped by the key head that they share."""
        shape, count, total = self._model.shape, len(hidden), self._count + len(hidden)
        query, key, value = _project(layer, hidden, shape, turn)
        keys, values = self._keys[number], self._values[number]
        keys[:, self._count : total], values[:, self._count : total] = key, value
        start = max(0, self._count + 1 - shape.window) if shape.window and count == 1 else 0
        group = shape.heads // shape.key_heads
        grouped = query.reshape(shape.key_heads, group * count, shape.head_width)
        scores = grouped @ keys[:, start:total].transpose(0, 2, 1)
        scores *= 1 / math.sqrt(shape.head_width)
        if count > 1:
            _hide_later(scores.reshape(shape.key_heads, group, count, total), self._count, shape.window)
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        seen = (scores @ values[:, start:total]).reshape(shape.heads, count, shape.head_width)
        attended: Array = seen.transpose(1, 0, 2).reshape(count, -1) @ layer.out
        return attended

    def _grow(self, room: int) -> None:
        """Make room for so many tokens in all."""
        for kept in (self._keys, self._values):
            for number, old in enumerate(kept):
                kept[number] = self._empty(room)
                kept[number][:, : self._count] = old[:, : self._count]

    def _empty(self, room: int) -> Array:
        shape = self._model.shape
        return np.empty((shape.key_heads, room, shape.head_width), np.float32)


# --- arithmetic


def _normed(hidden: Array, weight: Array, epsilon: float) -> Array:
    mean = np.einsum("...i,...i->...", hidden, hidden)[..., None] / hidden.shape[-1]
    return np.asarray(hidden * (weight / np.sqrt(mean + epsilon)))


def _project(layer: _Attention, hidden: Array, shape: _Shape, turn: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    projected = _normed(hidden, layer.norm, shape.epsilon) @ layer.qkv
    if layer.bias is not None:
        projected += layer.bias
    heads = projected.reshape(len(hidden), -1, shape.head_width).transpose(1, 0, 2)
    query, key, value = np.split(heads, [shape.heads, shape.heads + shape.key_heads])
    if layer.query_norm is not None and layer.key_norm is not None:
        query = _normed(query, layer.query_norm, shape.epsilon)
        key = _normed(key, layer.key_norm, shape.epsilon)
    return _turned(query, turn), _turned(key, turn), value


def _turns(model: Decoder, start: int, count: int) -> tuple[Array, Array]:
    """Cosine and sine of the angle of each position in each pair of dimensions."""
    angles = np.arange(start, start + count, dtype=np.float32)[:, None] * model.frequencies
    angles = np.concatenate([angles, angles], axis=-1)
    return np.cos(angles), np.sin(angles)


def _turned(heads: Array, turn: tuple[Array, Array]) -> Array:
    half = heads.shape[-1] // 2
    swapped = np.concatenate([-heads[..., half:], heads[..., :half]], axis=-1)
    return np.asarray(heads * turn[0] + swapped * turn[1])


def _hide_later(scores: Array, before: int, window: int | None) -> None:
    """Let no token see later ones, nor those outside of its window. ``scores``: (..., tokens, all tokens)."""
    count, total = scores.shape[-2:]
    own, other = np.arange(before, before + count)[:, None], np.arange(total)
    hidden = other > own
    if window:
        hidden |= other <= own - window
    scores[..., hidden] = -np.inf


def _gated(hidden: Array, gate_up: Array, down: Array) -> Array:
    both = hidden @ gate_up
    gate, up = both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]
    with np.errstate(over="ignore"):  # exp of a large number is infinite, and its inverse the 0 that is meant
        out: Array = (gate / (1 + np.exp(-gate)) * up) @ down
    return out


def _mixture(hidden: Array, router: Array, experts: Sequence[tuple[Array, Array]], most: int) -> Array:
    logits = hidden @ router
    best = np.argpartition(-logits, most - 1, axis=-1)[:, :most]
    chosen = np.take_along_axis(logits, best, axis=-1)
    shares = np.exp(chosen - chosen.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    if len(hidden) == 1:
        parts = [_gated(hidden, *experts[number]) * share for number, share in zip(best[0], shares[0], strict=True)]
        return np.asarray(sum(parts))
    mixed = np.zeros_like(hidden)
    for number in np.unique(best):
        rows, places = np.nonzero(best == number)
        mixed[rows] += _gated(hidden[rows], *experts[number]) * shares[rows, places][:, None]
    return mixed


# --- from files


def _shape(config: Mapping[str, Any]) -> _Shape:
    heads = config["num_attention_heads"]
    return _Shape(
        heads=heads,
        key_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim") or config["hidden_size"] // heads,
        epsilon=config.get("rms_norm_eps", 1e-6),
        window=_window(config),
        experts_per_token=config.get("num_experts_per_tok", 0),
    )


def _window(config: Mapping[str, Any]) -> int | None:
    """How many tokens back each sees, None for all. Raises ModelUnfit when that differs between layers."""
    if len(set(config.get("layer_types") or ())) > 1:
        raise ModelUnfit("Layers with different attention are not served by this runtime.")
    return config.get("sliding_window") if config.get("use_sliding_window", True) else None


def _layer(tensors: Mapping[str, Array], name: str, shape: _Shape) -> _Layer:
    own = f"{name}self_attn."
    biases = [tensors.get(f"{own}{part}_proj.bias") for part in "qkv"]
    attention = _Attention(
        norm=tensors[f"{name}input_layernorm.weight"],
        qkv=_joined(*(tensors[f"{own}{part}_proj.weight"] for part in "qkv")),
        bias=np.concatenate(biases) if biases[0] is not None else None,  # type: ignore[arg-type] # all or none
        out=_joined(tensors[f"{own}o_proj.weight"]),
        query_norm=tensors.get(f"{own}q_norm.weight"),
        key_norm=tensors.get(f"{own}k_norm.weight"),
    )
    return _Layer(attention, tensors[f"{name}post_attention_layernorm.weight"], _mix(tensors, name, shape))


def _mix(tensors: Mapping[str, Array], name: str, shape: _Shape) -> Callable[[Array], Array]:
    moe = f"{name}block_sparse_moe."
    if f"{moe}gate.weight" not in tensors:
        gate_up = _joined(tensors[f"{name}mlp.gate_proj.weight"], tensors[f"{name}mlp.up_proj.weight"])
        down = _joined(tensors[f"{name}mlp.down_proj.weight"])
        return lambda hidden: _gated(hidden, gate_up, down)
    router = _joined(tensors[f"{moe}gate.weight"])
    parts = [f"{moe}experts.{number}." for number in range(router.shape[1])]
    experts = [
        (_joined(tensors[f"{part}w1.weight"], tensors[f"{part}w3.weight"]), _joined(tensors[f"{part}w2.weight"]))
        for part in parts
    ]
    return lambda hidden: _mixture(hidden, router, experts, shape.experts_per_token)


def _joined(*matrices: Array) -> Array:
    return np.ascontiguousarray(np.concatenate(matrices).T)


def _frequencies(config: Mapping[str, Any], width: int) -> Array:
    """Radians per position of each pair of dimensions. Raises ModelUnfit."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = rope.get("rope_theta") or config.get("rope_theta", 10_000.0)
    plain = theta ** (-np.arange(0, width, 2, dtype=np.float64) / width)
    match rope.get("rope_type", rope.get("type", "default")):
        case "default":
            scaled = plain
        case "linear":
            scaled = plain / rope["factor"]
        case "llama3":
            scaled = _llama3(plain, rope)
        case other:
            raise ModelUnfit(f"Rotary positions of type {other} are not served by this runtime.")
    return np.asarray(scaled, np.float32)


def _llama3(plain: Array, rope: Mapping[str, Any]) -> Array:
    """Slow turns are slowed further, fast ones are left, those between are blended (Llama 3.1)."""
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    turns = rope["original_max_position_embeddings"] * plain / (2 * math.pi)
    blend = np.clip((turns - low) / (high - low), 0, 1)
    return np.asarray((1 - blend) * plain / rope["factor"] + blend * plain)
