import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.errors import Problem, UnknownClass
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
)  # fmt: skip
from firstpass.labels import geometry as geo
from firstpass.labels.arrays import from_supervision, to_arrays, to_supervision
from firstpass.labels.validate import check_object

IMAGE = ImageRef("d", "a.png", "a.png", 100, 80)
ME = Author("human", "me")
finite = st.floats(-1000, 1000)
boxes = st.tuples(finite, finite, st.floats(0, 500), st.floats(0, 500)).map(lambda t: Box(t[0], t[1], t[0] + t[2], t[1] + t[3]))


@pytest.mark.parametrize("xyxy", [(2, 0, 1, 1), (0, 2, 1, 1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1), (0, -math.inf, 1, 1)])
def test_a_box_that_exists_is_finite_and_not_inside_out(xyxy):
    with pytest.raises(ValueError, match="finite x1 <= x2"):
        Box(*xyxy)


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan])
def test_scores_outside_0_to_1_are_refused(score):
    with pytest.raises(ValueError, match=r"score must be in 0\.\.1"):
        Labeled(stable_id(1), "cat", Point(1, 1), score)
    with pytest.raises(ValueError, match=r"score must be in 0\.\.1"):
        Tag("cat", score=score)


def test_rings_need_three_finite_vertices():
    with pytest.raises(ValueError, match="at least 3"):
        PolygonPart(((0, 0), (1, 1)))
    with pytest.raises(ValueError, match="finite"):
        PolygonPart(((0, 0), (1, math.nan), (2, 2)))
    with pytest.raises(ValueError, match="at least one part"):
        Polygon(())


@given(boxes, boxes)
def test_iou_is_symmetric_and_within_0_and_1(a, b):
    pair = np.asarray([a.xyxy_px, b.xyxy_px])
    m = geo.iou_matrix(pair, pair)
    assert m[0, 1] == pytest.approx(m[1, 0])
    assert ((m >= 0) & (m <= 1 + 1e-6)).all()
    assert m[0, 0] == pytest.approx(1.0 if geo.area_px(a) > 1e-9 else m[0, 0])


@given(boxes, st.integers(1, 300), st.integers(1, 300))
def test_a_clipped_box_lies_inside(box, w, h):
    c = geo.clip_box(box, w, h)
    assert 0 <= c.x1 <= c.x2 <= w
    assert 0 <= c.y1 <= c.y2 <= h


def test_area_of_a_polygon_counts_holes_off_and_parts_on():
    square = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))
    hole = ((1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0))
    assert geo.area_px(Polygon((PolygonPart(square, (hole,)), PolygonPart(square)))) == 31


def test_masks_overlap_by_pixels_and_boxes_by_sides():
    l_shape = np.zeros((10, 10), bool)
    l_shape[:, :2] = l_shape[8:, :] = True
    full = np.ones((10, 10), bool)
    m = geo.shape_iou_matrix([rle.encode(l_shape)], [rle.encode(full), Box(0, 0, 10, 10)], 10, 10)
    assert m[0] == pytest.approx([0.36, 1.0])


def test_an_ontology_knows_its_names_and_refuses_twins():
    o = Ontology.of(["a", "b", "a"])
    assert o.names == ("a", "b")
    assert o.index("b") == 1
    assert o.color("a") != o.color("b")
    assert o.with_classes([LabelClass("b", ("bee",)), LabelClass("c")]).names == ("a", "b", "c")
    with pytest.raises(UnknownClass, match="class 'z' is not in the project; its classes are: a, b"):
        o.index("z")
    with pytest.raises(ValueError, match="stands twice"):
        Ontology((LabelClass("a"), LabelClass("a")))


def test_ids_are_the_same_for_the_same_parts_and_differ_by_borders():
    assert stable_id("a", 1) == stable_id("a", 1)
    assert stable_id("a", "b") != stable_id("ab", "")


def _object(shape, name="cat"):
    return Labeled(stable_id("x"), name, shape, 0.5, "t", {"k": "v"})


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Box(10, 10, 10, 20), "has no area"),
        (Box(200, 0, 210, 5), "lies outside the image"),
        (Point(101, 5), "lies outside the image"),
        (rle.encode(np.ones((5, 5), bool)), "mask is 5x5 px"),
    ],
)
def test_a_shape_that_cannot_be_is_left_out_and_said(shape, words):
    kept, problem = check_object(_object(shape), IMAGE, "f: 1")
    assert kept is None
    assert words in str(problem)
    assert problem.severity == "error"


def test_a_box_partly_outside_is_clipped_with_a_warning_and_rounding_without():
    kept, problem = check_object(_object(Box(90, 70, 120, 90)), IMAGE, "f: 1")
    assert kept.shape == Box(90, 70, 100, 80)
    assert problem.severity == "warning"
    kept, problem = check_object(_object(Box(-0.4, 0, 50, 80.6)), IMAGE, "f: 1")
    assert (kept.shape, problem) == (Box(0, 0, 50, 80), None)


def test_an_unknown_class_is_said_with_the_known_ones():
    kept, problem = check_object(_object(Box(0, 0, 1, 1), "dgo"), IMAGE, "f: 1", ["dog", "cat"])
    assert kept is None
    assert str(problem) == (
        "f: 1: class 'dgo' is not in the project (expected cat, dog). Add the class to firstpass.toml, or correct the file"
    )


def test_a_problem_reads_as_one_line_and_as_a_row():
    p = Problem("a.json: line 3", "x", "y", "Do z")
    assert str(p) == "a.json: line 3: x (expected y). Do z"
    assert p.as_dict()["severity"] == "error"


def test_arrays_and_supervision_there_and_back():
    o = Ontology.of(["dog", "cat"])
    sheet = LabeledImage(IMAGE, ME, (_object(Box(1, 2, 3, 4)), _object(Box(5, 5, 9, 9), "dog")))
    arrays = to_arrays(sheet.objects, o)
    assert arrays.xyxy_px.shape == (2, 4)
    assert arrays.class_ids.tolist() == [1, 0]
    back = from_supervision(to_supervision(sheet, o), IMAGE, ME, o)
    assert [(b.id, b.class_name, b.shape, b.text) for b in back.objects] == [
        (b.id, b.class_name, b.shape, b.text) for b in sheet.objects
    ]
    assert len(to_supervision(LabeledImage(IMAGE, ME, ()), o)) == 0


def test_masks_go_to_supervision_and_come_back():
    o = Ontology.of(["cat"])
    bitmap = np.zeros((80, 100), bool)
    bitmap[3:9, 4:20] = True
    sheet = LabeledImage(IMAGE, ME, (_object(rle.encode(bitmap)),))
    detections = to_supervision(sheet, o)
    assert (detections.mask[0] == bitmap).all()
    assert from_supervision(detections, IMAGE, ME, o).objects[0].shape == sheet.objects[0].shape
