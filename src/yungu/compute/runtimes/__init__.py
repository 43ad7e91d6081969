"""Programs that load a model and answer calls, each in a process of its own.

A *replica* is ``python -m yungu.compute.runtimes.serve``: it loads one model by one runtime and answers OpenAI-shaped
HTTP. What a runtime is to it: `yungu.compute.runtimes.protocol`."""

from __future__ import annotations

from typing import Final

RUNTIMES: Final = {
    "decoder": ("yungu.compute.runtimes.decoder", ""),
    "transformers": ("yungu.compute.runtimes.torch_models", "torch"),
    "gguf": ("yungu.compute.runtimes.gguf", "gguf"),
    "onnx": ("yungu.compute.runtimes.onnx_models", "onnx"),
    "embeddings": ("yungu.compute.runtimes.nano", "embeddings"),
    "predictor": ("yungu.compute.runtimes.predictors", ""),
}
"""Name to the module whose ``load(spec)`` gives a `Runtime`, and the extra that has to be installed for it."""
