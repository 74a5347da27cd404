"""What we write, pycocotools and supervision read as the same; what they hold true, we read."""

import contextlib
import io
import json
from pathlib import Path

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
    ObjectId,
    Ontology,
    Point,
    Polygon,
    PolygonPart,
    Tag,
    geometry,
    rle,
)

# pycocotools 2.0.11 itself warns under numpy 2; ours does not use that part of it
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
DATA = Path(__file__).parents[4] / "shared" / "data"
RING = ((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))
FAR = tuple((x + 30, y + 5) for x, y in RING)
HOLE = ((15.0, 15.0), (25.0, 15.0), (25.0, 25.0), (15.0, 25.0))


def objects():
    pixels = np.random.default_rng(0).random((48, 80)) > 0.7
    shapes = (Polygon((PolygonPart(RING), PolygonPart(FAR))), Polygon((PolygonPart(RING, (HOLE,)),)), rle.encode(pixels))
    return tuple(Labeled(ObjectId(f"o{i}"), ("cat", "dog")[i % 2], s) for i, s in enumerate(shapes))


@pytest.fixture
def path(tmp_path):
    ref = ImageRef("", "", "a.jpg", 80, 48)
    others = (Labeled(ObjectId("b"), "dog", Box(1.5, 2.25, 30, 40)), Labeled(ObjectId("p"), "dog", Point(3, 4)))
    images = (
        LabeledImage(ref, Author("human", "Ada"), (*objects(), *others), (Tag("cat"), Tag("", "caption", "A cat."))),
        LabeledImage(ImageRef("", "", "b.jpg", 10, 10), Author("human", "Ada"), ()),
    )
    PLUGIN.write(tmp_path / "coco.json", images, WriteContext(Ontology.of(["cat", "dog"])))
    return tmp_path / "coco.json"


def load(path):
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_sees_the_same_masks_boxes_and_areas(path):
    coco = load(path)
    assert sorted(coco.getImgIds()) == [1, 2]
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=1))
    for obj, annotation in zip(objects(), annotations, strict=False):
        expected = rle.decode(geometry.to_mask(obj.shape, 48, 80))
        assert (coco.annToMask(annotation).astype(bool) == expected).all()
        assert coco.cats[annotation["category_id"]]["name"] == obj.class_name
        assert annotation["area"] == pytest.approx(expected.sum(), rel=0.06)
    assert annotations[3]["bbox"] == [1.5, 2.25, 28.5, 37.75]


def test_supervision_sees_the_same_masks_and_boxes(path):
    sv = pytest.importorskip("supervision")
    data_set = sv.DetectionDataset.from_coco(str(path.parent), str(path), force_masks=False)
    by_path = {Path(k).name: v for k, v in data_set.annotations.items()}
    assert data_set.classes == ["cat", "dog"]
    found = by_path["a.jpg"]
    assert found.class_id.tolist() == [0, 1, 0, 1, 1]
    assert found.xyxy[3].tolist() == [1.5, 2.25, 30, 40]
    assert len(by_path["b.jpg"]) == 0


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["bccd", "coco_tiny", "deeppcb", "dsb2018", "grocery_store", "magnetic_tile"])
def test_real_files_read_as_pycocotools_reads_them(name):
    path = DATA / name / "coco.json"
    if not path.is_file():
        pytest.skip(f"the labeled data sets are not beside the checkout ({name})")
    coco = load(path)

    class Anything:
        def find(self, _):
            return Problem("", "unknown")

    def register(file_name, width, height):
        return ImageRef("", file_name, file_name, width, height)

    reading = PLUGIN.read(path, ReadContext(Anything(), Author("file", "x"), (), register))
    items = list(reading.items)
    images = {i.image.name: i for i in items if isinstance(i, LabeledImage)}
    assert [i for i in items if isinstance(i, Problem) and i.severity == "error"] == []
    assert len(images) == len(coco.imgs)
    for image_id, entry in coco.imgs.items():
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
        labeled = images[entry["file_name"]]
        names = [coco.cats[a["category_id"]]["name"] for a in annotations]
        assert names == [o.class_name for o in labeled.objects] + [t.name for t in labeled.tags if t.kind == "class"]
        for obj, annotation in zip(labeled.objects, annotations, strict=False):
            if annotation.get("segmentation"):
                ours = geometry.to_mask(obj.shape, entry["height"], entry["width"])
                assert (rle.decode(ours) == coco.annToMask(annotation).astype(bool)).all()
            else:
                x, y, w, h = annotation["bbox"]
                assert np.allclose(obj.shape.xyxy_px, (x, y, x + w, y + h))


@pytest.mark.real_data
def test_real_file_goes_round(tmp_path):
    path = DATA / "coco_tiny" / "coco.json"
    if not path.is_file():
        pytest.skip("the labeled data sets are not beside the checkout")
    entries = {e["file_name"]: e for e in json.loads(path.read_text())["images"]}

    class Known:
        def find(self, name):
            return ImageRef("", name, name, entries[name]["width"], entries[name]["height"])

    context = ReadContext(Known(), Author("file", "x"))
    reading = PLUGIN.read(path, context)
    first = [i for i in reading.items if isinstance(i, LabeledImage)]
    PLUGIN.write(tmp_path / "out.json", first, WriteContext(Ontology(reading.classes)))
    again = [i for i in PLUGIN.read(tmp_path / "out.json", context).items if isinstance(i, LabeledImage)]
    assert [i.image for i in first] == [i.image for i in again]
    assert [[(o.id, o.class_name, o.attributes) for o in i.objects] for i in first] == [
        [(o.id, o.class_name, o.attributes) for o in i.objects] for i in again
    ]
