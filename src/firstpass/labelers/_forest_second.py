"""Second stage, learning side: box refinement, scoring, suppression and the assembly of an image's proposals.

Refinement repeats a learned box correction as in cascaded pose regression (Dollar et al., 2010) and Cascade R-CNN
(Cai & Vasconcelos, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_boxes import clip_boxes, pairwise_iou, suppress
from firstpass.labelers._forest_calibration import Calibrator
from firstpass.labelers._forest_candidates import Candidates, Sampler
from firstpass.labelers._forest_masks import predict_masks
from firstpass.labelers._forest_pixels import Mask, Truth
from firstpass.labelers._forest_trees import TreeBank

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]

REFINE_STEPS = 2
MIN_SCORE = 0.03
MAX_KEPT = 600


@dataclass(frozen=True, slots=True)
class Scored:
    """Boxes of one image before suppression: slots (n,), boxes (n, 4), scorer features (n, f)."""

    slots: I64
    xyxy_px: F32
    features: F32


@dataclass(frozen=True, slots=True)
class Kept:
    """Boxes of one image after suppression.

    slots (n,), boxes (n, 4) in pixels, raw calibrator features (n, f), masks (crops at the boxes' floors) or None.
    """

    slots: I64
    xyxy_px: F32
    raw: F32
    masks: tuple[Mask, ...] | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """Largest IoU two kept boxes may have: within a class float32 (n_slots,), across classes."""

    within: F32
    across: float


def box_deltas(xyxy_px: F32, target_px: F32) -> F32:
    """Return float32 (n, 4) corrections (center shift in box sides, log size ratio) from boxes to targets."""
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
    wanted = np.maximum(target_px[:, 2:] - target_px[:, :2], 1.0)
    shift = (target_px[:, :2] + target_px[:, 2:] - xyxy_px[:, :2] - xyxy_px[:, 2:]) / 2 / sides
    return np.concatenate([shift, np.log(wanted / sides)], axis=1).astype(np.float32)


def apply_deltas(xyxy_px: F32, deltas: F32, height_px: int, width_px: int) -> F32:
    """Return boxes (n, 4) corrected by deltas (n, 4) and clipped to the image."""
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
    center = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2 + deltas[:, :2] * sides
    half = sides * np.exp(np.clip(deltas[:, 2:], -1.2, 1.2)) / 2
    return clip_boxes(np.concatenate([center - half, center + half], axis=1).astype(np.float32), height_px, width_px)


def refine(sampler: Sampler, refiner: TreeBank, slots: I64, xyxy_px: F32) -> F32:
    """Return boxes (n, 4) after ``REFINE_STEPS`` learned corrections."""
    boxes = xyxy_px
    for _ in range(REFINE_STEPS if len(slots) else 0):
        deltas = refiner.predict(sampler.features(slots, boxes))
        boxes = apply_deltas(boxes, deltas, sampler.maps.height_px, sampler.maps.width_px)
    return boxes


def scoring_input(sampler: Sampler, refiner: TreeBank, found: Candidates) -> Scored:
    """Return refined candidates, and regions also unrefined, with the scorer's features."""
    boxes = refine(sampler, refiner, found.slots, found.xyxy_px)
    region = found.kinds == 1
    xyxy = np.concatenate([boxes, found.xyxy_px[region]])
    slots = np.concatenate([found.slots, found.slots[region]])
    kinds = np.concatenate([found.kinds, np.full(int(region.sum()), 2)])
    peaks = np.concatenate([found.peaks, found.peaks[region]])
    pooled = sampler.features(slots, xyxy)
    return Scored(slots, xyxy, np.concatenate([pooled, kinds[:, None], peaks[:, None]], axis=1).astype(np.float32))


def scoring_targets(scored: Scored, truth: Truth) -> F32:
    """Return float32 (n, 3): IoU >= 0.5, IoU >= 0.8 and IoU itself with the best truth of the same class."""
    if len(truth.slots) == 0 or len(scored.slots) == 0:
        return np.zeros((len(scored.slots), 3), dtype=np.float32)
    iou = pairwise_iou(scored.xyxy_px, truth.xyxy_px)
    best = np.where(scored.slots[:, None] == truth.slots[None], iou, 0).max(axis=1)
    return np.stack([best >= 0.5, best >= 0.8, best], axis=1).astype(np.float32)


def keep_best(sampler: Sampler, scored: Scored, scorer: TreeBank, rule: Suppression, masker: TreeBank | None) -> Kept:
    """Return the suppressed boxes of one image, with masks where a masker is given."""
    n_raw = 6 if masker is None else 10
    if len(scored.slots) == 0:
        return Kept(scored.slots, scored.xyxy_px, np.zeros((0, n_raw), np.float32), None if masker is None else ())
    votes = scorer.predict(scored.features)
    rank = (votes[:, 0] + 0.5 * votes[:, 1] + 0.2 * votes[:, 2]).astype(np.float32)
    alive = np.flatnonzero(votes[:, 0] >= MIN_SCORE)
    alive = alive[np.argsort(-rank[alive], kind="stable")[: 2 * MAX_KEPT]]
    kept = alive[suppress(scored.xyxy_px[alive], rank[alive], scored.slots[alive], rule.within, rule.across)][:MAX_KEPT]
    slots, boxes, votes = scored.slots[kept], scored.xyxy_px[kept], votes[kept]
    crowd = pairwise_iou(boxes, boxes) - np.eye(len(kept), dtype=np.float32)
    rival = (crowd * (votes[:, 0][None] > votes[:, 0][:, None])).max(axis=1, initial=0.0)
    logit = np.log(np.clip(votes[:, :2], 5e-3, 1 - 5e-3)) - np.log(1 - np.clip(votes[:, :2], 5e-3, 1 - 5e-3))
    raw = np.concatenate([logit, votes, rival[:, None]], axis=1)
    if masker is None:
        return Kept(slots, boxes, raw.astype(np.float32), None)
    tight, masks, sure = predict_masks(sampler, masker, slots, boxes)
    same = np.diag(pairwise_iou(tight, boxes))[:, None] if len(kept) else np.zeros((0, 1))
    return Kept(slots, tight, np.concatenate([raw, sure, same], axis=1).astype(np.float32), masks)


def calibrated(kept: Kept, match: Calibrator, good: Calibrator) -> tuple[F32, F32]:
    """Return (P(right class and IoU >= 0.5), P(right class and IoU >= 0.8)), each float32 (n,)."""
    first = match.probability(kept.raw, kept.slots)
    return first, np.minimum(first, good.probability(kept.raw, kept.slots))
