"""Configs and splits, from cards and from names."""

from __future__ import annotations

import time
from typing import Any

import pytest

from yungu.hub.rules.datafiles import find_configs


def found(paths: str, card: dict[str, Any] | None = None) -> dict[str, dict[str, list[str]]]:
    configs = find_configs(card or {}, paths.split())
    return {config.name: {split.name: list(split.paths) for split in config.splits} for config in configs}


@pytest.mark.parametrize(
    ("paths", "splits"),
    [
        ("data/train-00000-of-00001.parquet data/extra-00000-of-00001.parquet", {"extra", "train"}),
        ("train.csv dev.csv eval_data.csv", {"train", "validation", "test"}),
        ("train/a.png test/b.png", {"train", "test"}),
        ("my-training-set.jsonl other.jsonl", {"train"}),
        ("a.csv b.csv", {"train"}),
        ("contest.csv", {"train"}),
    ],
)
def test_names_tell_splits(paths: str, splits: set[str]) -> None:
    assert found(paths)["default"].keys() == splits


def test_known_splits_stand_in_their_usual_order() -> None:
    [config] = find_configs({}, ["test.csv", "valid.csv", "train.csv"])
    assert [split.name for split in config.splits] == ["train", "validation", "test"]


def test_what_is_no_data_is_left_out() -> None:
    assert found("README.md config.json dataset_infos.json .hidden/train.csv __pycache__/train.csv x.txt") == {}


def test_files_of_the_rarer_format_are_left_out() -> None:
    [config] = find_configs({}, ["cat/1.png", "cat/2.png", "metadata.csv"])
    assert config.format == "images" and config.splits[0].paths == ("cat/1.png", "cat/2.png")


def test_the_card_names_files_by_patterns() -> None:
    card = {
        "configs": [
            {"config_name": "words", "data_files": "words/*.jsonl"},
            {
                "config_name": "cups",
                "default": True,
                "data_files": [
                    {"split": "train", "path": ["cups/**/a-*.csv"]},
                    {"split": "tasting", "path": "cups/t.csv"},
                ],
            },
        ]
    }
    paths = "words/1.jsonl words/deep/2.jsonl cups/a-1.csv cups/x/y/a-2.csv cups/t.csv cups/b.csv"

    assert found(paths, card) == {
        "cups": {"train": ["cups/a-1.csv", "cups/x/y/a-2.csv"], "tasting": ["cups/t.csv"]},
        "words": {"train": ["words/1.jsonl"]},
    }
    assert next(iter(found(paths, card))) == "cups", "the default one comes first"


def test_the_card_names_folders() -> None:
    card = {"configs": [{"config_name": "a", "data_dir": "a"}, {"config_name": "b", "data_files": {"test": "b"}}]}

    assert found("a/train.csv a/test.csv b/x.csv", card) == {
        "a": {"train": ["a/train.csv"], "test": ["a/test.csv"]},
        "b": {"test": ["b/x.csv"]},
    }


@pytest.mark.parametrize(
    "configs",
    [None, "x", 5, [1, None], [{}], [{"data_files": 7}], [{"data_files": [{"split": 3}]}], [{"data_files": "none-*"}]],
)
def test_a_strange_card_is_as_good_as_none(configs: Any) -> None:
    assert found("train.csv", {"configs": configs}) == {"default": {"train": ["train.csv"]}}


def test_addresses_elsewhere_are_not_data() -> None:
    card = {"configs": [{"data_files": "https://example.org/x.csv"}]}
    assert found("train.csv", card) == {"default": {"train": ["train.csv"]}}


def test_hostile_patterns_take_no_time() -> None:
    files = ["**/" * 40 + "*a" * 30 + "b.csv"] * 50
    card = {"configs": [{"config_name": str(n), "data_files": files} for n in range(99)]}
    paths = ["a/" * 40 + "a" * 80 + f"{n}.csv" for n in range(500)]
    started = time.process_time()

    find_configs(card, paths)

    assert time.process_time() - started < 10
