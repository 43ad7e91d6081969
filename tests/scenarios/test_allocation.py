"""Who is proposed to whom: the best choice, within all rooms, with a floor for newcomers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from yungu.scenarios.rules.allocation import Graph, Ints, Method, allocate, flow
from yungu.scenarios.rules.measures import gini, measure

METHODS: list[Method] = ["flow", "greedy", "deferred"]


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 5, edges: int = 8) -> Graph:
    lefts, rights = draw(st.integers(1, most)), draw(st.integers(1, most))
    pairs = draw(
        st.lists(st.tuples(st.integers(0, lefts - 1), st.integers(0, rights - 1)), unique=True, max_size=edges)
    )
    chances = st.lists(st.integers(1, 99).map(lambda n: n / 100), min_size=len(pairs), max_size=len(pairs))
    rooms = st.integers(0, 3)
    return Graph(
        left=np.array([i for i, _ in pairs], dtype=np.int64),
        right=np.array([j for _, j in pairs], dtype=np.int64),
        weight=np.array(draw(chances)),
        demand=np.array(draw(chances)),
        provider=np.array(draw(chances)),
        left_room=np.array(draw(st.lists(rooms, min_size=lefts, max_size=lefts)), dtype=np.int64),
        right_room=np.array(draw(st.lists(rooms, min_size=rights, max_size=rights)), dtype=np.int64),
        floor=np.array(draw(st.lists(st.integers(0, 1), min_size=rights, max_size=rights)), dtype=np.int64),
    )


def shown(graph: Graph, chosen: Ints) -> tuple[Ints, Ints]:
    return (
        np.bincount(graph.left[chosen], minlength=len(graph.left_room)),
        np.bincount(graph.right[chosen], minlength=len(graph.right_room)),
    )


def is_feasible(graph: Graph, chosen: Ints) -> bool:
    left, right = shown(graph, chosen)
    return bool((left <= graph.left_room).all() and (right <= graph.right_room).all())


def worth(graph: Graph, chosen: Ints, bonus: float) -> tuple[int, float]:
    """Floors honoured first, then probabilities and first proposals."""
    left, right = shown(graph, chosen)
    honoured = int(np.minimum(right, graph.floor).sum())
    return honoured, round(float(graph.weight[chosen].sum() + bonus * (left > 0).sum()), 6)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.sampled_from([0.0, 0.25]))
def test_the_flow_is_the_best_of_all_choices_there_are(graph: Graph, bonus: float) -> None:
    every = (
        np.array(edges, dtype=np.int64)
        for size in range(graph.edge_count + 1)
        for edges in itertools.combinations(range(graph.edge_count), size)
    )
    best = max(worth(graph, edges, bonus) for edges in every if is_feasible(graph, edges))

    assert worth(graph, allocate(graph, "flow", first_bonus=bonus), bonus) == best


@settings(max_examples=60, deadline=None)
@given(graphs(most=12, edges=60), st.sampled_from(METHODS))
def test_nobody_gets_more_than_they_can_take(graph: Graph, method: Method) -> None:
    assert is_feasible(graph, allocate(graph, method))


@settings(max_examples=100, deadline=None)
@given(graphs(most=10, edges=50))
def test_deferred_acceptance_leaves_no_pair_that_would_rather_have_each_other(graph: Graph) -> None:
    chosen = allocate(graph, "deferred")

    assert measure(graph, chosen, np.zeros(len(graph.right_room), bool)).blocking_pairs == 0


def test_a_newcomer_is_shown_although_others_are_better() -> None:
    graph = Graph(
        left=np.array([0, 0, 1, 1]),
        right=np.array([0, 1, 0, 1]),
        weight=np.array([0.9, 0.05, 0.8, 0.04]),
        demand=np.array([0.9, 0.05, 0.8, 0.04]),
        provider=np.array([0.9, 0.05, 0.8, 0.04]),
        left_room=np.array([1, 1]),
        right_room=np.array([2, 2]),
        floor=np.array([0, 1]),
    )
    chosen = flow(graph)

    assert shown(graph, chosen)[1].tolist() == [1, 1]
    assert graph.weight[chosen].sum() == pytest.approx(0.94)


def test_choosing_together_spreads_what_lists_by_themselves_heap_up() -> None:
    dice = np.random.default_rng(3)
    fame = dice.random(40) ** 3
    left, right = np.repeat(np.arange(60), 40), np.tile(np.arange(40), 60)
    weight = np.clip(0.6 * fame[right] + 0.3 * dice.random(left.size), 0.01, 0.99)
    graph = Graph(left, right, weight, weight, weight, np.full(60, 3), np.full(40, 6), np.full(40, 1))
    newcomers = fame < 0.05
    alone, together = (measure(graph, allocate(graph, how), newcomers) for how in ("separate", "flow"))

    assert together.gini < alone.gini / 2
    assert together.unseen_share == 0 < alone.unseen_share
    assert together.coverage == 1
    assert together.expected_matches > alone.expected_matches
    assert together.most <= 6 < alone.most


def test_gini_knows_its_ends() -> None:
    assert gini(np.array([2.0, 2, 2, 2])) == pytest.approx(0)
    assert gini(np.array([0.0, 0, 0, 8])) == pytest.approx(0.75)
