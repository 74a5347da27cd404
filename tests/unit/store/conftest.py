"""A fresh store, and small factories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.store import Layer, NewImage, Store

ROBOT = Author("labeler", "fake", "1", "run1", "abc")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'firstpass.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url, create=True) as opened:
        yield opened


@pytest.fixture
def refs(store: Store) -> list[ImageRef]:
    """Five registered images a.jpg .. e.jpg."""
    found = [ImageRef(f"{n:032x}", f"/pictures/{c}.jpg", f"{c}.jpg", 640, 480) for n, c in enumerate("abcde")]
    store.images.add(NewImage(ref) for ref in found)
    return found


@pytest.fixture
def layer(store: Store) -> Layer:
    return store.layers.create("first", ROBOT, "prelabel")


@pytest.fixture
def look() -> Callable[..., LabeledImage]:
    """look(ref, "cat", "dog", author=…, score=…): an image with one box per class named."""

    def make(ref: ImageRef, *classes: str, author: Author = ROBOT, score: float | None = 0.5) -> LabeledImage:
        objects: Sequence[Labeled] = [
            Labeled(ObjectId(f"{ref.name}-{n}"), name, Box(n, n, n + 10, n + 20), score) for n, name in enumerate(classes)
        ]
        return LabeledImage(ref, author, tuple(objects))

    return make
