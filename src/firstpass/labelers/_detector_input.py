"""Feeds a detector: resizes upright RGB pictures to the input's size and remembers the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._detector_card import Card
from firstpass.media.image import Rgb

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture lies in the input: input px = image px * scale + offset, for x and y."""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    width_px: int
    height_px: int

    def to_image(self, xyxy: FloatArray) -> FloatArray:
        """(n, 4) boxes in pixels of the input -> (n, 4) in pixels of the image, clipped to it."""
        scale = np.asarray([self.scale_x, self.scale_y] * 2, np.float64)
        offset = np.asarray([self.offset_x, self.offset_y] * 2, np.float64)
        size = np.asarray([self.width_px, self.height_px] * 2, np.float64)
        return np.clip((xyxy - offset) / scale, 0, size).astype(np.float32)


def fit_of(width_px: int, height_px: int, size_wh: tuple[int, int], card: Card) -> tuple[Fit, int, int]:
    """Where a picture of that size comes to lie, and its size there."""
    width, height = size_wh
    if card.resize == "stretch":
        return Fit(width / width_px, height / height_px, 0, 0, width_px, height_px), width, height
    ratio = min(width / width_px, height / height_px)
    inner_w, inner_h = max(1, min(width, int(width_px * ratio))), max(1, min(height, int(height_px * ratio)))
    if card.resize == "letterbox-top-left":  # as YOLOX: the size is cut to whole pixels, the boxes go back by the ratio
        return Fit(ratio, ratio, 0, 0, width_px, height_px), inner_w, inner_h
    inner_w, inner_h = max(1, round(width_px * ratio)), max(1, round(height_px * ratio))
    left, top = (width - inner_w) // 2, (height - inner_h) // 2
    return Fit(inner_w / width_px, inner_h / height_px, left, top, width_px, height_px), inner_w, inner_h


def make_input(
    pictures: Sequence[Rgb], size_wh: tuple[int, int], card: Card, dtype: str
) -> tuple[NDArray[np.generic], list[Fit]]:
    """n RGB pictures -> the batch as the card says, (n, 3, h, w) or (n, h, w, 3), and how each lies in it."""
    width, height = size_wh
    batch = np.empty((len(pictures), height, width, 3), np.uint8)
    fits: list[Fit] = []
    for place, picture in enumerate(pictures):
        image_h, image_w = picture.shape[:2]
        fit, inner_w, inner_h = fit_of(image_w, image_h, size_wh, card)
        left, top = int(fit.offset_x), int(fit.offset_y)
        if (inner_w, inner_h) != (width, height):
            batch[place] = card.pad
        inner = cv2.resize(picture, (inner_w, inner_h), interpolation=cv2.INTER_LINEAR)
        batch[place, top : top + inner_h, left : left + inner_w] = inner
        fits.append(fit)
    if card.color == "bgr":
        batch = batch[..., ::-1]
    if card.layout == "nchw":
        batch = batch.transpose(0, 3, 1, 2)
    if dtype == "tensor(uint8)":
        return np.ascontiguousarray(batch), fits
    kind = np.float16 if dtype == "tensor(float16)" else np.float32
    return np.ascontiguousarray(_scaled(batch, card).astype(kind, copy=False)), fits


def _scaled(batch: NDArray[np.uint8], card: Card) -> FloatArray:
    """(v * scale - mean) / std, in one multiplication and at most one addition."""
    values = batch.astype(np.float32, order="C")
    shape = (1, 3, 1, 1) if card.layout == "nchw" else (1, 1, 1, 3)
    std = np.asarray(card.std, np.float32).reshape(shape)
    factor = np.float32(card.scale) / std
    if not np.all(factor == 1):
        values *= factor
    if any(card.mean):
        values -= np.asarray(card.mean, np.float32).reshape(shape) / std
    return values
