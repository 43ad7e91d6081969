"""How a model stands to the ones that it was made from, as its card and its files tell.

Relations: https://huggingface.co/docs/hub/model-cards#specifying-a-base-model"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

Relation = Literal["finetune", "adapter", "merge", "quantized"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
_QUANTIZED_TAGS = {"gptq", "awq", "exl2", "exl3", "gguf", "4-bit", "8-bit", "bitsandbytes", "fp8", "int8", "int4"}


def guess_relation(
    tags: Sequence[str], library: str | None, bases_count: int, names: Sequence[str], config: Mapping[str, Any]
) -> Relation:
    """The relation of a model whose card names none. ``names``: of the files in its root folder."""
    words = {tag.casefold() for tag in tags}
    if library == "peft" or "lora" in words or "adapter_config.json" in names:
        return "adapter"
    if words & {"merge", "mergekit"} or bases_count > 1:
        return "merge"
    if words & _QUANTIZED_TAGS or "quantization_config" in config or any(name.endswith(".gguf") for name in names):
        return "quantized"
    return "finetune"
