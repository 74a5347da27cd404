"""What goes into the store comes out of it, whatever it is."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstpass.labels import (
    Author,
    Box,
    ImageRef,
    Labeled,
    LabeledImage,
    Mask,
    ObjectId,
    Point,
    Polygon,
    PolygonPart,
    Shape,
    Tag,
    rle,
)
from firstpass.store import Edit, NewImage, Store

REF = ImageRef("d" * 32, "/pictures/ä.jpg", "ä.jpg", 64, 48)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
any_text = st.text(st.characters(), max_size=12)  # lone surrogates and NUL included: JSON files can hold them
pixels = st.floats(-1e7, 1e7, allow_nan=False)
scores = st.none() | st.floats(0, 1)
vertices = st.tuples(pixels, pixels)
rings = st.lists(vertices, min_size=3, max_size=6).map(tuple)
parts = st.builds(PolygonPart, rings, st.lists(rings, max_size=2).map(tuple))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x1, x2 = sorted((draw(pixels), draw(pixels)))
    y1, y2 = sorted((draw(pixels), draw(pixels)))
    return Box(x1, y1, x2, y2)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rle.encode(rng.random((48, 64)) < draw(st.floats(0, 1)))


shapes: st.SearchStrategy[Shape] = st.one_of(
    boxes(), masks(), st.builds(Point, pixels, pixels), st.lists(parts, min_size=1, max_size=3).map(lambda p: Polygon(tuple(p)))
)
attributes = st.dictionaries(any_text, any_text, max_size=3)
objects = st.builds(Labeled, words.map(ObjectId), words.filter(str.strip), shapes, scores, st.none() | any_text, attributes)
tags = st.builds(Tag, any_text, st.sampled_from(["class", "caption", "answer"]), st.none() | any_text, scores, attributes)
authors = st.builds(Author, st.sampled_from(["human", "labeler", "file"]), words, words, words, words)
looks = st.builds(
    LabeledImage, st.just(REF), authors, st.lists(objects, max_size=4).map(tuple), st.lists(tags, max_size=3).map(tuple)
)


def test_looks_come_back_as_they_went_in(store: Store) -> None:
    store.images.add([NewImage(REF)])
    numbers = itertools.count()

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(looks, min_size=1, max_size=4), st.integers(1, 3))
    def check(given_looks: list[LabeledImage], chunk: int) -> None:
        layer = store.layers.create(f"layer {next(numbers)}", Author("file", "x"), "import")
        layer.write(given_looks, chunk=chunk)
        assert layer.history(REF.name) == given_looks
        assert list(layer) == [given_looks[-1]]
        assert layer.get(REF.name) == given_looks[-1]
        assert sum(layer.counts().values()) == len(given_looks[-1].objects) == len(layer.table())

    check()
    assert store.check() == []


def test_edits_come_back_as_they_went_in(store: Store) -> None:
    store.images.add([NewImage(REF)])
    numbers = itertools.count()

    @settings(max_examples=40, deadline=None)
    @given(st.none() | objects, st.none() | objects, st.datetimes(timezones=st.just(UTC)), st.none() | st.floats(0, 1e6))
    def check(before: Labeled | None, after: Labeled | None, at: datetime, seconds: float | None) -> None:
        name = f"e{next(numbers)}"
        edit = Edit(name, REF.name, "review", ObjectId(name), before, after, Author("human", "ann"), at, "adjust", seconds)
        store.edits.append([edit])
        assert store.edits.of_object(name) == [edit]
        assert store.edits.of_image(REF.name)[-1] == edit

    check()


def test_every_bit_of_a_coordinate_survives(store: Store) -> None:
    odd = [0.1 + 0.2, 1 / 3, np.nextafter(100.0, 200.0), 5e-324]
    box = Box(odd[3], odd[1], float(odd[2]), odd[0] + 1e6)
    store.images.add([NewImage(REF)])
    layer = store.layers.create("any", Author("file", "x"), "import")
    layer.write([LabeledImage(REF, layer.author, (Labeled(ObjectId("1"), "a", box, np.nextafter(0.5, 1)),))])
    back = layer.get(REF.name)
    assert back is not None
    assert isinstance(back.objects[0].shape, Box)
    assert [v.hex() for v in back.objects[0].shape.xyxy_px] == [float(v).hex() for v in box.xyxy_px]
    assert back.objects[0].score == np.nextafter(0.5, 1)


def test_numpy_numbers_become_plain_ones(store: Store) -> None:
    store.images.add([NewImage(REF)])
    layer = store.layers.create("any", Author("file", "x"), "import")
    f = np.float32
    triangle = PolygonPart(((f(0), f(0)), (f(1), f(0)), (f(0), f(1))))
    shapes = [Box(f(1), f(2), f(3), f(4)), Point(f(1), f(2)), Polygon((triangle,))]
    things = tuple(Labeled(ObjectId(str(n)), "a", shape, f(0.5)) for n, shape in enumerate(shapes))
    layer.write([LabeledImage(REF, layer.author, things)])
    back = layer.get(REF.name)
    assert back is not None
    assert [o.shape for o in back.objects] == shapes
    assert type(back.objects[0].score) is float


def test_times_come_back_in_utc(store: Store) -> None:
    store.images.add([NewImage(REF)])
    at = datetime(2026, 3, 1, 12, 30, 15, 123456, timezone(timedelta(hours=5, minutes=30)))
    store.edits.append([Edit("e", REF.name, "review", ObjectId("o"), None, None, Author("human", "ann"), at, "draw")])
    back = store.edits.of_object("o")[0].at
    assert back == at
    assert back.tzinfo == UTC
