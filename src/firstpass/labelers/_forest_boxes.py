"""Box geometry in image pixels: overlaps, suppression, matching."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]

MIN_SIDE_PX = 1.0


def clip_boxes(xyxy_px: F32, height_px: int, width_px: int) -> F32:
    """Return boxes (n, 4) clipped to the image, every side at least 1 px (or the image's side), finite."""
    boxes = np.nan_to_num(xyxy_px.astype(np.float32, copy=True), posinf=1e6, neginf=-1e6)
    for low, high, limit in ((0, 2, width_px), (1, 3, height_px)):
        side = min(MIN_SIDE_PX, float(limit))
        boxes[:, low] = np.clip(boxes[:, low], 0, limit - side)
        boxes[:, high] = np.clip(np.maximum(boxes[:, high], boxes[:, low] + side), 0, limit)
    return boxes


def areas(xyxy_px: F32) -> F32:
    """Return the areas (n,) of boxes (n, 4) in square pixels."""
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 0)
    return (sides[:, 0] * sides[:, 1]).astype(np.float32)


def pairwise_iou(first_px: F32, second_px: F32) -> F32:
    """Return intersection over union (n, m) of boxes (n, 4) and (m, 4); empty input gives an empty array."""
    low = np.maximum(first_px[:, None, :2], second_px[None, :, :2])
    high = np.minimum(first_px[:, None, 2:], second_px[None, :, 2:])
    sides = np.maximum(high - low, 0)
    overlap = sides[..., 0] * sides[..., 1]
    union = areas(first_px)[:, None] + areas(second_px)[None] - overlap
    return (overlap / np.maximum(union, 1e-6)).astype(np.float32)


def suppress(xyxy_px: F32, scores: F32, class_ids: I64, within: F32, across: float) -> NDArray[np.int64]:
    """Return the indices kept by greedy suppression, best score first.

    within: float32 (n_classes,) largest IoU allowed to a better box of the same class; across: the same for a box of
    another class.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = pairwise_iou(xyxy_px, xyxy_px)
    alive = np.ones(len(scores), dtype=bool)
    kept: list[int] = []
    for index in order.tolist():
        if not alive[index]:
            continue
        kept.append(index)
        same = class_ids == class_ids[index]
        limit = np.where(same, within[class_ids[index]], across)
        alive &= overlap[index] <= limit
    return np.array(kept, dtype=np.int64)


def match_greedy(overlap: F32, scores: F32, min_iou: float = 0.5) -> I64:
    """Return per proposal the matched truth or -1, best score first, each truth used once.

    overlap: float32 (n, m) IoU of n proposals and m truths.
    """
    matched = np.full(len(scores), -1, dtype=np.int64)
    if overlap.shape[1] == 0:
        return matched
    left = overlap.copy()
    for index in np.argsort(-scores, kind="stable").tolist():
        best = int(left[index].argmax())
        if left[index, best] >= min_iou:
            matched[index] = best
            left[:, best] = -1.0
    return matched
