"""From a box to a mask: GrabCut from several beginnings and the ellipse, judged by outline and by how they fill the box."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._click_candidates import cut
from firstpass.labelers._click_features import Candidate, measure
from firstpass.labelers._click_scene import Bytes, Scene, Window
from firstpass.labelers._click_score import score_in_box

Xyxy = tuple[float, float, float, float]
SIDE_PX = 80  # longest side of a box in the window it is looked at in
_MARGIN = 0.15
_api: Any = cv2


def view(scene: Scene, box: Xyxy) -> tuple[Window, Bytes]:
    """The window around a box at a fitting level, and the box in it as uint8 0/1."""
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1, 1.0)
    level = min(max(int(np.ceil(np.log2(side / SIDE_PX))), 0), len(scene.levels) - 1)
    pad = max(_MARGIN * side, 6.0 * scene.wh[0] / scene.levels[level].shape[1])
    window = scene.window(level, (x1 - pad, y1 - pad, x2 + pad, y2 + pad))
    left, top = window.pixel_of(x1 + 0.01, y1 + 0.01)
    right, bottom = window.pixel_of(max(x2 - 0.01, x1), max(y2 - 0.01, y1))
    inside = np.zeros(window.lab.shape[:2], np.uint8)
    inside[top : bottom + 1, left : right + 1] = 1
    return window, inside


def candidates(window: Window, inside: Bytes) -> list[Candidate]:
    """The candidates in a box: an ellipse, the box itself, GrabCut from the box, from the ellipse and from a core."""
    ys, xs = np.nonzero(inside)
    left, top, right, bottom = int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())
    center, axes = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
    ellipse, core = (
        _api.ellipse(np.zeros_like(inside), center, (max(int(axes[0] * f), 0), max(int(axes[1] * f), 0)), 0, 0, 360, 1, -1)
        for f in (1.0, 0.6)
    )
    never = 1 - inside
    none = np.zeros_like(inside)
    seed = _api.ellipse(none.copy(), center, (axes[0] // 5, axes[1] // 5), 0, 0, 360, 1, -1)
    out = [
        Candidate(window, np.ascontiguousarray(m), k, measure(window, m, None))
        for m, k in ((ellipse, "ellipse"), (inside, "box"))
    ]
    for begin, sure, rounds in ((inside, none, 2), (ellipse, none, 2), (core, none, 2), (ellipse, seed, 2), (core, seed, 2)):
        found = cut(window, begin, None, sure, never, rounds)
        if found is not None:
            out.append(found)
    return out


def fit(candidate: Candidate, inside: Bytes) -> NDArray[np.float64]:
    """How a mask fills its box: share of it, and how far from each side it stays (mean and largest, shares of the box)."""
    ys, xs = np.nonzero(inside)
    left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    my, mx = np.nonzero(candidate.mask)
    width, height = right - left, bottom - top
    gaps = [
        (mx.min() - left) / width,
        (right - mx.max() - 1) / width,
        (my.min() - top) / height,
        (bottom - my.max() - 1) / height,
    ]
    return np.asarray([len(mx) / (width * height), float(np.mean(np.abs(gaps))), float(np.max(np.abs(gaps)))])


def best_in(scene: Scene, box: Xyxy) -> tuple[Candidate, float, tuple[Candidate, ...]]:
    """The best mask for a box, its expected IoU, and all that were looked at."""
    window, inside = view(scene, box)
    pool = candidates(window, inside)
    values = [score_in_box(candidate, fit(candidate, inside)) for candidate in pool]
    best = int(np.argmax(values))
    return pool[best], float(np.clip(values[best], 0, 1)), tuple(pool)


def kept_inside(mask: Bytes, box: Xyxy) -> Bytes:
    """The mask, changed in place, without what is outside the box (whole pixels that it touches); the box when none is left."""
    height, width = mask.shape
    x1, y1 = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
    x2, y2 = max(int(np.ceil(box[2])), x1 + 1), max(int(np.ceil(box[3])), y1 + 1)
    own = mask[y1:y2, x1:x2].copy()
    mask[:] = 0
    mask[y1:y2, x1:x2] = own if own.any() else 1
    return mask
