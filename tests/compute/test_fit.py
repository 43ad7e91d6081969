"""Chip and model: what the configs and headers of well-known models say, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from yungu import compute
from yungu.compute import Anatomy, Chip, Figure, Layer
from yungu.compute.hardware import list_chips

_LLAMA_8B = {
    "model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 8192,
}  # fmt: skip
_MIXTRAL = {
    "model_type": "mixtral", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 32000, "num_local_experts": 8,
    "num_experts_per_tok": 2, "sliding_window": None,
}  # fmt: skip
_DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128,
    "hidden_size": 7168, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "n_routed_experts": 256, "num_experts_per_tok": 8,
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    name: str
    dtype: str
    parameters_count: int


def llama(config: dict[str, object], *, experts: int = 1, is_tied: bool = False) -> Iterator[Tensor]:
    """The tensors of a model of Llama's or Mixtral's shape, in bfloat16."""
    numbers = {name: value for name, value in config.items() if isinstance(value, int)}
    hidden, inner, words = numbers["hidden_size"], numbers["intermediate_size"], numbers["vocab_size"]
    kept = hidden // numbers["num_attention_heads"] * numbers["num_key_value_heads"]
    yield Tensor("model.embed_tokens.weight", "BF16", words * hidden)
    if not is_tied:
        yield Tensor("lm_head.weight", "BF16", words * hidden)
    yield Tensor("model.norm.weight", "BF16", hidden)
    for number in range(numbers["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        yield Tensor(f"{layer}.self_attn.qo", "BF16", 2 * hidden * hidden)
        yield Tensor(f"{layer}.self_attn.kv", "BF16", 2 * hidden * kept)
        yield Tensor(f"{layer}.norms", "BF16", 2 * hidden)
        if experts == 1:
            yield Tensor(f"{layer}.mlp", "BF16", 3 * hidden * inner)
            continue
        yield Tensor(f"{layer}.block_sparse_moe.gate.weight", "BF16", hidden * experts)
        for expert in range(experts):
            yield Tensor(f"{layer}.block_sparse_moe.experts.{expert}.w", "BF16", 3 * hidden * inner)


def chip(memory: float, bandwidth: float | None = None, flops: float | None = None) -> Chip:
    def figure(value: float | None) -> Figure | None:
        return None if value is None else Figure(value, "quoted", "a test", date(2026, 1, 1))

    return Chip("one", "One", "Maker", 1, figure(memory), figure(bandwidth), figure(flops))


def per_token(config: dict[str, object]) -> int:
    return compute.cache_bytes(compute.examine([], config), 2) - compute.cache_bytes(compute.examine([], config), 1)


def test_llama_3_8b_has_the_parameters_and_the_cache_that_are_published() -> None:
    model = compute.examine(llama(_LLAMA_8B), _LLAMA_8B)

    assert model.parameters_count == 8_030_261_248  # as the hub says of meta-llama/Meta-Llama-3-8B
    assert model.weights_bytes == 2 * 8_030_261_248
    assert model.active_count == 8_030_261_248 - 128256 * 4096  # one row of the input embeddings is read
    assert compute.cache_bytes(model, 8192) == 1 << 30  # 2 * 32 layers * 8 heads * 128 * 2 bytes * 8192 tokens
    assert compute.cache_bytes(model, 8192, batch=3) == 3 << 30
    assert model.context_tokens == 8192 and not model.is_mixture


@pytest.mark.parametrize(
    ("config", "bytes_per_token"),
    [
        (_LLAMA_8B | {"num_hidden_layers": 80, "num_attention_heads": 64, "hidden_size": 8192}, 327_680),  # 70B
        ({"num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "hidden_size": 3584}, 57_344),
        (_MIXTRAL, 131_072),
        (_DEEPSEEK_V3, 61 * (512 + 64) * 2),  # 70 kB, where full keys and values of 128 heads would take 4 MB
        ({"n_layer": 12, "n_head": 12, "n_embd": 768}, 12 * 2 * 768 * 2),  # GPT-2: every head has its own
        ({"text_config": _LLAMA_8B, "model_type": "llava"}, 131_072),
    ],
    ids=["llama 70b", "qwen2.5 7b", "mixtral", "deepseek v3", "gpt2", "of a picture model"],
)
def test_the_cache_of_a_token_follows_from_the_config(config: dict[str, object], bytes_per_token: int) -> None:
    assert per_token(config) == bytes_per_token


def test_layers_with_a_window_keep_no_more_than_the_window() -> None:
    gemma = {
        "model_type": "gemma2", "num_hidden_layers": 42, "num_attention_heads": 16, "num_key_value_heads": 8,
        "head_dim": 256, "hidden_size": 3584, "sliding_window": 4096,
    }  # fmt: skip
    model = compute.examine([], gemma)

    assert compute.cache_bytes(model, 4096) == 42 * 4096 * (2 * 8 * 256) * 2
    assert compute.cache_bytes(model, 8192) == 21 * (8192 + 4096) * (2 * 8 * 256) * 2
    off = compute.examine([], gemma | {"use_sliding_window": False})
    assert compute.cache_bytes(off, 8192) == 42 * 8192 * (2 * 8 * 256) * 2


def test_layers_without_attention_keep_a_state_of_one_size() -> None:
    hybrid = {
        "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
        "hidden_size": 2048, "full_attention_interval": 4, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
    }  # fmt: skip
    by_name = hybrid | {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 12}

    for config in (hybrid, by_name):
        model = compute.examine([], config)
        assert per_token(config) == 12 * 2 * 2 * 256 * 2
        assert compute.cache_bytes(model, 1) == per_token(config) + 36 * 32 * 128 * 128 * 2


def test_a_mixture_is_read_by_the_chosen_experts_only() -> None:
    model = compute.examine(llama(_MIXTRAL, experts=8), _MIXTRAL)

    assert model.parameters_count == 46_702_792_704  # as the hub says of mistralai/Mixtral-8x7B-v0.1
    read_row_by_row = 32000 * 4096
    assert model.active_count == 12_879_925_248 - read_row_by_row  # "about 13B active", with its embeddings
    assert model.is_mixture


def test_tied_embeddings_are_read_as_the_output() -> None:
    model = compute.examine(llama(_LLAMA_8B, is_tied=True), _LLAMA_8B)
    assert model.active_count == model.parameters_count == 8_030_261_248 - 128256 * 4096


def test_a_model_fits_as_stored_or_smaller_or_on_several() -> None:
    model = compute.examine(llama(_LLAMA_8B), _LLAMA_8B)
    asked = {"context_tokens": 8192, "batch": 1}

    big = compute.best_fit(model, chip(80, 3350, 989), **asked)
    assert big is not None and (big.need.precision, big.devices_count) == ("stored", 1)
    small = compute.best_fit(model, chip(12), **asked)
    assert small is not None and (small.need.precision, small.devices_count) == ("8-bit", 1)
    assert small.need.weights_bytes == -(-8_030_261_248 * 34 // 32)  # a block of Q8_0: 32 numbers in 34 bytes
    tiny = compute.best_fit(model, chip(4), **asked)
    assert tiny is not None and (tiny.need.precision, tiny.devices_count) == ("stored", 5)
    assert small.decode_tokens_second is None and small.prefill_tokens_second is None  # the chip's figures are unknown
    assert compute.best_fit(model, Chip("x", "X", "Y", 1), **asked) is None


def test_speed_is_bounded_by_reading_the_weights_and_by_arithmetic() -> None:
    model = compute.examine(llama(_LLAMA_8B), _LLAMA_8B)
    [stored, *_] = compute.needs(model, context_tokens=8192, batch=1)
    fit = compute.fit_on(model, stored, chip(80, 3350, 989), context_tokens=8192, batch=1)

    assert fit is not None and fit.decode_tokens_second is not None and fit.prefill_tokens_second is not None
    read = model.active_bytes + (1 << 30)
    assert fit.decode_tokens_second == pytest.approx(3350e9 / read)
    assert 200 < fit.decode_tokens_second < 215  # "one H100 reads 16 GB about 209 times a second"
    assert fit.prefill_tokens_second == pytest.approx(989e12 / (2 * model.active_count))
    many = compute.fit_on(model, stored, chip(80, 3350, 989), context_tokens=8192, batch=32)
    assert many is not None and many.decode_tokens_second == pytest.approx(
        32 * 3350e9 / (model.active_bytes + (32 << 30))
    )


def test_quantized_weights_are_counted_as_they_are_stored() -> None:
    model = compute.examine([Tensor("blk.0.ffn_up.weight", "Q4_K", 256_000), Tensor("output.weight", "Q6_K", 256)], {})
    assert model.weights_bytes == 1000 * 144 + 210  # bytes of their blocks of 256
    assert [need.precision for need in compute.needs(model, context_tokens=1, batch=1)] == ["stored"]


def test_the_header_of_a_gguf_file_is_a_config() -> None:
    metadata = {
        "general.architecture": "llama", "llama.block_count": "32", "llama.attention.head_count": "32",
        "llama.attention.head_count_kv": "8", "llama.embedding_length": "4096", "llama.context_length": "8192",
    }  # fmt: skip
    assert per_token(compute.gguf_config(metadata)) == 131_072
    window = metadata | {"llama.attention.head_count_kv": "[8, 8, 8, 8, 8, 8, 8, 8, …] (32)"}
    assert per_token(compute.gguf_config(window)) == 131_072


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_hidden_layers": 1 << 60, "num_attention_heads": 1, "hidden_size": 1},
        {"num_hidden_layers": -3, "num_attention_heads": "many", "hidden_size": [1]},
        {"num_hidden_layers": 2, "num_attention_heads": True, "hidden_size": 8},
    ],
)
def test_a_config_that_tells_nothing_gives_weights_only(config: dict[str, object]) -> None:
    model = compute.examine([Tensor("a", "F32", 10), Tensor("b", "unheard of", 10)], config)
    assert model.layers is None
    assert compute.cache_bytes(model, 10**6) == 0 and model.weights_bytes == 40 + 20


def test_what_cannot_fit_is_refused_with_figures() -> None:
    compute.check_fit(10, 10, what="lin/tea")
    with pytest.raises(
        compute.DeploymentInvalid, match=r"lin/tea would need 16.1 GB of memory; a replica may use 8 GB"
    ):
        compute.check_fit(16_060_522_496 + 10**8 - 60_522_496, 8 * 10**9, what="lin/tea")


def test_every_figure_of_a_chip_has_its_source() -> None:
    chips = list_chips()

    assert len({one.id for one in chips}) == len(chips) >= 10
    for one in chips:
        for figure in (one.memory, one.bandwidth, one.compute):
            assert figure is None or (figure.value > 0 and figure.source and figure.seen <= date(2027, 1, 1)), one.id
    assert {figure.basis for one in chips for figure in (one.compute,) if figure} == {"measured", "quoted"}


def test_an_empty_model_needs_nothing_and_breaks_nothing() -> None:
    empty = Anatomy(0, 0, 0, 0, [Layer(0)])
    found = compute.best_fit(empty, chip(1, 1, 1), context_tokens=1, batch=1)
    assert found is not None and found.decode_tokens_second is None
