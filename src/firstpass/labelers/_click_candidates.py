"""Candidate masks around one click: floods of color distance and of gradient at several scales and tolerances, and GrabCut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from firstpass.labelers._click_features import Candidate, fill_holes, measure, part_with
from firstpass.labelers._click_scene import Bytes, Floats, Scene, Window

HALF_PX = 72  # half a window's side, in pixels of its level
COLOR_STEPS = (4.0, 6.0, 8.5, 12.0, 17.0, 24.0, 34.0, 48.0)  # Lab units (8 bit) around the clicked color
EDGE_STEPS = (1.0, 1.6, 2.5, 4.0, 6.3, 10.0)  # Lab units per pixel that a flood may climb
_api: Any = cv2


def windows(scene: Scene, x_px: float, y_px: float, half: int = HALF_PX) -> list[Window]:
    """One window a level around a position, the finest first."""
    return [scene.around(level, x_px, y_px, half) for level in range(min(len(scene.levels), 6))]


def floods(window: Window, click: tuple[int, int], domain: Bytes | None = None) -> Iterator[Candidate]:
    """The candidates in one window. click: pixel (column, row). domain: uint8 0/1, where the mask may be."""
    column, row = click
    smooth = window.smooth
    patch = smooth[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(-1, 3)
    distance = np.sqrt(((smooth - np.median(patch, axis=0)) ** 2).sum(axis=2))
    yield from _grown(window, click, distance, COLOR_STEPS, "color", domain)
    yield from _grown(window, click, window.gradient, EDGE_STEPS, "edge", domain)


def _grown(
    window: Window, click: tuple[int, int], height: Floats, steps: tuple[float, ...], kind: str, domain: Bytes | None
) -> Iterator[Candidate]:
    last = 0
    for step in steps:
        low = (height <= step).astype(np.uint8)
        if domain is not None:
            low &= domain
        low[click[1], click[0]] = 1
        mask = np.zeros((low.shape[0] + 2, low.shape[1] + 2), np.uint8)
        _api.floodFill(low, mask, click, 1, 0, 0, 4 | _api.FLOODFILL_MASK_ONLY | (1 << 8))
        own = _tidied(mask[1:-1, 1:-1], click, 1 if kind == "edge" else 0)
        before = int(own.sum())
        whole = fill_holes(own)
        area = int(whole.sum())
        if area < 4 or area <= last * 1.03 or area > 0.95 * whole.size:
            continue
        last = area
        if domain is not None:
            whole &= domain
            whole[click[1], click[0]] = 1
        yield Candidate(window, whole, kind, measure(window, whole, click, 1 - before / area))


def _tidied(mask: Bytes, click: tuple[int, int], grow: int) -> Bytes:
    """Without whiskers: opened by a 3x3 cross where the click survives; grown by some pixels."""
    cross = _api.getStructuringElement(_api.MORPH_CROSS, (3, 3))
    opened = _api.morphologyEx(mask, _api.MORPH_OPEN, cross)
    own = part_with(opened, *click) if opened[click[1], click[0]] else np.ascontiguousarray(mask)
    return _api.dilate(own, cross, iterations=grow) if grow else own


def cut(
    window: Window, mask: Bytes, click: tuple[int, int] | None, sure: Bytes, never: Bytes, rounds: int = 2
) -> Candidate | None:
    """GrabCut begun from a mask. sure, never: uint8 0/1, pixels that must be in and out. None: nothing is left.

    Rother, Kolmogorov, Blake: GrabCut, SIGGRAPH 2004; OpenCV's.
    """
    trimap: Bytes = np.where(mask > 0, np.uint8(_api.GC_PR_FGD), np.uint8(_api.GC_PR_BGD))
    trimap[never > 0] = _api.GC_BGD
    trimap[sure > 0] = _api.GC_FGD
    if not ((trimap & 1) == 0).any() or not ((trimap & 1) == 1).any():
        return None
    _api.setRNGSeed(1)
    try:
        _api.grabCut(window.lab, trimap, None, np.zeros((1, 65)), np.zeros((1, 65)), rounds, _api.GC_INIT_WITH_MASK)
    except _api.error:
        return None  # too few pixels for its color models
    own: Bytes = trimap & np.uint8(1)
    own = part_with(own, *click) if click else _api.morphologyEx(own, _api.MORPH_OPEN, np.ones((3, 3), np.uint8))
    before = int(own.sum())
    if before < 4:
        return None
    whole = fill_holes(own)
    whole[never > 0] = 0
    return Candidate(window, whole, "cut", measure(window, whole, click, 1 - before / max(int(whole.sum()), 1)))
