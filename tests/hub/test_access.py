"""Who may see, write and rule what: the whole truth table, and the same in lists."""

from __future__ import annotations

import pytest

from support.world import World
from yungu import accounts, hub
from yungu.accounts import ANONYMOUS, Actor
from yungu.hub import Repo, Visibility

VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")

# what each may do with a public, an internal and a private repo of an organization:
# - nothing, r know of it and read, w write, a rule
TABLE = {
    "anonymous": "r - -",
    "stranger": "r r -",
    "org reader": "r r r",
    "org contributor": "r r r",
    "org contributor who made it": "a a a",
    "org writer": "w w w",
    "org admin": "a a a",
    "site admin": "a a a",
    "site admin's write token": "r r -",
    "org admin's read token": "r r r",
    "org admin's write token": "a a a",
    "org admin's token for nothing": "r - -",
    "org admin's token to read this": "r r r",
    "org admin's token to write this": "a a a",
    "org admin's token to write the org": "a a a",
    "org reader's token to write this": "r r r",
    "stranger's token to write this": "r r -",
}


@pytest.fixture
def actors(world: World) -> dict[str, Actor]:
    boss = world.user("boss")
    people = {name: world.user(name) for name in ("reader", "contributor", "maker", "writer", "stranger")}
    world.user("root1", is_admin=True)
    roles = {"read": ["reader"], "contributor": ["contributor", "maker"], "write": ["writer"]}
    world.organization("tea", admin=boss, **{role: [people[name] for name in names] for role, names in roles.items()})
    for visibility in VISIBILITIES:
        world.repo(f"tea/{visibility}", by=world.actor("maker"), visibility=visibility)
    to_read = [(f"models/tea/{visibility}", "read") for visibility in VISIBILITIES]
    to_write = [(f"models/tea/{visibility}", "write") for visibility in VISIBILITIES]
    return {
        "anonymous": ANONYMOUS,
        "stranger": world.actor("stranger"),
        "org reader": world.actor("reader"),
        "org contributor": world.actor("contributor"),
        "org contributor who made it": world.actor("maker"),
        "org writer": world.actor("writer"),
        "org admin": world.actor("boss"),
        "site admin": world.actor("root1"),
        "site admin's write token": world.with_token("root1", "write"),
        "org admin's read token": world.with_token("boss", "read"),
        "org admin's write token": world.with_token("boss", "write"),
        "org admin's token for nothing": world.with_token("boss", "fine-grained"),
        "org admin's token to read this": world.with_token("boss", "fine-grained", *to_read),
        "org admin's token to write this": world.with_token("boss", "fine-grained", *to_write),
        "org admin's token to write the org": world.with_token("boss", "fine-grained", ("tea", "write")),
        "org reader's token to write this": world.with_token("reader", "fine-grained", *to_write),
        "stranger's token to write this": world.with_token("stranger", "fine-grained", *to_write),
    }


def power(repo: Repo, actor: Actor) -> str:
    if hub.may_admin(actor, repo):
        assert hub.may_write(actor, repo)
        return "a"
    if hub.may_write(actor, repo):
        assert hub.may_read(actor, repo)
        return "w"
    return "r" if hub.may_read(actor, repo) else "-"


def test_each_may_do_what_the_table_says(world: World, actors: dict[str, Actor]) -> None:
    repos = [world.read_in(hub.find_repo, "model", f"tea/{visibility}") for visibility in VISIBILITIES]
    found = {name: " ".join(power(repo, actor) for repo in repos if repo) for name, actor in actors.items()}
    assert found == TABLE


def test_what_may_not_be_seen_is_not_found_and_is_in_no_list(world: World, actors: dict[str, Actor]) -> None:
    for name, actor in actors.items():
        listed = world.read_in(hub.list_repos, hub.RepoFilter("model"), actor)
        lines = world.read_in(hub.list_lines, hub.RepoFilter("model"), actor)
        assert [hub.read_line(line) for line in lines.items] == listed.items
        names = {repo.name for repo in listed.items}
        for visibility, may in zip(VISIBILITIES, TABLE[name].split(), strict=True):
            assert (visibility in names) == (may != "-"), (name, visibility)
            if may == "-":
                for door in (hub.visible_repo, hub.readable_repo, hub.writable_repo, hub.ruled_repo):
                    with pytest.raises(hub.RepoNotFound):
                        world.read_in(door, "model", f"tea/{visibility}", actor)


def test_the_hidden_and_the_missing_are_refused_in_the_same_words(world: World, lin: Actor) -> None:
    world.repo("lin/hidden", by=lin, visibility="private")
    messages = []
    for name in ("hidden", "absent"):
        with pytest.raises(hub.RepoNotFound) as refused:
            world.read_in(hub.visible_repo, "model", f"lin/{name}", ANONYMOUS)
        messages.append((refused.value.message.replace(name, ""), refused.value.hint))
    assert messages[0] == messages[1]


def test_what_may_be_seen_but_not_changed_is_denied(world: World, lin: Actor, mei: Actor) -> None:
    world.repo("lin/tea", by=lin)
    for door in (hub.writable_repo, hub.ruled_repo):
        with pytest.raises(accounts.SignInRequired):
            world.read_in(door, "model", "lin/tea", ANONYMOUS)
        with pytest.raises(hub.RepoDenied):
            world.read_in(door, "model", "lin/tea", mei)


def test_a_gated_repo_is_known_to_all_but_read_by_its_own(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    repo = world.write_in(hub.change_settings, repo, lin, gated="manual")
    assert world.read_in(hub.visible_repo, "model", "lin/tea", mei) == repo
    assert world.read_in(hub.readable_repo, "model", "lin/tea", lin) == repo
    for actor in (mei, ANONYMOUS):
        with pytest.raises(hub.RepoGated):
            world.read_in(hub.readable_repo, "model", "lin/tea", actor)


def test_a_fine_grained_token_is_bound_to_the_kind_it_names(world: World, lin: Actor) -> None:
    world.repo("lin/tea", by=lin, visibility="private")
    world.repo("lin/tea", by=lin, visibility="private", kind="dataset")
    token = world.with_token("lin", "fine-grained", ("datasets/lin/tea", "read"))
    assert world.read_in(hub.visible_repo, "dataset", "lin/tea", token).kind == "dataset"
    with pytest.raises(hub.RepoNotFound):
        world.read_in(hub.visible_repo, "model", "lin/tea", token)


def test_a_former_name_tells_a_stranger_nothing(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/tea", by=lin, visibility="private")
    world.write_in(hub.move_repo, repo, "lin/secret-plan", lin)
    with pytest.raises(hub.RepoNotFound) as refused:
        world.read_in(hub.visible_repo, "model", "lin/tea", mei)
    assert "secret" not in refused.value.message
