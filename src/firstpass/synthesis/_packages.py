"""Draws packages: boxes, bottles, cans, bags and jars as pictures with an alpha channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.synthesis._prints import Design, face

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A drawn package. rgb: float32 (h, w, 3), 0..255. alpha: float32 (h, w), 0..1."""

    rgb: Plane
    alpha: Plane


@dataclass(frozen=True, slots=True)
class Product:
    """One article of the shop. width, height: as shares of a shelf's clear height. body: RGB of glass, lid side or contents."""

    class_name: str
    design: Design
    width: float
    height: float
    body: tuple[int, int, int]
    cap: tuple[int, int, int]


def draw(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    """The package at that size. view: -1..1, where it stands from left to right, which decides the side that shows."""
    return DRAW[product.class_name](product, width_px, height_px, view, rng)


def crush(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """The package with a dent, creases and a tear: damaged in transport."""
    height, width = sprite.alpha.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    side = 1.0 if rng.random() < 0.5 else -1.0
    cx, cy = width * (0.5 - 0.5 * side), height * float(rng.uniform(0.15, 0.4))
    reach = np.exp(-(((xs - cx) / (0.42 * width)) ** 2) - ((ys - cy) / (0.2 * height)) ** 2)
    ripple = np.sin(ys / height * 46 + xs / width * 7) * 0.03 * width * reach
    map_x = xs - side * 0.42 * width * reach + ripple
    map_y = ys - 0.1 * height * np.exp(-(((xs - cx) / (0.6 * width)) ** 2)) * (1 - ys / height)
    rgb = cv2.remap(sprite.rgb, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.remap(sprite.alpha, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0,))
    rgb = rgb * (1 - 0.45 * reach[..., None] * (0.5 + 0.5 * np.sin(ys / height * 46 + xs / width * 7))[..., None])
    tear = [
        (cx + side * width * 0.1, cy - height * 0.03),
        (cx + side * width * 0.55, cy + height * 0.07),
        (cx + side * width * 0.14, cy + height * 0.12),
    ]
    painted = np.clip(rgb, 0, 255).astype(np.uint8)
    cv2.fillPoly(painted, [np.asarray(tear, np.int32)], (226, 219, 205), cv2.LINE_AA)
    cv2.polylines(painted, [np.asarray(tear, np.int32)], True, (90, 80, 70), 1, cv2.LINE_AA)
    return Sprite(painted.astype(np.float32), np.asarray(alpha, np.float32))


def _revolved(half: Plane, width_px: int) -> tuple[Plane, Plane]:
    """A body of revolution seen from the front. half: half width per row in px, (h,). Gives alpha and u = -1..1, (h, w)."""
    across = np.arange(width_px, dtype=np.float32)[None, :] + 0.5 - width_px / 2
    alpha = np.clip(half[:, None] - np.abs(across) + 0.5, 0, 1).astype(np.float32)
    return alpha, np.clip(across / np.maximum(half[:, None], 1), -1, 1).astype(np.float32)


def _round_shade(u: Plane, gloss: float) -> tuple[Plane, Plane]:
    """Shade 0..1 and highlight 0..1 of a round body lit from the upper left."""
    normal = np.sqrt(np.clip(1 - u * u, 0, 1))
    shade = 0.38 + 0.62 * np.clip(normal * 0.9 - 0.28 * u, 0, 1)
    light = gloss * (np.exp(-(((u + 0.45) / 0.09) ** 2)) + 0.4 * np.exp(-(((u - 0.62) / 0.06) ** 2)))
    return shade.astype(np.float32), light.astype(np.float32)


def _wrapped(design: Design, u: Plane, top: float, bottom: float, sag_px: float) -> tuple[Plane, Plane]:
    """The print wrapped round a body between two rows: float32 RGB and its alpha, both of u's size."""
    height, width = u.shape
    print_px = face(design, max(8, int(width * 1.25)), max(8, int(bottom - top))).astype(np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] - top - sag_px * np.sqrt(np.clip(1 - u * u, 0, 1)) + sag_px
    columns = (np.arcsin(u) / np.pi + 0.5) * (print_px.shape[1] - 1)
    inside = np.clip(rows + 0.5, 0, 1) * np.clip(bottom - top - rows, 0, 1)
    out = cv2.remap(
        print_px, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.float32), inside.astype(np.float32)


def _smooth(t: Plane, low: float, high: float) -> Plane:
    s = np.clip((t - low) / (high - low), 0, 1)
    return (s * s * (3 - 2 * s)).astype(np.float32)


def _bottle(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    t = np.linspace(0, 1, height_px, dtype=np.float32)
    neck, shoulder = 0.17, 0.5
    half = neck + (shoulder - neck) * _smooth(t, 0.2, 0.42)
    half = half - 0.06 * _smooth(t, 0.955, 1.0)
    half = np.where(t < 0.09, 0.2, half) * width_px * 0.98
    alpha, u = _revolved(half.astype(np.float32), width_px)
    shade, light = _round_shade(u, 0.75)
    rgb = np.broadcast_to(np.asarray(product.body, np.float32), (*u.shape, 3)).copy()
    rgb *= (0.75 + 0.35 * np.abs(u) ** 3)[..., None]
    level = (t < 0.27)[:, None, None] & (t >= 0.09)[:, None, None]
    rgb = np.where(level, rgb * 0.55 + 105, rgb)
    label, inside = _wrapped(product.design, u, 0.5 * height_px, 0.86 * height_px, width_px * 0.05)
    rgb = rgb * (1 - inside[..., None]) + label * inside[..., None]
    ridged = np.asarray(product.cap, np.float32) * (0.9 + 0.1 * np.sin(np.arcsin(u) * 24))[..., None]
    rgb = np.where((t < 0.09)[:, None, None], ridged, rgb)
    rgb = rgb * shade[..., None] + 255 * (light * np.where(t < 0.5, 1, 0.5)[:, None] * 0.6)[..., None]
    return Sprite(rgb.astype(np.float32), alpha)


def _jar(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    t = np.linspace(0, 1, height_px, dtype=np.float32)
    half = 0.4 + 0.1 * _smooth(t, 0.2, 0.32) - 0.07 * _smooth(t, 0.93, 1.0)
    half = np.where(t < 0.19, 0.43, half) * width_px * 0.98
    alpha, u = _revolved(half.astype(np.float32), width_px)
    shade, light = _round_shade(u, 0.7)
    rgb = np.broadcast_to(np.asarray(product.body, np.float32), (*u.shape, 3)).copy()
    speckle = cv2.resize(
        rng.uniform(0.82, 1.12, (height_px // 5 + 1, width_px // 5 + 1)).astype(np.float32), (width_px, height_px)
    )
    rgb *= np.asarray(speckle, np.float32)[..., None]
    rgb = np.where(((t >= 0.19) & (t < 0.25))[:, None, None], rgb * 0.4 + 120, rgb)
    label, inside = _wrapped(product.design, u, 0.42 * height_px, 0.86 * height_px, width_px * 0.05)
    rgb = rgb * (1 - inside[..., None]) + label * inside[..., None]
    lid = np.asarray(product.cap, np.float32) * (0.86 + 0.14 * np.sin(np.arcsin(u) * 36))[..., None]
    lid = np.where((t < 0.05)[:, None, None], lid * 0.6 + 90, lid)
    rgb = np.where((t < 0.19)[:, None, None], lid, rgb)
    rgb = rgb * shade[..., None] + 255 * (light * 0.5)[..., None]
    return Sprite(rgb.astype(np.float32), alpha)


def _can(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    rise = max(2.0, 0.09 * width_px)
    t = np.linspace(0, 1, height_px, dtype=np.float32)
    half = np.full(height_px, 0.49 * width_px, np.float32) - 0.035 * width_px * (
        _smooth(t, 0.93, 1.0) + 1 - _smooth(t, 0.0, 0.1)
    )
    alpha, u = _revolved(half.astype(np.float32), width_px)
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    curve = rise * np.sqrt(np.clip(1 - u * u, 0, 1))
    alpha *= np.clip(rows - (rise - curve) + 0.5, 0, 1) * np.clip((height_px - rise + curve) - rows, 0, 1)
    shade, light = _round_shade(u, 0.9)
    metal = np.asarray((188, 192, 198), np.float32)
    rgb = np.broadcast_to(metal, (*u.shape, 3)).copy()
    label, inside = _wrapped(product.design, u, rise + 0.06 * height_px, height_px - rise * 1.6, rise)
    rgb = rgb * (1 - inside[..., None]) + label * inside[..., None]
    rgb = rgb * shade[..., None] + 255 * (light * 0.55)[..., None]
    lid = rows < rise + curve - 0.5
    tone = 150 + 70 * np.cos(u * 3.0 + rows / max(rise, 1)) * 0.5 + 25
    rgb = np.where(lid[..., None], tone[..., None] * np.asarray((0.98, 1.0, 1.03), np.float32), rgb)
    rim = np.abs(rows - (rise + curve)) < max(1.0, rise * 0.16)
    rgb = np.where(rim[..., None], 225.0, rgb)
    return Sprite(rgb.astype(np.float32), alpha.astype(np.float32))


def _bag(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    t = np.linspace(0, 1, height_px, dtype=np.float32)
    wobble = np.interp(t, np.linspace(0, 1, 9), rng.normal(0, 0.008, 9)).astype(np.float32)
    half = (0.44 + 0.05 * np.clip(np.sin(np.pi * t), 0, 1) ** 0.7 - 0.02 * np.sin(2 * np.pi * t) + wobble) * width_px
    alpha, u = _revolved(half.astype(np.float32), width_px)
    zigzag = (np.abs((np.arange(width_px) / max(3.0, width_px / 22)) % 2 - 1) * height_px * 0.012).astype(np.float32)
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    alpha *= np.clip(rows - zigzag[None, :], 0, 1) * np.clip(height_px - 1 - zigzag[None, :] - rows, 0, 1)
    printed = face(product.design, width_px, height_px).astype(np.float32)
    pillow = 0.62 + 0.38 * np.sqrt(np.clip(1 - np.abs(u) ** 2.6, 0, 1)) * (0.7 + 0.3 * np.sin(np.pi * t))[:, None]
    folds = _folds(width_px, height_px, rng)
    crimp = ((t < 0.07) | (t > 0.94))[:, None]
    lines = np.where(crimp, 0.86 + 0.14 * np.sin(rows * 6.28 / max(3.0, height_px / 60)), 1.0)
    rgb = printed * (pillow * lines)[..., None] + 90 * np.clip(folds, -0.6, 1)[..., None]
    shine = np.exp(-(((u + 0.42 - 0.12 * np.sin(5 * t)[:, None]) / 0.1) ** 2)) * np.sin(np.pi * t)[:, None]
    return Sprite(np.clip(rgb + 70 * shine[..., None], 0, 255).astype(np.float32), alpha.astype(np.float32))


def _folds(width_px: int, height_px: int, rng: np.random.Generator) -> Plane:
    """Light and shade of a few creases near both ends of a pouch, -1..1 and a little more, (h, w)."""
    t = np.linspace(0, 1, 48, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, 36, dtype=np.float32)[None, :]
    folds = np.zeros((48, 36), np.float32)
    for _ in range(7):
        x, y, tilt = (
            rng.uniform(-0.9, 0.9),
            rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.7, 0.95)]),
            rng.uniform(-2.5, 2.5),
        )
        folds += rng.uniform(-1, 1) * np.exp(-(((u - x - tilt * (t - y)) / 0.07) ** 2) - ((t - y) / 0.14) ** 2)
    return np.asarray(cv2.resize(folds, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.float32)


def _box(product: Product, width_px: int, height_px: int, view: float, rng: np.random.Generator) -> Sprite:
    side_px = int(np.clip(abs(view) * 0.2, 0.0, 0.17) * width_px)
    front = face(product.design, width_px - side_px, height_px).astype(np.float32)
    light = np.linspace(1.03, 0.9, front.shape[1], dtype=np.float32)[None, :, None]
    front *= light
    front[:, :2] *= 1.15
    front[:, -2:] *= 0.75
    if side_px < 2:
        return Sprite(front, np.ones(front.shape[:2], np.float32))
    flank = np.full((height_px, side_px, 3), product.design.base, np.float32) * 0.55
    flank[int(height_px * 0.2) : int(height_px * 0.4)] = np.asarray(product.design.second, np.float32) * 0.5
    narrow = np.linspace(0, 0.055 * height_px, side_px)  # the far edge of the side is shorter
    rows = np.arange(height_px)[:, None]
    cut = np.clip(rows - narrow[None, :] + 0.5, 0, 1) * np.clip(height_px - narrow[None, :] * 0.4 - rows, 0, 1)
    parts = [front, flank] if view < 0 else [flank[:, ::-1], front]
    alphas = [np.ones(front.shape[:2]), cut] if view < 0 else [cut[:, ::-1], np.ones(front.shape[:2])]
    return Sprite(np.concatenate(parts, axis=1).astype(np.float32), np.concatenate(alphas, axis=1).astype(np.float32))


DRAW: Mapping[str, Callable[[Product, int, int, float, np.random.Generator], Sprite]] = {
    "box": _box, "bottle": _bottle, "can": _can, "bag": _bag, "jar": _jar,
}  # fmt: skip
