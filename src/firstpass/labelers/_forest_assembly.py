"""Calibration of the trained stages on honest proposals, and the path from an image to proposals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_boxes import match_greedy, pairwise_iou
from firstpass.labelers._forest_calibration import Calibrator, fit_calibrator
from firstpass.labelers._forest_candidates import generate, make_sampler
from firstpass.labelers._forest_masks import mask_overlaps
from firstpass.labelers._forest_pixels import Truth, image_maps
from firstpass.labelers._forest_second import Kept, calibrated, keep_best, scoring_input
from firstpass.labelers._forest_training import Setup, Trained
from firstpass.labelers._forest_types import Learned, OutOfSample, Proposals

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]


def keep_proposals(rgb: U8, learned: Learned) -> Kept:
    """Return what the final stages keep of an image uint8 (h, w, 3)."""
    stages = learned.stages
    maps = image_maps(rgb, learned.spec, (stages.pixels,), len(learned.sizes))
    sampler = make_sampler(maps, learned.sizes)
    scored = scoring_input(sampler, stages.refiner, generate(maps, learned.sizes))
    return keep_best(sampler, scored, stages.scorer, learned.rule, stages.masker)


def to_proposals(kept: Kept, learned: Learned) -> Proposals:
    """Return kept boxes as calibrated proposals, best first."""
    scores, good = calibrated(kept, learned.match, learned.good)
    order = np.argsort(-scores, kind="stable")
    masks = None if kept.masks is None else tuple(kept.masks[int(i)] for i in order)
    return Proposals(learned.class_of_slot[kept.slots[order]], kept.xyxy_px[order], scores[order], good[order], masks)


def assemble(trained: Trained, setup: Setup, class_of_slot: I64, truths: Sequence[Truth]) -> tuple[Learned, OutOfSample]:
    """Return the calibrated model and its out-of-sample record; truths hold class ids, all of them."""
    own = [truths[int(i)] for i in trained.honest]
    by_mask = trained.stages.masker is not None
    match, good = _calibrators(trained.kept, own, class_of_slot, by_mask, len(setup.sizes))
    learned = Learned(class_of_slot, setup.sizes, setup.spec, setup.rule, trained.stages, match, good)
    proposals = tuple(to_proposals(kept, learned) for kept in trained.kept)
    return learned, OutOfSample(trained.honest, proposals)


def _calibrators(
    kept: Sequence[Kept], truths: Sequence[Truth], class_of_slot: I64, by_mask: bool, n_slots: int
) -> tuple[Calibrator, Calibrator]:
    """Fit P(match) and P(good match) on one-to-one matches of the same class, best raw score first."""
    overlap: list[F32] = []
    for item, truth in zip(kept, truths, strict=True):
        iou = _overlap(item.xyxy_px, item.masks, truth, by_mask)
        iou = np.where(class_of_slot[item.slots][:, None] == truth.slots[None], iou, 0).astype(np.float32)
        matched = match_greedy(iou, (item.raw[:, 0] + 0.5 * item.raw[:, 1]).astype(np.float32))
        best = np.zeros(len(item.slots), dtype=np.float32)
        hit = matched >= 0
        best[hit] = iou[np.flatnonzero(hit), matched[hit]]
        overlap.append(best)
    features = np.concatenate([item.raw for item in kept])
    slots = np.concatenate([item.slots for item in kept])
    iou = np.concatenate(overlap)
    return fit_calibrator(features, slots, iou >= 0.5, n_slots), fit_calibrator(features, slots, iou >= 0.8, n_slots)


def _overlap(boxes_px: F32, masks: tuple[NDArray[np.bool_], ...] | None, truth: Truth, by_mask: bool) -> F32:
    if by_mask and masks is not None:
        return mask_overlaps(boxes_px, masks, truth.xyxy_px, truth.masks)
    return pairwise_iou(boxes_px, truth.xyxy_px)
