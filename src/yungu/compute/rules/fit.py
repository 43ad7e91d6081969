"""Whether a model fits a chip, and what bounds its speed: from the headers of its weights and its config alone.

Memory: the weights as stored; the cache of keys and values, 2 * kv_heads * head_dim per token and layer, less with
latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1: one latent and one rotary key per token), sliding windows
and layers without attention; activations of the widest layer and the logits. Speed: a roofline (Williams, Waterman,
Patterson 2009): a token cannot be decoded faster than the weights and the cache are read, nor than 2 operations per
active parameter are done."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from yungu.compute.errors import ModelTooLarge
from yungu.compute.models.fit import Anatomy, Chip, Fit, Layer, Need, Precision

USABLE_SHARE = 0.9
"""Of a chip's memory, as vLLM takes it by default (gpu_memory_utilization); the rest is the driver's and fragments."""
CHUNK_TOKENS = 2048
"""So many tokens of a prompt go through the model at once."""
_MOST_DEVICES = 16
_GB, _TERA = 10**9, 10**12
_MOST_LAYERS = 4096

_BITS = {
    "F64": 64,
    "I64": 64,
    "U64": 64,
    "F32": 32,
    "I32": 32,
    "U32": 32,
    "F16": 16,
    "BF16": 16,
    "I16": 16,
    "U16": 16,
    "I8": 8,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "Q4_0": 4.5,
    "Q4_1": 5,
    "Q5_0": 5.5,
    "Q5_1": 6,
    "Q8_0": 8.5,
    "Q8_1": 9,
    "Q2_K": 2.625,
    "Q3_K": 3.4375,
    "Q4_K": 4.5,
    "Q5_K": 5.5,
    "Q6_K": 6.5625,
    "Q8_K": 9.125,
    "IQ2_XXS": 2.0625,
    "IQ2_XS": 2.3125,
    "IQ2_S": 2.5625,
    "IQ3_XXS": 3.0625,
    "IQ3_S": 3.4375,
    "IQ1_S": 1.5625,
    "IQ1_M": 1.75,
    "IQ4_NL": 4.5,
    "IQ4_XS": 4.25,
    "TQ1_0": 1.6875,
    "TQ2_0": 2.0625,
    "MXFP4": 4.25,
}
"""Bits of one parameter: safetensors' dtypes, and ggml's blocks with their scales (ggml/src/ggml-common.h)."""
_CONVERTED: dict[Precision, float] = {"16-bit": 16, "8-bit": _BITS["Q8_0"], "4-bit": _BITS["Q4_0"]}
_EXPERT = re.compile(r"(^|\.)(local_)?experts\.|_exps\.")
_INPUT = re.compile(r"(embed_tokens|word_embeddings|wte|token_embd|tok_embeddings)\.weight$")
_OUTPUT = re.compile(r"(^|\.)(lm_head|output|embed_out)\.weight$")


class NamedTensor(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def parameters_count(self) -> int: ...


def examine(tensors: Iterable[NamedTensor], config: Mapping[str, Any]) -> Anatomy:
    """The anatomy from all tensors of a model and its config.json (or, of a GGUF file, `gguf_config`)."""
    inner = config.get("text_config")
    words = {**config, **inner} if isinstance(inner, Mapping) else config
    held = list(tensors)
    share = _expert_share(words)
    is_tied = not any(_OUTPUT.search(tensor.name) for tensor in held)
    count = active = 0
    bits = active_bits = 0.0
    for tensor in held:
        size, own = tensor.parameters_count, tensor.parameters_count * _BITS.get(tensor.dtype, 16)
        part = share if _EXPERT.search(tensor.name) else 0.0 if _INPUT.search(tensor.name) and not is_tied else 1.0
        count, bits = count + size, bits + own
        active, active_bits = active + round(size * part), active_bits + own * part
    return Anatomy(
        parameters_count=count,
        active_count=active,
        weights_bytes=math.ceil(bits / 8),
        active_bytes=math.ceil(active_bits / 8),
        layers=_layers(words),
        cache_element_bytes=2,
        vocabulary_count=_number(words, "vocab_size"),
        working_count=_working_count(words),
        context_tokens=_number(words, "max_position_embeddings", "n_positions", "max_sequence_length") or None,
        is_quantized=bool(config.get("quantization_config")) or any(_is_packed(tensor.dtype) for tensor in held),
    )


def gguf_config(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the header of a GGUF file says, in the words of config.json.

    Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""
    kind = metadata.get("general.architecture", "")

    def read(key: str) -> int:
        found = re.match(r"\[?(\d+)", metadata.get(f"{kind}.{key}", ""))
        return int(found[1]) if found else 0

    heads = read("attention.head_count")
    window = read("attention.sliding_window")
    given = {
        "model_type": kind,
        "num_hidden_layers": read("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": read("attention.head_count_kv") or heads,
        "head_dim": read("attention.key_length"),
        "hidden_size": read("embedding_length"),
        "intermediate_size": read("feed_forward_length"),
        "vocab_size": read("vocab_size"),
        "max_position_embeddings": read("context_length"),
        "num_local_experts": read("expert_count"),
        "num_experts_per_tok": read("expert_used_count"),
        "kv_lora_rank": read("attention.kv_lora_rank"),
        "qk_rope_head_dim": read("rope.dimension_count"),
        "sliding_window": window,
        "sliding_window_pattern": read("attention.sliding_window_pattern") or _GGUF_PATTERNS.get(kind, 0),
    }
    return {name: value for name, value in given.items() if value}


_GGUF_PATTERNS = {"gemma2": 2, "gemma3": 6}


def needs(model: Anatomy, *, context_tokens: int, batch: int) -> list[Need]:
    """What the model needs as stored and, smaller ones only, converted; for ``batch`` sequences of that length."""
    cache, working = cache_bytes(model, context_tokens, batch), _working_bytes(model, context_tokens, batch)
    found = [Need("stored", model.weights_bytes, cache, working)]
    if not model.is_quantized:
        for precision, bits in _CONVERTED.items():
            weights = math.ceil(model.parameters_count * bits / 8)
            if weights < model.weights_bytes:
                found.append(Need(precision, weights, cache, working))
    return found


def cache_bytes(model: Anatomy, context_tokens: int, batch: int = 1) -> int:
    """What the layers keep of ``batch`` sequences of ``context_tokens`` tokens each."""
    elements = sum(
        layer.token_count * min(context_tokens, layer.window or context_tokens) + layer.state_count
        for layer in model.layers or ()
    )
    return batch * elements * model.cache_element_bytes


def fit_on(model: Anatomy, need: Need, chip: Chip, *, context_tokens: int, batch: int) -> Fit | None:
    """The model on as few chips of a kind as hold it; None of a chip whose memory is not known."""
    if chip.memory is None:
        return None
    usable = int(chip.memory.value * _GB * USABLE_SHARE)
    count = math.ceil(need.total_bytes / usable) if usable else _MOST_DEVICES + 1
    devices = count if count <= _MOST_DEVICES else None
    active = model.active_bytes * need.weights_bytes / model.weights_bytes if model.weights_bytes else 0.0
    read = active + cache_bytes(model, context_tokens, batch)
    return Fit(chip, need, usable, devices, _decode(model, chip, read, batch, devices), _prefill(model, chip, devices))


def best_fit(model: Anatomy, chip: Chip, *, context_tokens: int, batch: int) -> Fit | None:
    """As stored if one chip holds that; else in the highest precision that one holds; else as stored on several."""
    tried = [
        fit_on(model, need, chip, context_tokens=context_tokens, batch=batch)
        for need in needs(model, context_tokens=context_tokens, batch=batch)
    ]
    found = [one for one in tried if one is not None]
    on_one = next((one for one in found if one.devices_count == 1), None)
    return on_one or next((one for one in found if one.devices_count), found[-1] if found else None)


def check_fit(need_bytes: int, limit_bytes: int, *, what: str) -> None:
    """Raises ModelTooLarge, with the figures, when a replica would need more than there is."""
    if need_bytes > limit_bytes:
        raise ModelTooLarge(what, need_bytes, limit_bytes)


def _decode(model: Anatomy, chip: Chip, read_bytes: float, batch: int, devices: int | None) -> float | None:
    if devices is None or chip.bandwidth is None or not read_bytes:
        return None
    by_memory = batch * chip.bandwidth.value * _GB * devices / read_bytes
    by_compute = _prefill(model, chip, devices)
    return by_memory if by_compute is None else min(by_memory, by_compute)


def _prefill(model: Anatomy, chip: Chip, devices: int | None) -> float | None:
    if devices is None or chip.compute is None or not model.active_count:
        return None
    return chip.compute.value * _TERA * devices / (2 * model.active_count)


def _expert_share(words: Mapping[str, Any]) -> float:
    """How much of the experts' weights a token uses."""
    experts = _number(words, "num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
    used = _number(words, "num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts")
    return min(1.0, used / experts) if experts and used else 1.0


def _layers(words: Mapping[str, Any]) -> list[Layer] | None:
    count = _number(words, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    full = _token_count(words)
    if not 0 < count <= _MOST_LAYERS or not full:
        return None
    window = _window(words)
    kinds = _kinds(words, count, has_window=window is not None)
    made = {"full": Layer(full), "sliding": Layer(full, window), "state": Layer(0, state_count=_state_count(words))}
    return [made[kind] for kind in kinds]


def _token_count(words: Mapping[str, Any]) -> int:
    """Elements that a layer with attention keeps for each token."""
    if latent := _number(words, "kv_lora_rank"):
        return latent + _number(words, "qk_rope_head_dim")
    heads = _number(words, "num_attention_heads", "n_head", "num_heads")
    hidden = _number(words, "hidden_size", "n_embd", "d_model")
    width = _number(words, "head_dim") or (hidden // heads if heads else 0)
    return 2 * (_number(words, "num_key_value_heads", "num_kv_heads", "multi_query_group_num") or heads) * width


def _window(words: Mapping[str, Any]) -> int | None:
    is_off = words.get("use_sliding_window") is False
    return None if is_off else _number(words, "sliding_window", "attention_window_size") or None


def _kinds(words: Mapping[str, Any], count: int, *, has_window: bool) -> Sequence[str]:
    """Of each layer: full or sliding attention, or a state of fixed size."""
    named = words.get("layer_types") or words.get("layers_block_type")
    if isinstance(named, Sequence) and len(named) == count:
        return [_kind(str(name), has_window=has_window) for name in named]
    if period := _number(words, "attn_layer_period"):
        return ["full" if n % period == _number(words, "attn_layer_offset") else "state" for n in range(count)]
    if every := _number(words, "full_attention_interval"):
        return ["full" if (n + 1) % every == 0 else "state" for n in range(count)]
    if not has_window:
        return ["full"] * count
    every = _number(words, "sliding_window_pattern") or (2 if words.get("model_type") == "gemma2" else 0)
    return ["full" if every and (n + 1) % every == 0 else "sliding" for n in range(count)]


def _kind(name: str, *, has_window: bool) -> str:
    if name in ("sliding_attention", "chunked_attention", "local"):
        return "sliding" if has_window else "full"
    return "full" if "full" in name or name in ("attention", "hybrid", "global") else "state"


def _state_count(words: Mapping[str, Any]) -> int:
    """Elements of the state of a layer without attention: of a gated delta rule, or of a state space model."""
    if heads := _number(words, "linear_num_value_heads"):
        return heads * _number(words, "linear_key_head_dim") * _number(words, "linear_value_head_dim")
    inner = (_number(words, "mamba_expand") or 2) * _number(words, "hidden_size")
    return inner * (_number(words, "mamba_d_state", "state_size") or 16)


def _working_count(words: Mapping[str, Any]) -> int:
    """The residual stream, queries, keys and values, and the two halves of a gated feed-forward layer."""
    hidden = _number(words, "hidden_size", "n_embd", "d_model")
    inner = _number(words, "moe_intermediate_size") * _number(words, "num_experts_per_tok")
    return 4 * hidden + 2 * max(inner, _number(words, "intermediate_size", "n_inner") or 4 * hidden)


def _working_bytes(model: Anatomy, context_tokens: int, batch: int) -> int:
    tokens = min(CHUNK_TOKENS, context_tokens * batch)
    return tokens * model.working_count * 2 + batch * model.vocabulary_count * 4


def _is_packed(dtype: str) -> bool:
    return _BITS.get(dtype, 16) < 16 and not dtype.startswith("BOOL")


def _number(words: Mapping[str, Any], *names: str) -> int:
    """The first of these that is a positive whole number, else 0: a config is somebody's upload."""
    for name in names:
        value = words.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40:
            return value
    return 0
