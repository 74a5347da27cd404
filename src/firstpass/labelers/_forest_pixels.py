"""First stage: per-cell maps (object centers, object areas, object edges) learned with extremely randomized trees.

Center heat maps follow Zhou et al., "Objects as Points" (2019); the trees on a fixed filter bank follow ilastik.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_features import GridShape, GridSpec, image_features
from firstpass.labelers._forest_trees import TreeBank

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]

CENTER_SIGMA = 0.17
"""Standard deviation of a center blob as a share of the object's side."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Objects of one image: class slots int64 (n,), boxes float32 (n, 4) in pixels, masks (crops at the box's floor)."""

    slots: I64
    xyxy_px: F32
    masks: tuple[Mask | None, ...]


@dataclass(frozen=True, slots=True)
class ImageMaps:
    """What the candidate stage reads: float32 maps on the grid of one image.

    centers, areas: (rows, cols, n_slots) in 0..1; edges: (rows, cols) in 0..1; look: (rows, cols, 4) Lab and gradient.
    """

    centers: F32
    areas: F32
    edges: F32
    look: F32
    shape: GridShape
    height_px: int
    width_px: int


def crop_origin_px(box_px: F32) -> tuple[int, int]:
    """Return (x, y) of the top-left pixel of a crop mask belonging to a box."""
    return max(0, int(np.floor(box_px[0]))), max(0, int(np.floor(box_px[1])))


def mask_on_grid(mask: Mask, origin_px: tuple[int, int], shape: GridShape) -> tuple[F32, int, int]:
    """Return (coverage 0..1 of the cells touched by a crop mask, first row, first column)."""
    x0, y0 = origin_px
    h, w = mask.shape
    c0, r0 = int(x0 / shape.cell_x_px), int(y0 / shape.cell_y_px)
    c1 = min(shape.cols, int(np.ceil((x0 + w) / shape.cell_x_px)))
    r1 = min(shape.rows, int(np.ceil((y0 + h) / shape.cell_y_px)))
    c0, r0 = min(c0, shape.cols - 1), min(r0, shape.rows - 1)
    c1, r1 = max(c1, c0 + 1), max(r1, r0 + 1)
    pad_x0, pad_y0 = round(c0 * shape.cell_x_px), round(r0 * shape.cell_y_px)
    pad_x1, pad_y1 = round(c1 * shape.cell_x_px), round(r1 * shape.cell_y_px)
    canvas = np.zeros((max(pad_y1 - pad_y0, 1), max(pad_x1 - pad_x0, 1)), dtype=np.float32)
    top, left = y0 - pad_y0, x0 - pad_x0
    part = mask[max(0, -top) : canvas.shape[0] - top, max(0, -left) : canvas.shape[1] - left]
    top, left = max(0, top), max(0, left)
    canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
    small = cv2.resize(canvas, (c1 - c0, r1 - r0), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32).reshape(r1 - r0, c1 - c0), r0, c0


def pixel_targets(truth: Truth, n_slots: int, shape: GridShape) -> F32:
    """Return float32 (rows, cols, 2 * n_slots + 1) targets in 0..1: centers, areas, edges."""
    y = (np.arange(shape.rows, dtype=np.float32) + 0.5) * shape.cell_y_px
    x = (np.arange(shape.cols, dtype=np.float32) + 0.5) * shape.cell_x_px
    out = np.zeros((shape.rows, shape.cols, 2 * n_slots + 1), dtype=np.float32)
    for slot, box, mask in zip(truth.slots.tolist(), truth.xyxy_px, truth.masks, strict=True):
        cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        w, h = max(box[2] - box[0], 1.0), max(box[3] - box[1], 1.0)
        sx = max(CENTER_SIGMA * w, 0.7 * shape.cell_x_px)
        sy = max(CENTER_SIGMA * h, 0.7 * shape.cell_y_px)
        blob = np.exp(-0.5 * ((y - cy) / sy) ** 2)[:, None] * np.exp(-0.5 * ((x - cx) / sx) ** 2)[None]
        np.maximum(out[:, :, slot], blob, out=out[:, :, slot])
        if mask is None:
            fill = ((x - cx) / (w / 2))[None] ** 2 + ((y - cy) / (h / 2))[:, None] ** 2 < 1
            r0, c0, cover = 0, 0, fill.astype(np.float32)
        else:
            cover, r0, c0 = mask_on_grid(mask, crop_origin_px(box), shape)
        view = out[r0 : r0 + cover.shape[0], c0 : c0 + cover.shape[1]]
        np.maximum(view[:, :, n_slots + slot], cover, out=view[:, :, n_slots + slot])
        _draw_edge(out[:, :, -1], cover > 0.5, r0, c0)
    return out


def _draw_edge(edges: F32, inside: Mask, row: int, col: int) -> None:
    """Mark the cells on both sides of a mask's outline in the caller's fresh edge map."""
    pad = np.pad(inside.astype(np.uint8), 1)
    kernel = np.ones((3, 3), dtype=np.uint8)
    band = (cv2.dilate(pad, kernel) != cv2.erode(pad, kernel)).astype(np.float32)
    r0, c0 = max(row - 1, 0), max(col - 1, 0)
    r1, c1 = min(row + band.shape[0] - 1, edges.shape[0]), min(col + band.shape[1] - 1, edges.shape[1])
    part = band[r0 - row + 1 : r1 - row + 1, c0 - col + 1 : c1 - col + 1]
    np.maximum(edges[r0:r1, c0:c1], part, out=edges[r0:r1, c0:c1])


def sample_rows(maps: Sequence[F32], targets: F32, n_slots: int, budget: int, rng: np.random.Generator) -> tuple[F32, F32, F32]:
    """Return about ``budget`` rows (features, targets, weights), centers and objects sampled more often than background.

    maps: the image's feature maps (rows, cols); targets: float32 (rows, cols, k).
    """
    flat = targets.reshape(-1, targets.shape[2])
    center, area = (np.maximum.reduce([flat[:, start + k] for k in range(n_slots)]) for start in (0, n_slots))
    wish = 1.0 + 9.0 * center + area
    share = np.minimum(1.0, wish / wish.sum() * budget)
    keep = np.flatnonzero(rng.random(len(share)) < share)
    weights = (1.0 / np.sqrt(np.maximum(share[keep], 1e-3))).astype(np.float32)
    rows, cols = np.divmod(keep, targets.shape[1])
    features = np.stack([one[rows, cols] for one in maps], axis=1).astype(np.float32, copy=False)
    return features, flat[keep].astype(np.float32), weights


def jitter_image(rgb: U8, truth: Truth, rng: np.random.Generator) -> tuple[U8, Truth]:
    """Return a mirrored, turned, slightly rescaled and recolored copy of an image and its objects."""
    boxes = truth.xyxy_px.copy()
    placed = [(crop_origin_px(box), mask) for box, mask in zip(boxes, truth.masks, strict=True)]
    height, width = int(rgb.shape[0]), int(rgb.shape[1])
    flip_x, flip_y, turn = (bool(v) for v in rng.random(3) < 0.5)
    image: U8 = rgb
    if flip_x:
        image = image[:, ::-1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
        placed = [
            ((width - x - (0 if m is None else m.shape[1]), y), None if m is None else m[:, ::-1]) for (x, y), m in placed
        ]
    if flip_y:
        image = image[::-1]
        boxes = np.stack([boxes[:, 0], height - boxes[:, 3], boxes[:, 2], height - boxes[:, 1]], axis=1)
        placed = [((x, height - y - (0 if m is None else m.shape[0])), None if m is None else m[::-1]) for (x, y), m in placed]
    if turn:
        image = image.transpose(1, 0, 2)
        boxes = boxes[:, [1, 0, 3, 2]]
        placed = [((y, x), None if m is None else m.T) for (x, y), m in placed]
    scale = float(np.exp(rng.uniform(-0.15, 0.15)))
    new_w, new_h = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    fx, fy = new_w / image.shape[1], new_h / image.shape[0]
    image = np.asarray(cv2.resize(np.ascontiguousarray(image), (new_w, new_h)), dtype=np.uint8)
    boxes = (boxes * np.array([fx, fy, fx, fy])).astype(np.float32)
    scaled = [_scaled_mask(o, m, fx, fy, b) for (o, m), b in zip(placed, boxes, strict=True)]
    return _recolor(image, rng), Truth(truth.slots, boxes, tuple(scaled))


def _scaled_mask(origin_px: tuple[int, int], mask: Mask | None, fx: float, fy: float, box_px: F32) -> Mask | None:
    """Return a crop mask rescaled and moved so that it starts at its new box's floor."""
    if mask is None:
        return None
    x0, y0 = crop_origin_px(box_px)
    h, w = max(1, int(np.ceil(box_px[3])) - y0), max(1, int(np.ceil(box_px[2])) - x0)
    move = np.array([[fx, 0, origin_px[0] * fx - x0], [0, fy, origin_px[1] * fy - y0]], dtype=np.float32)
    warped = cv2.warpAffine(np.ascontiguousarray(mask).astype(np.uint8) * 255, move, (w, h), flags=cv2.INTER_LINEAR)
    return np.asarray(warped) > 127


def _recolor(image: U8, rng: np.random.Generator) -> U8:
    gamma = float(np.exp(rng.uniform(-0.2, 0.2)))
    gains = np.exp(rng.uniform(-0.1, 0.1) + rng.uniform(-0.05, 0.05, 3))
    curve = np.linspace(0, 1, 256)[:, None] ** gamma * 255 * gains + rng.uniform(-10, 10)
    table = np.clip(curve, 0, 255).astype(np.uint8)
    return np.stack([table[:, k][image[:, :, k]] for k in range(3)], axis=-1)


def image_maps(rgb: U8, spec: GridSpec, banks: tuple[TreeBank, ...], n_slots: int) -> ImageMaps:
    """Return the maps of one image, averaged over the given tree banks."""
    features, shape = image_features(rgb, spec)
    flat = features.reshape(-1, features.shape[2])
    total = banks[0].predict(flat)
    for bank in banks[1:]:
        total = total + bank.predict(flat)
    maps = (total / np.float32(len(banks))).reshape(shape.rows, shape.cols, -1)
    look = features[:, :, 4:8]
    return ImageMaps(
        maps[:, :, :n_slots],
        maps[:, :, n_slots : 2 * n_slots],
        maps[:, :, -1],
        np.ascontiguousarray(look),
        shape,
        int(rgb.shape[0]),
        int(rgb.shape[1]),
    )
