"""COCO files as they should be: what is read from each field, and what is written into it."""

import json

import numpy as np
import pytest

from firstpass.errors import Problem
from firstpass.formats.base import ReadContext, WriteContext
from firstpass.formats.coco import PLUGIN
from firstpass.labels import (
    Author,
    Box,
    ImageRef,
    Labeled,
    LabeledImage,
    Mask,
    ObjectId,
    Ontology,
    Point,
    Polygon,
    PolygonPart,
    Tag,
    rle,
)

READER = Author("file", "reader")
RING = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]
PIXELS = np.zeros((48, 64), np.bool_)
PIXELS[10:20, 5:35] = True
MASK = rle.encode(PIXELS)
RUNS = [250, *([10, 38] * 29), 10, 1420]


class Finder:
    """Knows every image it is told of, by name or last part."""

    def __init__(self, *names):
        self.refs = {n: ImageRef("", n, n, 64, 48) for n in names}

    def find(self, name):
        found = self.refs.get(name) or self.refs.get(name.rsplit("/", 1)[-1])
        return found or Problem("", f"no image is called {name}")


def dataset(*annotations, images=None, categories=None, **more):
    return {
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 7, **a} for i, a in enumerate(annotations, 1)],
        "categories": categories or [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
        **more,
    }


@pytest.fixture
def read(tmp_path):
    def run(data, names=("a.jpg", "b.jpg"), class_names=()):
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(data))
        reading = PLUGIN.read(path, ReadContext(Finder(*names), READER, class_names))
        items = list(reading.items)
        images = [i for i in items if isinstance(i, LabeledImage)]
        return reading.classes, images, [i for i in items if isinstance(i, Problem)]

    return run


@pytest.fixture
def one(read):
    """The one object that one annotation makes, without problems."""

    def run(**annotation):
        _, images, problems = read(dataset(annotation))
        assert problems == []
        return images[0].objects[0]

    return run


@pytest.fixture
def written(tmp_path):
    def run(*objects, tags=(), classes=("cat", "dog")):
        image = LabeledImage(ImageRef("", "", "a.jpg", 64, 48), Author("human", "Ada"), objects, tags)
        told = PLUGIN.write(tmp_path / "out.json", [image], WriteContext(Ontology.of(classes)))
        return json.loads((tmp_path / "out.json").read_text()), told

    return run


def cat(shape, **more):
    return Labeled(ObjectId("o1"), "cat", shape, **more)


def test_classes_keep_the_order_of_the_file(read):
    classes, _, _ = read(
        dataset(categories=[{"id": 9, "name": "z", "description": "The last letter."}, {"id": 2, "name": "a"}])
    )
    assert [(c.name, c.guide) for c in classes] == [("z", "The last letter."), ("a", "")]


def test_box(one):
    assert one(bbox=[1, 2.5, 10, 20]).shape == Box(1, 2.5, 11, 22.5)


@pytest.mark.parametrize("empty", [[], [[]], None, {}])
def test_empty_segmentation_is_none(one, empty):
    assert one(bbox=[1, 2, 3, 4], segmentation=empty).shape == Box(1, 2, 4, 6)


def test_outline_wins_over_box(one):
    shape = one(bbox=[0, 0, 64, 48], segmentation=[RING, [v + 5 for v in RING]]).shape
    assert [p.outer[0] for p in shape.parts] == [(10, 10), (15, 15)]


def test_closed_ring_is_opened_and_flat_ring_taken(one):
    assert len(one(segmentation=[[*RING, 10, 10]]).shape.parts[0].outer) == 4
    assert len(one(segmentation=RING).shape.parts[0].outer) == 4


@pytest.mark.parametrize("counts", [MASK.counts, RUNS])
def test_run_lengths_of_both_kinds(one, counts):
    assert one(bbox=[0, 0, 1, 1], segmentation={"size": [48, 64], "counts": counts}).shape == MASK


def test_crowd_score_text_and_attributes(one):
    found = one(bbox=[1, 2, 3, 4], iscrowd=1, score=0.5, utf8_string="STOP", attributes={"occluded": False, "n": 2, "s": "x"})
    assert (found.score, found.text) == (0.5, "STOP")
    assert found.attributes == {"iscrowd": "1", "occluded": "false", "n": "2", "s": "x"}


def test_keypoints_are_kept_as_text_and_one_alone_is_a_point(one):
    assert one(bbox=[1, 2, 30, 40], keypoints=[3, 4, 2, 0, 0, 0]).attributes == {"keypoints": "[3, 4, 2, 0, 0, 0]"}
    assert one(keypoints=[3, 4, 2]).shape == Point(3, 4)


def test_caption_and_image_level_are_tags(read):
    _, images, problems = read(
        {
            **dataset({"bbox": [0, 0, 64, 48], "image_level": True, "score": 0.75}),
            "annotations": [
                {"id": 1, "image_id": 1, "caption": "A cat."},
                {"id": 2, "image_id": 1, "category_id": 7, "bbox": [0, 0, 64, 48], "image_level": True, "score": 0.75},
            ],
        }
    )
    assert problems == []
    assert images == [
        LabeledImage(Finder("a.jpg").find("a.jpg"), READER, (), (Tag("", "caption", "A cat."), Tag("cat", score=0.75)))
    ]


def test_captions_need_no_categories(read):
    images = [{"id": 1, "file_name": "a.jpg"}]
    _, found, problems = read({"images": images, "annotations": [{"id": 1, "image_id": 1, "caption": "A cat."}]})
    assert problems == []
    assert found[0].tags == (Tag("", "caption", "A cat."),)


def test_image_without_annotations_was_looked_at(read):
    entries = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "images/b.jpg"}]
    _, images, problems = read(dataset({"bbox": [1, 2, 3, 4]}, images=entries))
    assert problems == []
    assert [(i.image.name, len(i.objects)) for i in images] == [("a.jpg", 1), ("b.jpg", 0)]


def test_results_file_by_file_name_or_stem(read):
    data = [
        {"image_id": "a.jpg", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
        {"image_id": "b", "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.25},
        {"image_id": 42, "category_id": 2, "bbox": [5, 6, 7, 8], "score": 0.125},
        {"image_id": "a.jpg", "category_id": 2, "segmentation": {"size": [48, 64], "counts": MASK.counts}, "score": 1},
        {"image_id": "gone", "category_id": 2, "bbox": [5, 6, 7, 8], "score": 0.125},
    ]
    classes, images, problems = read(data, ("a.jpg", "b.jpg", "000000000042.jpg"), ("cat", "dog"))
    assert [c.name for c in classes] == ["cat", "dog"]
    assert [(i.image.name, [(o.class_name, o.score) for o in i.objects]) for i in images] == [
        ("a.jpg", [("cat", 0.5), ("dog", 1)]),
        ("b.jpg", [("dog", 0.25)]),
        ("000000000042.jpg", [("dog", 0.125)]),
    ]
    assert [p.what for p in problems] == ["image_id gone names no image of the project"]


def test_ids_are_the_same_each_time_and_differ_between_authors(read, tmp_path):
    data = dataset({"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3, 4]}, {"bbox": [5, 6, 7, 8]})
    first, again = (read(data)[1][0].objects for _ in range(2))
    other = PLUGIN.read(tmp_path / "coco.json", ReadContext(Finder("a.jpg"), Author("file", "another")))
    ids = {o.id for o in next(i for i in other.items if isinstance(i, LabeledImage)).objects}
    assert first == again
    assert len({o.id for o in first}) == 3
    assert not ids & {o.id for o in first}


def test_category_ids_are_places_in_the_ontology(written):
    data, _ = written(Labeled(ObjectId("o"), "dog", Box(1, 2, 3, 4)))
    assert [(c["id"], c["name"]) for c in data["categories"]] == [(1, "cat"), (2, "dog")]
    assert (data["annotations"][0]["category_id"], data["annotations"][0]["firstpass_id"]) == (2, "o")


def test_several_parts_are_rings_of_one_annotation_and_no_crowd(written):
    far = tuple((x + 30, y) for x, y in zip(RING[::2], RING[1::2], strict=True))
    near = tuple(zip(RING[::2], RING[1::2], strict=True))
    annotation = written(cat(Polygon((PolygonPart(near), PolygonPart(far)))))[0]["annotations"][0]
    assert (annotation["iscrowd"], annotation["area"], annotation["bbox"]) == (0, 800, [10, 10, 50, 20])
    assert [len(ring) for ring in annotation["segmentation"]] == [8, 8]


def test_hole_becomes_a_mask_of_the_true_area(written):
    outer = tuple(zip(RING[::2], RING[1::2], strict=True))
    hole = ((15.0, 15.0), (25.0, 15.0), (25.0, 25.0), (15.0, 25.0))
    annotation = written(cat(Polygon((PolygonPart(outer, (hole,)),))))[0]["annotations"][0]
    mask = Mask(48, 64, annotation["segmentation"]["counts"])
    assert annotation["iscrowd"] == 0
    assert annotation["area"] == rle.area_px(mask) == 300


def test_crowd_only_when_the_attribute_says_so(written):
    assert written(cat(MASK))[0]["annotations"][0]["iscrowd"] == 0
    crowd = written(cat(MASK, attributes={"iscrowd": "1", "a": "b"}))[0]["annotations"][0]
    assert (crowd["iscrowd"], crowd["attributes"]) == (1, {"a": "b"})
    assert written(cat(MASK, attributes={"iscrowd": "maybe"}))[0]["annotations"][0]["iscrowd"] == 0


def test_keypoints_go_back_into_their_field(written):
    annotation = written(cat(Box(1, 2, 30, 40), attributes={"keypoints": "[3,4,2,0,0,0]"}))[0]["annotations"][0]
    assert (annotation["keypoints"], annotation["num_keypoints"]) == ([3, 4, 2, 0, 0, 0], 1)


def test_tags_are_kept_out_of_the_annotations(written):
    data, told = written(tags=(Tag("cat"), Tag("", "caption", "A cat.")))
    assert data["annotations"] == []
    assert data["images"][0]["firstpass_tags"] == [{"name": "cat"}, {"name": "", "kind": "caption", "text": "A cat."}]
    assert (told.images, told.objects) == (1, 0)


def test_foreign_class_is_left_out_with_a_word(written):
    data, told = written(cat(Box(1, 2, 3, 4)), Labeled(ObjectId("x"), "emu", Box(1, 2, 3, 4)))
    assert len(data["annotations"]) == told.objects == 1
    assert [p.where for p in told.problems] == ["a.jpg: object x"]


def test_name_of_raw_bytes_is_a_problem_and_ids_have_no_gap(tmp_path):
    images = [
        LabeledImage(ImageRef("", "", name, 64, 48), READER, (cat(Box(1, 2, 3, 4)),))
        for name in ("a.jpg", "\udcff.jpg", "b.jpg")
    ]
    told = PLUGIN.write(tmp_path / "out.json", images, WriteContext(Ontology.of(["cat"])))
    data = json.loads((tmp_path / "out.json").read_text())
    assert [(a["id"], a["image_id"]) for a in data["annotations"]] == [(1, 1), (2, 2)]
    assert (told.images, told.objects, len(told.problems)) == (2, 2, 1)


def test_written_twice_is_the_same_file(tmp_path):
    image = LabeledImage(ImageRef("", "", "a.jpg", 64, 48), READER, (cat(Box(1, 2, 3, 4)), cat(MASK)), (Tag("cat"),))
    for name in ("1.json", "2.json"):
        PLUGIN.write(tmp_path / name, [image], WriteContext(Ontology.of(["cat"])))
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
