"""Example repos for an empty hub, made on the spot: small, real, and in both languages."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from yungu import accounts, compute, credits, hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import demo_scenarios
from yungu.hub.models import Kind, Repo, Visibility
from yungu.kernel.db import Session
from yungu.storage import content


def fill(site: Site) -> bool:
    """Make the example repos, all of them or none. False when the hub holds repos already."""
    with site.db.read() as session:
        if hub.list_repo_numbers(session):
            return False
    weights = {name: _publish(site, data) for name, data in _weights().items()}
    with site.db.write() as session:
        if hub.list_repo_numbers(session):
            return False
        lin = _person(session, "lin", "Lin 林")
        mei = _person(session, "mei", "Mei 梅")
        _organization(session, "longjing", "Longjing Lab 龙井实验室", lin, mei)
        makers = [_Maker(site, session, accounts.actor_for_user(session, user), weights) for user in (lin, mei)]
        _make_classifier(makers[0])
        _make_embedder(makers[0])
        _make_harvest(makers[0])
        _make_genos(makers[0])
        _make_notes(makers[0])
        _make_tasting(makers[1])
        _grant_vouchers(session)
        demo_scenarios.fill(session, makers[0].actor, makers[1].actor)
    return True


@dataclass(frozen=True, slots=True)
class _Large:
    """Content that is in the byte store already."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Maker:
    """One person's hands, in the one transaction."""

    site: Site
    session: Session
    actor: Actor
    weights: Mapping[str, _Large]

    def create(
        self, kind: Kind, repo_id: str, card: str, *, visibility: Visibility = "public", sdk: str | None = None
    ) -> Repo:
        files = {"README.md": card.encode()}
        return hub.create_repo(
            self.session, self.site.git, kind, repo_id, self.actor, visibility=visibility, sdk=sdk, files=files
        )

    def commit(
        self, repo: Repo, title: str, files: Mapping[str, str | _Large], *, body: str = "", branch: str = "main"
    ) -> None:
        changes = [self._change(repo, path, value) for path, value in files.items()]
        plan = hub.CommitPlan(branch=branch, changes=changes, title=title, body=body, create_branch=True)
        hub.apply_commit(self.session, self.site.git, hub.get_repo_by_id(self.session, repo.id), plan, self.actor)

    def tag(self, repo: Repo, name: str, message: str) -> None:
        hub.create_tag(self.session, self.site.git, repo, name, self.actor, message=message)

    def _change(self, repo: Repo, path: str, value: str | _Large) -> hub.Change:
        if isinstance(value, _Large):
            content.record_raw(self.session, value.sha256, value.size_bytes)
            hub.link_upload(self.session, repo, value.sha256, self.actor.id)
            return hub.LfsPut(path, value.sha256, value.size_bytes)
        data = value.encode()
        return hub.FilePut(path, self.site.git.open(repo.id).write_blob(data), len(data))


def _person(session: Session, name: str, full_name: str) -> accounts.Owner:
    found = accounts.find_owner(session, name)
    return found or accounts.create_user(session, name, full_name=full_name)


def _organization(session: Session, name: str, full_name: str, *members: accounts.Owner) -> None:
    if accounts.find_owner(session, name) is not None:
        return
    first, *others = members
    made = accounts.create_organization(session, name, creator=first, full_name=full_name)
    for other in others:
        accounts.add_member(session, made, other, "write", by=first.id)


def _grant_vouchers(session: Session) -> None:
    """Everybody can call the model that has a price."""
    users = accounts.list_owners(session, "user")
    credits.fund_budget(session, "demo", 10 * len(users) * credits.CREDIT, key="demo", by=None)
    for user in users:
        credits.grant(session, user.id, 10 * credits.CREDIT, budget="demo", key=f"demo-{user.id}", by=None)


# --- the repos


def _make_classifier(maker: _Maker) -> None:
    repo = maker.create("model", "longjing/tea-classifier", _CLASSIFIER_CARD)
    maker.commit(repo, "Add the configuration", {"config.json": _json(_CLASSIFIER_CONFIG)})
    tokenizer = {"tokenizer.json": _json(_tokenizer()), "tokenizer_config.json": _json(_TOKENIZER_CONFIG)}
    maker.commit(repo, "Add the tokenizer", tokenizer, body="Characters for Chinese, whole words for English.")
    maker.commit(repo, "Add the weights", {"model.safetensors": maker.weights["classifier"]})
    maker.tag(repo, "v1.0", "The first harvest")
    maker.commit(
        repo,
        "Try half precision",
        {"model.safetensors": maker.weights["classifier-half"], "config.json": _json(_CLASSIFIER_CONFIG | _HALF)},
        branch="half-precision",
    )
    maker.commit(repo, "Say how it was measured", {"eval/results.json": _json(_RESULTS)})


def _make_embedder(maker: _Maker) -> None:
    repo = maker.create("model", "lin/tiny-embedder", _EMBEDDER_CARD)
    config, weights = _json(_EMBEDDER_CONFIG), maker.weights["embedder"]
    maker.commit(repo, "Upload the model", {"config.json": config, "model.safetensors": weights})


def _make_harvest(maker: _Maker) -> None:
    repo = maker.create("dataset", "longjing/spring-harvest", _HARVEST_CARD)
    maker.commit(repo, "Add the measurements", {"data/train.csv": _harvest(range(400))})
    maker.commit(repo, "Add the test split", {"data/test.csv": _harvest(range(400, 500))})
    maker.tag(repo, "2026-spring", "As it was sold")
    maker.commit(repo, "Add what the tasters wrote", {"notes/tasting.jsonl": _tasting_notes()})


def _make_genos(maker: _Maker) -> None:
    """A model that can be called at once, at a price."""
    card, small = (_GENOS / "README.md").read_text(), sorted(_GENOS.glob("*.json"))
    repo = maker.create("model", "lin/genos-mt", card)
    maker.commit(
        repo, "Add the configuration and a token for each base", {file.name: file.read_text() for file in small}
    )
    maker.commit(repo, "Add the weights", {"model.safetensors": maker.weights["genos-mt"]})
    compute.deploy(maker.session, maker.site.git, repo.repo_id, maker.actor, _GENOS_PRICES)


def _make_notes(maker: _Maker) -> None:
    repo = maker.create("dataset", "lin/notes", _NOTES_CARD, visibility="private")
    maker.commit(
        repo, "First thoughts", {"2026-04.md": "# 四月 April\n\n明前茶的数据先整理。 Sort the early picks first.\n"}
    )


def _make_tasting(maker: _Maker) -> None:
    repo = maker.create("space", "mei/tea-tasting", _TASTING_CARD, sdk="static")
    maker.commit(repo, "Open the tea house", {"index.html": _TASTING_PAGE, "style.css": _TASTING_STYLE})


# --- their content


def safetensors(tensors: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> bytes:
    """The tensors in the safetensors format: length of the header (u64, little-endian), JSON header, raw bytes.

    https://huggingface.co/docs/safetensors"""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor).tobytes()
        span = [offset, offset + len(data)]
        header[name] = {"dtype": _DTYPES[tensor.dtype.name], "shape": list(tensor.shape), "data_offsets": span}
        parts.append(data)
        offset += len(data)
    encoded = msgspec.json.encode(header)
    encoded += b" " * (-len(encoded) % 8)
    return b"".join([len(encoded).to_bytes(8, "little"), encoded, *parts])


def _weights() -> dict[str, bytes]:
    classifier = {
        "embeddings.weight": (256, 64),
        "encoder.layer.0.attention.weight": (64, 192),
        "encoder.layer.0.mlp.weight": (64, 256),
        "classifier.weight": (4, 64),
        "classifier.bias": (4,),
    }
    full = _random_tensors(classifier, seed=2026)
    half = {name: tensor.astype(np.float16) for name, tensor in full.items()}
    embedder = _random_tensors({"embeddings.weight": (256, 32), "projection.weight": (32, 32)}, seed=7)
    made = {"classifier": full, "classifier-half": half, "embedder": embedder}
    files = {name: safetensors(tensors, {"format": "pt"}) for name, tensors in made.items()}
    return files | {"genos-mt": (_GENOS / "model.safetensors").read_bytes()}


def _random_tensors(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray[Any, Any]]:
    dice = np.random.default_rng(seed)
    return {name: (dice.standard_normal(shape) * 0.02).astype(np.float32) for name, shape in shapes.items()}


def _publish(site: Site, data: bytes) -> _Large:
    sha256 = hashlib.sha256(data).hexdigest()
    with site.store.stage() as staged:
        staged.write(data)
        staged.publish(content.raw_key(sha256))
    return _Large(sha256, len(data))


def _tokenizer() -> dict[str, Any]:
    words = [
        "[PAD]",
        "[UNK]",
        *"龙井碧螺春铁观音普洱茶香甜苦清新",
        "green",
        "black",
        "white",
        "oolong",
        "fresh",
        "sweet",
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
    return {"version": "1.0", "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": model}


def _harvest(numbers: range) -> str:
    dice = np.random.default_rng(numbers.start)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "garden", "cultivar", "picked_on", "altitude_m", "moisture_percent", "score"])
    for number in numbers:
        garden = ("狮峰", "龙坞", "梅家坞", "云栖")[dice.integers(4)]
        cultivar = ("群体种", "龙井43")[dice.integers(2)]
        day = f"2026-04-{1 + int(dice.integers(20)):02d}"
        measured = [
            int(dice.integers(80, 400)),
            round(float(dice.normal(6.2, 0.4)), 2),
            round(float(dice.normal(88, 4)), 1),
        ]
        writer.writerow([number, garden, cultivar, day, *measured])
    return out.getvalue()


def _tasting_notes() -> str:
    notes = [
        {"id": 0, "zh": "豆香浓郁，回甘悠长。", "en": "Roasted beans, and a long sweet finish.", "label": "longjing"},
        {"id": 1, "zh": "花果香，茶汤清亮。", "en": "Flowers and fruit, a bright cup.", "label": "biluochun"},
        {"id": 2, "zh": "兰花香，岩韵明显。", "en": "Orchid over wet stone.", "label": "tieguanyin"},
        {"id": 3, "zh": "陈香醇厚，入口顺滑。", "en": "Old wood, smooth and round.", "label": "puer"},
    ]
    return "".join(msgspec.json.encode(note).decode() + "\n" for note in notes)


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


_GENOS = Path(__file__).with_name("demo_data") / "genos-mt"
_GENOS_PRICES = compute.Prices(prompt_million=500_000, completion_million=2_000_000)
_DTYPES = {"float32": "F32", "float16": "F16", "int64": "I64"}
_LABELS = {"0": "longjing", "1": "biluochun", "2": "tieguanyin", "3": "puer"}
_CLASSIFIER_CONFIG: dict[str, Any] = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 256,
    "vocab_size": 256,
    "id2label": _LABELS,
    "label2id": {name: int(number) for number, name in _LABELS.items()},
    "torch_dtype": "float32",
}
_HALF = {"torch_dtype": "float16"}
_EMBEDDER_CONFIG = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32, "vocab_size": 256}
_TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "pad_token": "[PAD]"}
_RESULTS = {"dataset": "longjing/spring-harvest", "split": "test", "accuracy": 0.91, "macro_f1": 0.9}

_CLASSIFIER_CARD = """---
license: apache-2.0
language:
- zh
- en
library_name: transformers
pipeline_tag: text-classification
datasets:
- longjing/spring-harvest
base_model: lin/tiny-embedder
tags:
- tea
- 茶
---

# 茶语分类器 · Tea classifier

读一句品茶的话，说出是哪一种茶。 It reads a taster's sentence and names the tea.

| 标签 Label | 茶 Tea |
| --- | --- |
| `longjing` | 龙井 |
| `biluochun` | 碧螺春 |
| `tieguanyin` | 铁观音 |
| `puer` | 普洱 |

## 用法 · How to use it

```python
from huggingface_hub import hf_hub_download

path = hf_hub_download("longjing/tea-classifier", "model.safetensors")
```

权重是随机生成的示例。 The weights are random: this repo is an example.
"""

_EMBEDDER_CARD = """---
license: mit
language: [zh, en]
pipeline_tag: feature-extraction
tags: [embedding, example]
---

# tiny-embedder

A very small embedding model, made to be downloaded quickly. 一个很小的向量模型示例。
"""

_HARVEST_CARD = """---
license: cc-by-4.0
language:
- zh
task_categories:
- tabular-classification
- text-classification
size_categories:
- n<1K
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train.csv
  - split: test
    path: data/test.csv
---

# 春茶采收 · Spring harvest

五百批春茶的产地、品种、海拔、含水率和评分。 Five hundred lots of spring tea: garden, cultivar, altitude, moisture and
score. 数据是生成的。 The numbers are made up.
"""

_NOTES_CARD = """# 笔记 · Notes

只有自己能看到。 Only its owner sees this repo.
"""

_TASTING_CARD = """---
title: 品茶 · Tea tasting
emoji: 🍵
sdk: static
app_file: index.html
models:
- longjing/tea-classifier
---

# 品茶 · Tea tasting

A page about how to taste tea. 一页品茶的方法。
"""

_TASTING_PAGE = """<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<title>品茶 · Tea tasting</title>
<link rel="stylesheet" href="style.css">
<h1>品茶 · Tea tasting</h1>
<ol>
  <li>看 · Look at the leaf</li>
  <li>闻 · Smell the cup</li>
  <li>品 · Taste, slowly</li>
</ol>
</html>
"""

_TASTING_STYLE = "body { font: 1.1rem/1.6 serif; margin: 3rem auto; max-width: 32rem; color: #23402b; }\n"
