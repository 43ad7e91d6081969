"""English and Chinese, both complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from support.visitor import Visitor
from yungu import compute
from yungu.api.web.errors import explain
from yungu.api.web.language import accepted_language
from yungu.api.web.rendering import format_bytes, format_count
from yungu.compute.rules.deployments import check_context

Visit = Callable[..., Visitor]
_WEB = Path(str(files("yungu.api.web")))
_COMPUTE = Path(str(files("yungu.compute")))
_WORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
_REFUSALS = {"DeploymentInvalid": None, "JobInvalid": None}
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def _said() -> set[str]:
    """Every sentence of the source (the singular of those that have a plural)."""
    options = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = [*extract_from_dir(_WEB, methods, options, keywords=_WORDS)]
    found += extract_from_dir(_COMPUTE, [("**.py", "python")], keywords=_REFUSALS)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def _translated() -> dict[str, str]:
    with (_WEB / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file)
    entries = [message for message in catalog if message.id]
    assert not [entry.id for entry in entries if entry.fuzzy]
    return {
        entry.id if isinstance(entry.id, str) else entry.id[0]: (
            entry.string if isinstance(entry.string, str) else entry.string[0]
        )
        for entry in entries
    }


def test_every_sentence_is_translated_and_no_translation_is_left_over() -> None:
    said, translated = _said(), _translated()

    assert said - translated.keys() == set(), "missing in zh_CN"
    assert translated.keys() - said == set(), "no longer used in zh_CN"
    assert [sentence for sentence, words in translated.items() if not words] == []
    assert len(said) > 150


def test_translations_keep_the_places_of_names_and_numbers() -> None:
    for sentence, words in _translated().items():
        assert sorted(_PLACEHOLDER.findall(sentence)) == sorted(_PLACEHOLDER.findall(words)), sentence


def test_the_address_comes_before_the_cookie_and_the_cookie_before_the_browser(visit: Visit) -> None:
    visitor = visit()
    visitor.headers["accept-language"] = "zh-CN,zh;q=0.9,en;q=0.8"

    assert '<html lang="zh-CN">' in visitor.read("/models")
    assert '<html lang="en">' in visitor.read("/models?lang=en")
    assert '<html lang="en">' in visitor.read("/models"), "the choice is remembered"
    assert '<html lang="zh-CN">' in visitor.read("/models?lang=zh")


def test_the_other_language_is_one_link_away_and_keeps_the_page(visit: Visit) -> None:
    page = visit().read("/models?search=tea")

    assert 'href="/models?search=tea&amp;lang=zh"' in page


def test_errors_and_forms_speak_chinese(visit: Visit) -> None:
    visitor = visit()
    visitor.headers["accept-language"] = "zh"

    assert "没有仓库 nobody/nothing" in visitor.read("/nobody/nothing", 404)
    assert "用户名或密码不正确" in visitor.submit("/login", name="nobody-here", password="wrong").text


def test_why_a_deployment_cannot_be_like_that_is_told_with_its_facts() -> None:
    with pytest.raises(compute.DeploymentInvalid) as refused:
        check_context(0)

    assert str(refused.value) == "A context holds 1 to 16,777,216 tokens."
    assert explain(refused.value, "zh") == "上下文长度应为 1 到 16,777,216 个 token。"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-TW", "zh"),
        ("fr, zh;q=0.5, en;q=0.4", "zh"),
        ("fr", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=oops, en", "en"),
        ("*", "en"),
    ],
)
def test_the_best_of_the_browsers_languages_is_chosen(header: str, language: str) -> None:
    assert accepted_language(header) == language


def test_sizes_and_counts_are_short() -> None:
    assert [format_bytes(n) for n in (0, 999, 1000, 1_500_000, 999_999, 7 * 10**12)] == [
        "0 B",
        "999 B",
        "1 kB",
        "1.5 MB",
        "1 MB",
        "7 TB",
    ]
    assert [format_count(n) for n in (0, 999, 1000, 12_345, 7_241_732_096)] == ["0", "999", "1k", "12.3k", "7.24B"]
