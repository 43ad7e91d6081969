"""What a model of the hub needs, from the headers of its weights and its config."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from yungu import hub
from yungu.compute.models.fit import Anatomy
from yungu.compute.rules.fit import examine, gguf_config
from yungu.hub import ReadRange, Repo, TreeFile
from yungu.kernel.db import Session
from yungu.kernel.errors import Invalid, NotFound, Unavailable
from yungu.storage.git import GitObjects

_MOST_SHARDS = 400
_KEPT = 512
_known: dict[str, Anatomy | None] = {}


def find_anatomy(
    session: Session, read: ReadRange, repo: Repo, git: GitObjects, commit: str, file: str | None = None
) -> Anatomy | None:
    """Of all safetensors files in the root folder of a commit, else of one GGUF file (``file``, or the smallest);
    None when there is nothing that can be read. The caller may read the repo's files."""
    key = f"{repo.id} {commit} {file or ''}"
    if key not in _known:
        if len(_known) >= _KEPT:
            _known.pop(next(iter(_known)), None)
        _known[key] = _examine(session, read, repo, git, commit, file)
    return _known[key]


def _examine(
    session: Session, read: ReadRange, repo: Repo, git: GitObjects, commit: str, file: str | None
) -> Anatomy | None:
    files = [node for node in hub.list_folder(git, commit) if isinstance(node, TreeFile)]
    shards = [node for node in files if node.path.endswith(".safetensors")] if file is None else []
    with suppress(Invalid, NotFound, Unavailable):
        if shards:
            heads = [hub.safetensors_header(session, read, repo, git, shard) for shard in _of_one_set(shards)]
            return examine((tensor for head in heads for tensor in head.tensors), hub.model_config(git, commit))
        weights = [node for node in files if node.path.endswith(".gguf") and file in (None, node.path)]
        if weights:
            head = hub.gguf_header(session, read, repo, git, min(weights, key=lambda node: node.size_bytes))
            return examine(head.tensors, gguf_config(head.metadata))
    return None


def _of_one_set(shards: Sequence[TreeFile]) -> Sequence[TreeFile]:
    """The shards of the model itself: some repos carry the whole of it a second time under another name."""
    plain = [shard for shard in shards if shard.path.startswith("model")]
    return (plain or shards)[:_MOST_SHARDS]
