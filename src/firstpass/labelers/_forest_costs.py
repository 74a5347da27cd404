"""From out-of-sample outcomes to calibrated scores and per-class thresholds that save expert seconds.

Scores are calibrated by logistic regression on log odds (Platt, 1999), with a shrunk offset per class. A class's
threshold maximizes a lower confidence bound on the seconds saved on unseen images; where no threshold has a positive bound
the class stays silent (threshold infinity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I64: TypeAlias = NDArray[np.int64]

GOOD_IOU = 0.8
MATCH_IOU = 0.5
CAUTION = 1.5
MIN_MATCHES = 4


@dataclass(frozen=True, slots=True)
class CostTable:
    """Expert seconds per action, all >= 0: drawing an object, and handling one proposal.

    adjust_s: bringing a matched proposal of IoU below 0.8 into shape (for masks: correcting it with clicks).
    """

    draw_s: float = 7.0
    verify_s: float = 1.7
    adjust_s: float = 4.5
    delete_s: float = 2.8
    change_class_s: float = 2.8


BOX_COSTS = CostTable()
SLOW_BOX_COSTS = CostTable(draw_s=25.5)
MASK_COSTS = CostTable(draw_s=79.2, adjust_s=14.0)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How out-of-sample proposals fared: one entry per proposal, over ``n_images`` labeled images.

    images, class_ids: int64 (n,); scores: float32 (n,) P(right class and IoU >= 0.5); iou: float32 (n,) IoU with the truth it
    was matched to one to one, 0 when unmatched; right: bool (n,), whether that truth has the proposal's class.
    """

    n_images: int
    images: I64
    class_ids: I64
    scores: F32
    iou: F32
    right: NDArray[np.bool_]


def gains_s(outcomes: Outcomes, costs: CostTable) -> F64:
    """Return float64 (n,) seconds each proposal saves (negative: costs)."""
    good = outcomes.iou >= GOOD_IOU
    fix = np.where(good, 0.0, costs.adjust_s)
    right = costs.draw_s - np.where(good, costs.verify_s, costs.adjust_s)
    wrong = costs.draw_s - costs.change_class_s - fix
    gain = np.where(outcomes.right, right, wrong)
    return np.where(outcomes.iou >= MATCH_IOU, gain, -costs.delete_s)


def class_thresholds(outcomes: Outcomes, n_classes: int, costs: CostTable, caution: float = CAUTION) -> F64:
    """Return float64 (n_classes,) score thresholds; infinity means: propose nothing for this class.

    caution: standard errors (over images) subtracted from the mean saving before it counts; 0 takes the mean itself.
    A class with fewer than ``MIN_MATCHES`` matched proposals out of sample stays silent.
    """
    gain = gains_s(outcomes, costs)
    thresholds = np.full(n_classes, np.inf)
    for class_id in np.unique(outcomes.class_ids).tolist():
        pick = np.flatnonzero(outcomes.class_ids == class_id)
        if int((outcomes.right[pick] & (outcomes.iou[pick] >= MATCH_IOU)).sum()) < MIN_MATCHES:
            continue
        found = _best_threshold(outcomes.scores[pick], gain[pick], outcomes.images[pick], outcomes.n_images, caution)
        thresholds[class_id] = found
    return thresholds


def _best_threshold(scores: F32, gain: F64, images: I64, n_images: int, caution: float) -> float:
    """Return the threshold with the best lower bound on the saving, infinity when none is positive."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    cuts = np.unique(np.linspace(1, len(order), min(len(order), 80)).astype(np.int64))
    cuts = np.array([c for c in cuts.tolist() if c == len(order) or sorted_scores[c - 1] > sorted_scores[c]], dtype=np.int64)
    best, best_value = np.inf, 0.0
    per_image = np.zeros(n_images)
    done = 0
    for cut in cuts.tolist():
        np.add.at(per_image, images[order[done:cut]], gain[order[done:cut]])
        done = cut
        error = per_image.std(ddof=1) / np.sqrt(n_images) if n_images > 1 else np.inf
        value = float(per_image.mean() - caution * error)
        if value > best_value:
            low = float(sorted_scores[cut]) if cut < len(order) else 0.0
            best, best_value = (float(sorted_scores[cut - 1]) + low) / 2, value
    return best


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

    Without rows every probability is one half times nothing known: 0.5.
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
