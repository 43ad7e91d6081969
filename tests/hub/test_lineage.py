"""What was made from what, in both directions, and how often it was taken on which day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.world import World
from yungu import hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.app import worker
from yungu.hub import Repo
from yungu.kernel import clock


def card(**front: object) -> bytes:
    return ("---\n" + "".join(f"{name}: {value}\n" for name, value in front.items()) + "---\n").encode()


def child(world: World, name: str, by: Actor, files: dict[str, bytes] | None = None, **front: object) -> Repo:
    readme = card(base_model="lin/base", **front)
    return world.repo(name, by=by, files={"README.md": readme, **(files or {})})


@pytest.fixture
def base(world: World, lin: Actor) -> Repo:
    return world.repo("lin/Base", by=lin)


def counts(world: World, repo: Repo, actor: Actor = ANONYMOUS) -> dict[str, int]:
    return dict(world.read_in(hub.count_kin, repo, actor))


def kin(world: World, repo: Repo, kinship: hub.Kinship, actor: Actor = ANONYMOUS) -> list[str]:
    return [one.name for one in world.read_in(hub.list_kin, repo, kinship, actor, limit=10).items]


@pytest.mark.parametrize(
    ("files", "front", "relation"),
    [
        ({}, {}, "finetune"),
        ({"adapter_config.json": b"{}"}, {}, "adapter"),
        ({}, {"library_name": "peft"}, "adapter"),
        ({"model.Q4.gguf": b"GGUF"}, {}, "quantized"),
        ({"config.json": b'{"quantization_config": {"bits": 4}}'}, {}, "quantized"),
        ({}, {"tags": "[merge]"}, "merge"),
        ({"adapter_config.json": b"{}"}, {"base_model_relation": "finetune"}, "finetune"),
    ],
)
def test_the_relation_is_what_the_card_says_or_else_what_the_files_tell(
    world: World, lin: Actor, base: Repo, files: dict[str, bytes], front: dict[str, object], relation: str
) -> None:
    child(world, "lin/child", lin, files, **front)
    assert counts(world, base) == {relation: 1}
    assert kin(world, base, relation) == ["child"]  # type: ignore[arg-type]


def test_a_model_of_several_models_is_a_merge_of_each(world: World, lin: Actor, base: Repo) -> None:
    other = world.repo("lin/other", by=lin)
    world.repo("lin/both", by=lin, files={"README.md": card(base_model="[lin/base, lin/other]")})
    assert counts(world, base) == counts(world, other) == {"merge": 1}


def test_only_kin_that_the_reader_may_know_of_is_counted_and_listed(
    world: World, lin: Actor, mei: Actor, base: Repo
) -> None:
    hidden = child(world, "mei/hidden", mei)
    world.write_in(hub.change_settings, hidden, mei, visibility="private")
    child(world, "mei/shown", mei)
    assert counts(world, base) == counts(world, base, lin) == {"finetune": 1}
    assert counts(world, base, mei) == {"finetune": 2}
    assert kin(world, base, "finetune", lin) == ["shown"]


def test_kin_stays_when_the_base_gets_another_name(world: World, lin: Actor, base: Repo) -> None:
    child(world, "lin/child", lin)
    moved = world.write_in(hub.move_repo, base, "lin/root", lin)
    assert kin(world, moved, "finetune") == ["child"]
    assert world.read_in(hub.find_named, "model", ["lin/BASE"], ANONYMOUS)["lin/BASE"].name == "root"


def test_datasets_know_their_models_and_both_know_their_spaces(world: World, lin: Actor, base: Repo) -> None:
    data = world.repo("lin/data", by=lin, kind="dataset")
    child(world, "lin/child", lin, datasets="[lin/data]")
    readme = card(sdk="static", models="[lin/base]", datasets="[lin/data]")
    world.repo("lin/space", by=lin, kind="space", files={"README.md": readme})
    assert counts(world, data) == {"model": 1, "space": 1}
    assert counts(world, base) == {"finetune": 1, "space": 1}
    assert kin(world, data, "model") == ["child"] and kin(world, data, "space") == ["space"]


def test_kin_comes_in_pages_most_downloaded_first(world: World, lin: Actor, base: Repo) -> None:
    made = [child(world, f"lin/c{number}", lin) for number in range(5)]
    for visitor in range(2):
        world.site.downloads.note(made[2].id, f"visitor {visitor}")
    world.site.downloads.note(made[4].id, "visitor")
    worker.flush(world.site)

    first = world.read_in(hub.list_kin, base, "finetune", ANONYMOUS, limit=3)
    second = world.read_in(hub.list_kin, base, "finetune", ANONYMOUS, limit=3, cursor=first.next_cursor)

    assert [repo.name for repo in (*first.items, *second.items)] == ["c2", "c4", "c3", "c1", "c0"]
    assert second.next_cursor is None


def test_downloads_are_kept_by_day(world: World, lin: Actor, base: Repo) -> None:
    for visitors in (["a", "b"], ["c"]):
        for visitor in visitors:
            world.site.downloads.note(base.id, visitor)
        worker.flush(world.site)
    today = clock.now().date()

    days = world.read_in(hub.daily_downloads, base, last=today + timedelta(days=1), days=90)

    assert len(days) == 90 and days[-2] == (today, 3) and days[-1] == (today + timedelta(days=1), 0)
    assert sum(count for _, count in days) == 3
    world.write_in(hub.delete_repo, base, lin)
    assert world.read_in(hub.daily_downloads, base, last=today, days=1) == [(today, 0)]
