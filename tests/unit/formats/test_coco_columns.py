"""Plain boxes go through columns; what comes in and what is written is the same as without, to the last problem and byte."""

import copy
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstpass.errors import FormatError, Problem
from firstpass.formats import _coco_index, _coco_read
from firstpass.formats._coco_index import index_file
from firstpass.formats._coco_read import CocoReader
from firstpass.formats.base import ReadContext, WriteContext
from firstpass.formats.coco import PLUGIN
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Ontology, PackedObjects, Point, Tag
from firstpass.labels.packed import packed

AUTHOR = Author("file", "x.json", "digest")
REFS = {f"{i}.jpg": ImageRef(f"{i:032x}", f"/p/{i}.jpg", f"{i}.jpg", 64, 48) for i in range(4)}


class Finder:
    def find(self, name):
        return REFS.get(name) or Problem("", f"no image is called {name}")


def rarely(usual, *odd):
    """Mostly the usual, now and then something else."""
    return st.one_of(*[usual] * 12, st.sampled_from(odd))


numbers = st.one_of(st.integers(0, 40), st.floats(0, 40).map(lambda v: round(v, 2)))
boxes = st.tuples(numbers, numbers, st.integers(1, 8), numbers.map(lambda v: v / 8 + 0.1)).map(list)
odd_boxes = ([0, 0, 64, 48], [0, 0, 65.5, 48], [1, 2, 0, 4], [1, 2, -3, 4], [60, 40, 9, 9], [90, 2, 3, 4], [1, 2, 3], None, "x",
    [1, 2, 3, float("nan")], [1, 2, 3, 1e300], [-0.0, -1e-9, 3, 3], [True, 1, 2, 3])  # fmt: skip
annotation = st.fixed_dictionaries(
    {
        "image_id": rarely(st.integers(0, 3), 9, 1.0, "1", None, "x"),
        "category_id": rarely(st.integers(1, 2), 7, "1", 1.0, None, True),
        "bbox": rarely(boxes, *odd_boxes),
    },
    optional={
        "area": st.integers(),
        "iscrowd": rarely(st.just(0), 1, None, "1", False, 0.0),
        "segmentation": rarely(st.just([]), None, [[1, 1, 9, 1, 9, 9]], {"size": [48, 64], "counts": [72, 1000, 2000]}, [[]]),
        "score": rarely(st.none() | st.floats(0, 1), 1, 0, 2, "x", -0.0, float("inf")),
        "firstpass_id": rarely(st.none(), "", "own", "own", 5, "a\nb", "é"),
        "text": rarely(st.none(), "", "t"),
        "caption": rarely(st.none(), "c"),
        "attributes": rarely(st.none(), {}, {"a": 1}),
        "keypoints": rarely(st.none(), [1, 2, 2], []),
        "image_level": rarely(st.none(), True, False),
    },
)
ODD_IMAGES = ({"file_name": "gone.jpg"}, {"id": 0}, {"width": 9}, {"id": "2"}, {"file_name": "1.jpg"},
    {"firstpass_tags": [{"name": "cat"}]}, {"firstpass_tags": 5})  # fmt: skip
own_ids = rarely(st.none(), 0, -4, 2**31, 2**32, 2**40, 2**63, 2**70, 1.5, "7", True)


@st.composite
def files(draw):
    """A file of up to 30 annotations, most of them plain."""
    annotations = draw(st.lists(annotation, max_size=30))
    shift = draw(rarely(st.just(1), 2**32 - 5, 2**63 - 5))
    for place, record in enumerate(annotations):
        own = draw(own_ids)
        record["id"] = place + shift if own is None else own
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in range(4)]
    if draw(st.booleans()):
        images[draw(st.integers(0, 3))] |= draw(st.sampled_from(ODD_IMAGES))
    categories = [{"id": 1, "name": "cat"}, {"id": draw(st.sampled_from([2, 2.0, "2"])), "name": draw(st.sampled_from("ab"))}]
    return {"images": images, "annotations": annotations, "categories": categories}


def both_ways(path, class_names=()):
    """All that a reading says, through columns and without them."""
    said = []
    for fast in (True, False):
        context = ReadContext(Finder(), AUTHOR, class_names)
        try:
            said.append(list(CocoReader(index_file(path, class_names), context, fast=fast).items()))
        except FormatError as error:
            said.append([str(error)])
    return said


def exact(items):
    """In full: also what == does not tell apart (1 and 1.0, 0.0 and -0.0)."""
    return [repr(item) for item in items]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=files(), twice=st.booleans(), chunk=st.sampled_from([1, 7, 4_000]), batch=st.sampled_from([1, 3, 500]))
def test_columns_change_nothing(tmp_path_factory, data, twice, chunk, batch):
    path = tmp_path_factory.getbasetemp() / "columns.json"
    text = json.dumps(data)
    if twice and data["annotations"]:  # a key that stands twice
        text = text.replace('"bbox": [', '"bbox": [1, 1, 1, 1], "bbox": [', 1)
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_coco_index, "CHUNK", chunk)
        patch.setattr(_coco_read, "BATCH", batch)
        fast, careful = both_ways(path)
    assert fast == careful
    assert exact(fast) == exact(careful)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=st.lists(annotation, max_size=12))
def test_columns_change_nothing_in_results(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "results.json"
    for record in records:
        record["image_id"] = {0: "0.jpg", 1: "1"}.get(record["image_id"], record["image_id"])
    path.write_text(json.dumps(records))
    fast, careful = both_ways(path, ["cat", "dog"])
    assert exact(fast) == exact(careful)


def plain_file(count, images=4):
    rng = random.Random(4)
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in range(images)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": rng.randrange(images), "category_id": 1 + n % 2, "bbox": [n % 50, 1.25, 3, 4.5]}
            for n in range(count)
        ],
    }


def test_plain_images_come_as_columns_and_one_odd_record_hurts_only_its_own(tmp_path):
    data = plain_file(200)
    odd = copy.deepcopy(data)
    next(a for a in odd["annotations"] if a["image_id"] == 2)["attributes"] = {"a": "b"}
    for content, expected in ((data, [True] * 4), (odd, [True, True, False, True])):
        (tmp_path / "a.json").write_text(json.dumps(content))
        items = list(PLUGIN.read(tmp_path / "a.json", ReadContext(Finder(), AUTHOR)).items)
        assert [isinstance(item.objects, PackedObjects) for item in items] == expected
        assert sum(len(item.objects) for item in items) == 200


@pytest.mark.parametrize("own", [0, 2**32 - 200, 2**32 - 100, 2**40, -300, 2**63 - 100])
def test_object_ids_are_those_of_the_careful_reader(tmp_path, own):
    data = plain_file(200)
    for record in data["annotations"]:
        record["id"] += own
    (tmp_path / "a.json").write_text(json.dumps(data))
    fast, careful = both_ways(tmp_path / "a.json")
    assert exact(fast) == exact(careful)
    assert all(type(obj.id) is str for item in fast for obj in item.objects)


def write(path, images, names=("cat", "dog")):
    path.unlink(missing_ok=True)
    done = PLUGIN.write(path, iter(images), WriteContext(Ontology.of(names)))
    return path.read_bytes(), done


def shelf():
    def boxes(image, *names, score=None):
        made = (Box(n / 3, 0.1 + n, n + 10.7, n + 20) for n in range(len(names)))
        rows = zip(names, made, strict=True)
        return tuple(Labeled(ObjectId(f"{image} é\n{n}"), name, box, score) for n, (name, box) in enumerate(rows))

    objects = [boxes("a", "cat", "dog"), (), boxes("c", "dog", score=0.25), boxes("d", "cat", "elk", "dog"), ()]
    return [LabeledImage(ref, AUTHOR, things) for ref, things in zip([*REFS.values(), REFS["0.jpg"]], objects, strict=True)]


def mixed():
    point = Labeled(ObjectId("p"), "cat", Point(1, 2), None, "t", {"a": "b"})
    first, *rest = shelf()
    tagged = LabeledImage(first.image, AUTHOR, first.objects, (Tag("cat"),))
    return [first, tagged, LabeledImage(first.image, AUTHOR, (point,)), *rest]


def unreadable():
    first, *rest = shelf()
    bad = LabeledImage(ImageRef("", "x", "\ud800.jpg", 9, 9), AUTHOR, first.objects)
    return [first, bad, *rest]


@pytest.mark.parametrize("items", [shelf(), shelf()[:3], mixed(), unreadable(), [], shelf()[1:2], shelf() * 300])
def test_written_from_columns_is_the_same_file(tmp_path, items):
    columns = [LabeledImage(i.image, i.author, packed(i.objects) or i.objects, i.tags) for i in items]
    assert any(isinstance(i.objects, PackedObjects) for i in columns) == any(i.objects for i in items)
    assert write(tmp_path / "a.json", columns) == write(tmp_path / "a.json", items)


@pytest.mark.parametrize("order", [("images", "categories", "annotations"), ("annotations", "categories", "images")])
def test_a_large_file_is_known_whatever_the_order_of_its_sections(tmp_path, order):
    data = plain_file(2_000, images=2_000)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({key: data[key] for key in order}))
    assert path.stat().st_size > 3 * 65_536
    assert PLUGIN.sniff(path).confidence > 0.5
