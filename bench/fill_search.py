"""Fill a stopped hub with synthetic bilingual repos, straight into its SQLite database, and keep their cards beside it:
``python bench/fill_search.py DATA COUNT CARDS``. The same seed makes the same hub.

Words follow Zipf's law. Chinese ones are pairs of the 3,755 most used characters, English ones are made of syllables;
some hundred real ones are strewn in at the front, where queries can find them."""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from yungu.accounts.models import owners
from yungu.cli.console import open_site
from yungu.hub.models import repo_tags, repos

SEED = 20261122
ZH = (
    "模型 数据 训练 医疗 问答 中文 语言 对话 翻译 图像 语音 识别 生成 推理 微调 金融 法律 教育 代码 评测 开源 "
    "检索 向量 量化 蒸馏 多模态 文本 分类 摘要 情感 机器人 自动驾驶 知识 图谱 化学 生物 气象 农业 制造 工业 "
    "视频 音乐 写作 诗词 古文 方言 手写 表格 文档 安全 隐私"
).split()
EN = (
    "model data training medical question answering chinese language chat translation image speech recognition "
    "generation reasoning fine tuning finance legal education code evaluation open retrieval embedding quantized "
    "distilled multimodal text classification summarization sentiment robot driving knowledge graph chemistry biology "
    "weather farming manufacturing video music writing poetry dialect handwriting table document safety privacy"
).split()
FAMILIES = "Qwen2.5 Llama-3.1 DeepSeek-R1 chatglm3 Baichuan2 Yi internlm2 Mistral gemma-2 phi-3 bert whisper".split()
SIZES = [0.5, 1.5, 3, 7, 8, 14, 32, 72, 236]
TASKS = (
    "text-generation text-classification question-answering translation summarization fill-mask image-classification "
    "object-detection text-to-image automatic-speech-recognition text-to-speech feature-extraction"
).split()
LIBRARIES = "transformers diffusers sentence-transformers timm peft gguf mlx onnx keras spacy".split()
LICENSES = "apache-2.0 mit cc-by-4.0 cc-by-nc-4.0 llama3.1 openrail other".split()
LANGUAGES = "zh en ja ko fr de es ru ar multilingual".split()
ROWS = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M"]
_STEP = 2_000


class Words:
    """Two vocabularies, most frequent words first."""

    def __init__(self, random_: random.Random) -> None:
        characters = [bytes([high, low]).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)]
        pairs = ("".join(random_.choices(characters, k=2)) for _ in itertools.count())
        syllables = [c + v for c in "b d f g k l m n p r s t v z ch st tr".split() for v in "a e i o u ai en".split()]
        made = ("".join(random_.choices(syllables, k=random_.randint(2, 4))) for _ in itertools.count())
        self.zh = ZH + list(itertools.islice(pairs, 20_000))
        self.en = EN + list(itertools.islice(made, 20_000))
        self._zh = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(self.zh))))
        self._en = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(self.en))))

    def card(self, random_: random.Random) -> str:
        """About 1.8 kB."""
        zh = random_.choices(self.zh, cum_weights=self._zh, k=random_.randint(30, 240))
        en = random_.choices(self.en, cum_weights=self._en, k=random_.randint(15, 90))
        sentences = ["，".join("".join(zh[at : at + 3]) for at in range(n, n + 12, 3)) for n in range(0, len(zh), 12)]
        return f"# {''.join(zh[:3])} {en[0]}\n\n" + "。\n".join(sentences) + "\n\n" + " ".join(en) + ".\n"


def fill(data: str, count: int, cards: str) -> None:
    random_ = random.Random(SEED)
    words, now = Words(random_), datetime(2026, 11, 1, tzinfo=UTC)
    with open_site(data, make=True) as site, site.db.write() as session, sqlite3.connect(cards) as kept:
        kept.execute("CREATE TABLE cards (id INTEGER PRIMARY KEY, text TEXT)")
        people = [_owner(number, now) for number in range(1_000, 1_000 + max(20, count // 13))]
        for some in _batches(iter(people)):
            session.execute(sa.insert(owners), some)
        for numbers in _batches(iter(range(1_000, 1_000 + count))):
            rows = [_repo(number, random_.choice(people), random_, words, now) for number in numbers]
            session.execute(sa.insert(repos), rows)
            tags = [
                {"repo_id": row["id"], "tag": tag} for row in rows for tag in sorted({*map(str.casefold, row["tags"])})
            ]
            session.execute(sa.insert(repo_tags), tags)
            kept.executemany("INSERT INTO cards VALUES (?, ?)", [(n, words.card(random_)) for n in numbers])


def read_cards(cards: str) -> Any:
    """Reads the card of a repo, as `yungu.hub.card_reader` does from git."""
    kept = sqlite3.connect(cards, check_same_thread=False)
    return lambda repo: (kept.execute("SELECT text FROM cards WHERE id = ?", (repo.id,)).fetchone() or [""])[0]


def _owner(number: int, now: datetime) -> dict[str, Any]:
    is_user = number % 10 != 0
    name = f"{'dev' if is_user else 'lab'}-{EN[number % len(EN)]}-{number}"
    return {
        "id": number,
        "kind": "user" if is_user else "organization",
        "name": name,
        "key": name,
        "full_name": f"{ZH[number % len(ZH)]}{ZH[number * 7 % len(ZH)]}实验室",
        "created_at": now,
    }


def _repo(number: int, owner: dict[str, Any], random_: random.Random, words: Words, now: datetime) -> dict[str, Any]:
    kind = random_.choices(["model", "dataset", "space"], [8, 4, 1])[0]
    size, task = random_.choice(SIZES), random_.choice(TASKS)
    language, licence, library = random_.choice(LANGUAGES), random_.choice(LICENSES), random_.choice(LIBRARIES)
    topics = random_.sample(words.en[:2000], 3)
    family = random_.choice(FAMILIES) if kind == "model" else random_.choice(words.en[:500])
    name = f"{family}-{size:g}B-{topics[0]}-{number}" if kind == "model" else f"{family}-{topics[0]}-{number}"
    card = {"language": [language], "license": licence, "tags": topics}
    tags = [*topics, f"license:{licence}"]
    if kind == "dataset":
        rows = random_.choice(ROWS)
        card |= {"task_categories": [task], "size_categories": [rows]}
        tags += [f"task_categories:{task}", f"size_categories:{rows}", f"language:{language}"]
    else:
        tags += [task, language, library, f"base_model:lab/{family}"]
    made, downloads = now - timedelta(minutes=random_.randint(0, 10**6)), int(random_.paretovariate(0.6)) % 10**7
    return {
        "id": number,
        "kind": kind,
        "owner_id": owner["id"],
        "namespace": owner["name"],
        "name": name,
        "key": f"{owner['name']}/{name}".casefold(),
        "visibility": random_.choices(["public", "internal", "private"], [92, 3, 5])[0],
        "head": "0" * 40,
        "measured_head": "0" * 40,
        "card": card,
        "tags": tags,
        "pipeline_tag": task if kind == "model" else None,
        "library_name": library if kind == "model" else None,
        "sdk": "gradio" if kind == "space" else None,
        "parameters_count": int(size * 1e9) if kind == "model" else None,
        "likes_count": downloads // 97,
        "downloads_count": downloads,
        "downloads_total_count": downloads,
        "trending": random_.expovariate(1) * downloads,
        "created_at": made,
        "modified_at": made + timedelta(minutes=random_.randint(0, 10**4)),
    }


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(itertools.islice(items, _STEP)):
        yield batch


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    print(json.dumps({"repos": int(sys.argv[2])}))
