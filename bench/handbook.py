"""Aligned paragraphs of the Debian Administrator's Handbook in English and Chinese, from Debian's own package.

Both editions are made from one source, so a file has the same number of paragraphs in each; the few that have not are
left out. The text is not kept here: GPL-2+ or CC-BY-SA, fetched from the distribution when it is not installed."""

from __future__ import annotations

import html
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import RESULTS

_INSTALLED = Path("/usr/share/doc/debian-handbook/html")
_PARAGRAPH = re.compile(r'<div class="para">(.*?)</div>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_SENTENCE = re.compile(r"(?<=[。！？])\s*|(?<=[.!?])\s+")
"""Latin stops end a sentence before a space only: not in "debian.org" or "11.5"."""
_LEAST = 60
"""Letters of a Chinese paragraph after its first sentence: of less nobody could tell which sentence went before."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    en: str
    zh: str


def paragraphs(count: int = 500, *, seed: int = 0) -> list[Paragraph]:
    """So many, drawn at random; the same for the same seed. Raises RuntimeError where the package cannot be had."""
    folder = _folder()
    found = []
    for page in sorted((folder / "en-US").glob("*.html")):
        other = folder / "zh-CN" / page.name
        en, zh = _read(page), _read(other) if other.exists() else []
        if len(en) == len(zh):
            found += [Paragraph(a, b) for a, b in zip(en, zh, strict=True) if _is_worth_it(b)]
    return random.Random(seed).sample(found, min(count, len(found)))


def first_sentence(text: str) -> str:
    return _SENTENCE.split(text, maxsplit=1)[0]


def rest(text: str) -> str:
    return _SENTENCE.split(text, maxsplit=1)[-1]


def _folder() -> Path:
    if _INSTALLED.exists():
        return _INSTALLED
    there = RESULTS / "debian-handbook"
    if not there.exists():
        RESULTS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "debian-handbook"], cwd=RESULTS, check=True, stdout=subprocess.DEVNULL)
        package = next(RESULTS.glob("debian-handbook_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, there], check=True)
    return there / _INSTALLED.relative_to("/")


def _read(page: Path) -> list[str]:
    texts = [_TAG.sub("", one) for one in _PARAGRAPH.findall(page.read_text())]
    return [" ".join(html.unescape(text).split()) for text in texts]


def _is_worth_it(text: str) -> bool:
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text) > len(text) // 3
    return chinese and len(rest(text)) >= _LEAST and rest(text) != text
