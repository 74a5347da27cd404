"""Which proposal means which truth: overlap in pixels and greedy one-to-one matching.

One implementation for the simulated expert, precision and recall, label checks and agreement between people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import Labeled, Mask, Polygon, Shape, geometry, rle

MATCH_IOU = 0.5  # DESIGN section 7; also the PASCAL VOC criterion (Everingham et al., 2010)
CROWD_KEY = "iscrowd"


@dataclass(frozen=True, slots=True)
class Matching:
    """Who met whom among n proposals and m truths.

    pairs: (place of the proposal, place of the truth, IoU), best overlap first. extra: places of the unmatched proposals,
    missed: places of the unmatched truths, both ascending.
    """

    pairs: tuple[tuple[int, int, float], ...]
    extra: tuple[int, ...]
    missed: tuple[int, ...]


def is_crowd(labeled: Labeled) -> bool:
    """Whether the object stands for a crowd (attribute iscrowd = "1"), which COCO neither asks for nor punishes."""
    return labeled.attributes.get(CROWD_KEY) == "1"


def overlaps(a: Sequence[Shape], b: Sequence[Shape], height_px: int, width_px: int) -> NDArray[np.float32]:
    """IoU of every pair of shapes in one image, float32 (n, m) in 0..1: by pixels where both have an area, else by bounding
    box.

    Pixels are counted only for pairs whose boxes touch. (0, m) or (n, 0) when one side is empty; 0 for points.
    """
    ious = geometry.iou_matrix(geometry.to_xyxy(a), geometry.to_xyxy(b))
    touching_a, touching_b = (set(places.tolist()) for places in np.nonzero(ious))
    rows = [i for i, shape in enumerate(a) if i in touching_a and isinstance(shape, Mask | Polygon)]
    columns = [j for j, shape in enumerate(b) if j in touching_b and isinstance(shape, Mask | Polygon)]
    if rows and columns:
        masks_a = [geometry.to_mask(a[i], height_px, width_px) for i in rows]
        masks_b = [geometry.to_mask(b[j], height_px, width_px) for j in columns]
        ious[np.ix_(rows, columns)] = rle.iou_matrix(masks_a, masks_b)
    return ious


def covered(shapes: Sequence[Shape], regions: Sequence[Shape], height_px: int, width_px: int) -> NDArray[np.float32]:
    """The share of each shape that lies in each region, float32 (n, m) in 0..1: COCO's overlap with a crowd.

    By pixels where both have an area, else by bounding box; 0 for a shape without area.
    """
    a = geometry.to_xyxy(shapes).astype(np.float64)
    b = geometry.to_xyxy(regions).astype(np.float64)
    sides = np.clip(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None)
    inter = np.prod(sides, axis=2)
    area = np.broadcast_to(np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None], inter.shape)
    out = np.divide(inter, area, out=np.zeros_like(inter), where=area > 0)
    for i, j in np.argwhere(inter > 0):
        own, region = shapes[int(i)], regions[int(j)]
        if isinstance(own, Mask | Polygon) and isinstance(region, Mask | Polygon):
            inside, whole = (rle.decode(geometry.to_mask(s, height_px, width_px)) for s in (region, own))
            out[i, j] = (inside & whole).sum() / max(int(whole.sum()), 1)
    return out.astype(np.float32)


def greedy(
    ious: NDArray[Any],
    min_iou: float = MATCH_IOU,
    same_class: NDArray[np.bool_] | None = None,
    scores: NDArray[Any] | None = None,
) -> Matching:
    """Pairs in order of falling IoU, each proposal and each truth once (DESIGN section 7).

    ious (n, m). Equal IoU: the pair of one class first (same_class, bool (n, m)), then the higher score (scores (n,), NaN =
    none), then the earlier places. A pair at exactly min_iou counts.
    """
    n, m = ious.shape
    rows, columns = np.nonzero(ious >= min_iou)
    values = ious[rows, columns]
    alike = np.zeros(len(rows), np.bool_) if same_class is None else same_class[rows, columns]
    sure = np.zeros(len(rows)) if scores is None else np.nan_to_num(np.asarray(scores, np.float64), nan=0.0)[rows]
    order = np.lexsort((columns, rows, -sure, ~alike, -values))
    free_row, free_column = np.ones(n, np.bool_), np.ones(m, np.bool_)
    kept: list[int] = []
    for k in order:
        if free_row[rows[k]] and free_column[columns[k]]:
            free_row[rows[k]] = free_column[columns[k]] = False
            kept.append(int(k))
    return Matching(
        tuple((int(rows[k]), int(columns[k]), float(values[k])) for k in kept),
        tuple(int(i) for i in np.flatnonzero(free_row)),
        tuple(int(j) for j in np.flatnonzero(free_column)),
    )


def match_objects(
    proposed: Sequence[Labeled],
    truth: Sequence[Labeled],
    height_px: int,
    width_px: int,
    *,
    min_iou: float = MATCH_IOU,
    by_class: bool = False,
) -> Matching:
    """Match the objects of one image greedily by IoU. by_class: only objects of one class can meet.

    Without it a proposal of a wrong class can take a truth, which is what an expert sees: the class is then changed by a key.
    """
    ious = overlaps([o.shape for o in proposed], [o.shape for o in truth], height_px, width_px)
    names_a = np.asarray([o.class_name for o in proposed], dtype=object)
    names_b = np.asarray([o.class_name for o in truth], dtype=object)
    alike = np.asarray(names_a[:, None] == names_b[None, :], np.bool_).reshape(ious.shape)
    scores = np.asarray([np.nan if o.score is None else o.score for o in proposed], np.float64)
    return greedy(np.where(alike, ious, 0) if by_class else ious, min_iou, alike, scores)
