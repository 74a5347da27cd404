"""What a phone camera makes of a shelf: lamp light, a slight angle, soft focus, noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.synthesis._shelf import Shelf


def photograph(
    shelf: Shelf, size_wh_px: tuple[int, int], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """The picture, uint8 RGB (height, width, 3), and which package each pixel shows, int16 (height, width), 0 = none."""
    height, width = shelf.owner.shape
    angle = _angle(width, height, size_wh_px, rng)
    scale = width / size_wh_px[0]
    drawn = cv2.convertScaleAbs(shelf.rgb)
    drawn = cv2.blur(drawn, (max(1, round(scale)),) * 2)  # so that making it smaller does not flicker
    seen = cv2.warpPerspective(drawn, angle, size_wh_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rgb = _lit(np.asarray(seen, np.float32), rng)
    owner = cv2.warpPerspective(shelf.owner, angle, size_wh_px, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    focus = float(rng.choice([0.35, 0.6, 1.1], p=[0.5, 0.35, 0.15])) * size_wh_px[1] / 480
    rgb = cv2.GaussianBlur(rgb, (0, 0), max(0.2, focus))
    grain = rng.standard_normal((size_wh_px[1], size_wh_px[0], 3), np.float32)
    grain += grain[:, :, :1]  # most of a sensor's noise is in lightness
    noisy = rgb + float(rng.uniform(1.2, 3.6)) * (0.7 + rgb / 400) * grain
    return cv2.convertScaleAbs(np.maximum(noisy, 0)).astype(np.uint8), np.asarray(owner, np.int16)


def _lit(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Light from a lamp above, darker to the edges, with a warm or cool cast."""
    height, width = rgb.shape[:2]
    ys = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    xs = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    lamp = float(rng.uniform(-0.7, 0.7))
    strength = float(rng.uniform(0.1, 0.32))
    light = 1.1 - strength * ((xs - lamp) ** 2 * 0.55 + (ys + 0.35) ** 2 * 0.45)
    warmth = float(rng.uniform(-0.055, 0.055))
    cast = np.asarray([1 + warmth, 1.0, 1 - warmth], np.float32) * float(rng.uniform(0.9, 1.1))
    return np.asarray(rgb * (light[..., None] * cast), np.float32)


def _angle(width: int, height: int, size_wh_px: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """A homography from the drawn shelf to the picture: a little nearer on one side, a little turned, cropped at the edges."""
    corners = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    inset = 0.012 + np.abs(rng.normal(0, 0.012, (4, 2)))
    seen = corners + np.where(corners == 0, 1, -1) * np.clip(inset, 0, 0.05)
    source = (seen * [width, height]).astype(np.float32)
    target = (corners * list(size_wh_px)).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source, target), np.float64)
