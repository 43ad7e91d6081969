"""What the hub knows of a repo from its default branch: card, tags, libraries. Derived, rewritten whenever it moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from yungu.hub import queries, rules
from yungu.hub.models import Card, Repo, repo_tags, repos
from yungu.hub.rules.cards import MAX_CARD_BYTES
from yungu.kernel.db import Session
from yungu.storage.git import GitStore

T = TypeVar("T", str, str | None)
_MAX_TAGS = 2000
"""Tags of one repo that are kept."""
_FILE_TAGS = (
    ("pytorch", ("pytorch_model", ".bin")),
    ("tf", ("tf_model", ".h5")),
    ("jax", ("flax_model", ".msgpack")),
    ("safetensors", ("", ".safetensors")),
    ("gguf", ("", ".gguf")),
    ("onnx", ("", ".onnx")),
)


def index_head(session: Session, git: GitStore, repo: Repo, commit: str) -> None:
    """Read the card and the root folder of ``commit`` and write what they tell into the repo's row."""
    objects = git.open(repo.id)
    card = rules.parse_card(repo.kind, queries.read_text(objects, commit, "README.md", limit=MAX_CARD_BYTES) or "")
    root = objects.list_tree(objects.commit(commit).tree)
    names = [entry.path for entry in root if entry.kind != "directory"]
    config = queries.model_config(objects, commit) if repo.kind == "model" else {}
    library = card.library_name or _guess_library(repo, config)
    kin = _relations(repo, card, library, names, config)
    found = (*card.tags, *kin, *_from_files(repo, names), *_from_config(config), *([library] if library else []))
    tags = list(dict.fromkeys(_fitting(tag, repo_tags.c.tag) for tag in found))[:_MAX_TAGS]
    session.execute(
        sa.update(repos)
        .where(repos.c.id == repo.id)
        .values(
            head=commit,
            card=dict(card.data),
            card_warnings=list(card.warnings),
            tags=tags,
            pipeline_tag=_fitting(card.pipeline_tag, repos.c.pipeline_tag),
            library_name=_fitting(library, repos.c.library_name),
            sdk=_fitting(_sdk(repo, card), repos.c.sdk),
        )
    )
    _write_tags(session, repo, [*tags, *_linked(repo, card)])


def _write_tags(session: Session, repo: Repo, tags: Iterable[str]) -> None:
    wanted = {_fitting(tag.casefold(), repo_tags.c.tag) for tag in tags}
    held = set(session.scalars(sa.select(repo_tags.c.tag).where(repo_tags.c.repo_id == repo.id)))
    if held - wanted:
        gone = (repo_tags.c.repo_id == repo.id) & repo_tags.c.tag.in_(held - wanted)
        session.execute(sa.delete(repo_tags).where(gone))
    if wanted - held:
        session.execute(sa.insert(repo_tags), [{"repo_id": repo.id, "tag": tag} for tag in sorted(wanted - held)])


def _fitting(text: T, column: sa.Column[str]) -> T:
    """As much of ``text`` as the column holds."""
    return text and text.replace("\0", "")[: column.type.length]  # type: ignore[attr-defined]


def _linked(repo: Repo, card: Card) -> Iterable[str]:
    """What a Space says it uses, so that Spaces can be listed by it; found like a tag, but not shown as one."""
    if repo.kind != "space":
        return
    for kind in ("model", "dataset"):
        names = card.data.get(f"{kind}s")
        for name in (names if isinstance(names, list) else [names])[:_MAX_TAGS]:
            if isinstance(name, str) and name:
                yield f"{kind}:{name}"


def _relations(
    repo: Repo, card: Card, library: str | None, names: Sequence[str], config: Mapping[str, Any]
) -> Iterable[str]:
    """How a model stands to its base models, where its card does not say so itself."""
    bases = [tag for tag in card.tags if tag.startswith("base_model:")]
    if repo.kind == "model" and bases and not card.data.get("base_model_relation"):
        relation = rules.guess_relation(card.tags, library, len(bases), names, config)
        yield from (tag.replace("base_model:", f"base_model:{relation}:", 1) for tag in bases)


def _from_files(repo: Repo, names: Sequence[str]) -> Iterable[str]:
    """``names``: of the files in the root folder."""
    if repo.kind != "model":
        return
    for tag, (start, end) in _FILE_TAGS:
        if any(name.startswith(start) and name.endswith(end) for name in names):
            yield tag


def _from_config(config: Mapping[str, Any]) -> Iterable[str]:
    if isinstance(config.get("model_type"), str):
        yield config["model_type"]


def _guess_library(repo: Repo, config: Mapping[str, Any]) -> str | None:
    return "transformers" if repo.kind == "model" and isinstance(config.get("model_type"), str) else None


def _sdk(repo: Repo, card: Card) -> str | None:
    sdk = card.data.get("sdk")
    return sdk if repo.kind == "space" and isinstance(sdk, str) else repo.sdk
