"""Repo cards: README.md with YAML front matter, turned into facts. A broken card is a warning, never a failed push.

Fields: https://github.com/huggingface/hub-docs/blob/main/modelcard.md and datasetcard.md"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from yungu.hub.models import Card, Kind

MAX_CARD_BYTES = 1024 * 1024
_FRONT_MATTER = re.compile(r"\A[\s\ufeff]*---[ \t]*\r?\n(.*?)(?:^---[ \t]*\r?$)", re.DOTALL | re.MULTILINE)
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")
_TAG_LIMIT = 200
_MAX_DEPTH = 50
_MAX_EVENTS = 50_000
_LICENSES = frozenset(
    "apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 "
    "bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 "
    "cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
    "cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 "
    "eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c "
    "ms-pl apple-ascl apple-amlr mpl-2.0 mulanpsl-2.0 odc-by odbl openmdw-1.0 openmdw-1.1 openrail++ osl-3.0 "
    "postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license "
    "fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma "
    "unknown other".split()
)
_DATASET_FACETS = (
    "task_categories task_ids language_creators annotations_creators language multilinguality size_categories "
    "source_datasets benchmark"
).split()


def parse_card(kind: Kind, text: str) -> Card:
    """The facts of a card. ``errors`` are what makes the front matter unusable, ``warnings`` what is merely odd."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        message = "empty or missing yaml metadata in repo card"
        return Card(tags=_arxiv_tags(text), warnings=(message,))
    data, error = _load(found[1])
    if error:
        return Card(tags=_arxiv_tags(text), warnings=(error,), errors=(error,))
    warnings, errors = _check(kind, data)
    return Card(
        data=data,
        tags=tuple(dict.fromkeys((*_tags(kind, data), *_arxiv_tags(text)))),
        pipeline_tag=_task(data),
        library_name=_word(data.get("library_name")),
        warnings=(*warnings, *errors),
        errors=errors,
    )


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """YAML with dates kept as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _load(text: str) -> tuple[dict[str, Any], str]:
    try:
        _check_shape(text)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, with less
        if data is None:
            return {}, ""
        if not isinstance(data, dict):
            return {}, "repo card metadata block was not a dictionary"
        return _as_json(data), ""
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return {}, f"invalid YAML in repo card: {' '.join(str(error).split())}"


def _check_shape(text: str) -> None:
    """Refuse aliases (a card needs none, and ten lines of them can unfold to gigabytes) and deep nesting (libyaml's
    loader recurses in C, and a megabyte of brackets overflows its stack) and what would take seconds to load."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        match event:
            case yaml.AliasEvent():
                raise yaml.YAMLError("aliases are not allowed in repo cards")
            case yaml.CollectionStartEvent():
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"more than {_MAX_DEPTH} levels deep")
        if number > _MAX_EVENTS:
            raise yaml.YAMLError(f"more than {_MAX_EVENTS} keys and values")


def _as_json(value: Any) -> Any:
    """What every JSON column can hold. Raises ValueError for an integer of thousands of digits."""
    match value:
        case Mapping():
            return {_text(key): _as_json(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [_as_json(item) for item in value]
        case bool() | None:
            return value
        case int():
            return value if abs(value) < 2**63 else str(value)
        case float():
            return value if value == value and abs(value) != float("inf") else str(value)
        case _:
            return _text(value)


def _text(value: object) -> str:
    return str(value).replace("\0", "")


def _check(kind: Kind, data: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    warnings, errors = [], []
    for name in ("license", "pipeline_tag", "library_name"):
        value = data.get(name)
        if value is not None and not isinstance(value, str | list):
            errors.append(f'"{name}" must be a string')
    unknown = [word for word in _words(data.get("license")) if word.lower() not in _LICENSES]
    if unknown:
        errors.append('"license" must be one of ' + ", ".join(sorted(_LICENSES)))
    tags = data.get("tags")
    if tags is not None and not isinstance(tags, str | list):
        errors.append('"tags" must be an array')
    index = data.get("model-index")
    if kind == "model" and index is not None:
        if not isinstance(index, list) or not all(isinstance(item, Mapping) for item in index):
            errors.append('"model-index" must be an array')
        else:
            errors.extend(_check_model_index(index))
    if kind == "space" and not data.get("sdk"):
        warnings.append('"sdk" is missing')
    return tuple(warnings), tuple(errors)


def _check_model_index(index: list[Mapping[str, Any]]) -> Iterable[str]:
    for number, item in enumerate(index):
        if not isinstance(item.get("name"), str):
            yield f'"model-index[{number}].name" is required'
        results = item.get("results")
        if not isinstance(results, list):
            yield f'"model-index[{number}].results" is required'
            continue
        for place, result in enumerate(results):
            where = f"model-index[{number}].results[{place}]"
            if not isinstance(result, Mapping):
                yield f'"{where}" must be an object'
                continue
            for part in ("task", "dataset"):
                if part in result and not (isinstance(result[part], Mapping) and result[part].get("type")):
                    yield f'"{where}.{part}.type" is required'
            if not isinstance(result.get("metrics", []), list):
                yield f'"{where}.metrics" must be an array'


def _tags(kind: Kind, data: Mapping[str, Any]) -> Iterable[str]:
    yield from _words(data.get("tags"))
    if kind == "dataset":
        for facet in _DATASET_FACETS:
            yield from (f"{facet}:{word}" for word in _words(data.get(facet)))
        yield from (f"task_categories:{word}" for word in _words(data.get("tasks")))
    else:
        yield from _words(data.get("language"))
    for word in _words(data.get("license")):
        yield f"license:{word.lower()}"
    if kind == "model":
        yield from _words(data.get("library_name"))
        yield from _words(data.get("pipeline_tag") or data.get("tasks"))
        yield from (f"dataset:{word}" for word in _words(data.get("datasets")))
        yield from (f"base_model:{word}" for word in _words(data.get("base_model")))
        relation = _word(data.get("base_model_relation"))
        if relation:
            yield from (f"base_model:{relation}:{word}" for word in _words(data.get("base_model")))
        if data.get("model-index"):
            yield "model-index"
        if data.get("co2_eq_emissions") is not None:
            yield "co2_eq_emissions"
    if kind == "space":
        yield from _words(data.get("sdk"))


def _task(data: Mapping[str, Any]) -> str | None:
    """What a model is for. ModelScope's cards have a list, ``tasks``, of which the first counts."""
    return _word(data.get("pipeline_tag")) or next(iter(_words(data.get("tasks"))), None)


def _words(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [word for item in items if (word := _word(item)) is not None]


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text[:_TAG_LIMIT] if text else None


def _arxiv_tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"arxiv:{number}" for number in _ARXIV.findall(text)))[:20]
