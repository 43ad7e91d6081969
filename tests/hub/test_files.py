"""Looking for a path gives the same whether the tree was listed before or not."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import HealthCheck, given, settings, strategies as st

from support.world import World
from yungu import hub
from yungu.accounts import Actor

NAMES = st.sampled_from(["a", "a.txt", "a-b", "a0", "B", "茶", "é", "😀", "a b", "z"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def without_conflicts(paths: set[str]) -> set[str]:
    """No path is a folder of another."""
    return {path for path in paths if not any(other.startswith(f"{path}/") for other in paths)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.sets(PATHS, min_size=1, max_size=12).map(without_conflicts), asked=st.sets(PATHS, max_size=12))
def test_a_path_is_found_in_a_listing_as_in_the_tree(
    world: World, lin: Actor, paths: set[str], asked: set[str]
) -> None:
    repo = world.repo(f"lin/{uuid4()}", by=lin, files={path: path.encode() for path in paths})
    git, commit = world.objects(repo), world.resolve(repo)
    wanted = sorted(paths | asked | {path.rpartition("/")[0] for path in paths})
    before = {path: hub.find_file(git, commit, path) for path in wanted}
    world.commit(repo, {"unrelated": b"x"}, by=lin)
    later = world.resolve(repo)
    nodes = {node.path: node for node in hub.list_folder(git, later, recursive=True)}
    assert before == {path: nodes.get(path) for path in wanted}
    assert before == {path: hub.find_file(git, later, path) for path in wanted}
