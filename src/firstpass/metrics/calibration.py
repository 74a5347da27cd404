"""What a score is worth: the chance that a proposal is right, learned from out-of-sample hits.

Many examples: isotonic regression (Zadrozny and Elkan, 2002). Few (under 50 for a class): a logistic fit on the logit of the
score (Platt, 1999; equal to the beta calibration of Kull et al., 2017, with a = b), held to a prior. A class's prior is what
all classes together say, and the prior of those is the score itself, so no example means the score is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ENOUGH = 50  # examples for an isotonic fit, which overfits on fewer (Niculescu-Mizil and Caruana, 2005)
EDGE = 1e-3  # scores are held this far from 0 and 1 before taking the logit
SHIFT_SD, SLOPE_SD = 1.5, 0.75  # prior: how far a class may lie from the pool, in logits


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A rising curve from score to probability: linear between knots, flat outside. scores, probabilities: float64 (k,), k >=
    1.
    """

    scores: Floats
    probabilities: Floats

    def __call__(self, scores: NDArray[Any]) -> Floats:
        """Probabilities (n,) in 0..1 of scores (n,)."""
        return np.interp(np.asarray(scores, np.float64), self.scores, self.probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class Calibrator:
    """Turns scores into probabilities. pooled: for a class without a curve of its own."""

    pooled: Curve
    per_class: Mapping[str, Curve]

    def probability(self, class_names: Sequence[str], scores: NDArray[Any]) -> Floats:
        """The chance of being right for n proposals of these classes and scores (0..1), float64 (n,)."""
        values = np.asarray(scores, np.float64)
        names = np.asarray(class_names, dtype=object)
        out = self.pooled(values)
        for name in set(class_names) & set(self.per_class):
            mine = np.flatnonzero(names == name)
            out[mine] = self.per_class[name](values[mine])
        return out


def fit(class_names: Sequence[str], scores: NDArray[Any], hits: NDArray[Any]) -> Calibrator:
    """Fit on n out-of-sample proposals: classes, scores in 0..1, hits (right or not). Raises ValueError for unequal lengths.

    n = 0 gives the identity.
    """
    values, right = np.asarray(scores, np.float64), np.asarray(hits, np.float64)
    if not len(class_names) == len(values) == len(right):
        raise ValueError(f"{len(class_names)} classes, {len(values)} scores and {len(right)} hits do not belong together")
    grid = np.linspace(0.0, 1.0, 101)
    pooled = _fit_curve(values, right, Curve(grid, grid))
    names = np.asarray(class_names, dtype=object)
    per_class: dict[str, Curve] = {}
    for name in sorted(set(class_names)):
        mine = np.flatnonzero(names == name)
        per_class[name] = _fit_curve(values[mine], right[mine], pooled)
    return Calibrator(pooled, per_class)


def calibration_error(probabilities: NDArray[Any], hits: NDArray[Any], bins: int = 10) -> float:
    """Expected calibration error in 0..1 (Guo et al., 2017), over bins that hold equally many proposals; NaN for none."""
    p, right = np.asarray(probabilities, np.float64), np.asarray(hits, np.float64)
    if not len(p):
        return float("nan")
    parts = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    return float(sum(abs(p[part].mean() - right[part].mean()) * len(part) for part in parts) / len(p))


def _fit_curve(scores: Floats, hits: Floats, prior: Curve) -> Curve:
    if len(scores) >= ENOUGH:
        return _isotonic(scores, hits)
    return _logistic(scores, hits, prior)


def _isotonic(scores: Floats, hits: Floats) -> Curve:
    from sklearn import isotonic  # pyright: ignore[reportMissingTypeStubs]  # lazily: slow to import

    api: Any = isotonic

    levels, places = np.unique(scores, return_inverse=True)
    count = np.bincount(places).astype(np.float64)
    rates = np.bincount(places, weights=hits) / count
    fitted = api.IsotonicRegression().fit(levels, rates, sample_weight=count).predict(levels)
    margin = 1.0 / (len(scores) + 2)  # no curve says never or always
    return Curve(levels, np.clip(np.asarray(fitted, np.float64), margin, 1 - margin))


def _logistic(scores: Floats, hits: Floats, prior: Curve) -> Curve:
    """Shift and slope of the prior's logits, at their most probable: Newton's method on a strictly concave function."""
    grid = np.unique(np.concatenate((np.linspace(0.0, 1.0, 101), scores)))
    x = _logit(prior(scores))
    shift, slope = 0.0, 1.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-(shift + slope * x)))
        w = p * (1 - p)
        slope_pull, shift_pull = (slope - 1) / SLOPE_SD**2, shift / SHIFT_SD**2
        g0, g1 = float((hits - p).sum()) - shift_pull, float(((hits - p) * x).sum()) - slope_pull
        a, b, c = float(w.sum()) + SHIFT_SD**-2, float((w * x).sum()), float((w * x * x).sum()) + SLOPE_SD**-2
        determinant = a * c - b * b
        d0, d1 = (c * g0 - b * g1) / determinant, (a * g1 - b * g0) / determinant
        shift, slope = shift + min(max(d0, -1.0), 1.0), slope + min(max(d1, -1.0), 1.0)
        if abs(d0) + abs(d1) < 1e-9:
            break
    slope = max(slope, 0.0)  # a higher score never means less
    return Curve(grid, 1 / (1 + np.exp(-(shift + slope * _logit(prior(grid))))))


def _logit(p: Floats) -> Floats:
    held = np.clip(p, EDGE, 1 - EDGE)
    return np.log(held / (1 - held))
