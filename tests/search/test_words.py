"""How texts, names and queries are cut into words."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from yungu.search import highlight, words


def test_running_chinese_is_cut_by_the_dictionary_and_letters_stay_whole() -> None:
    found = words.text_words("Qwen2.5 是大语言模型，支持医疗问答。").split()

    assert {"qwen2.5", "qwen", "语言", "模型", "医疗", "问答"} <= set(found)


def test_a_name_is_found_by_its_parts() -> None:
    assert {"deepseek", "deep", "seek", "r1"} <= set(words.name_words("DeepSeek-R1").split())
    assert {"通义", "千问", "千"} <= set(words.name_words("通义千问").split())


def test_full_width_letters_are_the_same_letters() -> None:
    assert [word.text for word in words.query_words("Ｑｗｅｎ")] == ["qwen"]


def test_a_query_keeps_a_bounded_number_of_words() -> None:
    assert len(words.query_words(" ".join(f"w{n}" for n in range(1000)))) == words.MAX_WORDS


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [("llama", "llama", 0), ("llama", "lama", 1), ("qwen", "qewn", 1), ("classification", "clasification", 1)],
)
def test_typing_mistakes_are_counted_as_people_make_them(one: str, other: str, apart: int) -> None:
    assert words.Typed(one).distance(other) == apart


@given(st.text("abc", min_size=1, max_size=9), st.text("abc", max_size=9))
def test_mistakes_are_counted_as_by_the_table_of_the_textbook(one: str, other: str) -> None:
    assert words.Typed(one).distance(other) == distance_by_table(one, other)


def distance_by_table(one: str, other: str) -> int:
    table = {(i, j): i + j for i in range(len(one) + 1) for j in range(len(other) + 1) if not i or not j}
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one), len(other)]


def test_only_words_so_many_mistakes_away_are_near() -> None:
    typed = words.Typed("lama")
    assert typed.find_near(["lama", "llama", "lamas", "alma", "llamas", "tea"], 1) == ["llama", "lamas", "alma"]
    assert typed.find_near(["lama", "llama", "llamas", "tea"], 2) == ["llamas"]


def test_a_snippet_shows_the_place_with_most_of_the_words() -> None:
    text = "tea " * 200 + "the green 龙井 leaf " + "water " * 200

    pieces = highlight(text, ["green", "龙井"])

    assert [piece.text for piece in pieces if piece.is_match] == ["green", "龙井"]
    assert pieces[0].text == "…" and pieces[-1].text == "…"
    assert len("".join(piece.text for piece in pieces)) < 200


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=5), max_size=4))
def test_a_snippet_of_any_text_is_a_part_of_it(text: str, looked_for: list[str]) -> None:
    shown = "".join(piece.text for piece in highlight(text, looked_for))

    assert shown.removeprefix("…").removesuffix("…") in text


@given(st.text(max_size=200))
def test_any_text_can_be_cut(text: str) -> None:
    words.text_words(text)
    words.name_words(text)
    words.name_grams(text)
    words.query_words(text)
