"""Pure geometry on shapes: bounds, area, overlap, clipping. Pixels in, pixels out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import rle
from firstpass.labels.shapes import Box, Mask, Point, Polygon, Ring, Shape

BoxArray = NDArray[np.float32]


def bounds(shape: Shape) -> Box:
    """The tight axis-parallel box around a shape; a Point gives a box of zero size, an empty Mask one at the origin."""
    match shape:
        case Box():
            return shape
        case Point(x, y):
            return Box(x, y, x, y)
        case Mask():
            return Box(*rle.bounding_xyxy(shape))
        case Polygon(parts):
            xs = [x for part in parts for x, _ in part.outer]
            ys = [y for part in parts for _, y in part.outer]
            return Box(min(xs), min(ys), max(xs), max(ys))


def ring_area_px(ring: Ring) -> float:
    """The area inside a ring (shoelace), never negative."""
    xs, ys = np.asarray(ring, np.float64).T
    return float(abs(np.dot(xs, np.roll(ys, -1)) - np.dot(ys, np.roll(xs, -1))) / 2)


def area_px(shape: Shape) -> float:
    """The shape's area in square pixels: exact for boxes and simple polygons, counted for masks, 0 for points."""
    match shape:
        case Box():
            return shape.width_px * shape.height_px
        case Point():
            return 0.0
        case Mask():
            return float(rle.area_px(shape))
        case Polygon(parts):
            return sum(ring_area_px(p.outer) - sum(ring_area_px(h) for h in p.holes) for p in parts)


def iou_matrix(a_xyxy: NDArray[Any], b_xyxy: NDArray[Any]) -> NDArray[np.float32]:
    """(n, 4) and (m, 4) boxes in pixels -> (n, m) IoU in 0..1; 0 where both boxes are empty."""
    a, b = np.asarray(a_xyxy, np.float64).reshape(-1, 4), np.asarray(b_xyxy, np.float64).reshape(-1, 4)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    union = area_a[:, None] + area_b[None, :] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0).astype(np.float32)


def shape_iou_matrix(a: Sequence[Shape], b: Sequence[Shape], height_px: int, width_px: int) -> NDArray[np.float32]:
    """IoU of every pair, (n, m) in 0..1: by pixels where both have an area shape, else by bounding boxes."""
    if not a or not b:
        return np.zeros((len(a), len(b)), np.float32)
    out = iou_matrix(to_xyxy(a), to_xyxy(b))
    area_a = [i for i, s in enumerate(a) if isinstance(s, Mask | Polygon)]
    area_b = [i for i, s in enumerate(b) if isinstance(s, Mask | Polygon)]
    if area_a and area_b:
        masks_a = [to_mask(a[i], height_px, width_px) for i in area_a]
        masks_b = [to_mask(b[i], height_px, width_px) for i in area_b]
        out[np.ix_(area_a, area_b)] = rle.iou_matrix(masks_a, masks_b)
    return out


def to_xyxy(shapes: Sequence[Shape]) -> BoxArray:
    """The shapes' bounding boxes as float32 (n, 4) pixels; (0, 4) for none."""
    return np.asarray([bounds(s).xyxy_px for s in shapes], np.float32).reshape(-1, 4)


def to_mask(shape: Shape, height_px: int, width_px: int) -> Mask:
    """The shape as pixels of an image of that size. A Point gives the pixel it lies in, when inside the image."""
    match shape:
        case Mask():
            return shape
        case Polygon():
            return rle.from_polygon(shape, height_px, width_px)
        case Box() | Point():
            b = bounds(shape)
            full = np.zeros((height_px, width_px), np.bool_)
            x1, y1 = max(0, round(b.x1)), max(0, round(b.y1))
            if isinstance(shape, Point):
                x1, y1 = max(0, int(shape.x)), max(0, int(shape.y))
                full[y1 : y1 + 1, x1 : x1 + 1] = True
            else:
                full[y1 : max(0, round(b.y2)), x1 : max(0, round(b.x2))] = True
            return rle.encode(full)


def clip_box(box: Box, width_px: float, height_px: float) -> Box:
    """The part of a box inside the image; of zero size at the nearest edge when it lies outside."""
    x1, x2 = (min(max(v, 0.0), float(width_px)) for v in (box.x1, box.x2))
    y1, y2 = (min(max(v, 0.0), float(height_px)) for v in (box.y1, box.y2))
    return Box(x1, y1, x2, y2)
