"""The shop's articles: five classes of packages, each with a handful of made-up products that recur from picture to picture."""

from __future__ import annotations

import numpy as np

from firstpass.synthesis._packages import Product
from firstpass.synthesis._prints import FONTS, SIGNS, STYLES, WORDS, Design, from_hsv

CLASSES = ("box", "bottle", "can", "bag", "jar")
PER_CLASS = {"box": 6, "bottle": 5, "can": 5, "bag": 5, "jar": 3}
SHARE = {"box": 0.30, "bottle": 0.23, "can": 0.24, "bag": 0.16, "jar": 0.07}  # of the facings; jars are the rare class
# Width and height as shares of a shelf's clear height: least and most.
SIZES = {
    "box": ((0.46, 0.66), (0.66, 0.94)),
    "bottle": ((0.25, 0.32), (0.8, 0.97)),
    "can": ((0.28, 0.33), (0.42, 0.56)),
    "bag": ((0.5, 0.64), (0.64, 0.86)),
    "jar": ((0.32, 0.4), (0.4, 0.52)),
}
HUES = (4, 28, 46, 92, 148, 176, 206, 228, 268, 322)


def catalog(seed: int) -> tuple[Product, ...]:
    """The articles of the shop with that seed."""
    rng = np.random.default_rng([seed, 7])
    words = list(rng.permutation(WORDS))
    return tuple(_product(name, words[i % len(words)], rng) for i, name in enumerate(_names()))


def _names() -> list[str]:
    return [name for name in CLASSES for _ in range(PER_CLASS[name])]


def _product(class_name: str, word: str, rng: np.random.Generator) -> Product:
    hue = float(rng.choice(HUES)) + float(rng.uniform(-6, 6))
    pale = rng.random() < 0.3
    base = from_hsv(hue, 0.16 if pale else rng.uniform(0.55, 0.85), 0.93 if pale else rng.uniform(0.55, 0.85))
    other = hue + float(rng.choice([35, 150, 180, 210]))
    second = from_hsv(other, rng.uniform(0.35, 0.7), rng.uniform(0.75, 0.95))
    bright = sum(second if rng.random() < 0.5 else base) / 3 > 140
    ink = from_hsv(hue, 0.6, 0.22) if pale or bright else (248, 246, 240)
    design = Design(word, base, second, ink, str(rng.choice(SIGNS)), str(rng.choice(STYLES)), int(rng.integers(len(FONTS))))
    (narrow, wide), (low, high) = SIZES[class_name]
    return Product(
        class_name, design, float(rng.uniform(narrow, wide)), float(rng.uniform(low, high)), _body(class_name, rng), _cap(rng)
    )


def _body(class_name: str, rng: np.random.Generator) -> tuple[int, int, int]:
    if class_name == "bottle":
        return from_hsv(
            float(rng.choice([96, 38, 205, 18, 140])) + rng.uniform(-8, 8), rng.uniform(0.4, 0.75), rng.uniform(0.4, 0.75)
        )
    return from_hsv(float(rng.choice([8, 20, 34, 350])), rng.uniform(0.6, 0.85), rng.uniform(0.45, 0.75))


def _cap(rng: np.random.Generator) -> tuple[int, int, int]:
    if rng.random() < 0.4:
        return (205, 175, 95)
    return from_hsv(float(rng.choice(HUES)), 0.6, 0.7)
