"""Any past recommendation again, from what was kept of it: the same list, or what has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from yungu.kernel.db import Session
from yungu.scenarios.matching import keeping, offering, queries, service
from yungu.scenarios.matching.market import Judged, Listed, Market, Rules
from yungu.scenarios.matching.models import Run
from yungu.scenarios.matching.vectors import Vector, find_vectors
from yungu.scenarios.models import SIDES, Side
from yungu.scenarios.rules.fusion import Weights


@dataclass(frozen=True, slots=True)
class Replay:
    """``is_identical``: the list came out the same, to the fourth digit of each score. ``changed``: which inputs are no
    longer what they were: "code", "vectors", "items", "state". ``pairs``: the list as it comes out now."""

    run: Run
    is_identical: bool
    changed: Sequence[str]
    pairs: Sequence[Judged]


def replay(session: Session, number: int) -> Replay:
    """Play a run again with the items, weights, vectors and rules that it had. Raises RunNotFound."""
    run = queries.get_run(session, number)
    packed = queries.find_state(session, str(run.inputs["state"]))
    if packed is None:
        return Replay(run, False, ["state"], [])
    changed = [] if run.inputs["code"] == keeping.code_version() else ["code"]
    found, missing = _again(session, run, keeping.read_state(packed))
    changed += ["items"] if missing else []
    changed += ["vectors"] if found.snapshot.vectors_hash != run.inputs["vectors"] else []
    listed = (*found.snapshot.market.opportunities, *found.snapshot.market.capabilities)
    is_there = run.subject_id is None or any(one.id == run.subject_id for one in listed)
    pairs = _play(found) if is_there else []
    return Replay(run, service.result_hash(pairs) == run.result_hash, changed, pairs)


def _again(session: Session, run: Run, state: keeping.State) -> tuple[service.Found, bool]:
    inputs = run.inputs
    listed = {side: _listed(session, side, state) for side in SIDES}
    missing = any(len(listed[side]) < len(_kept(state, side)) for side in SIDES)
    vectors = _vectors(session, inputs["model"], listed, state)
    market = Market(
        listed["opportunity"],
        listed["capability"],
        today=keeping.parse_day(inputs["today"]),
        vectors=vectors or None,
        weights=msgspec.convert(inputs["weights"], Weights, strict=False),
        calibrated=queries.get_calibration(session, inputs["calibration"]),
    )
    return (
        service.Found(
            keeping.snapshot_of(market, inputs["model"], vectors),
            msgspec.convert(inputs["rules"], Rules, strict=False),
            (),
            {},
            run.subject_id,
            inputs["left_out"],
            [(pair[0], pair[1]) for pair in inputs["skipped"]],
            run.kind,
        ),
        missing,
    )


def _play(found: service.Found) -> Sequence[Judged]:
    match found.kind:
        case "market":
            return service.dealt(found)[0]
        case "opportunity":
            return service.shortlisted(found)
        case "capability":
            return offering.offered(found)


def _kept(state: keeping.State, side: Side) -> Sequence[tuple[int, int, int]]:
    return state.opportunities if side == "opportunity" else state.capabilities


def _listed(session: Session, side: Side, state: keeping.State) -> Sequence[Listed]:
    kept = _kept(state, side)
    there = queries.read_listed(session, side, {(number, version) for number, version, _ in kept})
    return [
        replace(one, free=free) for number, version, free in kept if (one := there.get((number, version))) is not None
    ]


def _vectors(
    session: Session, model: Any, listed: Mapping[Side, Sequence[Listed]], state: keeping.State
) -> dict[str, Vector]:
    if model is None:
        return {}
    names = {name for side in SIDES for name in keeping.names_of(listed[side])} - set(state.bare)
    return dict(find_vectors(session, str(model), names))
