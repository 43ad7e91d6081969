"""The size of a model, read from its own files after a push."""

from __future__ import annotations

import json
import struct
from functools import partial
from pathlib import Path

from support.world import World
from yungu import hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.api.http.blobs import read_blob


def weights(rows: int) -> bytes:
    """A safetensors file with one BF16 tensor of ``rows`` by 2."""
    span = {"w": {"dtype": "BF16", "shape": [rows, 2], "data_offsets": [0, rows * 4]}}
    header = json.dumps(span).encode()
    return struct.pack("<Q", len(header)) + header + bytes(rows * 4)


def measure(world: World) -> int:
    return hub.measure_heads(world.site.db, world.site.git, partial(read_blob, world.site))


def found(world: World, **bounds: int) -> list[str]:
    page = world.read_in(hub.list_repos, hub.RepoFilter("model", **bounds), ANONYMOUS)
    return sorted(repo.name for repo in page.items)


def test_models_are_found_by_their_parameters_whichever_way_the_weights_came(world: World, lin: Actor) -> None:
    small, large = world.repo("lin/small", by=lin), world.repo("lin/large", by=lin)
    world.repo("lin/bare", by=lin)
    world.commit(small, {"model.safetensors": weights(10)}, by=lin)
    put = world.upload(large, weights(1000), by=lin)
    change = hub.LfsPut("model.safetensors", put.sha256, put.size_bytes)
    world.apply(large, hub.CommitPlan("main", [change], "weights"), by=lin)
    assert measure(world) == 3
    assert found(world, min_parameters=21) == ["large"]
    assert found(world, max_parameters=20) == ["small"]


def test_the_files_at_the_head_are_added_up_as_their_readers_get_them(world: World, lin: Actor) -> None:
    silk = world.repo("lin/silk", by=lin, kind="dataset", files={"a": b"12345"})
    put = world.upload(silk, bytes(5000), by=lin)
    world.apply(silk, hub.CommitPlan("main", [hub.LfsPut("b.bin", put.sha256)], "large"), by=lin)
    assert world.fresh(silk).content_bytes is None
    measure(world)
    attributes = len(world.read(silk, ".gitattributes"))
    assert (world.fresh(silk).content_bytes, world.fresh(silk).parameters_count) == (attributes + 5005, None)
    world.commit(silk, {"b.bin": None}, by=lin)
    measure(world)
    assert world.fresh(silk).content_bytes == attributes + 5


def test_a_damaged_repo_does_not_keep_others_from_being_measured(world: World, lin: Actor) -> None:
    tea, silk = world.repo("lin/tea", by=lin), world.repo("lin/silk", by=lin, kind="dataset")
    for file in Path(world.site.git.path(tea.id)).glob("objects/??/*"):
        file.chmod(0o600)
        file.write_bytes(b"not what git wrote")
    assert measure(world) == 2
    assert measure(world) == 0
    assert (world.fresh(tea).content_bytes is None, world.fresh(silk).content_bytes is None) == (True, False)


def test_only_moved_heads_are_measured_again(world: World, lin: Actor) -> None:
    tea = world.repo("lin/tea", by=lin)
    measure(world)
    assert measure(world) == 0
    world.commit(tea, {"model.safetensors": weights(10)}, by=lin)
    assert measure(world) == 1
    assert found(world, min_parameters=20) == ["tea"]


def test_weights_that_are_none_leave_the_size_unknown(world: World, lin: Actor) -> None:
    tea = world.repo("lin/tea", by=lin)
    world.commit(tea, {"model.safetensors": b"\xff" * 100}, by=lin)
    assert measure(world) == 1
    assert found(world, min_parameters=0) == []
    assert measure(world) == 0
