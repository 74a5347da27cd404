"""From raw candidate features to calibrated scores.

Logistic regression on log odds (Platt, 1999), with a shrunk offset per class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I64: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Logistic regression from raw candidate features to a probability, with one offset per class slot.

    weights: float64 (n_features,); bias: float; offsets: float64 (n_slots,); mean, scale: float64 (n_features,).
    """

    mean: F64
    scale: F64
    weights: F64
    bias: float
    offsets: F64

    def probability(self, features: F32, slots: I64) -> F32:
        """Return float32 (n,) probabilities for features (n, f) of class slots (n,)."""
        if len(features) == 0:
            return np.zeros(0, dtype=np.float32)
        z = ((features - self.mean) * self.scale) @ self.weights + self.bias + self.offsets[slots]
        return (0.5 * (1.0 + np.tanh(0.5 * np.clip(z, -30, 30)))).astype(np.float32)


def fit_calibrator(features: F32, slots: I64, hits: NDArray[np.bool_], n_slots: int, ridge: float = 2.0) -> Calibrator:
    """Return the logistic regression of hits (n,) on features (n, f) and class slots (n,), shrunk by ``ridge``.

    Without rows every probability is one half.
    """
    width = int(features.shape[1])
    if len(features) == 0:
        return Calibrator(np.zeros(width), np.ones(width), np.zeros(width), 0.0, np.zeros(n_slots))
    mean, spread = features.mean(0).astype(np.float64), features.std(0).astype(np.float64)
    scale = 1.0 / np.where(spread > 1e-6, spread, 1.0)
    x = np.concatenate([(features - mean) * scale, np.eye(n_slots)[slots], np.ones((len(slots), 1))], axis=1)
    penalty = np.concatenate([np.full(width, 0.5 * ridge), np.full(n_slots, ridge), [1e-3]])
    y = hits.astype(np.float64)
    beta = np.zeros(x.shape[1])
    share = (y.sum() + 0.5) / (len(y) + 1)
    beta[-1] = np.log(share / (1 - share))
    for _ in range(25):
        p = 0.5 * (1 + np.tanh(0.5 * np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (p - y) + penalty * beta
        curvature = (x * (p * (1 - p) + 1e-6)[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        beta -= np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return Calibrator(mean, scale, beta[:width], float(beta[-1]), beta[width : width + n_slots])
