"""Masks of boxed objects: extremely randomized trees decide for every point of a grid over the box.

The same idea as the mask branch of Mask R-CNN (He et al., 2017), with pooled first-stage maps in place of a network.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_boxes import clip_boxes
from firstpass.labelers._forest_candidates import Sampler, bilinear
from firstpass.labelers._forest_pixels import Mask, crop_origin_px
from firstpass.labelers._forest_trees import TreeBank

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]

MASK_SIDE = 14
MASK_REACH = 1.25


def point_features(sampler: Sampler, slots: I64, xyxy_px: F32) -> F32:
    """Return float32 (n, MASK_SIDE**2, n_features) for boxes (n, 4), points row by row over the widened box."""
    n_slots, shape = len(sampler.sizes), sampler.maps.shape
    steps = ((np.arange(MASK_SIDE, dtype=np.float32) + 0.5) / MASK_SIDE - 0.5) * MASK_REACH
    center = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
    x = np.tile((center[:, :1] + steps * sides[:, :1]) / shape.cell_x_px, (1, MASK_SIDE))
    y = np.repeat((center[:, 1:] + steps * sides[:, 1:]) / shape.cell_y_px, MASK_SIDE, axis=1)
    grid = bilinear(sampler.levels[0], y - 0.5, x - 0.5)
    coarse_level = sampler.levels[min(1, len(sampler.levels) - 1)]
    fy, fx = coarse_level.shape[0] / shape.rows, coarse_level.shape[1] / shape.cols
    coarse = bilinear(coarse_level, y * fy - 0.5, x * fx - 0.5)
    pick = np.arange(len(slots))
    areas = grid[:, :, n_slots : 2 * n_slots].copy()
    own_area = areas[pick, :, slots]
    areas[pick, :, slots] = 0
    look = grid[:, :, 2 * n_slots + 1 :]
    u, v = np.tile(steps, MASK_SIDE), np.repeat(steps, MASK_SIDE)
    inner = (np.abs(u) < 0.3) & (np.abs(v) < 0.3)
    ring = (np.abs(u) > 0.5) | (np.abs(v) > 0.5)
    color_in = look[:, inner, :3].mean(axis=1, keepdims=True)
    color_out = look[:, ring, :3].mean(axis=1, keepdims=True)
    like_in = np.sqrt(((look[:, :, :3] - color_in) ** 2).sum(-1))
    like_out = np.sqrt(((look[:, :, :3] - color_out) ** 2).sum(-1))
    area_in = own_area[:, inner].mean(axis=1, keepdims=True)
    area_out = own_area[:, ring].mean(axis=1, keepdims=True)
    wide = np.ones_like(own_area)
    columns = [
        grid[pick, :, slots],
        own_area,
        coarse[pick, :, slots],
        coarse[pick, :, n_slots + slots],
        areas.max(axis=2),
        grid[:, :, 2 * n_slots],
        coarse[:, :, 2 * n_slots],
        look[:, :, 0],
        look[:, :, 3],
        look[:, :, 0] - color_in[:, :, 0],
        look[:, :, 0] - color_out[:, :, 0],
        like_in,
        like_out,
        like_in - like_out,
        own_area - area_in,
        own_area - area_out,
        wide * area_in,
        wide * area_out,
        wide * np.log(sides[:, :1]),
        wide * np.log(sides[:, 1:]),
        wide * u,
        wide * v,
        wide * np.hypot(u, v),
        wide * np.maximum(np.abs(u), np.abs(v)),
        wide * slots[:, None],
    ]
    return np.stack(columns, axis=-1).astype(np.float32)


def point_targets(mask: Mask, truth_px: F32, xyxy_px: F32) -> F32:
    """Return float32 (n, MASK_SIDE**2) membership of the points of n boxes in one truth mask (crop at its box's floor)."""
    steps = ((np.arange(MASK_SIDE, dtype=np.float32) + 0.5) / MASK_SIDE - 0.5) * MASK_REACH
    center = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
    x0, y0 = crop_origin_px(truth_px)
    x = np.floor(np.tile(center[:, :1] + steps * sides[:, :1], (1, MASK_SIDE))).astype(np.int64) - x0
    y = np.floor(np.repeat(center[:, 1:] + steps * sides[:, 1:], MASK_SIDE, axis=1)).astype(np.int64) - y0
    ok = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    out = np.zeros(x.shape, dtype=np.float32)
    out[ok] = mask[y[ok], x[ok]]
    return out


def predict_masks(sampler: Sampler, bank: TreeBank, slots: I64, xyxy_px: F32) -> tuple[F32, tuple[Mask, ...], F32]:
    """Return (tight boxes (n, 4), crop masks at the boxes' floors, sureness (n, 3)) for boxes (n, 4).

    sureness: mean distance of the point probabilities from one half, share of the box that is filled, share of sure points
    among the filled ones. A box whose points all say no keeps a filled box as its mask, with sureness zero.
    """
    side = MASK_SIDE
    points = point_features(sampler, slots, xyxy_px)
    chance = bank.predict(points.reshape(-1, points.shape[2]))[:, 0].reshape(-1, side, side)
    boxes = np.empty_like(xyxy_px)
    masks: list[Mask] = []
    sure = np.zeros((len(slots), 3), dtype=np.float32)
    height, width = sampler.maps.height_px, sampler.maps.width_px
    for index in range(len(slots)):
        box, mask = _paint(chance[index], xyxy_px[index], height, width)
        if mask is None:
            box = clip_boxes(xyxy_px[index : index + 1], height, width)[0]
            x0, y0 = crop_origin_px(box)
            mask = np.ones((max(1, int(np.ceil(box[3])) - y0), max(1, int(np.ceil(box[2])) - x0)), dtype=np.bool_)
        else:
            filled = chance[index] > 0.5
            sure[index, 0] = np.abs(chance[index] - 0.5).mean()
            sure[index, 1] = filled.mean()
            sure[index, 2] = (chance[index] > 0.8).sum() / max(int(filled.sum()), 1)
        boxes[index] = box
        masks.append(mask)
    return boxes, tuple(masks), sure


def _paint(chance: F32, box_px: F32, height_px: int, width_px: int) -> tuple[F32, Mask | None]:
    """Return the tight box and crop mask of the largest part where the enlarged chance map exceeds one half."""
    center, sides = (box_px[:2] + box_px[2:]) / 2, np.maximum(box_px[2:] - box_px[:2], 1.0) * MASK_REACH
    low, high = center - sides / 2, center + sides / 2
    x0, y0 = max(0, int(np.floor(low[0]))), max(0, int(np.floor(low[1])))
    x1, y1 = min(width_px, int(np.ceil(high[0]))), min(height_px, int(np.ceil(high[1])))
    if x1 <= x0 or y1 <= y0:
        return box_px, None
    scale = MASK_SIDE / sides
    move = np.array(
        [[scale[0], 0, (x0 + 0.5 - low[0]) * scale[0] - 0.5], [0, scale[1], (y0 + 0.5 - low[1]) * scale[1] - 0.5]],
        dtype=np.float32,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    big = np.asarray(cv2.warpAffine(chance, move, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    count, parts, stats, _ = cv2.connectedComponentsWithStats((big > 0.5).astype(np.uint8), connectivity=4)
    if count < 2:
        return box_px, None
    best = 1 + int(np.asarray(stats)[1:, cv2.CC_STAT_AREA].argmax())
    left, top, w, h = (int(value) for value in np.asarray(stats)[best, :4])
    mask: Mask = np.asarray(parts)[top : top + h, left : left + w] == best
    return np.array([x0 + left, y0 + top, x0 + left + w, y0 + top + h], dtype=np.float32), np.ascontiguousarray(mask)


def mask_overlaps(boxes_px: F32, masks: tuple[Mask, ...], truth_px: F32, truth_masks: tuple[Mask | None, ...]) -> F32:
    """Return mask IoU (n, m); a truth without mask counts as its filled box."""
    out = np.zeros((len(masks), len(truth_masks)), dtype=np.float32)
    low = np.maximum(boxes_px[:, None, :2], truth_px[None, :, :2])
    high = np.minimum(boxes_px[:, None, 2:], truth_px[None, :, 2:])
    for i, j in np.argwhere((high - low).min(axis=2) > 0).tolist():
        first, second = masks[i], truth_masks[j]
        ax, ay = crop_origin_px(boxes_px[i])
        bx, by = crop_origin_px(truth_px[j])
        if second is None:
            second = np.ones((int(np.ceil(truth_px[j, 3])) - by, int(np.ceil(truth_px[j, 2])) - bx), dtype=np.bool_)
        x0, y0 = max(ax, bx), max(ay, by)
        x1, y1 = min(ax + first.shape[1], bx + second.shape[1]), min(ay + first.shape[0], by + second.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        both = int((first[y0 - ay : y1 - ay, x0 - ax : x1 - ax] & second[y0 - by : y1 - by, x0 - bx : x1 - bx]).sum())
        out[i, j] = both / max(int(first.sum()) + int(second.sum()) - both, 1)
    return out
