"""Dense image features on a coarse grid, for the pixel model of the embedded labeler.

An image is resized so that one grid cell covers ``cell_px`` image pixels. Every feature is a float32 map on that
grid: Gaussian-smoothed CIE Lab, gradient magnitude, Hessian eigenvalues (Frangi et al., "Multiscale vessel
enhancement filtering", 1998; Sommer et al., "ilastik", 2011, use the same bank) and local standard deviation at
several scales, with large scales computed on a reduced grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
U8: TypeAlias = NDArray[np.uint8]

MAX_CELLS = 200_000
_BORDER = cv2.BORDER_REPLICATE


@dataclass(frozen=True, slots=True)
class GridSpec:
    """Geometry of the feature grid.

    cell_px: wanted side of one grid cell in image pixels (>= 0.5).
    sigmas_cells: Gaussian scales in grid cells, ascending.
    """

    cell_px: float
    sigmas_cells: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GridShape:
    """Grid of one image: rows, columns and the image pixels per cell along y and x."""

    rows: int
    cols: int
    cell_y_px: float
    cell_x_px: float


def grid_shape(height_px: int, width_px: int, spec: GridSpec) -> GridShape:
    """Return the grid of an image; cells grow where the image would need more than ``MAX_CELLS`` of them.

    Raises ValueError for an image without pixels.
    """
    if height_px < 1 or width_px < 1:
        raise ValueError(f"image has no pixels: {height_px}x{width_px}")
    cell = max(spec.cell_px, float(np.sqrt(height_px * width_px / MAX_CELLS)))
    rows = max(1, min(round(height_px / cell), MAX_CELLS))
    cols = max(1, min(round(width_px / cell), MAX_CELLS // rows))
    return GridShape(rows, cols, height_px / rows, width_px / cols)


def _resize(image: F32 | U8, rows: int, cols: int) -> F32:
    h, w = image.shape[:2]
    area = rows <= h and cols <= w
    return cv2.resize(image, (cols, rows), interpolation=cv2.INTER_AREA if area else cv2.INTER_LINEAR)  # pyright: ignore[reportReturnType]


def _blur(image: F32, sigma: float) -> F32:
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=_BORDER)  # pyright: ignore[reportReturnType]


def _lab(rgb: U8, rows: int, cols: int) -> F32:
    """Return float32 Lab scaled to about 0..1 / -1..1 on a rows x cols raster."""
    small = _resize(rgb, rows, cols)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)
    lab *= np.float32(0.01)
    return lab


def _sobel(image: F32, dx: int, dy: int) -> F32:
    return cv2.Sobel(image, cv2.CV_32F, dx, dy, ksize=3, borderType=_BORDER)  # pyright: ignore[reportReturnType]


def _scale_maps(base: F32, sigma: float) -> list[F32]:
    """Return the maps of one scale on the base raster (base is already reduced for large scales)."""
    smooth = _blur(base, sigma)
    light = np.ascontiguousarray(smooth[:, :, 0])
    gain = np.float32(sigma)
    maps: list[F32] = [smooth[:, :, k] for k in range(3)]
    grad_sum = np.zeros_like(light)
    for k in range(3):
        channel = np.ascontiguousarray(smooth[:, :, k])
        gx, gy = _sobel(channel, 1, 0), _sobel(channel, 0, 1)
        grad_sum += gx * gx + gy * gy
    maps.append(np.sqrt(grad_sum) * gain)
    for k in (0, 1):
        channel = light if k == 0 else np.ascontiguousarray(smooth[:, :, 1] + smooth[:, :, 2])
        xx, yy, xy = _sobel(channel, 2, 0), _sobel(channel, 0, 2), _sobel(channel, 1, 1)
        mean, diff = (xx + yy) * 0.5, (xx - yy) * 0.5
        root = np.sqrt(diff * diff + xy * xy)
        maps += [(mean + root) * (gain * gain), (mean - root) * (gain * gain)]
    local = _blur(np.ascontiguousarray(base[:, :, 0]) ** 2, sigma) - light * light
    maps.append(np.sqrt(np.maximum(local, 0)))
    return maps


def _fine_maps(rgb: U8, shape: GridShape) -> list[F32]:
    """Return sub-cell detail: mean and maximum gradient of a raster twice as fine, pooled to the grid."""
    fine = _lab(rgb, shape.rows * 2, shape.cols * 2)
    light = np.ascontiguousarray(fine[:, :, 0])
    gx, gy = _sobel(light, 1, 0), _sobel(light, 0, 1)
    grad = np.sqrt(gx * gx + gy * gy)
    mean = (_pooled(np.add, grad) * np.float32(0.25)).astype(np.float32, copy=False)
    return [mean, _pooled(np.maximum, grad), _pooled(np.minimum, light), _pooled(np.maximum, light)]


def _pooled(combine: np.ufunc, image: F32) -> F32:
    """Return blocks of 2 x 2 of an image with even sides combined into one; far quicker than reducing a reshaped array."""
    rows = combine(image[0::2], image[1::2])
    return combine(rows[:, 0::2], rows[:, 1::2])


def image_features(rgb: U8, spec: GridSpec) -> tuple[F32, GridShape]:
    """Return (features, grid): float32 (rows, cols, n_features), finite, and the grid they live on.

    rgb: uint8 (h, w, 3). Raises ValueError for an image without pixels.
    """
    maps, shape = feature_maps(rgb, spec)
    return np.stack(maps, axis=-1).astype(np.float32, copy=False), shape


def feature_maps(rgb: U8, spec: GridSpec) -> tuple[list[F32], GridShape]:
    """Return :func:`image_features` as a list of maps (rows, cols), for who needs a few cells only."""
    shape = grid_shape(rgb.shape[0], rgb.shape[1], spec)
    base = _lab(rgb, shape.rows, shape.cols)
    maps = _fine_maps(rgb, shape)
    for sigma in spec.sigmas_cells:
        factor = 2 ** max(0, int(np.floor(np.log2(sigma / 1.5))))
        rows, cols = max(1, -(-shape.rows // factor)), max(1, -(-shape.cols // factor))
        if factor == 1 or min(rows, cols) < 2:
            maps += _scale_maps(base, sigma)
            continue
        reduced = _resize(base, rows, cols)
        coarse = np.stack(_scale_maps(reduced, sigma / factor), axis=-1)
        full = _upsample(coarse, shape.rows, shape.cols)
        maps += [full[:, :, k] for k in range(full.shape[2])]
    stats = _image_stats(base)
    light = base[:, :, 0]
    maps += [(light - stats[0]) / (stats[1] + np.float32(0.02))]
    return maps, shape


def _image_stats(base: F32) -> F32:
    """Return the image's median lightness and its 10..90 % lightness spread."""
    light = base[::2, ::2, 0]
    low, mid, high = np.percentile(light, (10, 50, 90))
    return np.array([mid, high - low], dtype=np.float32)


def _upsample(maps: F32, rows: int, cols: int) -> F32:
    """Return maps (r, c, k) enlarged bilinearly; cv2 takes any number of channels for linear resizing of <= 4 only."""
    out = np.empty((rows, cols, maps.shape[2]), dtype=np.float32)
    for start in range(0, maps.shape[2], 4):
        part = np.ascontiguousarray(maps[:, :, start : start + 4])
        big = cv2.resize(part, (cols, rows), interpolation=cv2.INTER_LINEAR)
        out[:, :, start : start + 4] = big if big.ndim == 3 else big[:, :, None]
    return out
