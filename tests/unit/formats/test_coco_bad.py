"""Damaged and mistaken COCO files: told with place and remedy, and nothing else is lost."""

import json

import pytest

from firstpass.errors import FormatError, Problem
from firstpass.formats._coco_shapes import crosses_itself
from firstpass.formats.base import ReadContext
from firstpass.formats.coco import PLUGIN
from firstpass.labels import Author, Box, ImageRef, LabeledImage

RING = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]
GOOD = {"bbox": [1, 2, 3, 4]}


class Finder:
    def find(self, name):
        name = name.rsplit("/", 1)[-1]
        known = name in {"a.jpg", "b.jpg"}
        return ImageRef("", name, name, 64, 48) if known else Problem("", f"no image is called {name}")


def dataset(*annotations, **sections):
    images = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}, {"id": 2, "file_name": "b.jpg"}]
    numbered = [{"id": i, "image_id": 1, "category_id": 7, **a} for i, a in enumerate(annotations, 1)]
    return {"images": images, "annotations": numbered, "categories": [{"id": 7, "name": "cat"}], **sections}


def parse(path):
    items = list(PLUGIN.read(path, ReadContext(Finder(), Author("file", "reader"))).items)
    return {i.image.name: i for i in items if isinstance(i, LabeledImage)}, [i for i in items if isinstance(i, Problem)]


@pytest.fixture
def read(tmp_path):
    def run(data):
        path = tmp_path / "coco.json"
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return parse(path)

    return run


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"bbox": [float("nan"), 1, 2, 3]}, 'bbox is ["NaN",1,2,3]'),
        ({"bbox": [1, 1, float("inf"), 3]}, 'bbox is [1,1,"Infinity",3]'),
        ({"bbox": [1, 1, -5, 3]}, "negative width"),
        ({"bbox": [1, 1, 0, 3]}, "no area"),
        ({"bbox": [100, 1, 5, 3]}, "outside the image"),
        ({"bbox": [1, 2, 3]}, "bbox is [1,2,3]"),
        ({"bbox": "1,2,3,4"}, 'bbox is "1,2,3,4"'),
        ({"bbox": ["1,5", 2, 3, 4]}, 'bbox is ["1,5",2,3,4]'),
        ({"bbox": [1e300, 2, 3, 4]}, "far too large"),
        ({"bbox": []}, "neither bbox nor segmentation"),
        ({}, "neither bbox nor segmentation"),
        ({**GOOD, "category_id": 91}, 'category_id 91 is not in "categories"'),
        ({**GOOD, "category_id": None}, 'category_id None is not in "categories"'),
        ({**GOOD, "category_id": [7]}, "category_id is [7]"),
        ({**GOOD, "segmentation": {"size": [48, 64], "counts": [10, 5]}}, "runs cover 15 pixels"),
        ({**GOOD, "segmentation": {"size": [2, 2], "counts": [1, 3]}}, "mask is 2x2 px"),
        ({**GOOD, "segmentation": {"size": [48, 64], "counts": [3072]}}, "covers no pixel"),
        ({**GOOD, "segmentation": {"size": [48, 64], "counts": "🙂"}}, "run-length"),
        ({**GOOD, "segmentation": {"size": [0, 0], "counts": []}}, "run-length"),
        ({**GOOD, "segmentation": {"size": [-1, -3072], "counts": [3072]}}, "run-length"),
        ({**GOOD, "segmentation": {"size": [48, 64], "counts": [-3072, 6144]}}, "run-length"),
        ({**GOOD, "segmentation": 5}, "segmentation cannot be read"),
        ({"segmentation": [[1, 2, 3, 4]]}, "at least 3 vertices"),
    ],
)
def test_bad_annotation_is_one_problem_and_the_rest_stays(read, bad, says):
    images, problems = read(dataset(GOOD, bad, GOOD))
    assert [o.shape for o in images["a.jpg"].objects] == [Box(1, 2, 4, 6)] * 2
    assert [p.where for p in problems] == ["coco.json: annotation 2"]
    assert says in problems[0].what
    assert problems[0].severity == "error"


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"bbox": [-20, 5, 40, 10]}, "reaches outside"),
        ({**GOOD, "score": 87}, "score is 87"),
        ({**GOOD, "score": "high"}, 'score is "high"'),
        ({**GOOD, "attributes": ["a"]}, 'attributes is ["a"]'),
        ({**GOOD, "segmentation": [[1, 2, 3, 4]]}, "at least 3 vertices"),
        ({"segmentation": [RING, [1, 2, 3]]}, "odd number"),
        ({"segmentation": [[10, 10, 30, 30, 30, 10, 10, 30]]}, "crosses itself"),
    ],
)
def test_odd_annotation_is_taken_with_a_warning(read, odd, says):
    images, problems = read(dataset(GOOD, odd))
    assert len(images["a.jpg"].objects) == 2
    assert [p.severity for p in problems] == ["warning"]
    assert says in problems[0].what


def test_image_whose_labels_were_all_refused_does_not_pass_for_empty(read):
    images, problems = read(dataset({"bbox": [1, 1, -5, 3]}))
    assert list(images) == ["b.jpg"]
    assert len(problems) == 1


def test_shares_of_the_image_are_not_taken_for_pixels(read):
    images, problems = read(dataset({"bbox": [0.1, 0.2, 0.5, 0.5]}, {"bbox": [0, 0, 1, 1]}))
    assert list(images) == ["b.jpg"]
    assert [p.where for p in problems] == ["coco.json"]
    assert "within 0..1" in problems[0].what


def test_one_real_box_makes_all_of_them_pixels(read):
    images, _ = read(dataset({"bbox": [0.1, 0.2, 0.5, 0.5]}, {"bbox": [0, 0, 10, 10]}))
    assert len(images["a.jpg"].objects) == 2


def test_corners_instead_of_extent_are_suspected(read):
    _, problems = read(dataset(*({"bbox": [30 + i, 30, 60, 45]} for i in range(4))))
    assert "fit as left, top, right, bottom" in problems[0].what
    assert problems[0].severity == "warning"


def test_orphans_are_told_last(read):
    images, problems = read(dataset(GOOD, {**GOOD, "image_id": 99}, {**GOOD, "image_id": None}))
    assert len(images["a.jpg"].objects) == 1
    assert [p.where for p in problems] == ["coco.json: annotation 2", "coco.json: annotation 3"]
    assert ["99" in problems[0].what, "missing" in problems[1].what] == [True, True]


def test_numbers_and_texts_of_one_id_meet(read):
    images, problems = read(dataset({**GOOD, "image_id": "1"}))
    assert (len(images["a.jpg"].objects), problems) == (1, [])


def test_repeated_annotation_id_keeps_both(read):
    images, problems = read(dataset(GOOD, {"id": 1, "bbox": [5, 6, 7, 8]}))
    objects = images["a.jpg"].objects
    assert len({o.id for o in objects}) == len(objects) == 2
    assert [(p.severity, "stands twice" in p.what) for p in problems] == [("warning", True)]


def test_repeated_image_id_is_told(read):
    entries = [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]
    images, problems = read(dataset(GOOD, images=entries))
    assert list(images) == ["a.jpg"]
    assert "image id 1 stands twice" in problems[0].what


def test_image_listed_under_two_ids_gets_the_labels_of_both(read):
    entries = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}]
    images, problems = read(dataset(GOOD, {"bbox": [5, 6, 7, 8], "image_id": 2}, images=entries))
    assert len(images["a.jpg"].objects) == 2
    assert [p.severity for p in problems] == ["warning"]


def test_two_names_of_one_image_are_told(read):
    entries = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "images/a.jpg"}]
    images, problems = read(dataset(GOOD, images=entries))
    assert len(images["a.jpg"].objects) == 1
    assert "same image as a.jpg" in problems[0].what


def test_other_size_is_refused(read):
    entries = [{"id": 1, "file_name": "a.jpg", "width": 48, "height": 64}]
    images, problems = read(dataset(GOOD, images=entries))
    assert images == {}
    assert "48x64" in problems[0].what


@pytest.mark.parametrize(
    "entry", [{"id": 3}, {"file_name": "c.jpg"}, {"id": 3, "file_name": 5}, 5, {"id": 3, "file_name": "gone.jpg"}]
)
def test_bad_image_entry_is_told(read, entry):
    data = dataset(GOOD)
    data["images"].append(entry)
    images, problems = read(data)
    assert (len(images), len(problems)) == (2, 1)


def test_bad_categories_are_told(read):
    categories = [{"id": 7, "name": "cat"}, {"id": 7, "name": "dog"}, {"id": 8, "name": "cat"}, {"id": 9}, {"name": " "}, 5]
    images, problems = read(dataset(GOOD, {**GOOD, "category_id": 8}, categories=categories))
    assert [o.class_name for o in images["a.jpg"].objects] == ["cat", "cat"]
    assert [p.severity for p in problems] == ["error", "warning", "error", "error", "error"]


def test_doubled_key_in_an_annotation_is_told(read):
    text = json.dumps(dataset(GOOD, GOOD)).replace('"bbox": [1, 2, 3, 4]}, {', '"bbox": [9, 9, 9, 9], "bbox": [1, 2, 3, 4]}, {')
    images, problems = read(text.encode())
    assert len(images["a.jpg"].objects) == 2
    assert [p.what for p in problems] == ["key 'bbox' stands twice"]


def test_doubled_section_is_told(read):
    text = json.dumps(dataset(GOOD))[:-1] + ', "annotations": []}'
    images, problems = read(text.encode())
    assert set(images) == {"a.jpg", "b.jpg"}
    assert [p.what for p in problems] == ['the section "annotations" stands more than once']


def test_class_names_survive(read):
    names = ["a, b", 'in "quotes"', "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "😀"]
    data = dataset(
        *({**GOOD, "category_id": i} for i in range(5)), categories=[{"id": i, "name": n} for i, n in enumerate(names)]
    )
    assert [o.class_name for o in read(data)[0]["a.jpg"].objects] == names


def test_nan_in_a_text_stays_text(read):
    text = json.dumps(dataset({**GOOD, "text": "NaN, Infinity"}, {"bbox": [float("nan")] * 4}))
    images, problems = read(text.encode())
    assert images["a.jpg"].objects[0].text == "NaN, Infinity"
    assert len(problems) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_and_line_ends(tmp_path, encoding):
    path = tmp_path / "coco.json"
    path.write_bytes(json.dumps(dataset(GOOD), indent=1).replace("\n", "\r\n").encode(encoding))
    assert PLUGIN.sniff(path).confidence > 0.5
    assert len(parse(path)[0]["a.jpg"].objects) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello", "line 1, column 1"),
        (b'{\n "images": [1,\n  2,]}', "line 3, column 5: trailing comma"),
        (b'{\n "images": [1, 2', "line 2, column 17: the file ends too early"),
        (b'{"images": []}', 'no "annotations"'),
        (b'{"annotations": []}', 'no "images"'),
        (b'{"images": {}, "annotations": []}', '"images" is not a list'),
        (b'{"images": [], "annotations": [{"image_id": 1, "category_id": 1}]}', 'no "categories"'),
        (b'"text"', "not a COCO file"),
        (b'[{"a": 1}]', "not a COCO results file"),
        (b"[[]]", "not a COCO results file"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"images": "\xff"', "JSON"),
        (b"\xff\xfe{\0\"\0i", "damaged"),
    ],
)  # fmt: skip
def test_unreadable_file_is_a_format_error(read, data, says):
    with pytest.raises(FormatError, match=says):
        read(data)


def test_crossing():
    square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    assert not crosses_itself(square)
    assert crosses_itself((square[0], square[2], square[1], square[3]))
    assert not crosses_itself((*square[:3], (5.0, 5.0), (0.0, 10.0)))
    assert not crosses_itself((*square[:2], (5.0, 0.0), *square[2:])), "touching is no crossing"
