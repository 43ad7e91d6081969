"""Which chips a model fits: the panel on its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from yungu import compute
from yungu.api.http import Call
from yungu.api.http.blobs import read_blob
from yungu.api.http.call import whole_number
from yungu.compute import Anatomy, Chip, Figure, Fit, Need
from yungu.compute.hardware import list_chips
from yungu.hub import Repo
from yungu.kernel import clock
from yungu.kernel.db import Session

CONTEXTS = (1024, 4096, 8192, 32_768, 131_072)
BATCHES = (1, 4, 16, 64)
_MOST_CONTEXT = 1 << 22
_MOST_BATCH = 1024


@dataclass(frozen=True, slots=True)
class RunsOn:
    """A model on every chip that is known, for ``batch`` sequences of ``context_tokens`` tokens. ``token_bytes``: what
    one token more takes in the cache; ``unknown``: chips whose memory is not known."""

    model: Anatomy
    context_tokens: int
    batch: int
    need: Need
    token_bytes: int
    fits: Sequence[Fit]
    unknown: Sequence[Chip]

    @property
    def fitting_count(self) -> int:
        return sum(1 for fit in self.fits if fit.devices_count == 1)


def find_runs_on(session: Session, call: Call, repo: Repo, name: str) -> RunsOn | None:
    """For the numbers in the address; None for a repo without weights that can be read. ``name``: of this server, which
    is looked at like a chip. The visitor may read files."""
    if repo.kind != "model" or repo.head is None:
        return None
    git = call.site.git.open(repo.id)
    model = compute.find_anatomy(session, partial(read_blob, call.site), repo, git, repo.head)
    if model is None or not model.parameters_count:
        return None
    context = _asked(call, "context", _MOST_CONTEXT) or min(CONTEXTS[2], model.context_tokens or CONTEXTS[2])
    batch = _asked(call, "batch", _MOST_BATCH) or 1
    return examine_chips(model, context, batch, [*_here(call, name), *list_chips()])


def _here(call: Call, name: str) -> Iterator[Chip]:
    """This server, as far as its operator lets models use it."""
    limit = call.site.replica_bytes
    if limit is not None:
        source = "compute_memory_mb"
        yield Chip("here", name, "", 1, memory=Figure(limit / 1e9, "measured", source, clock.now().date()))


def examine_chips(model: Anatomy, context_tokens: int, batch: int, chips: Sequence[Chip]) -> RunsOn:
    asked = {"context_tokens": context_tokens, "batch": batch}
    tried = [(chip, compute.best_fit(model, chip, **asked)) for chip in chips]
    token = compute.cache_bytes(model, context_tokens + 1) - compute.cache_bytes(model, context_tokens)
    return RunsOn(
        model,
        context_tokens,
        batch,
        compute.needs(model, **asked)[0],
        token,
        [fit for _, fit in tried if fit is not None],
        [chip for chip, fit in tried if fit is None],
    )


def _asked(call: Call, name: str, most: int) -> int | None:
    number = whole_number(call.query_params.get(name, "").strip())
    return min(number, most) if number else None
