"""Small labeled images for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, Mask, ObjectId, Shape, Tag, rle

SIZE = 100


@pytest.fixture(scope="session")
def make() -> ModuleType:
    """The factories of this file."""
    return sys.modules[__name__]


def ref(name: str = "a.png", side: int = SIZE) -> ImageRef:
    return ImageRef(name, name, name, side, side)


def obj(shape: Shape, name: str = "cat", score: float | None = None, *, key: str = "", crowd: bool = False) -> Labeled:
    return Labeled(ObjectId(key), name, shape, score, None, {"iscrowd": "1"} if crowd else {})


def box(x: float, y: float = 0, side: float = 10) -> Box:
    return Box(x, y, x + side, y + side)


def mask(x: int, y: int = 0, side: int = 10, size: int = SIZE) -> Mask:
    pixels = np.zeros((size, size), np.bool_)
    pixels[y : y + side, x : x + side] = True
    return rle.encode(pixels)


def image(objects: Sequence[Labeled] = (), tags: Sequence[Tag] = (), name: str = "a.png", human: bool = False) -> LabeledImage:
    return LabeledImage(ref(name), Author("human" if human else "labeler", "x"), tuple(objects), tuple(tags))


def random_pair(
    rng: np.random.Generator, name: str, names: Sequence[str], crowds: bool = True, masks: bool = False
) -> tuple[LabeledImage, LabeledImage]:
    """Truth of 0 to 8 objects; proposals: moved truth, wrong classes, duplicates, false ones, tied scores."""

    def shape(x: float, y: float, w: float, h: float) -> Shape:
        x, y = float(np.clip(x, 0, 80)), float(np.clip(y, 0, 80))
        if not masks:
            return Box(x, y, x + w, y + h)
        pixels = np.zeros((SIZE, SIZE), np.bool_)
        pixels[int(y) : int(y + h) + 1, int(x) : int(x + w) + 1] = True
        return rle.encode(pixels)

    truth: list[Labeled] = []
    offered: list[Labeled] = []
    for _ in range(rng.integers(0, 9)):
        x, y, w, h = *rng.uniform(0, 80, 2), *rng.uniform(3, 20, 2)
        cls = str(rng.choice(names))
        truth.append(obj(shape(x, y, w, h), cls, crowd=crowds and rng.random() < 0.15))
        for _ in range(rng.integers(0, 3)):
            dx, dy = rng.normal(0, 1.5, 2)
            seen = cls if rng.random() < 0.8 else str(rng.choice(names))
            offered.append(obj(shape(x + dx, y + dy, w, h), seen, round(float(rng.random()), 1)))
    for _ in range(rng.integers(0, 4)):
        x, y, w, h = *rng.uniform(0, 80, 2), *rng.uniform(3, 20, 2)
        offered.append(obj(shape(x, y, w, h), str(rng.choice(names)), round(float(rng.random()), 1)))
    return image(offered, name=name), image(truth, name=name, human=True)
