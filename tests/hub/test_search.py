"""The index follows what happens on the hub, and tells nobody more than the hub itself would."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.api.http import Site
from yungu.hub import Repo
from yungu.hub.models import repos
from yungu.search import Wanted

CARD = """---
license: apache-2.0
language: [zh, en]
pipeline_tag: text-generation
library_name: transformers
tags: [tea]
---
# 龙井大模型

A *calm* model for [brewing](https://example.org/zzz). <b>医疗问答</b>
""".encode()


def settle(site: Site) -> None:
    while hub.keep_index(site.db, site.catalogue, hub.card_reader(site.git)):
        pass


def found(site: Site, words: str, actor: Actor = ANONYMOUS, **wanted: object) -> list[str]:
    """Names of what is found, after everything that has happened was followed."""
    settle(site)
    with site.db.read() as session:
        matches = hub.find_matches(session, site.catalogue, Wanted(words, **wanted), actor)  # type: ignore[arg-type]
    return [match.target.repo_id if isinstance(match.target, Repo) else match.target.name for match in matches.items]


def test_a_push_is_found_by_its_card_and_no_longer_by_what_it_replaced(site: Site, world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"README.md": CARD})
    assert found(site, "龙井") == found(site, "calm brewing") == found(site, "医疗 问答") == ["lin/tea"]
    assert found(site, "zzz") == []

    world.commit(repo, {"README.md": b"# Oolong"}, by=lin)

    assert found(site, "龙井") == []
    assert found(site, "oolong") == ["lin/tea"]


def test_renaming_and_deleting_are_followed(site: Site, world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    assert found(site, "tea") == ["lin/tea"]

    moved = world.write_in(hub.move_repo, repo, "lin/coffee", lin)
    assert (found(site, "tea"), found(site, "coffee")) == ([], ["lin/coffee"])

    world.write_in(hub.delete_repo, moved, lin)
    assert found(site, "coffee") == []


def test_people_organizations_and_their_new_names_are_found(site: Site, world: World, lin: Actor) -> None:
    world.organization("valley", admin=lin)
    assert found(site, "valley", kinds=["organization"]) == ["valley"]
    assert found(site, "lin", kinds=["user", "organization"]) == ["lin"]

    world.write_in(accounts.update_owner, lin.id, full_name="林徽因")

    assert found(site, "徽因") == ["lin"]


@pytest.mark.parametrize("visibility", ["public", "internal", "private"])
def test_everybody_finds_what_they_may_see_and_nothing_else(
    site: Site, world: World, lin: Actor, mei: Actor, visibility: hub.Visibility
) -> None:
    world.organization("valley", admin=lin, read=[world.user("member")])
    world.repo("valley/zeppelin", by=world.actor("lin"), visibility=visibility)
    boss = world.user("boss", is_admin=True)
    everybody = {
        "visitor": ANONYMOUS,
        "stranger": mei,
        "member": world.actor("member"),
        "owner": world.actor("lin"),
        "boss": boss,
        "narrow": world.with_token("lin", "fine-grained", ("valley", "read")),
    }
    allowed = {
        "public": set(everybody),
        "internal": set(everybody) - {"visitor", "narrow"},
        "private": {"member", "owner", "boss"},
    }[visibility]

    assert {name for name, actor in everybody.items() if found(site, "zeppelin", actor)} == allowed
    assert {name for name, actor in everybody.items() if _proposed(site, "zepp", actor)} == allowed


def test_a_repo_made_private_is_shown_to_nobody_even_before_the_index_knows(
    site: Site, world: World, lin: Actor
) -> None:
    repo = world.repo("lin/tea", by=lin)
    assert found(site, "tea") == ["lin/tea"]

    world.write_in(hub.change_settings, repo, lin, visibility="private")

    with site.db.read() as session:
        assert hub.find_matches(session, site.catalogue, Wanted("tea"), ANONYMOUS).items == []
    assert found(site, "tea") == []
    assert found(site, "tea", lin) == ["lin/tea"]


def test_the_card_of_a_gated_repo_is_not_searched(site: Site, world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, files={"README.md": CARD})
    assert found(site, "龙井") == ["lin/tea"]

    world.write_in(hub.change_settings, repo, lin, gated="manual")

    assert found(site, "龙井") == []
    assert found(site, "tea") == ["lin/tea"]


def test_facets_come_from_cards(site: Site, world: World, lin: Actor) -> None:
    world.repo("lin/tea", by=lin, files={"README.md": CARD})
    data = b"---\nlanguage: zh\ntask_categories: [question-answering]\nsize_categories: [1K<n<10K]\n---\n"
    world.repo("lin/data", by=lin, kind="dataset", files={"README.md": data})

    assert _counts(site, "model") == {
        "task": ["text-generation"],
        "library": ["transformers"],
        "language": ["en", "zh"],
        "license": ["apache-2.0"],
        "size": [],
        "topic": ["tea"],
    }
    counts = _counts(site, "dataset")
    assert (counts["task"], counts["size"]) == (["question-answering"], ["1k<n<10k"])
    assert found(site, "", kinds=["model"], facets={"tag": ["license:apache-2.0"]}) == ["lin/tea"]


def test_a_like_moves_a_repo_up_at_once(site: Site, world: World, lin: Actor, mei: Actor) -> None:
    world.repo("lin/one", by=lin)
    two = world.repo("lin/two", by=lin)
    world.write_in(hub.like_repo, two, mei)

    assert found(site, "", kinds=["model"], sort="likes") == ["lin/two", "lin/one"]


def test_counters_are_compared_now_and_then_and_ghosts_go(site: Site, world: World, lin: Actor) -> None:
    one, two = world.repo("lin/one", by=lin), world.repo("lin/two", by=lin)
    settle(site)
    with site.db.write() as session:
        session.execute(sa.update(repos).where(repos.c.id == two.id).values(downloads_count=500))
        session.execute(sa.delete(repos).where(repos.c.id == one.id))

    written = sum(hub.compare_index(site.db, site.catalogue, hub.card_reader(site.git)))

    assert written == 2
    assert found(site, "", kinds=["model"], sort="downloads") == ["lin/two"]
    assert sum(hub.compare_index(site.db, site.catalogue, hub.card_reader(site.git))) == 0


def test_a_lost_index_is_made_anew_from_the_database(site: Site, world: World, lin: Actor) -> None:
    world.repo("lin/tea", by=lin, files={"README.md": CARD})
    assert found(site, "龙井") == ["lin/tea"]

    site.catalogue.clear()
    assert not site.catalogue.is_complete

    assert found(site, "龙井") == ["lin/tea"]
    assert site.catalogue.is_complete


def test_nothing_is_written_when_nothing_has_happened(site: Site, world: World, lin: Actor) -> None:
    world.repo("lin/tea", by=lin)
    settle(site)
    before = site.catalogue.bookmark

    assert hub.keep_index(site.db, site.catalogue, hub.card_reader(site.git)) == 0
    assert site.catalogue.bookmark == before


def test_damaged_git_objects_do_not_stop_the_index(site: Site, world: World, lin: Actor) -> None:
    broken = world.repo("lin/broken", by=lin, files={"README.md": CARD})
    world.repo("lin/whole", by=lin)
    shutil.rmtree(site.git.path(broken.id))
    site.git.forget(broken.id)

    assert sorted(found(site, "lin", kinds=["model"])) == ["lin/broken", "lin/whole"]


def _proposed(site: Site, typed: str, actor: Actor) -> Sequence[object]:
    with site.db.read() as session:
        return hub.suggest_matches(session, site.catalogue, typed, actor, limit=5)


def _counts(site: Site, kind: str) -> dict[str, list[str]]:
    settle(site)
    counted = ["task", "library", "language", "license", "size", "topic"]
    with site.db.read() as session:
        matches = hub.find_matches(session, site.catalogue, Wanted(kinds=[kind], counted=counted), ANONYMOUS)
    return {name: sorted(value for value, _ in values) for name, values in matches.found.counts.items()}
