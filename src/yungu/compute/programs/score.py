"""Scores answers by a metric of scikit-learn and draws how sure that is. A program of a cell, like everybody's.

Standard input: lines of JSON with ``label`` and ``prediction``, or with ``score`` for the metric "mean". Standard
output: a line ``{"id", "score"}`` for each item where the metric has a meaning for one, and last ``{"value", "low",
"high"}``: the percentile bootstrap of Efron (1979) at 95 %, by ``resamples`` draws from the generator PCG64."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
_ITEMS: dict[str, Callable[[Array, Array], Array]] = {
    "accuracy": lambda labels, answers: labels == answers,
    "exact_match": lambda labels, answers: labels == answers,
    "mae": lambda labels, answers: np.abs(labels - answers),
    "mse": lambda labels, answers: (labels - answers) ** 2,
    "mape": lambda labels, answers: np.abs(labels - answers) / np.maximum(np.abs(labels), np.finfo(float).eps),
}
"""Metrics that are the mean of something of each item."""
_NUMERIC = frozenset({"mae", "mse", "mape", "rmse", "r2", "median_absolute_error"})
_CHANCES = frozenset({"roc_auc", "average_precision", "log_loss"})


def main() -> None:
    metric, seed, resamples = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    items = [json.loads(line) for line in sys.stdin]
    if not items:
        raise SystemExit("There is nothing to score.")
    generator = np.random.Generator(np.random.PCG64(seed))
    scores, measure = prepare(metric, items)
    if scores is not None and metric != "mean":
        for item, score in zip(items, scores, strict=True):
            print(json.dumps({"id": item["id"], "score": float(score)}))  # noqa: T201
    low, high = _interval(measure, len(items), generator, resamples)
    print(json.dumps({"value": measure(np.arange(len(items))), "low": low, "high": high}))  # noqa: T201


def prepare(metric: str, items: list[dict[str, Any]]) -> tuple[Array | None, Callable[[Array], float]]:
    """Scores of single items, where there are some, and what measures a choice of items."""
    if metric == "mean":
        given = np.array([float(item["score"]) for item in items])
        return given, lambda chosen: float(given[chosen].mean())
    labels, answers = _columns(metric, items)
    if metric not in _ITEMS:
        return None, _measure(metric, labels, answers)
    scores = np.asarray(_ITEMS[metric](labels, answers), dtype=float)
    return scores, lambda chosen: float(scores[chosen].mean())


def _interval(
    measure: Callable[[Array], float], count: int, generator: Any, resamples: int
) -> tuple[float | None, float | None]:
    """None where a resample cannot be measured, as when it has one class only."""
    if not resamples:
        return None, None
    drawn = list[float]()
    for _ in range(resamples):
        try:
            value = measure(generator.integers(0, count, count))
        except ValueError:
            continue
        if np.isfinite(value):
            drawn.append(value)
    if len(drawn) < resamples // 2 or not drawn:
        return None, None
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _columns(metric: str, items: list[dict[str, Any]]) -> tuple[Array, Array]:
    labels, answers = [item["label"] for item in items], [item["prediction"] for item in items]
    if metric in _NUMERIC:
        return np.array(labels, dtype=float), np.array(answers, dtype=float)
    if metric in _CHANCES:
        return np.array(list(map(_word, labels))), np.array(answers, dtype=float)
    return np.array(list(map(_word, labels))), np.array(list(map(_word, answers)))


def _word(value: Any) -> str:
    """Classes are compared as texts: 1 and "1" are the same one, and so are 1.0 and 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.strip() if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _measure(metric: str, labels: Array, answers: Array) -> Callable[[Array], float]:
    from sklearn import metrics

    warnings.simplefilter("ignore")
    mean = {"macro": {"average": "macro", "zero_division": 0}, "micro": {"average": "micro", "zero_division": 0}}
    named: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "average_precision": (metrics.average_precision_score, {}),
        "balanced_accuracy": (metrics.balanced_accuracy_score, {}),
        "cohen_kappa": (metrics.cohen_kappa_score, {}),
        "f1": (metrics.f1_score, mean["macro"]),
        "f1_micro": (metrics.f1_score, mean["micro"]),
        "f1_weighted": (metrics.f1_score, {"average": "weighted", "zero_division": 0}),
        "log_loss": (metrics.log_loss, {}),
        "matthews_corrcoef": (metrics.matthews_corrcoef, {}),
        "median_absolute_error": (metrics.median_absolute_error, {}),
        "precision": (metrics.precision_score, mean["macro"]),
        "r2": (metrics.r2_score, {}),
        "recall": (metrics.recall_score, mean["macro"]),
        "rmse": (metrics.root_mean_squared_error, {}),
        "roc_auc": (metrics.roc_auc_score, {}),
    }
    function, options = named[metric]
    if metric in _CHANCES:
        labels = _positives(labels)
    return lambda chosen: float(function(labels[chosen], answers[chosen], **options))


def _positives(labels: Array) -> Array:
    """Of two classes the one that comes last in order is the positive one: 1, "true", "yes"."""
    classes = np.unique(labels)
    if len(classes) != 2:
        raise SystemExit(f"This metric needs two classes; there are {len(classes)}.")
    return (labels == classes[1]).astype(int)


if __name__ == "__main__":
    main()
