"""Second stage, input side: candidate boxes from the first stage's maps, and the features of a candidate.

Candidates are center peaks with the class's usual sizes, and regions of a seeded watershed on the object-area map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_boxes import clip_boxes
from firstpass.labelers._forest_pixels import ImageMaps

F32: TypeAlias = NDArray[np.float32]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]

POOL_SIDE = 6
POOL_REACH = 1.4
MIN_CENTER = 0.04
MIN_AREA = 0.35
MAX_PER_SLOT = 300


@dataclass(frozen=True, slots=True)
class ClassSizes:
    """Usual object sizes of one class: float32 (n_prototypes, 2) widths and heights in pixels, the median first."""

    prototypes_px: F32


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of one image: class slots (n,), boxes (n, 4) in pixels, peak heights (n,), origin (n,): 0 peak, 1 region."""

    slots: I64
    xyxy_px: F32
    peaks: F32
    kinds: I64


def empty_candidates() -> Candidates:
    """Return no candidates."""
    none = np.zeros(0, dtype=np.int64)
    return Candidates(none, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), none)


def class_sizes(xyxy_px: F32) -> ClassSizes:
    """Return the usual size of a class from its boxes (n, 4), n >= 1: the median of the logarithms of the sides."""
    sides = np.log(np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0))
    return ClassSizes(np.exp(np.median(sides, axis=0, keepdims=True)).astype(np.float32))


def find_peaks(center: F32, reach_rows: int, reach_cols: int) -> tuple[I64, I64, F32]:
    """Return rows, columns and heights of the local maxima of a center map (rows, cols), highest first."""
    smooth = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(center), (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE))
    kernel = np.ones((2 * max(reach_rows, 1) + 1, 2 * max(reach_cols, 1) + 1), dtype=np.uint8)
    top = np.asarray(cv2.dilate(smooth, kernel))
    rows, cols = np.nonzero((smooth >= top) & (smooth > MIN_CENTER))
    order = np.argsort(-smooth[rows, cols], kind="stable")[:MAX_PER_SLOT]
    return rows[order], cols[order], smooth[rows[order], cols[order]].astype(np.float32)


def watershed_regions(area: F32, rows: I64, cols: I64, level: float) -> I32:
    """Return labels (rows, cols): 1.. for the regions grown from the seeds and from unseeded components, 0 outside."""
    from skimage import segmentation

    api: Any = segmentation
    inside = area > level
    count, numbered = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    parts: I32 = np.asarray(numbered, dtype=np.int32)
    seeds = np.zeros(area.shape, dtype=np.int32)
    seeds[rows, cols] = np.arange(1, len(rows) + 1)
    seeds[~inside] = 0
    seeded = np.zeros(count, dtype=bool)
    seeded[parts[seeds > 0]] = True
    bare = inside & ~seeded[parts]
    seeds[bare] = len(rows) + parts[bare]
    return np.asarray(api.watershed(-area, seeds, mask=inside), dtype=np.int32)


def region_boxes(labels: I32, maps: ImageMaps) -> F32:
    """Return float32 (n, 4) pixel boxes of the labels that exist, ascending."""
    from scipy import ndimage  # pyright: ignore[reportMissingTypeStubs]

    api: Any = ndimage
    boxes = [(s[1].start, s[0].start, s[1].stop, s[0].stop) for s in api.find_objects(labels) if s is not None]
    cell = np.array([maps.shape.cell_x_px, maps.shape.cell_y_px] * 2, dtype=np.float32)
    return np.array(boxes, dtype=np.float32).reshape(-1, 4) * cell


def generate(maps: ImageMaps, sizes: tuple[ClassSizes, ...]) -> Candidates:
    """Return the raw candidates of one image for all class slots."""
    slots: list[I64] = []
    boxes: list[F32] = []
    heights: list[F32] = []
    kinds: list[I64] = []

    def add(slot: int, found: F32, peaks: F32, kind: int) -> None:
        slots.append(np.full(len(found), slot, dtype=np.int64))
        boxes.append(found)
        heights.append(peaks)
        kinds.append(np.full(len(found), kind, dtype=np.int64))

    for slot, usual in enumerate(sizes):
        w, h = usual.prototypes_px.min(axis=0)
        rows, cols, peaks = find_peaks(
            maps.centers[:, :, slot], int(0.25 * h / maps.shape.cell_y_px), int(0.25 * w / maps.shape.cell_x_px)
        )
        cx, cy = (cols + 0.5) * maps.shape.cell_x_px, (rows + 0.5) * maps.shape.cell_y_px
        for w, h in usual.prototypes_px:
            add(slot, np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32), peaks, 0)
        area = maps.areas[:, :, slot]
        strong = peaks > 0.1
        found = region_boxes(watershed_regions(area, rows[strong], cols[strong], MIN_AREA), maps)
        size = (found[:, 2:] - found[:, :2]).prod(axis=1)
        found = found[size > 0.04 * usual.prototypes_px.prod(axis=1).min()][:MAX_PER_SLOT]
        add(slot, found, np.zeros(len(found), np.float32), 1)
    if not slots:
        return empty_candidates()
    xyxy = clip_boxes(np.concatenate(boxes), maps.height_px, maps.width_px)
    return Candidates(np.concatenate(slots), xyxy, np.concatenate(heights), np.concatenate(kinds))


def _pyramid(stack: F32) -> list[F32]:
    """Return the stack (rows, cols, c) and its halvings down to about 4 cells."""
    levels = [np.ascontiguousarray(stack)]
    while min(levels[-1].shape[:2]) >= 8 and len(levels) < 6:
        rows, cols = levels[-1].shape[0] // 2, levels[-1].shape[1] // 2
        halved = [
            np.asarray(cv2.resize(np.ascontiguousarray(levels[-1][:, :, k]), (cols, rows), interpolation=cv2.INTER_AREA))
            for k in range(stack.shape[2])
        ]
        levels.append(np.stack(halved, axis=-1).astype(np.float32, copy=False))
    return levels


def bilinear(stack: F32, y: NDArray[np.floating[Any]], x: NDArray[np.floating[Any]]) -> F32:
    """Return (n, p, c) values of a stack (rows, cols, c) at fractional cell-center positions (n, p), edges repeated."""
    rows, cols = stack.shape[:2]
    y = np.clip(y, 0, rows - 1)
    x = np.clip(x, 0, cols - 1)
    y0, x0 = np.minimum(y.astype(np.int64), max(rows - 2, 0)), np.minimum(x.astype(np.int64), max(cols - 2, 0))
    y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, cols - 1)
    fy, fx = (y - y0)[..., None], (x - x0)[..., None]
    top = stack[y0, x0] * (1 - fx) + stack[y0, x1] * fx
    low = stack[y1, x0] * (1 - fx) + stack[y1, x1] * fx
    return (top * (1 - fy) + low * fy).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Pooled features of boxes of one image; build with :func:`make_sampler`."""

    levels: tuple[F32, ...]
    maps: ImageMaps
    sizes: tuple[ClassSizes, ...]

    def features(self, slots: I64, xyxy_px: F32) -> F32:
        """Return float32 (n, n_features) for boxes (n, 4) of class slots (n,), finite."""
        n_slots = len(self.sizes)
        grid = self._pool(xyxy_px)
        pick = np.arange(len(slots))
        own_center = grid[pick, :, slots]
        own_area = grid[pick, :, n_slots + slots]
        others = grid[:, :, n_slots : 2 * n_slots].copy()
        others[pick, :, slots] = 0
        edges, look = grid[:, :, 2 * n_slots], grid[:, :, 2 * n_slots + 1 :]
        inner = _inner_points()
        light = look[:, :, 0]
        mean_in = light[:, inner].mean(axis=1, keepdims=True)
        usual = np.stack([s.prototypes_px[0] for s in self.sizes])[slots]
        sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
        shape = np.concatenate([np.log(sides / usual), np.log(sides), np.log(sides[:, :1] / sides[:, 1:])], axis=1)
        gaps = np.concatenate([xyxy_px[:, :2], [self.maps.width_px, self.maps.height_px] - xyxy_px[:, 2:]], axis=1)
        per_class = grid[:, inner, :n_slots].mean(axis=1) if n_slots > 1 else np.zeros((len(slots), 0), np.float32)
        parts = [
            own_center,
            own_area,
            others.max(axis=2),
            edges,
            light - mean_in,
            look[:, :, 3],
            look[:, inner].mean(axis=1),
            look[:, ~inner].mean(axis=1),
            own_area[:, inner].mean(axis=1, keepdims=True),
            own_area[:, ~inner].mean(axis=1, keepdims=True),
            shape,
            np.minimum(gaps, 4.0),
            per_class,
            slots[:, None],
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _pool(self, xyxy_px: F32) -> F32:
        """Return (n, POOL_SIDE**2, channels) samples on a grid reaching ``POOL_REACH`` times the box."""
        steps = (np.arange(POOL_SIDE, dtype=np.float32) + 0.5) / POOL_SIDE - 0.5
        center = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2
        sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0) * POOL_REACH
        shape = self.maps.shape
        x = (center[:, :1] + steps * sides[:, :1]) / shape.cell_x_px
        y = (center[:, 1:] + steps * sides[:, 1:]) / shape.cell_y_px
        spacing = np.sqrt(sides[:, 0] / shape.cell_x_px * sides[:, 1] / shape.cell_y_px) / POOL_SIDE
        level = np.clip(np.floor(np.log2(np.maximum(spacing, 1.0)) + 0.3), 0, len(self.levels) - 1).astype(np.int64)
        out = np.empty((len(xyxy_px), POOL_SIDE**2, self.levels[0].shape[2]), dtype=np.float32)
        for index, stack in enumerate(self.levels):
            rows = np.flatnonzero(level == index)
            if len(rows) == 0:
                continue
            fy, fx = stack.shape[0] / shape.rows, stack.shape[1] / shape.cols
            yy = np.repeat(y[rows] * fy - 0.5, POOL_SIDE, axis=1)
            xx = np.tile(x[rows] * fx - 0.5, (1, POOL_SIDE))
            out[rows] = bilinear(stack, yy, xx)
        return out


def _inner_points() -> NDArray[np.bool_]:
    """Return which of the pooled points lie inside the box."""
    steps = np.abs((np.arange(POOL_SIDE) + 0.5) / POOL_SIDE - 0.5) * POOL_REACH < 0.5
    return (steps[:, None] & steps[None]).ravel()


def make_sampler(maps: ImageMaps, sizes: tuple[ClassSizes, ...]) -> Sampler:
    """Return the sampler of one image's maps."""
    stack = np.concatenate([maps.centers, maps.areas, maps.edges[:, :, None], maps.look], axis=2)
    return Sampler(tuple(_pyramid(stack)), maps, sizes)
