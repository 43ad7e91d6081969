"""The index by itself: what is found, in which order, by whom, and what survives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from yungu.search import Bookmark, Catalogue, CatalogueUnready, Entry, Layout, Wanted, WriterBusy

LAYOUT = Layout("test", facets=("task", "tag"), numbers=("number", "likes"), narrowing=("tag",))
PUBLIC = frozenset({"public"})
_END = Bookmark((0, 1), is_complete=True)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    made = Catalogue(tmp_path / "search", LAYOUT)
    yield made
    made.close()


def _entry(key: str, name: str, *, kind: str = "model", readers: Sequence[str] = ("public",), **values: Any) -> Entry:
    return Entry(key, kind, readers, name, **values)


def _put(catalogue: Catalogue, *entries: Entry) -> None:
    with catalogue.writing() as writer:
        for entry in entries:
            writer.put(entry)
        writer.mark(_END)


def _keys(catalogue: Catalogue, words: str, **wanted: Any) -> list[str]:
    return [hit.key for hit in catalogue.find(Wanted(words, **({"readers": PUBLIC} | wanted))).hits]


def test_a_name_that_is_what_was_typed_comes_first_then_beginnings_words_tags_and_texts(catalogue: Catalogue) -> None:
    _put(
        catalogue,
        _entry("text", "lin/a", text="a llama in the text, llama and llama", popularity=1.2),
        _entry("tag", "lin/b", tags=["llama"], popularity=1.2),
        _entry("word", "lin/my-llama", popularity=1.2),
        _entry("begins", "lin/llama-7b", popularity=1.2),
        _entry("exact", "lin/llama"),
    )

    assert _keys(catalogue, "Llama") == ["exact", "begins", "word", "tag", "text"]


def test_popularity_decides_between_equals(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("quiet", "lin/tea-one"), _entry("loud", "lin/tea-two", popularity=1.0))

    assert _keys(catalogue, "tea") == ["loud", "quiet"]


@pytest.mark.parametrize(
    "typed",
    ["通义千问", "千问", "义千", "医疗 问答", "qwen", "qwen2.5", "Qwen 医疗", "en2.5-7b", "qwen257b", "lin qwen"],
)
def test_it_is_found_in_both_languages_by_words_and_by_parts_of_its_name(catalogue: Catalogue, typed: str) -> None:
    _put(catalogue, _entry("it", "lin/Qwen2.5-7B", title="通义千问", text="支持医疗问答。"), _entry("other", "mei/yi"))

    assert _keys(catalogue, typed) == ["it"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("deepsek", "deepseek"),
        ("dpeeseek", "deepseek"),
        ("clasificaton", "classification"),
        ("reasning modle", "reasoning model"),
    ],
)
def test_typing_mistakes_are_forgiven_and_said(catalogue: Catalogue, typed: str, meant: str) -> None:
    _put(catalogue, _entry("it", "lin/DeepSeek-R1", tags=["classification"], text="a reasoning model"))

    found = catalogue.find(Wanted(typed, readers=PUBLIC))

    assert [hit.key for hit in found.hits] == ["it"]
    assert found.suggestion == meant and found.is_loose


def test_a_number_is_meant_as_it_stands(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "lin/tea-20250101"))

    assert catalogue.find(Wanted("20250102", readers=PUBLIC)).suggestion is None


def test_one_word_too_many_still_finds_what_has_the_others(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "lin/tea", text="green leaves"))

    assert _keys(catalogue, "green tea zzzzzz") == ["it"]


@pytest.mark.parametrize("typed", ["", "   ", "!!!", '"', "a" * 5000, "(", "name:x AND", "*", "\u0000", "😀", "的"])
def test_whatever_is_typed_is_answered(catalogue: Catalogue, typed: str) -> None:
    _put(catalogue, _entry("it", "lin/tea"))

    assert catalogue.find(Wanted(typed, readers=PUBLIC)).total in (0, 1)
    catalogue.suggest(typed, readers=PUBLIC, limit=5)


def test_what_may_not_be_seen_is_in_no_hit_count_facet_correction_or_proposal(catalogue: Catalogue) -> None:
    hidden = _entry("hidden", "lin/zeppelin", readers=["owner/5"], tags=["airship"], facets={"task": ["flying"]})
    _put(catalogue, hidden, _entry("shown", "lin/tea", facets={"task": ["drinking"]}))

    for typed in ("zeppelin", "zepelin", "airship", "lin", ""):
        found = catalogue.find(Wanted(typed, readers=PUBLIC, counted=["task", "kind"]))
        assert "hidden" not in [hit.key for hit in found.hits]
        assert found.kinds.get("model", 0) <= 1
        assert "flying" not in dict(found.counts.get("task", ()))
        assert found.suggestion is None
    assert catalogue.suggest("zep", readers=PUBLIC, limit=5) == []
    assert _keys(catalogue, "zeppelin", readers=frozenset({"public", "owner/5"})) == ["hidden"]
    assert _keys(catalogue, "zeppelin", readers=None) == ["hidden"]


def test_facets_count_what_choosing_them_would_show(catalogue: Catalogue) -> None:
    _put(
        catalogue,
        _entry("a", "lin/a", facets={"task": ["chat"], "tag": ["x", "y"]}),
        _entry("b", "lin/b", facets={"task": ["chat"], "tag": ["x"]}),
        _entry("c", "lin/c", facets={"task": ["draw"], "tag": ["x"]}),
    )

    found = catalogue.find(Wanted(readers=PUBLIC, facets={"task": ["chat"], "tag": ["x"]}, counted=["task", "tag"]))

    assert found.total == 2
    assert dict(found.counts["task"]) == {"chat": 2, "draw": 1}
    assert dict(found.counts["tag"]) == {"x": 2, "y": 1}


def test_lists_are_sorted_by_a_number_and_paged(catalogue: Catalogue) -> None:
    _put(catalogue, *(_entry(f"{n}", f"lin/n-{n}", numbers={"likes": n}) for n in range(10)))

    assert _keys(catalogue, "", sort="likes", skip=2, limit=3) == ["7", "6", "5"]


def test_people_are_found_by_their_full_names(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "lin", kind="user", title="林徽因"))

    assert _keys(catalogue, "徽因", kinds=["user", "organization"]) == ["it"]


def test_proposals_are_names_that_begin_so(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "qwen/Qwen2.5-7B", title="通义千问"), _entry("text", "lin/a", text="qwen"))

    for typed in ("q", "qwe", "qwen/qwen2", "通义", "7b"):
        assert [hit.key for hit in catalogue.suggest(typed, readers=PUBLIC, limit=5)] == ["it"], typed


def test_an_entry_is_replaced_and_dropped(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "lin/tea"))
    _put(catalogue, _entry("it", "lin/coffee"))
    assert (_keys(catalogue, "tea"), _keys(catalogue, "coffee")) == ([], ["it"])

    with catalogue.writing() as writer:
        writer.drop("it")
    assert _keys(catalogue, "coffee") == []


def test_what_was_not_finished_is_not_there(catalogue: Catalogue) -> None:
    _put(catalogue, _entry("it", "lin/tea"))

    with pytest.raises(RuntimeError), catalogue.writing() as writer:
        writer.put(_entry("half", "lin/tea-half"))
        raise RuntimeError
    _put(catalogue, _entry("next", "lin/tea-next"))

    assert sorted(_keys(catalogue, "tea")) == ["it", "next"]


def test_a_second_process_serves_and_takes_over_when_the_first_is_gone(catalogue: Catalogue, tmp_path: Path) -> None:
    _put(catalogue, _entry("it", "lin/tea"))
    second = Catalogue(tmp_path / "search", LAYOUT)

    assert _keys(second, "tea") == ["it"]
    with pytest.raises(WriterBusy), second.writing():
        pass
    _put(catalogue, _entry("new", "lin/coffee"))
    assert _keys(second, "coffee") == ["new"]

    catalogue.close()
    _put(second, _entry("more", "lin/water"))
    assert _keys(second, "water") == ["more"]
    second.close()


def test_an_index_of_another_layout_is_left_behind(catalogue: Catalogue, tmp_path: Path) -> None:
    _put(catalogue, _entry("it", "lin/tea"))
    catalogue.close()

    other = Catalogue(tmp_path / "search", Layout("other", LAYOUT.facets, LAYOUT.numbers))

    assert other.bookmark is None and not other.is_complete
    with other.writing() as writer:
        writer.mark(_END)
    assert [path.name for path in (tmp_path / "search").iterdir()] == ["1-other"]
    other.close()


def test_damage_that_shows_later_is_found_out_after_a_search_has_failed(catalogue: Catalogue, tmp_path: Path) -> None:
    _put(catalogue, *(_entry(f"{n}", f"lin/tea-{n}", text=f"{n} " * 2000) for n in range(50)))
    catalogue.close()
    store = next((tmp_path / "search").rglob("*.store"))
    data = bytearray(store.read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    store.write_bytes(data)
    opened = Catalogue(tmp_path / "search", LAYOUT)

    assert opened.is_sound()
    with pytest.raises(CatalogueUnready):
        opened.find(Wanted("tea", readers=PUBLIC, limit=50))

    assert not opened.is_sound()
    opened.clear()
    assert not opened.is_complete
    opened.close()


@pytest.mark.parametrize("harm", ["meta.json", "store", "everything"])
def test_a_damaged_index_is_made_anew(catalogue: Catalogue, tmp_path: Path, harm: str) -> None:
    _put(catalogue, _entry("it", "lin/tea"))
    catalogue.close()
    folder = next((tmp_path / "search").iterdir())
    for path in folder.iterdir():
        if harm == "everything" or path.name == harm or path.suffix == f".{harm}":
            path.write_bytes(b"damage")

    opened = Catalogue(tmp_path / "search", LAYOUT)
    with opened.writing() as writer:
        assert writer.bookmark is None
        writer.mark(_END)

    assert opened.is_complete
    opened.close()
