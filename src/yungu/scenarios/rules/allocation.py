"""Who is proposed to whom when everybody's time is short.

Each opportunity ranking by itself sends them all to the same few providers. Here the pairs are chosen together: each
opportunity shows so many, each provider is shown to so many, and a newcomer is shown at least so often.

``flow`` is the best choice there is: a maximum-weight b-matching. Its constraint matrix is that of a bipartite graph
with a few parallel arcs, totally unimodular, so the linear programme that HiGHS solves has whole solutions.
``greedy`` and ``deferred`` (college admission with capacities on both sides, Gale and Shapley 1962, Roth 1984) are
there to compare with."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Method = Literal["flow", "greedy", "deferred", "separate"]

_FLOOR_FIRST = 1e3
"""Weights lie in 0 to 1, and one more newcomer shown never costs a chain of changes worth that much."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Pairs that may be proposed: edge k joins opportunity ``left[k]`` and capability ``right[k]``. ``weight``: the
    probability that it becomes a match; ``demand`` and ``provider``: how much either side would like it. Arrays of
    places: ``left_room`` and ``right_room``; ``floor``: how often each capability is to be shown at least."""

    left: Ints
    right: Ints
    weight: Floats
    demand: Floats
    provider: Floats
    left_room: Ints
    right_room: Ints
    floor: Ints

    @property
    def edge_count(self) -> int:
        return len(self.weight)


def allocate(graph: Graph, method: Method, *, first_bonus: float = 0.25) -> Ints:
    """The chosen edges, in order. ``first_bonus``: what the first proposal of an opportunity counts on top, so that
    many have one before some have several (``flow`` only)."""
    if not graph.edge_count:
        return np.zeros(0, dtype=np.int64)
    if method == "flow":
        return flow(graph, first_bonus=first_bonus)
    return np.sort(_METHODS[method](graph))


def flow(graph: Graph, *, first_bonus: float = 0.0) -> Ints:
    """The heaviest choice within all rooms; of those that honour the floors as often as can be."""
    from scipy.optimize import linprog

    edges, lefts = graph.edge_count, len(graph.left_room)
    floored = np.flatnonzero(graph.floor > 0)
    gains = np.concatenate([graph.weight, np.full(lefts, first_bonus), np.full(len(floored), _FLOOR_FIRST)])
    most = np.concatenate([np.ones(edges), np.ones(lefts), graph.floor[floored].astype(float)])
    rooms = np.concatenate([graph.left_room, graph.right_room, np.zeros(lefts + len(floored))])
    solved = linprog(
        -gains,
        A_ub=_rows(graph, floored),
        b_ub=rooms.astype(float),
        bounds=np.column_stack([np.zeros(len(most)), most]),
        method="highs-ds",
    )
    if solved.status != 0:
        raise ArithmeticError(solved.message)
    return np.flatnonzero(solved.x[:edges] > 0.5)


def _rows(graph: Graph, floored: Ints) -> object:
    """Rows: room of each left, room of each right, a first bonus needs an edge, a floor needs edges."""
    from scipy.sparse import coo_array

    edges, lefts, rights = graph.edge_count, len(graph.left_room), len(graph.right_room)
    index = np.arange(edges)
    place = np.full(rights, -1)
    place[floored] = np.arange(len(floored))
    newcomers = np.flatnonzero(place[graph.right] >= 0)
    firsts, floors = np.arange(lefts), np.arange(len(floored))
    at = lefts + rights
    blocks = [
        (graph.left, index, 1.0),
        (lefts + graph.right, index, 1.0),
        (at + graph.left, index, -1.0),
        (at + firsts, edges + firsts, 1.0),
        (at + lefts + place[graph.right[newcomers]], newcomers, -1.0),
        (at + lefts + floors, edges + lefts + floors, 1.0),
    ]
    rows, columns = (np.concatenate([block[k] for block in blocks]) for k in (0, 1))
    values = np.concatenate([np.full(len(block[0]), block[2]) for block in blocks])
    return coo_array((values, (rows, columns)), shape=(at + lefts + len(floored), edges + lefts + len(floored))).tocsr()


def greedy(graph: Graph) -> Ints:
    """The heaviest pair first, then the next that still has room on both sides."""
    left, right = graph.left_room.copy(), graph.right_room.copy()
    chosen = []
    for edge in np.lexsort((graph.right, graph.left, -graph.weight)):
        i, j = graph.left[edge], graph.right[edge]
        if left[i] > 0 and right[j] > 0:
            left[i] -= 1
            right[j] -= 1
            chosen.append(edge)
    return np.asarray(chosen, dtype=np.int64)


def separate(graph: Graph) -> Ints:
    """What lists do that know nothing of each other: each opportunity its best, however often others show the same."""
    left = graph.left_room.copy()
    chosen = []
    for edge in np.lexsort((graph.right, -graph.weight)):
        if left[graph.left[edge]] > 0:
            left[graph.left[edge]] -= 1
            chosen.append(edge)
    return np.asarray(chosen, dtype=np.int64)


def deferred(graph: Graph) -> Ints:
    """Opportunities propose in their order of liking, providers keep the best so far: no pair would rather have each
    other than what they got (pairwise stable)."""
    waiting = _liked_by_left(graph)
    kept: list[list[tuple[float, int, int]]] = [[] for _ in graph.right_room]
    free = [int(room) for room in graph.left_room]
    asking = [i for i, room in enumerate(free) if room > 0]
    while asking:
        i = asking.pop()
        while free[i] > 0 and waiting[i]:
            edge = waiting[i].pop()
            free[i] -= 1
            dropped = _keep(kept[graph.right[edge]], (float(graph.provider[edge]), -edge, edge), graph, edge)
            if dropped is not None:
                free[graph.left[dropped]] += 1
                asking.append(int(graph.left[dropped]))
    return np.asarray([edge for held in kept for _, _, edge in held], dtype=np.int64)


def _liked_by_left(graph: Graph) -> list[list[int]]:
    """Each opportunity's edges, the one it likes best last."""
    waiting: list[list[int]] = [[] for _ in graph.left_room]
    for edge in np.lexsort((-np.arange(graph.edge_count), graph.demand)):
        waiting[graph.left[edge]].append(int(edge))
    return waiting


def _keep(held: list[tuple[float, int, int]], asked: tuple[float, int, int], graph: Graph, edge: int) -> int | None:
    """Keep the offer if there is room or it is better than the worst; the edge that has to go, if any."""
    room = graph.right_room[graph.right[edge]]
    if len(held) < room:
        heapq.heappush(held, asked)
        return None
    return heapq.heappushpop(held, asked)[2] if room > 0 else edge


_METHODS: Mapping[Method, Callable[[Graph], Ints]] = {"greedy": greedy, "deferred": deferred, "separate": separate}
