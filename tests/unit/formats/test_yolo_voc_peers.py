"""What we write as YOLO and VOC is read alike by supervision; what supervision writes is read alike by us."""

import numpy as np
import pytest

from firstpass.formats import voc, yolo
from firstpass.formats.base import WriteContext
from firstpass.labels import Box, Ontology, Polygon, PolygonPart

sv = pytest.importorskip("supervision")
cv2 = pytest.importorskip("cv2")

CLASSES = ("cat", "dog")
BOXES = {"a.png": [(0, 0, 100, 50), (10.5, 5.25, 30.125, 25.5)], "b.png": [], "c.png": [(99, 49, 100, 50)]}
RING = ((10.0, 10.0), (60.0, 10.0), (60.0, 40.0), (10.0, 40.0))


@pytest.fixture
def context():
    def copy(ref, path):
        cv2.imwrite(str(path), np.zeros((ref.height_px, ref.width_px, 3), np.uint8))

    return WriteContext(Ontology.of(CLASSES), copy)


@pytest.fixture
def images(labeled):
    return [labeled(n, *(Box(*b) for b in boxes), class_name="dog") for n, boxes in BOXES.items()]


def theirs(dataset):
    return {path.rpartition("/")[2]: found for path, _, found in dataset}


def yolo_set(path, **options):
    return sv.DetectionDataset.from_yolo(
        str(path / "images/train"), str(path / "labels/train"), str(path / "data.yaml"), **options
    )


def voc_set(path, **options):
    return sv.DetectionDataset.from_pascal_voc(str(path / "JPEGImages"), str(path / "Annotations"), **options)


@pytest.mark.parametrize(("fmt", "load"), [(yolo, yolo_set), (voc, voc_set)])
def test_our_boxes_are_read_equal(tmp_path, context, images, fmt, load):
    fmt.PLUGIN.write(tmp_path / "out", images, context)
    dataset = load(tmp_path / "out")
    found = theirs(dataset)
    assert set(found) == set(BOXES)
    for name, boxes in BOXES.items():
        assert found[name].xyxy == pytest.approx(np.asarray(boxes, np.float32).reshape(-1, 4), abs=1e-4)
        assert [dataset.classes[i] for i in found[name].class_id] == ["dog"] * len(boxes)


@pytest.mark.parametrize(("fmt", "load"), [(yolo, yolo_set), (voc, voc_set)])
def test_our_polygons_are_read_equal(tmp_path, context, labeled, fmt, load):
    shape = Polygon((PolygonPart(RING),))
    fmt.PLUGIN.write(tmp_path / "out", [labeled("a.png", shape)], context)
    (found,) = theirs(load(tmp_path / "out", force_masks=True)).values()
    assert found.xyxy[0] == pytest.approx((10, 10, 60, 40), abs=1e-4)
    expected = np.zeros((50, 100), bool)
    expected[10:41, 10:61] = True  # supervision fills the border's pixels too
    assert (found.mask[0] == expected).all()


def test_theirs_are_read_equal(tmp_path, read):
    detections = sv.Detections(np.asarray([(10, 5, 30, 25), (0, 0, 100, 50)], np.float32), class_id=np.asarray([1, 0]))
    picture = str(tmp_path / "a.png")
    cv2.imwrite(picture, np.zeros((50, 100, 3), np.uint8))
    dataset = sv.DetectionDataset(list(CLASSES), [picture], {picture: detections})
    dataset.as_yolo(str(tmp_path / "yolo/images"), str(tmp_path / "yolo/labels"), str(tmp_path / "yolo/data.yaml"))
    dataset.as_pascal_voc(str(tmp_path / "voc/JPEGImages"), str(tmp_path / "voc/Annotations"))
    for fmt, folder in ((yolo, "yolo"), (voc, "voc")):
        said = read(fmt.PLUGIN, tmp_path / folder, "a.png")
        assert [v for box in said.boxes for v in box] == pytest.approx([10, 5, 30, 25, 0, 0, 100, 50], abs=1e-3)
        assert [o.class_name for o in said.objects] == ["dog", "cat"]
        assert said.problems == []
