"""Plain picture features without any model: color, its layout, edge directions and fine texture, as one vector of unit length.

Shared by the color-texture embedder and the few-shot labeler. Built from well-known parts: color moments (Stricker and Orengo,
1995), histograms of oriented gradients (Dalal and Triggs, 2005), uniform local binary patterns (Ojala et al., 2002); histograms
are compared by their square roots (Hellinger distance).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.media.image import Rgb

SIDE_PX = 96  # every picture is brought to this square first: features then mean the same on any size
GRID = 4
DIRECTIONS = 8
LENGTH = 374  # the length of the vector

# How much each block counts, found by nearest-neighbor accuracy on the grocery photographs; none is critical.
WEIGHTS = {"colors": 1.8, "lightness": 0.5, "moments": 0.4, "layout": 0.8, "edges": 0.7, "coarse_edges": 0.5, "texture": 0.8}

Features = NDArray[np.float32]


def features(pictures: Sequence[Rgb]) -> Features:
    """n uint8 RGB pictures (height, width, 3) of any size from 1x1 -> float32 (n, LENGTH), finite, unit length.

    None give (0, LENGTH). Gray pictures, (height, width), are welcome. Raises ValueError for other shapes or an empty picture.
    """
    out = np.zeros((len(pictures), LENGTH), np.float32)
    for row, picture in enumerate(pictures):
        out[row] = _of_one(picture)
    return out


def as_square(picture: NDArray[Any], side_px: int = SIDE_PX) -> Rgb:
    """The picture as uint8 RGB (side_px, side_px, 3), sides stretched. Raises ValueError for anything but uint8 RGB or gray."""
    import cv2

    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8 (height, width, 3), not empty, but got {picture.dtype} {picture.shape}")
    shrinks = min(picture.shape[:2]) >= side_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (side_px, side_px), interpolation=method), np.uint8)


def _of_one(picture: Rgb) -> Features:
    import cv2

    square = as_square(picture)
    lab = np.asarray(
        cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32
    )  # L 0..100, a and b about -127..127
    gray = np.ascontiguousarray(lab[:, :, 0] * 2.55)
    coarse = cv2.resize(gray, (SIDE_PX // 4, SIDE_PX // 4), interpolation=cv2.INTER_AREA)
    blocks = {
        "colors": _color_histogram(lab),
        "lightness": np.sqrt(_histogram(lab[:, :, 0] / 100 * 15.999, 16)),
        "moments": _moments(lab),
        "layout": _layout(lab),
        "edges": _edge_block(_edge_cells(gray, GRID)),
        "coarse_edges": _edge_block(_edge_cells(coarse, GRID // 2)),
        "texture": np.concatenate([_binary_patterns(gray, 1), _binary_patterns(gray, 3)]),
    }
    vector = np.concatenate([WEIGHTS[name] * _unit(block) for name, block in blocks.items()])
    return _unit(vector).astype(np.float32)


def _unit(vector: NDArray[Any]) -> NDArray[Any]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-9 else vector


def _histogram(values: NDArray[Any], bins: int) -> NDArray[np.float64]:
    counts = np.bincount(np.clip(values, 0, bins - 1).astype(np.int64).ravel(), minlength=bins)
    return counts / max(1, values.size)


def _color_histogram(lab: NDArray[np.float32]) -> NDArray[np.float64]:
    """Square root of a joint histogram over 12 hues in 2 strengths and 2 lightnesses, and 4 grays: 52 numbers."""
    chroma = np.hypot(lab[:, :, 1], lab[:, :, 2])
    hue = (np.arctan2(lab[:, :, 2], lab[:, :, 1]) / (2 * np.pi) % 1.0 * 12).astype(np.int64) % 12
    light = lab[:, :, 0]
    colored = 4 + hue * 4 + 2 * (chroma > 35) + (light > 55)
    code = np.where(chroma < 9, np.clip(light // 25.001, 0, 3).astype(np.int64), colored)
    return np.sqrt(_histogram(code, 52))


def _moments(lab: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean, spread and skew of each Lab channel over the picture, scaled to about -1..1: 9 numbers, and a constant."""
    flat = lab.reshape(-1, 3).astype(np.float64) / 100
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    rest = flat - mean
    skew = np.cbrt((rest * rest * rest).mean(axis=0))
    return np.concatenate([2 * mean - [1, 0, 0], 2 * spread, 2 * skew, [0.5]])


def _layout(lab: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean and spread of lightness and color in each of 4x4 cells, scaled to about -1..1: 96 numbers."""
    cell = SIDE_PX // GRID
    cells = lab.reshape(GRID, cell, GRID, cell, 3).astype(np.float64) / 100
    mean = cells.mean(axis=(1, 3))
    spread = cells.std(axis=(1, 3))
    return np.concatenate([(2 * mean - [1, 0, 0]).ravel(), 2 * spread.ravel()])


def _edge_cells(gray: NDArray[Any], grid: int) -> NDArray[np.float64]:
    """Gradient strength by direction (0..180 degrees, soft between two) in each cell: (grid, grid, 8)."""
    import cv2

    dx, dy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    strength = np.sqrt(dx * dx + dy * dy)
    angle = np.arctan2(dy, dx) / np.pi * DIRECTIONS % DIRECTIONS
    low = angle.astype(np.int32)
    share = angle - low
    cell = gray.shape[0] // grid
    place = np.arange(gray.shape[0], dtype=np.int32) // cell
    base = (place[:, None] * grid + place[None, :]) * DIRECTIONS
    size = grid * grid * DIRECTIONS
    counts = np.bincount((base + low % DIRECTIONS).ravel(), (strength * (1 - share)).ravel(), size)
    counts += np.bincount((base + (low + 1) % DIRECTIONS).ravel(), (strength * share).ravel(), size)
    return counts.reshape(grid, grid, DIRECTIONS) / (cell * cell)


def _edge_block(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square roots, so that one strong edge does not rule; a small constant keeps a flat picture from being all noise."""
    return np.sqrt(cells + 0.5).ravel()


def _pattern_table() -> NDArray[np.int64]:
    """8-bit local binary pattern -> one of 10 codes: the number of ones where the ring changes at most twice, else 9."""
    bits = (np.arange(256)[:, None] >> np.arange(8)[None, :]) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), 9).astype(np.int64)


PATTERNS = _pattern_table()
RING = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def _binary_patterns(gray: NDArray[np.float32], radius_px: int) -> NDArray[np.float64]:
    """Square root of the histogram of uniform local binary patterns at one radius, upper and lower half: 20 numbers."""
    r, (height, width) = radius_px, gray.shape
    core = gray[r : height - r, r : width - r] + 1.0  # a neighbor must be brighter by a gray level: flat areas stay quiet
    code = np.zeros(core.shape, np.uint8)
    for bit, (dy, dx) in enumerate(RING):
        neighbor = gray[r + dy * r : height - r + dy * r, r + dx * r : width - r + dx * r]
        code |= (neighbor > core).astype(np.uint8) << bit
    uniform = PATTERNS[code]
    half = uniform.shape[0] // 2
    return np.sqrt(np.concatenate([_histogram(uniform[:half], 10), _histogram(uniform[half:], 10)]))
