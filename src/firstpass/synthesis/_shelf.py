"""Builds one shop shelf: back wall, boards, price rail, and the packages on them, with a map that says which pixel is whose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.synthesis._catalog import CLASSES, SHARE
from firstpass.synthesis._packages import Plane, Product, Sprite, crush, draw
from firstpass.synthesis._prints import from_hsv

FACINGS = (0.3, 0.36, 0.24, 0.1)  # how often a product stands 1, 2, 3, 4 times side by side
EMPTY_RATE, DAMAGE_RATE, SOLD_RATE = 0.3, 0.3, 0.08  # of pictures, of pictures, of facings


@dataclass(frozen=True, slots=True)
class Placed:
    """One package in the picture: its class, and whether it is damaged. Its place in the list, from 1, is its number in
    the map. drawn_px: pixels it would fill if nothing stood before it.
    """

    class_name: str
    damaged: bool
    drawn_px: int


@dataclass(slots=True, eq=False)
class Shelf:
    """A shelf being filled. rgb: float32 (h, w, 3). owner: int16 (h, w), 0 = no package. empty: a part of a board is bare.

    drawn: packages that look the same from everywhere, kept for the next facing.
    """

    rgb: Plane
    owner: NDArray[np.int16]
    placed: list[Placed] = field(default_factory=list[Placed])
    drawn: dict[tuple[Product, int, int], Sprite] = field(default_factory=dict[tuple[Product, int, int], Sprite])
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One level. floor_px: where packages stand. clear_px: height up to the board above. thick_px: the front edge."""

    floor_px: int
    clear_px: int
    thick_px: int


def build(products: tuple[Product, ...], width_px: int, height_px: int, rng: np.random.Generator) -> Shelf:
    """A filled shelf of that size."""
    rgb, boards = _furniture(width_px, height_px, rng)
    shelf = Shelf(rgb, np.zeros((height_px, width_px), np.int16))
    bare = int(rng.integers(len(boards))) if rng.random() < EMPTY_RATE else -1
    damaged = rng.random() < DAMAGE_RATE
    for place, board in enumerate(boards):
        gap = _bare_part(width_px, rng) if place == bare else None
        _fill(shelf, board, products, gap, rng)
        shelf.empty |= gap is not None
    if damaged and shelf.placed:
        _damage_one(shelf, boards, products, rng)
    return shelf


def _furniture(width_px: int, height_px: int, rng: np.random.Generator) -> tuple[Plane, list[Board]]:
    levels = 3 if rng.random() < 0.75 else 2
    thick = int(height_px * 0.042)
    pitch = height_px / levels
    hue, dark = float(rng.choice([30, 210, 40, 200])), rng.random() < 0.4
    wall = np.asarray(from_hsv(hue, 0.1, 0.34 if dark else 0.6), np.float32)
    panel = np.broadcast_to(wall.astype(np.uint8), (height_px, width_px, 3)).copy()
    step = max(8, width_px // 40)
    for x in range(step // 2, width_px, step):
        for y in range(step // 2, height_px, step):
            cv2.circle(panel, (x, y), max(1, step // 9), (wall * 0.8).tolist(), -1, cv2.LINE_AA)
    rgb = panel.astype(np.float32)
    rail = np.asarray(
        from_hsv(hue, 0.05, 0.86) if rng.random() < 0.7 else from_hsv(float(rng.choice([4, 140, 215])), 0.55, 0.62), np.float32
    )
    boards: list[Board] = []
    for level in range(levels):
        floor = int(pitch * (level + 1) - thick - rng.uniform(0, 0.01) * height_px)
        clear = int(pitch - thick * 1.1)
        top = max(0, floor - clear)
        depth = np.linspace(0.42, 1.0, floor - top, dtype=np.float32)[:, None, None]
        rgb[top:floor] *= np.minimum(1.0, depth * 1.25)
        lip = int(thick * 0.35)
        rgb[floor - lip : floor] = rail * 0.72
        _rail(rgb, floor, thick, rail, rng)
        boards.append(Board(floor, clear, thick))
    return rgb, boards


def _rail(rgb: Plane, floor: int, thick: int, color: NDArray[np.float32], rng: np.random.Generator) -> None:
    """The front edge of a board, with price tags."""
    height, width = rgb.shape[:2]
    bottom = min(height, floor + thick)
    fade = np.linspace(1.06, 0.82, bottom - floor, dtype=np.float32)[:, None, None]
    rgb[floor:bottom] = color * fade
    rgb[bottom : bottom + max(2, thick // 8)] *= 0.45
    x = float(rng.uniform(0.02, 0.08) * width)
    while x < width * 0.95:
        tag = int(thick * rng.uniform(1.5, 1.9))
        ground = (252, 250, 244) if rng.random() < 0.75 else (250, 214, 66)
        ticket = np.full((int(thick * 0.7), tag, 3), ground, np.uint8)
        price = f"{int(rng.integers(0, 9))}.{int(rng.integers(1, 10))}9"
        where = (tag // 12, int(thick * 0.58))
        cv2.putText(
            ticket, price, where, cv2.FONT_HERSHEY_SIMPLEX, thick * 0.019, (40, 40, 44), max(1, thick // 18), cv2.LINE_AA
        )
        places = _window(rgb.shape, int(x), floor + int(thick * 0.16), tag, len(ticket))
        if places is not None:
            rgb[places[0]] = ticket[places[1]]
        x += tag + float(rng.uniform(0.09, 0.2)) * width


def _bare_part(width_px: int, rng: np.random.Generator) -> tuple[float, float]:
    share = float(rng.uniform(0.5, 0.85))
    left = float(rng.uniform(0, 1 - share))
    return left * width_px, (left + share) * width_px


def _fill(
    shelf: Shelf, board: Board, products: tuple[Product, ...], gap: tuple[float, float] | None, rng: np.random.Generator
) -> None:
    width_px = shelf.owner.shape[1]
    x = float(rng.uniform(-0.04, 0.03) * width_px)
    while x < width_px * 0.97:
        product = _choose(products, rng)
        count = 1 + int(rng.choice(4, p=FACINGS))
        if product.class_name in ("box", "bag"):
            count = min(count, 3)
        x = _group(shelf, board, product, count, x, gap, rng)
        x += float(rng.choice([rng.uniform(-0.004, 0.01), rng.uniform(0.01, 0.045)], p=[0.6, 0.4])) * width_px


def _choose(products: tuple[Product, ...], rng: np.random.Generator) -> Product:
    name = str(rng.choice(CLASSES, p=[SHARE[c] for c in CLASSES]))
    own = [p for p in products if p.class_name == name]
    return own[int(rng.integers(len(own)))]


def _group(
    shelf: Shelf,
    board: Board,
    product: Product,
    count: int,
    x: float,
    gap: tuple[float, float] | None,
    rng: np.random.Generator,
) -> float:
    """A product side by side, with a darker row behind; gives the right end."""
    width, height = int(product.width * board.clear_px), int(product.height * board.clear_px)
    step = width * float(rng.uniform(0.93, 1.03))
    spots = [x + k * step for k in range(count)]
    free = [s for s in spots if gap is None or s + width < gap[0] or s > gap[1]]
    lift = int(board.thick_px * 0.33)
    for spot in free:
        if rng.random() < 0.55:
            shift = float(rng.uniform(-0.25, 0.25)) * width
            _put(shelf, product, spot + shift, board.floor_px - lift, (int(width * 0.93), int(height * 0.95)), 0.58, rng)
    for spot in free:
        if rng.random() >= SOLD_RATE:
            jitter = int(rng.uniform(-0.1, 0.12) * board.thick_px)
            _put(shelf, product, spot, board.floor_px - lift // 3 + jitter, (width, height), 1.0, rng)
    return x + count * step


def _put(
    shelf: Shelf, product: Product, left: float, floor: int, size_wh: tuple[int, int], light: float, rng: np.random.Generator,
    damaged: bool = False,
) -> None:  # fmt: skip
    width_px = shelf.owner.shape[1]
    view = (left + size_wh[0] / 2) / width_px * 2 - 1
    sprite = _sprite(shelf, product, size_wh, view, rng)
    sprite = crush(sprite, rng) if damaged else sprite
    if product.class_name in ("bag", "box") and rng.random() < 0.5:
        sprite = _leaning(sprite, float(rng.normal(0, 1.6 if product.class_name == "bag" else 0.7)))
    tone = light * float(rng.uniform(0.93, 1.04))
    top = floor - sprite.alpha.shape[0]
    _shadow(shelf, sprite.alpha, int(left), top)
    if _paste(shelf, Sprite(sprite.rgb * tone, sprite.alpha), int(left), top, len(shelf.placed) + 1):
        shelf.placed.append(Placed(product.class_name, damaged, int((sprite.alpha > 0.5).sum())))


def _sprite(shelf: Shelf, product: Product, size_wh: tuple[int, int], view: float, rng: np.random.Generator) -> Sprite:
    if product.class_name in ("box", "bag"):
        return draw(product, size_wh[0], size_wh[1], view, rng)
    key = (product, *size_wh)
    if key not in shelf.drawn:
        shelf.drawn[key] = draw(product, size_wh[0], size_wh[1], view, rng)
    return shelf.drawn[key]


def _leaning(sprite: Sprite, degrees: float) -> Sprite:
    height, width = sprite.alpha.shape
    turn = cv2.getRotationMatrix2D((width / 2, float(height)), degrees, 1.0)
    pad = int(abs(np.sin(np.radians(degrees))) * height) + 1
    turn[0, 2] += pad
    size = (width + 2 * pad, height)
    rgb = cv2.warpAffine(sprite.rgb, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(sprite.alpha, turn, size, flags=cv2.INTER_LINEAR)
    return Sprite(np.asarray(rgb, np.float32), np.asarray(alpha, np.float32))


def _window(shape: tuple[int, ...], left: int, top: int, width: int, height: int) -> tuple[Any, Any] | None:
    """Slices of the picture and of the sprite where they meet; None when they do not."""
    x1, y1 = max(0, left), max(0, top)
    x2, y2 = min(shape[1], left + width), min(shape[0], top + height)
    if x1 >= x2 or y1 >= y2:
        return None
    return (slice(y1, y2), slice(x1, x2)), (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))


def _shadow(shelf: Shelf, alpha: Plane, left: int, top: int) -> None:
    """Darkens what lies behind and beside a package."""
    soft = max(3, alpha.shape[1] // 9) | 1
    padded = cv2.copyMakeBorder(alpha, soft, soft, soft, soft, cv2.BORDER_CONSTANT, value=(0,))
    blurred = cv2.blur(np.asarray(padded), (soft, soft))
    places = _window(shelf.owner.shape, left - soft + soft // 3, top - soft // 2, padded.shape[1], padded.shape[0])
    if places is not None:
        into, part = places
        shelf.rgb[into] *= 1 - 0.42 * np.asarray(blurred, np.float32)[part][..., None]


def _paste(shelf: Shelf, sprite: Sprite, left: int, top: int, number: int) -> bool:
    height, width = sprite.alpha.shape
    places = _window(shelf.owner.shape, left, top, width, height)
    if places is None:
        return False
    into, part = places
    alpha = sprite.alpha[part]
    shelf.rgb[into] += (sprite.rgb[part] - shelf.rgb[into]) * alpha[..., None]
    shelf.owner[into][alpha > 0.5] = number
    return True


def _damage_one(shelf: Shelf, boards: list[Board], products: tuple[Product, ...], rng: np.random.Generator) -> None:
    """Puts a damaged package in front, somewhere in the picture."""
    board = boards[int(rng.integers(len(boards)))]
    fitting = [p for p in products if p.class_name in ("box", "can", "bag")]
    product = fitting[int(rng.integers(len(fitting)))]
    width, height = int(product.width * board.clear_px), int(product.height * board.clear_px)
    left = float(rng.uniform(0.06, 0.88) * shelf.owner.shape[1] - width / 2)
    _put(shelf, product, left, board.floor_px + int(board.thick_px * 0.1), (width, height), 1.0, rng, damaged=True)
