"""Packed objects are the tuple of the same values, whatever one does with them."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, PackedObjects, Point
from firstpass.labels.packed import concatenated, packed

pixels = st.floats(-1e7, 1e7)
corners = st.tuples(pixels, pixels).map(sorted)
boxes = st.builds(lambda x, y: Box(x[0], y[0], x[1], y[1]), corners, corners)
labeled = st.builds(
    Labeled, st.text(max_size=4).map(ObjectId), st.sampled_from(["cat", "dog", "elk", "é"]), boxes, st.none() | st.floats(0, 1)
)
values = st.lists(labeled, max_size=6).map(tuple)


def plain(objects):
    found = packed(objects)
    assert found is not None
    return found


@given(values, st.integers(-8, 8) | st.none(), st.integers(-8, 8) | st.none(), st.sampled_from([None, 1, 2, -1, -3]))
def test_packed_is_the_tuple(objects, start, stop, step):
    columns = plain(objects)
    assert columns == objects
    assert objects == columns
    assert tuple(columns) == objects
    assert repr(columns) == repr(objects)
    assert len(columns) == len(objects)
    assert bool(columns) == bool(objects)
    assert [columns[i] for i in range(-len(objects), len(objects))] == [*objects, *objects]
    assert columns[start:stop:step] == objects[start:stop:step]
    assert columns + objects == objects + columns == columns + columns == objects + objects
    assert list(reversed(columns)) == list(reversed(objects))
    assert all(obj in columns for obj in objects)
    assert pickle.loads(pickle.dumps(columns)) == copy.deepcopy(columns) == objects


@given(values, values)
def test_equal_as_tuples_are(one, other):
    assert (plain(one) == plain(other)) == (one == other)
    assert (plain(one) == other) == (one == other)
    assert concatenated([plain(one), plain(other), plain(one)]) == (*one, *other, *one)
    assert concatenated([]) == ()


@given(values)
def test_filters(objects):
    columns = plain(objects)
    assert columns.where(columns.of_classes({"cat", "é"})) == tuple(o for o in objects if o.class_name in {"cat", "é"})
    assert columns.named() == [o.class_name for o in objects]


@given(values)
def test_labeled_images_hold_either(objects):
    ref, author = ImageRef("", "a", "a", 1, 1), Author("file", "x")
    assert LabeledImage(ref, author, plain(objects)) == LabeledImage(ref, author, objects)
    assert LabeledImage(ref, author, objects) == LabeledImage(ref, author, plain(objects))


def test_values_are_plain_python():
    columns = PackedObjects(["a"], np.zeros(2, np.int32), np.float32([0.5, np.nan]), np.float32([[1, 2, 3, 4]] * 2), ["x", "y"])
    for obj in (*columns, columns[0], columns[np.int64(1)]):
        assert type(obj.shape.x1) is float
        assert type(obj.score) in (float, type(None))
        assert type(obj.id) is type(obj.class_name) is str
    assert columns[1].score is None


def test_hash_is_that_of_the_tuple():
    assert hash(PackedObjects((), (), (), (), ())) == hash(())
    with pytest.raises(TypeError, match="unhashable"):
        hash(PackedObjects(["a"], [0], [1], [[0, 0, 1, 1]], ["x"]))


@pytest.mark.parametrize(
    ("index", "score", "box"),
    [
        (1, 0.5, [0, 0, 1, 1]),
        (-1, 0.5, [0, 0, 1, 1]),
        (0, 1.5, [0, 0, 1, 1]),
        (0, 0.5, [2, 0, 1, 1]),
        (0, 0.5, [0, 0, np.nan, 1]),
        (0, 0.5, [0, 0, np.inf, 1]),
        (0, 0.5, [0, 0, 1]),
        ([0, 0], 0.5, [0, 0, 1, 1]),
    ],
)
def test_what_is_no_object_is_refused(index, score, box):
    with pytest.raises(ValueError, match=r"none|lengths"):
        PackedObjects(["a"], np.ravel(index), [score], [box], ["x"])


def test_nothing_changes():
    source = np.array([[0.0, 0, 1, 1]])
    columns = PackedObjects(["a"], [0], [1], source, ["x"])
    source[:] = 7
    assert columns[0].shape == Box(0, 0, 1, 1)
    with pytest.raises(AttributeError):
        columns.ids = ()
    with pytest.raises(AttributeError):
        del columns.ids
    for column in (columns.xyxy_px, columns.where(np.array([True])).scores, columns[::-1].class_index, columns[:1].scores):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    with pytest.raises(IndexError):
        columns[1]


@pytest.mark.parametrize(
    "obj",
    [
        Labeled(ObjectId("a"), "a", Point(0, 0)),
        Labeled(ObjectId("a"), "a", Box(0, 0, 1, 1), text=""),
        Labeled(ObjectId("a"), "a", Box(0, 0, 1, 1), attributes={"a": "b"}),
    ],
)
def test_other_objects_are_not_packed(obj):
    assert packed([obj]) is None
