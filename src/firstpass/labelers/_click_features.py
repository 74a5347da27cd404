"""What tells a good outline from a bad one: figures of a candidate mask in its window, and the score made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._click_scene import Bytes, Window

_ROOM_PX = 4  # one more than the ring outside a mask is wide
_api: Any = cv2
NAMES = (
    "one", "edge", "edge_share", "edge_to_inside", "contrast", "spread", "compact", "solid", "central", "area", "area2",
    "cut", "framed", "filled", "share", "level",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One possible mask. mask: uint8 0/1 (h, w) of the window. kind: how it came about."""

    window: Window
    mask: Bytes
    kind: str
    features: NDArray[np.float64]

    @property
    def area(self) -> int:
        """Its pixels in the window."""
        return int(self.mask.sum())


def fill_holes(mask: Bytes) -> Bytes:
    """The mask (uint8 0/1) with its holes filled."""
    contours, _ = _api.findContours(mask, _api.RETR_EXTERNAL, _api.CHAIN_APPROX_NONE)
    return _api.drawContours(np.zeros_like(mask), contours, -1, 1, thickness=-1)


def part_with(mask: Bytes, column: int, row: int) -> Bytes:
    """The connected piece of a mask (uint8 0/1) that holds the pixel; all zeros when the pixel is not in it."""
    if not mask[row, column]:
        return np.zeros_like(mask)
    _, labels = _api.connectedComponents(mask, connectivity=4)
    return (labels == labels[row, column]).astype(np.uint8)


def depths(mask: Bytes) -> NDArray[np.float32]:
    """Each pixel's distance to the nearest outside the mask, the frame too; the array has one more on all sides."""
    return _api.distanceTransform(_api.copyMakeBorder(mask, 1, 1, 1, 1, _api.BORDER_CONSTANT, value=0), _api.DIST_L2, 3)


def around(mask: Bytes) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """The part of a window that holds the mask and what is near it, and its corner (column, row)."""
    x, y, width, height = _api.boundingRect(mask)
    left, top = max(x - _ROOM_PX, 0), max(y - _ROOM_PX, 0)
    return (slice(top, y + height + _ROOM_PX), slice(left, x + width + _ROOM_PX)), (left, top)


def measure(window: Window, mask: Bytes, click: tuple[int, int] | None, holes: float = 0.0) -> NDArray[np.float64]:
    """The figures named in NAMES. click: the pixel (column, row) in the window, none for a box. holes: share filled."""
    contours, _ = _api.findContours(mask, _api.RETR_EXTERNAL, _api.CHAIN_APPROX_NONE)
    outline: NDArray[np.int32] = max(contours, key=len)[:, 0]
    h, w = mask.shape
    area = float(mask.sum())
    length = max(_api.arcLength(outline, True), 4.0)
    hull = _api.contourArea(_api.convexHull(outline)) + length / 2
    sides = np.concatenate([outline == 0, outline == np.asarray([w - 1, h - 1])], axis=1)
    at_frame = (sides & window.at_image_edge).any(axis=1)
    cut = (sides & ~window.at_image_edge).any(axis=1)
    along = window.gradient[outline[:, 1], outline[:, 0]][~(at_frame | cut)]
    share = area / mask.size
    place, corner = around(mask)
    mask, lab, gradient = mask[place], window.lab[place], window.gradient[place]
    inner = _api.erode(mask, np.ones((3, 3), np.uint8))
    ring = _api.dilate(mask, np.ones((7, 7), np.uint8)) - _api.dilate(mask, np.ones((3, 3), np.uint8))
    inside = inner if inner.any() else mask
    mean_in, spread = _api.meanStdDev(lab, mask=inside)
    mean_out, _ = _api.meanStdDev(lab, mask=ring) if ring.any() else (mean_in, None)
    calm = float(_api.mean(gradient, mask=inside)[0])
    edge = float(along.mean()) if along.size else 0.0
    sharp = float((along > 2 * calm + 0.5).mean()) if along.size else 0.0
    depth = depths(mask)
    central = float(depth[click[1] - corner[1] + 1, click[0] - corner[0] + 1] / depth.max()) if click is not None else 1.0
    size = math.log(area * window.scale_xy[0] * window.scale_xy[1]) / 10
    deviation = float(np.linalg.norm(spread))
    return np.asarray([
        1.0, math.log1p(edge), sharp, math.log((edge + 0.3) / (calm + 0.3)),
        math.log1p(float(np.linalg.norm(mean_in - mean_out))), math.log1p(deviation),
        min(4 * math.pi * area / length**2, 1.3), min(area / max(hull, 1.0), 1.0), central, size, size * size,
        float(cut.mean()), float(at_frame.mean()), holes, share, window.level / 4,
    ])  # fmt: skip
