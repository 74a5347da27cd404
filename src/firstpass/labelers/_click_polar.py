"""Candidate outlines that go once around the click: the best closed path through edges in polar coordinates.

For round and star-shaped things, touching neighbors included, where a flood runs over. Dynamic programming over the angles, a
radius may change by one step from an angle to the next; all scales at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._click_features import Candidate, measure
from firstpass.labelers._click_scene import Bytes, Floats, Window

ANGLES, RADII = 64, 72
RANGES = ((3, 14), (10, 30), (22, 70))  # radii looked at, px of the window
_api: Any = cv2


def rings(views: Sequence[tuple[Window, tuple[int, int]]], domain: Sequence[Bytes | None] = ()) -> Iterator[Candidate]:
    """The outlines around the click in each window. views: windows with the clicked pixel. domain: where a mask may be."""
    fields = [field for window, click in views for field in _fields(window, click)]
    if not fields:
        return
    blocked = np.full((len(RANGES), RADII), -1e4, np.float32)
    for row, (least, most) in zip(blocked, RANGES, strict=True):
        row[least : most + 1] = 0
    gains = (np.stack(fields)[:, None] + blocked[:, None]).reshape(-1, ANGLES, RADII)
    radii = _best_paths(gains)
    each = 2 * len(RANGES)
    turn = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for i, own in enumerate(radii):
        window, click = views[i // each]
        points = np.rint(np.asarray(click) + own[:, None] * circle).astype(np.int32)
        mask = _api.fillPoly(np.zeros(window.lab.shape[:2], np.uint8), [points], 1)
        limits = domain[i // each] if domain else None
        if limits is not None:
            mask &= limits
        mask[click[1], click[0]] = 1
        if 4 <= int(mask.sum()) < 0.95 * mask.size:
            yield Candidate(window, mask, "ring", measure(window, mask, click))


def _fields(window: Window, click: tuple[int, int]) -> list[Floats]:
    """What an outline gains by angle and radius: the gradient, and how fast the color leaves the clicked one."""
    column, row = click
    smooth = window.smooth
    patch = smooth[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(-1, 3)
    distance = np.sqrt(((smooth - np.median(patch, axis=0)) ** 2).sum(axis=2))
    both = [
        _api.warpPolar(field, (RADII, ANGLES), (float(column), float(row)), RADII, _api.INTER_LINEAR | _api.WARP_FILL_OUTLIERS)
        for field in (window.gradient, distance)
    ]
    rise = np.zeros_like(both[1])
    rise[:, 2:-2] = (both[1][:, 4:] - both[1][:, :-4]) / 4
    return [np.sqrt(both[0]), np.clip(rise, -2, 8)]


def _best_paths(gains: Floats) -> NDArray[np.int64]:
    """The radius (n, angles) of the path with the largest sum for gains (n, angles, radii), going around twice to close it."""
    count = gains.shape[0]
    total = np.zeros((count, RADII), np.float32)
    steps = np.empty((2 * ANGLES, count, RADII), np.int8)
    padded = np.full((3, count, RADII), -1e9, np.float32)
    for k in range(2 * ANGLES):
        padded[0, :, 1:] = total[:, :-1] - 0.1
        padded[1] = total
        padded[2, :, :-1] = total[:, 1:] - 0.1
        choice = padded.argmax(axis=0)
        steps[k] = choice - 1
        total = padded.max(axis=0) + gains[:, k % ANGLES]
    at = total.argmax(axis=1)
    radii = np.empty((count, ANGLES), np.int64)
    rows: NDArray[np.int64] = np.arange(count, dtype=np.int64)
    for k in range(2 * ANGLES - 1, ANGLES // 2 - 1, -1):
        radii[:, k % ANGLES] = at
        at = np.clip(at + steps[k][rows, at], 0, RADII - 1)
    return radii
