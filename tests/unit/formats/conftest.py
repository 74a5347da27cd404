"""Small helpers for the tests of the folder formats: a project of named images, and everything a reading says in one go."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from firstpass.errors import Problem
from firstpass.formats.base import ReadContext, WriteContext
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Ontology, rle

READER = Author("file", "test")


class Names:
    """Finds by full name, else by the last part where it is unique; counts how often it was asked."""

    def __init__(self, refs):
        self.refs = {r.name: r for r in refs}
        self.asked = 0

    def find(self, name):
        self.asked += 1
        if name in self.refs:
            return self.refs[name]
        hits = [r for n, r in self.refs.items() if n.rpartition("/")[2] == name.rpartition("/")[2]]
        return hits[0] if len(hits) == 1 else Problem("", f"no image is called {name}")


@dataclass
class Said:
    classes: list
    images: list
    problems: list

    @property
    def objects(self):
        return [o for i in self.images for o in i.objects]

    @property
    def boxes(self):
        return [tuple(round(v, 6) for v in o.shape.xyxy_px) for o in self.objects]

    @property
    def whats(self):
        return [p.what for p in self.problems]

    def by_name(self):
        return {i.image.name: i for i in self.images}


def project(*names, size=(100, 50)):
    return [ImageRef(f"{i:032x}", f"/nowhere/{n}", n, *size) for i, n in enumerate(names or ("a.jpg",))]


@pytest.fixture
def refs():
    return project


@pytest.fixture
def read():
    """read(plugin, path, *image names, size=, class_names=, declared=) -> Said."""

    def read_all(plugin, path, *names, size=(100, 50), class_names=(), declared=None):
        context = ReadContext(Names(project(*names, size=size)), READER, class_names, declared)
        reading = plugin.read(path, context)
        items = list(reading.items)
        problems = [i for i in items if isinstance(i, Problem)]
        return Said([c.name for c in reading.classes], [i for i in items if isinstance(i, LabeledImage)], problems)

    return read_all


@pytest.fixture
def labeled():
    """labeled(name, *shapes, class_name=, tags=, size=) -> LabeledImage."""

    def make(name, *shapes, class_name="cat", tags=(), size=(100, 50), **fields):
        ref = ImageRef("", f"/nowhere/{name}", name, *size)
        objects = tuple(Labeled(ObjectId(f"{name}-{i}"), class_name, s, **fields) for i, s in enumerate(shapes))
        return LabeledImage(ref, Author("human", "Ada"), objects, tuple(tags))

    return make


@pytest.fixture
def to():
    """to(*class names, copy=, splits=) -> WriteContext; copy=True writes one byte where the image should go."""

    def make(*class_names, copy=False, splits=None):
        def stub(ref, path):
            Path(path).write_bytes(b"x")

        return WriteContext(Ontology.of(class_names or ("cat", "dog")), stub if copy else None, splits or {})

    return make


@pytest.fixture
def ring_mask():
    """A 100x50 mask with a hole and a small second piece; and its main outer box."""
    pixels = np.zeros((50, 100), np.bool_)
    pixels[10:40, 20:80] = True
    pixels[20:30, 40:60] = False
    pixels[45:47, 2:5] = True
    return rle.encode(pixels), Box(20, 10, 80, 40)


@pytest.fixture
def put(tmp_path):
    """put({name: text}) writes files under tmp_path and gives it back."""

    def write(texts):
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write
