"""How sure a figure is: the bootstrap over images (Efron and Tibshirani, 1993), seeded and vectorised.

Images are drawn, not objects: objects of one image go wrong together, so an interval over objects would be too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 4_000_000  # weights drawn at once, to bound memory


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the range it may lie in; NaN throughout when there was nothing to draw from."""

    value: float
    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def weights(count: int, rounds: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each of `count` images is drawn in each of `rounds` resamples, float64 (rounds, count); rows sum to count."""
    if count == 0:
        return np.zeros((rounds, 0))
    return rng.multinomial(count, np.full(count, 1 / count), size=rounds).astype(np.float64)


def mean_interval(values: NDArray[Any], *, confidence: float = 0.95, rounds: int = 2000, seed: int = 0) -> Interval:
    """The mean of one value per image (n,) and its percentile interval."""
    return ratio_interval(values, np.ones(len(values)), confidence=confidence, rounds=rounds, seed=seed)


def ratio_interval(
    numerator: NDArray[Any], denominator: NDArray[Any], *, confidence: float = 0.95, rounds: int = 2000, seed: int = 0
) -> Interval:
    """sum(numerator) / sum(denominator) over images, both (n,), and its percentile interval, e.g. the share of seconds saved.

    Resamples whose denominator is zero are left out. Raises ValueError when the lengths differ.
    """
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if top.shape != bottom.shape or top.ndim != 1:
        raise ValueError(f"one value per image is needed on both sides, but got shapes {top.shape} and {bottom.shape}")
    if len(top) == 0 or bottom.sum() == 0:
        return Interval(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // len(top))
    drawn: list[NDArray[np.float64]] = []
    for start in range(0, rounds, step):
        w = weights(len(top), min(step, rounds - start), rng)
        below = w @ bottom
        drawn.append((w @ top)[below != 0] / below[below != 0])
    low, high = np.quantile(np.concatenate(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(top.sum() / bottom.sum()), float(low), float(high))
