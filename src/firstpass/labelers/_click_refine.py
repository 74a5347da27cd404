"""From a mask in a window to a mask of the full picture: its edge settled again at full resolution, the clicks kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from firstpass.labelers._click_features import Candidate
from firstpass.labelers._click_scene import Bytes, Scene, Window
from firstpass.labelers.base import Click

_api: Any = cv2


def to_full(scene: Scene, candidate: Candidate) -> Bytes:
    """The candidate as a mask (uint8 0/1) of the whole picture; its edge follows the picture's where the window was coarse."""
    width, height = scene.wh
    full = np.zeros((height, width), np.uint8)
    x1, y1, x2, y2 = candidate.window.region(scene.wh)
    if not candidate.window.level:
        full[y1:y2, x1:x2] = candidate.mask[: y2 - y1, : x2 - x1]
        return full
    soft = _api.resize(_api.GaussianBlur(candidate.mask.astype(np.float32), (0, 0), 0.7), (x2 - x1, y2 - y1))
    whole = (soft >= 0.5).astype(np.uint8)
    band = ((soft > 0.1) & (soft < 0.9)).astype(np.uint8)
    full[y1:y2, x1:x2] = _settle(scene.levels[0][y1:y2, x1:x2], whole, band)
    return full


def _settle(lab: Bytes, mask: Bytes, band: Bytes) -> Bytes:
    """The mask with the pixels of the band dealt out anew by watershed, then smoothed by a majority of neighbors."""
    markers = np.where(mask > 0, 2, 1).astype(np.int32)
    markers[band > 0] = 0
    if not (markers == 2).any() or not (markers == 1).any():
        return mask
    _api.watershed(np.ascontiguousarray(_api.GaussianBlur(lab, (3, 3), 0)), markers)
    dealt = np.where(markers == 2, 1.0, np.where(markers == 1, 0.0, 0.5)).astype(np.float32)
    frame = np.ones_like(mask)
    frame[1:-1, 1:-1] = 0  # watershed gives the frame to nobody
    dealt[frame > 0] = mask[frame > 0]
    return (_api.GaussianBlur(dealt, (5, 5), 0) >= 0.5).astype(np.uint8)


def seen_from(window: Window, full: Bytes) -> Bytes:
    """A full mask as a window sees it, uint8 0/1 (h, w)."""
    height, width = full.shape
    h, w = window.lab.shape[:2]
    x1, y1, x2, y2 = window.region((width, height))
    if not window.level:
        return np.ascontiguousarray(full[y1 : y1 + h, x1 : x1 + w])
    return (_api.resize(full[y1:y2, x1:x2] * np.uint8(255), (w, h), interpolation=_api.INTER_AREA) >= 128).astype(np.uint8)


def keep_clicks(mask: Bytes, clicks: Sequence[Click]) -> Bytes:
    """The mask, changed in place, with a small disk around every click it ignores; a later click goes before an earlier one."""
    pixels = [(int(click.x), int(click.y), click.positive) for click in clicks]
    for i, (x, y, positive) in enumerate(pixels):
        if bool(mask[y, x]) == positive:
            continue
        rivals = [np.hypot(x - u, y - v) for u, v, other in pixels[:i] + pixels[i + 1 :] if other != positive]
        radius = int(min(3.0, min(rivals, default=9.0) / 2))
        _api.circle(mask, (x, y), radius, int(positive), thickness=-1)
    for x, y, positive in pixels:
        mask[y, x] = positive
    return mask
