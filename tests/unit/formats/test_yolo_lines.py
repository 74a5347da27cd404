"""The lines of a YOLO label file: what is taken, what is refused, and what is said about it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.formats._yolo_lines import LineRules, box_line, parse_labels, ring_line
from firstpass.labels import Author, Box, ImageRef, Polygon

IMAGE = ImageRef("d", "", "a.jpg", 100, 50)
RULES = LineRules({0: "cat", 1: "dog"}, Author("file", "f"))


def parse(text, rules=RULES, image=IMAGE):
    return parse_labels(text, "a.txt", image, rules)


def one(text):
    found = parse(text)
    return (found.objects[0] if found.objects else None), [p.what for p in found.problems]


def test_box_polygon_and_score_may_be_mixed():
    found = parse("0 0.5 0.5 0.2 0.4\n1 0.5 0.5 0.2 0.4 0.75\n0 0 0 1 0 1 1\n1 0 0 1 0 1 1 0.5\n0 0 0 1 0 1 1 0 1\n")
    assert [type(o.shape).__name__ for o in found.objects] == ["Box", "Box", "Polygon", "Polygon", "Polygon"]
    assert [o.score for o in found.objects] == [None, 0.75, None, 0.5, None]
    assert found.objects[2].shape.parts[0].outer == ((0, 0), (100, 0), (100, 50))
    assert found.problems == ()


@pytest.mark.parametrize(
    "text", ["0\t0.5 0.5  0.2 0.4\r\n", "\ufeff0 0.5 0.5 0.2 0.4".lstrip("\ufeff"), "0.0 5e-1 .5 0.2 0.4", "0,0.5,0.5,0.2,0.4"]
)
def test_spacing_line_ends_and_number_styles(text):
    obj, whats = one(text)
    assert obj.shape.xyxy_px == pytest.approx((40, 15, 60, 35))
    assert whats == []


def test_decimal_commas_are_read_and_told():
    obj, whats = one("0 0,5 0,5 0,2 0,4")
    assert obj.shape.xyxy_px == pytest.approx((40, 15, 60, 35))
    assert whats == ["decimal commas"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 nan 0.5 0.2 0.2", "NaN or infinity"),
        ("0 0.5 0.5 inf 0.2", "NaN or infinity"),
        ("0 0.5 0.5 1e999 0.2", "NaN or infinity"),
        ("0 0.5 0.5 -0.2 0.2", "width -0.2"),
        ("0 0.5 0.5 0 0.2", "has no area"),
        ("0 3.5 0.5 0.2 0.2", "looks like"),
        ("0 320 240 64 48", "looks like pixels"),
        ("0 50.5 50.5 20 20", "looks like"),
        ("0 1.4 0.5 0.2 0.2", "outside"),
        ("0 0.5 0.5 0.2", "4 numbers"),
        ("0", "1 numbers"),
        ("0 0.1 0.1 0.9 0.1 0.9 0.9 7", "7 coordinates"),
        ("2 0.5 0.5 0.2 0.2", "class 2 has no name"),
        ("-1 0.5 0.5 0.2 0.2", "not a whole number"),
        ("0.5 0.5 0.5 0.2 0.2", "not a whole number"),
        ("cat 0.5 0.5 0.2 0.2", "'cat' is not a number"),
        ("0 0.5 0.5 0.2 0.2x", "'0.2x' is not a number"),
    ],
)
def test_bad_line_is_left_out_and_told(line, said):
    found = parse(f"0 0.25 0.25 0.1 0.1\n{line}\n")
    assert len(found.objects) == 1, "the good record always comes in"
    assert len(found.problems) == 1
    problem = found.problems[0]
    assert said in problem.what
    assert problem.where == "a.txt: line 2"
    assert problem.severity == "error"
    assert problem.expected


def test_counting_from_one_is_hinted_at():
    assert "counted from 1" in parse("2 0.5 0.5 0.2 0.2").problems[0].remedy


def test_corners_in_place_of_center_and_size_are_hinted_at():
    problem = parse("0 0.7 0.7 0.9 0.9").problems[0]
    assert "x1 y1 x2 y2" in problem.remedy


def test_box_over_the_edge_is_clipped_and_told():
    found = parse("0 0.95 0.5 0.2 0.4")
    assert found.objects[0].shape.x2 == 100
    assert [p.severity for p in found.problems] == ["warning"]


def test_track_id_is_no_score():
    obj, whats = one("0 0.5 0.5 0.2 0.4 17")
    assert obj.score is None
    assert "not a score" in whats[0]


def test_same_line_twice_counts_once():
    found = parse("0 0.5 0.5 0.2 0.4\n0 0.5 0.5 0.2 0.4\n")
    assert len(found.objects) == 1
    assert [p.severity for p in found.problems] == ["warning"]


@pytest.mark.parametrize("text", ["", "\n\r\n", " \n\t\n", "\x1a"])
def test_blank_is_blank(text):
    assert parse(text).blank
    assert not parse("0 nan 0 0 0").blank


@given(st.text(alphabet="0123456789.,-+eEnaif \t\n;x", max_size=200))
def test_any_text_gives_values_not_raises(text):
    found = parse(text)
    for obj in found.objects:
        assert isinstance(obj.shape, Box | Polygon)


@given(
    st.floats(0, 4000),
    st.floats(0, 3000),
    st.floats(0.01, 4000),
    st.floats(0.01, 3000),
    st.integers(1, 5000),
    st.integers(1, 5000),
)
def test_written_box_comes_back_within_a_millionth(x1, y1, w, h, width, height):
    image = ImageRef("", "", "a.jpg", width, height)
    box = (
        Box(min(x1, width - 0.01), min(y1, height - 0.01), min(x1 + w, width), min(y1 + h, height))
        if x1 < width and y1 < height
        else None
    )
    if box is None or box.width_px < 0.01 or box.height_px < 0.01:
        return
    line = box_line(1, box, image)
    assert "e" not in line
    found = parse(line, image=image).objects[0].shape
    limit = 1e-6 * max(1, max(width, height) / 1000)
    assert max(abs(a - b) for a, b in zip(found.xyxy_px, box.xyxy_px, strict=True)) <= limit


def test_written_ring_comes_back():
    ring = ((0.1, 0.2), (33.3, 1.0), (math.pi * 10, 44.4))
    found = parse(ring_line(0, ring, IMAGE)).objects[0].shape.parts[0].outer
    assert [v for xy in found for v in xy] == pytest.approx([v for xy in ring for v in xy], abs=1e-6)
