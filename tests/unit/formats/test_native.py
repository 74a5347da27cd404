"""Firstpass JSON lines: nothing is lost, a broken line costs that line only."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.errors import FormatError, Problem
from firstpass.formats.base import ReadContext, WriteContext
from firstpass.formats.native import PLUGIN
from firstpass.labels import (
    AttributeSpec,
    Author,
    Box,
    GuideExample,
    ImageRef,
    LabelClass,
    Labeled,
    LabeledImage,
    ObjectId,
    Ontology,
    Point,
)

A, B = ImageRef("a" * 32, "/a.jpg", "a.jpg", 640, 480), ImageRef("b" * 32, "/b.jpg", "b.jpg", 640, 480)
ADA, READER = Author("human", "Ada", "1", "run", "digest"), Author("file", "reader")


class Finder:
    def find(self, name):
        found = {"a.jpg": A, "b.jpg": B, "a" * 32: A}.get(name)
        return found or Problem("", f"no image is called {name}")


def box(x1=1.0, y1=2.0, x2=30.0, y2=40.0, object_id="o1"):
    return Labeled(ObjectId(object_id), "cat", Box(x1, y1, x2, y2))


def write(path, *images, ontology=None):
    PLUGIN.write(path, images, WriteContext(ontology or Ontology.of(["cat"])))
    return path


def read(path):
    items = list(PLUGIN.read(path, ReadContext(Finder(), READER)).items)
    return [i for i in items if isinstance(i, LabeledImage)], [i for i in items if isinstance(i, Problem)]


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "a.jsonl", LabeledImage(A, ADA, (box(),)), LabeledImage(B, ADA, ()))


@given(st.floats(0, 640), st.floats(0, 480), st.floats(0, 1))
def test_numbers_come_back_to_the_bit(tmp_path_factory, x, y, score):
    point = Labeled(ObjectId("p"), "cat", Point(x, y), score)
    path = write(tmp_path_factory.mktemp("n") / "a.jsonl", LabeledImage(A, ADA, (point,)))
    assert read(path)[0][0].objects == (point,)


def test_author_is_kept_and_empty_image_too(file):
    images, problems = read(file)
    assert problems == []
    assert images == [LabeledImage(A, ADA, (box(),)), LabeledImage(B, ADA, ())]


def test_class_details_are_kept(tmp_path):
    examples = (GuideExample("a.jpg", "whole", (1.0, 2.0, 3.5, 4.0)), GuideExample("b.jpg", "no", counter=True))
    cat = LabelClass(
        "cat", ("a cat", "kitten"), "#112233", (AttributeSpec("color", ("red", "blue"), "red"),), "*Whole* cats", examples
    )
    path = write(tmp_path / "a.jsonl", ontology=Ontology((cat, LabelClass("dog"))))
    assert PLUGIN.read(path, ReadContext(Finder(), READER)).classes == (cat, LabelClass("dog"))


@pytest.mark.parametrize(
    "bad", ["{", '{"image": 5}', "[]", "\\xff", '{"image":{"name":"a.jpg","width_px":640,"height_px":480}}', "NaN"]
)
def test_broken_line_is_told_by_number(file, bad):
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([lines[0], bad.encode().decode("unicode_escape").encode("latin-1"), *lines[1:]]))
    images, problems = read(file)
    assert [i.image for i in images] == [A, B]
    assert [p.where for p in problems] == ["a.jsonl: line 2"]


def test_broken_object_is_told_and_the_others_stay(file):
    lines = file.read_text().splitlines()
    record = json.loads(lines[1])
    good = record["objects"][0]
    record["objects"] += [
        {**good, "box": [5, 5, 1, 1]},
        {**good, "score": 7},
        {**good, "point": [1, 1]},
        {**good, "box": [700, 500, 800, 600]},
        {"id": "m", "class": "cat", "mask": {"size": [2, 2], "counts": "xx"}},
    ]
    file.write_text("\n".join([lines[0], json.dumps(record)]))
    images, problems = read(file)
    assert images[0].objects == (box(),)
    assert [p.where for p in problems] == [f"a.jsonl: line 2, object {i}" for i in (2, 3, 4, 5, 6)]


def test_image_with_all_objects_refused_does_not_pass_for_empty(file):
    lines = file.read_text().replace("[1.0,2.0,30.0,40.0]", "[700.0,500.0,800.0,600.0]")
    file.write_text(lines)
    images, problems = read(file)
    assert [i.image for i in images] == [B]
    assert len(problems) == 1


def test_renamed_image_is_found_by_digest(file):
    file.write_text(file.read_text().replace('"a.jpg"', '"old/name.jpg"'))
    assert read(file)[0][0].image == A


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_and_line_ends(file, encoding):
    file.write_bytes(file.read_text().replace("\n", "\r\n\r\n").encode(encoding))
    assert PLUGIN.sniff(file).confidence == 1
    assert [i.image for i in read(file)[0]] == [A, B]


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ('{"format":"firstpass-labels","version":2}', "later Firstpass"),
        ('{"format":"other","version":1}', "expected 'firstpass-labels'"),
        ('{"images":[]}', "line 1"),
        ("{", "line 1, column 2"),
        ("", "no first line"),
    ],
)
def test_wrong_header_is_a_format_error(tmp_path, first, says):
    (tmp_path / "a.jsonl").write_text(first)
    with pytest.raises(FormatError, match=says):
        read(tmp_path / "a.jsonl")


def test_name_of_raw_bytes_is_a_problem(tmp_path):
    odd = ImageRef("", "", "\udcff.jpg", 10, 10)
    written = PLUGIN.write(
        tmp_path / "a.jsonl", [LabeledImage(odd, ADA, ()), LabeledImage(A, ADA, ())], WriteContext(Ontology())
    )
    assert (written.images, len(written.problems)) == (1, 1)
    assert [i.image for i in read(tmp_path / "a.jsonl")[0]] == [A]
