"""Made-up sheets of labeled images for format tests: every shape, score, text, attribute, tag, empties, and awkward names."""

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from firstpass.labels import (
    Author,
    Box,
    ImageRef,
    LabelClass,
    Labeled,
    LabeledImage,
    Ontology,
    Point,
    Polygon,
    PolygonPart,
    Tag,
    rle,
    stable_id,
)

AUTHOR = Author("human", "Ada Ł. 😀", "2", "run-7", "0123abcd")
CLASS_NAMES = (
    "cat", "a, b", 'in "quotes"', "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "😀 smile", "é", "no", "1", "null",
    "two words", "a/b", "x:y", "# hash", "it's", "[0]", "{a}", "50 %", "tab;semicolon",
)  # fmt: skip
FILE_NAMES = (
    "plain.jpg", "in/folder.jpg", "deep/er/in.png", "other/folder.jpg", "with space.jpg", "comma,name.jpg", 'quo"te.png',
    "it's.jpg", "😀.png", "é.jpg", "<script>.jpg", "=cmd.png", "#hash.jpg", "a..b.jpg", "dots.in.name.jpeg", "100%.jpg",
    "CON.png", "UPPER.JPG", "[brackets].jpg", "per%20cent.png", "semi;colon.jpg", "-dash.jpg", "x" * 200 + ".jpg",
)  # fmt: skip
WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp")) | st.just("\n"), min_size=1, max_size=12
).filter(lambda t: t == t.strip())
PHRASES = st.just(()) | st.tuples(WORDS)
KEYS = st.sampled_from(("occluded", "truncated", "color", "iscrowd", "note", "keypoints", "ä key"))
SCORES = st.none() | st.floats(0, 1, allow_subnormal=False) | st.sampled_from((0.0, 1.0, 0.5))


@dataclass(frozen=True)
class Sheet:
    ontology: Ontology
    images: tuple

    @property
    def refs(self):
        return [i.image for i in self.images]


@st.composite
def boxes(draw, width, height):
    x1, y1 = draw(st.floats(0, width - 3)), draw(st.floats(0, height - 3))
    return Box(x1, y1, draw(st.floats(x1 + 2, width)), draw(st.floats(y1 + 2, height)))


def star(draw, cx, cy, reach, count):
    """A simple ring: vertices at growing angles around a center, none closer than half of `reach`."""
    turn = draw(st.floats(0, 1))
    radii = [draw(st.floats(0.6, 1)) * reach for _ in range(count)]
    angles = [2 * math.pi * (i + turn) / count for i in range(count)]
    return tuple((cx + r * math.cos(a), cy + r * math.sin(a)) for r, a in zip(radii, angles, strict=True))


@st.composite
def polygons(draw, width, height):
    parts = []
    count = draw(st.integers(1, 2))
    for i in range(count):
        span = width / count
        cx, cy, reach = span * (i + 0.5), height / 2, min(span, height) * 0.48
        outer = star(draw, cx, cy, reach, draw(st.integers(3, 7)))
        hole = tuple((cx + (x - cx) * 0.4, cy + (y - cy) * 0.4) for x, y in outer)
        parts.append(PolygonPart(outer, (hole,) if draw(st.integers(0, 3)) == 0 else ()))
    return Polygon(tuple(parts))


@st.composite
def masks(draw, width, height):
    pixels = np.zeros((height, width), np.bool_)
    for _ in range(draw(st.integers(1, 3))):
        x, y = draw(st.integers(0, width - 8)), draw(st.integers(0, height - 8))
        pixels[y : y + draw(st.integers(6, height)), x : x + draw(st.integers(6, width))] = True
    return rle.encode(pixels)


def shapes(width, height):
    points = st.builds(Point, st.floats(1, width - 1), st.floats(1, height - 1))
    return st.one_of(boxes(width, height), polygons(width, height), masks(width, height), points)


ATTRIBUTES = st.dictionaries(KEYS, WORDS | st.sampled_from(("1", "0", "true", "[1,2,2]")), max_size=2)
TEXTS = st.none() | WORDS


@st.composite
def tags(draw, class_names):
    kind = draw(st.sampled_from(("class", "caption", "answer")))
    name = draw(st.sampled_from(class_names)) if kind == "class" else "" if kind == "caption" else draw(WORDS)
    text = draw(TEXTS) if kind == "class" else draw(WORDS)
    return Tag(name, kind, text, draw(SCORES), draw(ATTRIBUTES))


@st.composite
def sheets(draw, max_images=3, max_objects=4):
    class_names = draw(st.lists(st.sampled_from(CLASS_NAMES), min_size=1, max_size=5, unique=True))
    classes = tuple(
        LabelClass(
            name, draw(st.just(()) | st.tuples(WORDS)), draw(st.sampled_from(("", "#E69F00"))), (), draw(st.just("") | WORDS)
        )
        for name in class_names
    )
    images = []
    for name in draw(st.lists(st.sampled_from(FILE_NAMES), min_size=1, max_size=max_images, unique=True)):
        width, height = draw(st.integers(24, 90)), draw(st.integers(24, 90))
        ref = ImageRef(stable_id(name) * 2, f"/nowhere/{name}", name, width, height)
        drawn = draw(st.lists(shapes(width, height), max_size=max_objects, unique=True))
        objects = tuple(
            Labeled(
                stable_id(name, i),
                draw(st.sampled_from(class_names)),
                shape,
                draw(SCORES),
                draw(TEXTS),
                draw(ATTRIBUTES),
            )
            for i, shape in enumerate(drawn)
        )
        tagged = draw(st.lists(tags(class_names), max_size=2, unique_by=lambda t: (t.name, t.kind, t.text)))
        images.append(LabeledImage(ref, AUTHOR, objects, tuple(tagged)))
    return Sheet(Ontology(classes), tuple(images))


def rich_sheet():
    """One of everything, the same every time."""
    ref = ImageRef("0" * 32, "/nowhere/a.jpg", "a.jpg", 80, 60)
    ring = ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))
    lower = tuple((x, y + 25) for x, y in ring)
    hole = ((15.0, 40.0), (25.0, 40.0), (25.0, 50.0), (15.0, 50.0))
    far = tuple((x + 40, y) for x, y in ring)
    pixels = np.zeros((60, 80), np.bool_)
    pixels[20:50, 5:45] = True
    shapes_of_all_kinds = (
        Box(1.5, 2.25, 30.125, 40.0625),
        Polygon((PolygonPart(ring),)),
        Polygon((PolygonPart(ring), PolygonPart(far))),
        Polygon((PolygonPart(lower, (hole,)),)),
        rle.encode(pixels),
        Point(12.5, 7.25),
    )
    objects = tuple(
        Labeled(stable_id("rich", i), ("cat", "dog")[i % 2], s, 0.25 + i / 16, f"text {i}", {"color": f"c{i}"})
        for i, s in enumerate(shapes_of_all_kinds)
    )
    all_tags = (
        Tag("dog", score=0.5, attributes={"rule": "r1"}),
        Tag("", "caption", "a cat"),
        Tag("how many?", "answer", "two"),
    )
    empty = ImageRef("1" * 32, "/nowhere/empty.jpg", "empty.jpg", 64, 48)
    plain = ImageRef("2" * 32, "/nowhere/plain.jpg", "plain.jpg", 100, 100)
    images = (
        LabeledImage(ref, AUTHOR, objects, all_tags),
        LabeledImage(empty, AUTHOR, ()),
        LabeledImage(plain, AUTHOR, (Labeled(stable_id("p"), "cat", Box(10.0, 20.0, 30.0, 40.0)),)),
    )
    ontology = Ontology((LabelClass("cat", ("a cat",), "#E69F00", (), "Whole cats."), LabelClass("dog"), LabelClass("bird")))
    return Sheet(ontology, images)
