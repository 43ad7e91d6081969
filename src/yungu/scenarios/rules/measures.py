"""How well a market is served by what was chosen: not only who found something, but who was never shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yungu.scenarios.rules.allocation import Graph, Ints

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measures:
    """``expected_matches``: pairs that will come about if each says yes with its probability and nobody can take more
    than its room (an upper bound: the smaller of both sides' sums). ``coverage``: share of opportunities with at least
    one proposal. Of the proposals that capabilities get: ``gini`` and ``most``, ``unseen_share`` with none at all,
    ``newcomer_share`` that go to newcomers. ``blocking_pairs``: pairs who would both rather have each other;
    ``envious_share``: capabilities that would rather have what another one got."""

    proposals: int
    expected_matches: float
    mean_probability: float
    coverage: float
    gini: float
    most: int
    unseen_share: float
    newcomer_share: float
    floor_missed: int
    blocking_pairs: int
    envious_share: float


def measure(graph: Graph, chosen: Ints, is_newcomer: NDArray[np.bool_]) -> Measures:
    """``chosen``: edges of ``graph``; ``is_newcomer``: for each capability."""
    shown = np.bincount(graph.right[chosen], minlength=len(graph.right_room))
    got = np.bincount(graph.left[chosen], minlength=len(graph.left_room))
    return Measures(
        proposals=len(chosen),
        expected_matches=expected_matches(graph, chosen),
        mean_probability=float(graph.weight[chosen].mean()) if len(chosen) else 0.0,
        coverage=float((got > 0).mean()) if len(got) else 0.0,
        gini=gini(shown.astype(float)),
        most=int(shown.max(initial=0)),
        unseen_share=float((shown == 0).mean()) if len(shown) else 0.0,
        newcomer_share=float(is_newcomer[graph.right[chosen]].mean()) if len(chosen) else 0.0,
        floor_missed=int(np.maximum(graph.floor - shown, 0).sum()),
        blocking_pairs=blocking_pairs(graph, chosen),
        envious_share=envious_share(graph, chosen),
    )


def gini(values: Floats) -> float:
    """0: all the same, towards 1: one has everything."""
    total = values.sum()
    if not total:
        return 0.0
    ordered = np.sort(values)
    ranks = np.arange(1, len(values) + 1)
    return float((2 * (ranks * ordered).sum() / total - (len(values) + 1)) / len(values))


def expected_matches(graph: Graph, chosen: Ints) -> float:
    left = _served(graph.left[chosen], graph.weight[chosen], graph.left_room)
    right = _served(graph.right[chosen], graph.weight[chosen], graph.right_room)
    return min(left, right)


def _served(places: Ints, chances: Floats, room: Ints) -> float:
    """The sum over places of E[min(number of yeses, room)]."""
    total = 0.0
    for place in np.unique(places):
        total += _mean_capped(chances[places == place], int(room[place]))
    return total


def _mean_capped(chances: Floats, room: int) -> float:
    """E[min(S, room)] of a sum S of independent yeses (Poisson binomial, by its recurrence)."""
    if len(chances) <= room:
        return float(chances.sum())
    mass = np.zeros(room + 1)
    mass[0] = 1.0
    for chance in chances:
        risen = np.concatenate([[0.0], mass[:-1] * chance])
        risen[room] += mass[room] * chance
        mass = mass * (1 - chance) + risen
    return float((np.arange(room + 1) * mass).sum())


def blocking_pairs(graph: Graph, chosen: Ints) -> int:
    """Pairs not chosen of whom each has room left or likes the other better than the worst it got."""
    is_chosen = np.zeros(graph.edge_count, dtype=bool)
    is_chosen[chosen] = True
    left = _worst(graph.left[chosen], graph.demand[chosen], graph.left_room)
    right = _worst(graph.right[chosen], graph.provider[chosen], graph.right_room)
    both = (graph.demand > left[graph.left]) & (graph.provider > right[graph.right])
    return int((both & ~is_chosen).sum())


def _worst(places: Ints, liking: Floats, room: Ints) -> Floats:
    """What a new offer has to beat: nothing where there is room, nothing can where there is none at all."""
    worst = np.full(len(room), np.inf)
    np.minimum.at(worst, places, liking)
    taken = np.bincount(places, minlength=len(room))
    worst[taken < room] = -np.inf
    worst[room <= 0] = np.inf
    return worst


def envious_share(graph: Graph, chosen: Ints) -> float:
    """Capabilities for whom what another one got, counted by their own liking, is worth more than what they got."""
    from scipy.sparse import coo_array

    lefts, rights = len(graph.left_room), len(graph.right_room)
    if not rights:
        return 0.0
    liking = coo_array((graph.provider, (graph.right, graph.left)), shape=(rights, lefts)).tocsr()
    ones = np.ones(len(chosen))
    given = coo_array((ones, (graph.left[chosen], graph.right[chosen])), shape=(lefts, rights)).tocsr()
    worth = (liking @ given).tocsr()
    own = worth.diagonal()
    best = np.asarray(worth.max(axis=1).todense()).ravel()
    return float((best > own + 1e-9).mean())
