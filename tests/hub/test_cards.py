"""Repo cards: facts from front matter; whatever is wrong with one is a warning and never a failed push."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.hub.rules import parse_card

MODEL = """---
license: Apache-2.0
language: [zh, en]
library_name: transformers
pipeline_tag: text-generation
base_model: qwen/base
base_model_relation: finetune
datasets:
- lin/leaves
tags: [green, tea]
---
# A model, see https://arxiv.org/abs/2401.12345
"""


def card(front_matter: str, kind: hub.Kind = "model") -> hub.Card:
    return parse_card(kind, f"---\n{front_matter}\n---\n# Title\n")


def test_a_model_card_tells_what_the_model_is() -> None:
    found = parse_card("model", MODEL)
    assert (found.pipeline_tag, found.library_name, found.warnings) == ("text-generation", "transformers", ())
    assert set(found.tags) == {
        *("green", "tea", "zh", "en", "license:apache-2.0", "transformers", "text-generation", "dataset:lin/leaves"),
        *("base_model:qwen/base", "base_model:finetune:qwen/base", "arxiv:2401.12345"),
    }


def test_a_dataset_card_names_its_facets() -> None:
    found = card("task_categories: [translation]\nlanguage: zh\nsize_categories: n<1K", "dataset")
    assert found.tags == ("task_categories:translation", "language:zh", "size_categories:n<1K")


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    assert parse_card("model", "\ufeff" + MODEL.replace("\n", "\r\n")).tags == parse_card("model", MODEL).tags


def test_a_yaml_date_or_no_stays_what_was_written_where_it_is_a_word() -> None:
    assert card("license: mit\nversion: 2026-11-22").data["version"] == "2026-11-22"


@pytest.mark.parametrize("text", ["", "# only a title", "---\nno end", "--- \n", "---"])
def test_a_card_without_front_matter_is_only_warned_about(text: str) -> None:
    found = parse_card("model", text)
    assert (found.data, found.errors) == ({}, ())
    assert found.warnings


def test_empty_front_matter_is_a_card_without_facts() -> None:
    assert card("").data == {}


BROKEN = {
    "not yaml": "a: [unclosed",
    "a tab": "a:\n\t- b",
    "a list": "- a\n- b",
    "a word": "just text",
    "an alias": "a: &a [x]\nb: *a",
    "an alias bomb": "a0: &a0 [x]\n" + "\n".join(f"a{n + 1}: &a{n + 1} [*a{n},*a{n},*a{n}]" for n in range(40)),
    "a circle": "a: &a [*a]",
    "a python object": "a: !!python/object/apply:os.system ['true']",
    "an unknown tag": "a: !Ref x",
    "too deep": "a: " + "[" * 5000,
    "deep enough to break a stack": "[" * 300_000,
    "deep for a recursion": "a: " + "[" * 600 + "]" * 600,
    "two documents": "a: 1\n... \nb: 2",
    "an unhashable key": "? [a, b]\n: c\n? {d: e}\n: f",
    "a wrong type": "license: {a: b}\ntags: {c: d}\nmodel-index: 5\npipeline_tag: [x]",
    "a huge integer": "a: " + "9" * 5000,
    "a huge hexadecimal": "a: 0x" + "f" * 5000,
    "not a number": "a: .nan\nb: .inf\nc: -.inf",
    "a NUL": 'a: "x\\0y"\ntags: ["t\\0"]\npipeline_tag: "p\\0"',
    "half a character": 'a: "\\ud800"\ntags: ["\\udfff"]',
    "a long word": f"pipeline_tag: {'p' * 500}\nlibrary_name: {'l' * 500}\nlicense: {'m' * 500}\ntags: [{'t' * 500}]",
    "long after folding": f"tags: [{'ß' * 200}]\nbase_model: {'ŉ' * 200}\nbase_model_relation: {'ŉ' * 200}",
    "very many tags": "tags: [" + ", ".join(f"t{n}" for n in range(40_000)) + "]",
    "far too many tags": "tags: [" + "t," * 400_000 + "]",
    "a long sdk": "sdk: " + "s" * 5000,
    "deep mappings": "a: " + "{a: " * 200 + "1" + "}" * 200,
    "a merge key": "<<: {a: b}\nc: d",
    "a duplicate key": "a: 1\na: 2",
    "binary": "a: !!binary aGVsbG8=",
    "a set": "a: !!set {x, y}",
    "sexagesimal": "a: 190:20:30",
}


@pytest.mark.parametrize("kind", hub.KINDS)
@pytest.mark.parametrize("name", BROKEN)
def test_no_card_whatever_fails_a_push(world: World, lin: Actor, kind: hub.Kind, name: str) -> None:
    repo = world.repo("lin/tea", by=lin, kind=kind)
    text = f"---\n{BROKEN[name]}\n---\n# Title\n".encode("utf-8", "surrogatepass")
    world.commit(repo, {"README.md": text}, by=lin)
    world.commit(repo, {"README.md": b"---\ntags: [well]\n---\n"}, by=lin)
    assert "well" in world.fresh(repo).tags


UNUSABLE = [
    "not yaml",
    "far too many tags",
    "a huge hexadecimal",
    "an alias bomb",
    "a circle",
    "a python object",
    "too deep",
    "a list",
    "a wrong type",
]


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_broken_card_says_what_is_wrong(name: str) -> None:
    found = card(BROKEN[name])
    assert found.errors
    assert all(error in found.warnings for error in found.errors)


CONFIGS = [
    '{"model_type": "x\\u0000y"}',
    '{"model_type": "' + "m" * 5000 + '"}',
    "[1]",
    "{",
    "[" * 5000,
    '{"model_type": 5}',
]


@pytest.mark.parametrize("config", CONFIGS)
def test_no_config_whatever_fails_a_push(world: World, lin: Actor, config: str) -> None:
    repo = world.repo("lin/tea", by=lin)
    world.commit(repo, {"config.json": config.encode()}, by=lin)
    assert world.paths(repo) == ["config.json"]


def test_a_readme_of_megabytes_or_of_noise_fails_no_push(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    world.commit(repo, {"README.md": b"---\nlicense: mit\n---\n" + b"x" * 3_000_000}, by=lin)
    world.commit(repo, {"README.md": bytes(range(256)) * 100}, by=lin)
    assert world.paths(repo) == ["README.md"]


@given(st.text())
def test_any_text_is_some_card(text: str) -> None:
    card(text)
    parse_card("dataset", text)


def test_tags_are_found_by_filter_whatever_their_case(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"README.md": MODEL.encode()})
    for wanted in (("green",), ("GREEN", "license:apache-2.0"), ("zh",)):
        page = world.read_in(hub.list_repos, hub.RepoFilter("model", tags=wanted), lin)
        assert [found.repo_id for found in page.items] == [repo.repo_id]
    assert world.read_in(hub.list_repos, hub.RepoFilter("model", tags=("green", "black")), lin).items == []


def test_filters_that_ask_for_several_things_find_what_has_all_of_them(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea_1", by=lin, files={"README.md": MODEL.encode()})
    world.repo("lin/teas1", by=lin, files={"README.md": MODEL.encode()})
    wanted = {"author": "LIN", "search": ("tea_", "1"), "tags": ("green", "zh"), "gated": False}
    page = world.read_in(hub.list_repos, hub.RepoFilter("model", **wanted), lin)
    assert page.items == [repo]
    lines = world.read_in(hub.list_lines, hub.RepoFilter("model", **wanted), lin)
    assert [hub.read_line(line) for line in lines.items] == [repo]
    assert [hub.line_head(line) for line in lines.items] == [(repo.id, repo.head)]
    page = world.read_in(hub.list_repos, hub.RepoFilter("model", **wanted | {"gated": True}), lin)
    assert page.items == []


def test_the_files_of_a_model_tell_its_formats(world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    world.commit(
        repo, {"model.safetensors": b"1", "pytorch_model.bin": b"2", "config.json": b'{"model_type": "bert"}'}, by=lin
    )
    fresh = world.fresh(repo)
    assert {"safetensors", "pytorch", "bert", "transformers"} <= set(fresh.tags)
    assert fresh.library_name == "transformers"
