"""Very small models with random weights, in the formats that runtimes load."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_U32, _F32, _TEXT, _ARRAY = 4, 6, 8, 9
_ALIGNMENT = 32
Array = np.ndarray[Any, Any]


def write_gguf(path: Path, *, width: int = 64, layers: int = 2, context: int = 512, seed: int = 7) -> Path:
    """A Llama of random weights whose tokens are bytes, with a chat template.

    https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [2, 3, 3, *[6] * 256]
    values: dict[str, Any] = {
        "general.architecture": "llama", "general.name": "tiny", "llama.context_length": context,
        "llama.embedding_length": width, "llama.block_count": layers, "llama.feed_forward_length": 2 * width,
        "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": width // 4,
        "llama.vocab_size": len(tokens), "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens), "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]",
    }  # fmt: skip
    tensors = _gguf_tensors(len(tokens), width, layers, np.random.default_rng(seed))
    path.write_bytes(_gguf(values, tensors))
    return path


def _gguf_tensors(vocabulary: int, width: int, layers: int, dice: np.random.Generator) -> dict[str, Array]:
    def random(*shape: int) -> Array:
        return (dice.standard_normal(shape) * 0.1).astype(np.float32)

    made = {"token_embd.weight": random(vocabulary, width), "output.weight": random(vocabulary, width)}
    made["output_norm.weight"] = np.ones(width, np.float32)
    for number in range(layers):
        block = f"blk.{number}."
        made |= {
            f"{block}attn_norm.weight": np.ones(width, np.float32),
            f"{block}ffn_norm.weight": np.ones(width, np.float32),
            f"{block}attn_q.weight": random(width, width), f"{block}attn_k.weight": random(width // 2, width),
            f"{block}attn_v.weight": random(width // 2, width), f"{block}attn_output.weight": random(width, width),
            f"{block}ffn_gate.weight": random(2 * width, width), f"{block}ffn_up.weight": random(2 * width, width),
            f"{block}ffn_down.weight": random(width, 2 * width),
        }  # fmt: skip
    return made


def _gguf(values: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_text(name) + _value(value) for name, value in values.items())
    data = b""
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += tensor.tobytes() + b"\0" * (-tensor.nbytes % _ALIGNMENT)
    return head + b"\0" * (-len(head) % _ALIGNMENT) + data


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        first, *_ = value
        kind = _TEXT if isinstance(first, str) else _F32 if isinstance(first, float) else 5
        return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(_plain(one)[4:] for one in value)
    return _plain(value)


def _plain(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _TEXT) + _text(value)
    return struct.pack("<If", _F32, value) if isinstance(value, float) else struct.pack("<II", _U32, value)


def tokenizer_json(pieces: Sequence[str]) -> str:
    """A tokenizer of single characters; the first piece stands for every other."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=pieces[0]))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.decoder = decoders.Fuse()
    return str(made.to_str())


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))
