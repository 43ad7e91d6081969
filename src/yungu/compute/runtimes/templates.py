"""A conversation as one text, by the template that comes with the model: Jinja2 in its sandbox, as the makers of
models write it. https://huggingface.co/docs/transformers/chat_templating"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from yungu.compute.runtimes.protocol import AskInvalid, ModelUnfit

Render = Callable[[Sequence[Mapping[str, Any]]], str]


def find_template(folder: Path) -> Render | None:
    """What turns messages into a prompt, None for a model without a chat template. Raises ModelUnfit."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    source = _source(folder, config)
    return None if source is None else _compile(source, config)


def _source(folder: Path, config: Mapping[str, Any]) -> str | None:
    separate = folder / "chat_template.jinja"
    if separate.exists():
        return separate.read_text()
    found = config.get("chat_template")
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else None


def _compile(source: str, config: Mapping[str, Any]) -> Render:
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    sandbox.filters["tojson"] = _to_json
    sandbox.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    try:
        template = sandbox.from_string(source)
    except TemplateError as error:
        raise ModelUnfit(f"The chat template of the model is broken: {error}.") from error
    words = {name: _word(config.get(name)) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}

    def render(messages: Sequence[Mapping[str, Any]]) -> str:
        try:
            return template.render(messages=messages, add_generation_prompt=True, tools=None, **words)
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise AskInvalid(f"The chat template of the model refuses the messages: {error}.") from error

    return render


def _to_json(value: Any, indent: int | None = None, **_options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise AskInvalid(f"The chat template of the model refuses the messages: {message}.")


def _word(value: Any) -> str:
    """A special token, which configurations give as a text or with its flags."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""
