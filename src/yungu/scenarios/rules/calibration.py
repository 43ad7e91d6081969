"""From a score to a probability: a fixed logistic until enough outcomes are known, then one learnt from them.

A score is the log-odds that both sides would say yes, as the weights have it. ``MIN_OUTCOMES`` logged answers correct
it by Platt's logistic (J. Platt 1999), ``MIN_FREE`` by isotonic regression, which assumes nothing but order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_OUTCOMES = 200
MIN_FREE = 1000
_LEAST_OF_EACH = 10
"""Yeses and noes without which nothing can be learnt."""
_CLIP = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """``knots`` and ``values``: for ``isotonic`` the steps of the map from score to probability, for ``logistic`` the
    slope and the intercept. ``version`` counts from 1, 0 is the fixed one; ``outcome_count``: learnt from how many."""

    kind: Literal["fixed", "logistic", "isotonic"] = "fixed"
    knots: Sequence[float] = (1.0,)
    values: Sequence[float] = (0.0,)
    version: int = 0
    outcome_count: int = 0

    def probability(self, scores: Floats) -> Floats:
        """Of each score, strictly between 0 and 1."""
        if self.kind == "isotonic":
            found = np.interp(scores, self.knots, self.values)
        else:
            found = logistic(scores * self.knots[0] + self.values[0])
        return np.clip(found, _CLIP, 1 - _CLIP)


FIXED = Calibration()


def logistic(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -50, 50))))


def logit(probabilities: Floats) -> Floats:
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(clipped / (1 - clipped)))


def joint(demand: Floats, provider: Floats) -> Floats:
    """The log-odds that both say yes, from the log-odds of each, taken to be independent."""
    return logit(logistic(demand) * logistic(provider))


def learn(scores: Sequence[float], accepted: Sequence[bool], *, version: int) -> Calibration:
    """A calibration from logged outcomes; the fixed one where there are too few of either kind."""
    yes = sum(accepted)
    if len(scores) < MIN_OUTCOMES or min(yes, len(scores) - yes) < _LEAST_OF_EACH:
        return FIXED
    x, y = np.asarray(scores, dtype=float), np.asarray(accepted, dtype=float)
    return _isotonic(x, y, version) if len(scores) >= MIN_FREE else _logistic(x, y, version)


def _logistic(x: Floats, y: Floats, version: int) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(x[:, None], y)
    slope, intercept = max(float(model.coef_[0, 0]), 0.0), float(model.intercept_[0])
    return Calibration("logistic", (slope,), (intercept,), version, len(x))


def _isotonic(x: Floats, y: Floats, version: int) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    knots = tuple(map(float, model.X_thresholds_))
    return Calibration("isotonic", knots, tuple(map(float, model.y_thresholds_)), version, len(x))


def reliability(probabilities: Floats, accepted: NDArray[np.bool_], *, bins: int = 10) -> float:
    """The expected calibration error: how far, on average, what was foretold is from what came."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probabilities[places == one].mean()) - float(accepted[places == one].mean())) * (places == one).mean()
        for one in np.unique(places)
    ]
    return float(sum(gaps))
