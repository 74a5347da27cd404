"""LabelMe and X-AnyLabeling: shapes, groups, flags, tags; bad files told; what is written."""

import base64
import json

import cv2
import numpy as np
import pytest

from firstpass.errors import FormatError
from firstpass.formats.labelme import PLUGIN
from firstpass.labels import Box, Mask, Point, Polygon, PolygonPart, Tag, rle

RING = [[10, 10], [30, 10], [30, 30]]


def shape(kind="rectangle", points=((10, 5), (30, 25)), label="cat", **more):
    return {"label": label, "points": [list(p) for p in points], "shape_type": kind, "group_id": None, "flags": {}} | more


def png(pixels):
    return base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()


def text(*shapes, **keys):
    base = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": "a.jpg", "imageData": None}
    return json.dumps(base | {"imageHeight": 50, "imageWidth": 100} | keys)


@pytest.fixture
def said(put, read):
    return lambda *shapes, **keys: read(PLUGIN, put({"a.json": text(*shapes, **keys)}))


def test_rectangle_with_corners_in_any_order(said):
    found = said(shape(), shape(points=((30, 25), (10, 5))), shape(points=((10, 5), (30, 5), (30, 25), (10, 25))))
    assert found.boxes == [(10, 5, 30, 25)] * 3
    assert found.problems == []


def test_polygon_point_and_no_type(said):
    untyped = {"label": "dog", "points": RING}
    one, two, three = said(shape("polygon", RING), shape("point", [(3, 4)]), untyped).objects
    assert one.shape == three.shape == Polygon((PolygonPart(((10, 10), (30, 10), (30, 30))),))
    assert two.shape == Point(3, 4)
    assert three.class_name == "dog"


def test_circle_is_a_round_polygon(said):
    (found,) = said(shape("circle", [(50, 25), (50, 35)])).objects
    xs, ys = zip(*found.shape.parts[0].outer, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((40, 15, 60, 35))


def test_mask_lies_at_its_corner(said):
    crop = np.zeros((3, 4), np.uint8)
    crop[1, 2] = 1
    (found,) = said(shape("mask", [(10, 20), (13, 22)], mask=png(crop))).objects
    assert np.argwhere(rle.decode(found.shape)).tolist() == [[21, 12]]


def test_mask_over_the_edge_is_cut(said):
    (found,) = said(shape("mask", [(98, 48), (101, 51)], mask=png(np.ones((4, 4), np.uint8)))).objects
    assert rle.area_px(found.shape) == 4


@pytest.mark.parametrize(
    ("mask", "what"),
    [
        (None, "no pixels"),
        ("@@@", "not base64"),
        (base64.b64encode(b"GIF89a").decode(), "not a PNG"),
        (png(np.ones((9, 9), np.uint8)), "mask is 9x9 px"),
        (base64.b64encode(base64.b64decode(png(np.ones((3, 4), np.uint8)))[:40]).decode(), "damaged"),
    ],
)
def test_bad_mask_is_told(said, mask, what):
    found = said(shape(), shape("mask", [(10, 20), (13, 22)], mask=mask))
    assert len(found.objects) == 1
    assert what in found.whats[0]


def test_huge_mask_is_never_decoded(said):
    head = bytearray(base64.b64decode(png(np.ones((3, 4), np.uint8))))
    head[16:24] = (60000).to_bytes(4, "big") * 2
    found = said(shape("mask", [(0, 0), (3, 2)], mask=base64.b64encode(head).decode()))
    assert found.whats == ["mask is 60000x60000 px"]


def test_group_of_one_label_is_one_object(said):
    far = [[x + 40, y] for x, y in RING]
    found = said(
        shape("polygon", RING, group_id=1), shape("polygon", far, group_id=1), shape("polygon", RING, "dog", group_id=1)
    )
    assert [(o.class_name, len(o.shape.parts)) for o in found.objects] == [("cat", 2), ("dog", 1)]
    assert found.objects[1].attributes == {"group_id": "1"}


def test_group_with_a_mask_is_a_mask(said):
    crop = png(np.ones((2, 2), np.uint8))
    (found,) = said(shape(group_id=1), shape("mask", [(90, 40), (91, 41)], mask=crop, group_id=1)).objects
    assert isinstance(found.shape, Mask)
    assert rle.area_px(found.shape) == 20 * 20 + 4


def test_points_of_a_group_stay_points(said):
    found = said(shape("point", [(1, 1)], group_id=5), shape("point", [(2, 2)], group_id=5))
    assert [o.attributes for o in found.objects] == [{"group_id": "5"}] * 2


def test_description_flags_score_attributes(said):
    (found,) = said(
        shape(
            description="hello",
            flags={"blurred": True, "old": False},
            score=0.5,
            attributes={"color": "red", "n": 3},
            difficult=True,
        )
    ).objects
    assert (found.text, found.score) == ("hello", 0.5)
    assert found.attributes == {"blurred": "true", "difficult": "true", "color": "red", "n": "3"}


@pytest.mark.parametrize("score", ["high", 2, -1, True])
def test_bad_score_is_left_out_and_told(said, score):
    found = said(shape(score=score))
    assert [o.score for o in found.objects] == [None]
    assert [p.severity for p in found.problems] == ["warning"]


def test_flags_of_the_image_are_tags(said):
    (image,) = said(flags={"indoor": True, "night": False}).images
    assert image.tags == (Tag("indoor"),)
    assert image.objects == ()


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (shape("line", [(1, 1), (2, 2)]), "shape type 'line' is not supported"),
        (shape("linestrip", RING), "shape type 'linestrip' is not supported"),
        (shape("polygon", RING[:2]), "polygon of 2 points"),
        (shape("rectangle", RING[:1]), "rectangle of 1 points"),
        (shape(points=((10, 5), (10, 25))), "has no area"),
        (shape(points=((210, 5), (230, 25))), "outside the image"),
        (shape(points=((1e9, 5), (10, 25))), "not pairs of finite numbers"),
        (shape() | {"points": [["1", "2"], ["3", "4"]]}, "not pairs of finite numbers"),
        (shape() | {"points": None}, "not pairs of finite numbers"),
        (shape() | {"points": [[1, 2, 3], [4, 5, 6]]}, "not pairs of finite numbers"),
        (shape(label=""), "has no label"),
        (shape(label=None), "has no label"),
        ("shape", "has no label"),
    ],
)
def test_bad_shape_is_left_out_and_told(said, bad, what):
    found = said(shape(), bad)
    assert len(found.objects) == 1, "the good record always comes in"
    assert [(p.where, p.severity) for p in found.problems] == [("a.json: shape 2", "error")]
    assert what in found.whats[0]


def test_nan_spoils_one_shape_only(put, read):
    data = text(shape(), shape()).replace("30, 25]]", "NaN, 25]]", 1)
    found = read(PLUGIN, put({"a.json": data}))
    assert found.boxes == [(10, 5, 30, 25)]
    assert found.problems[0].where == "a.json: shape 1"


@pytest.mark.parametrize("data", ["", "{", "[]", '{"a": 1}', '{"shapes": {}}', "[" * 5000, b"\xff\xfe\x00"])
def test_files_that_are_no_labelme_are_told(put, read, data):
    found = read(PLUGIN, put({"bad.json": data, "a.json": text(shape())}))
    assert len(found.images) == 1
    assert [p.severity for p in found.problems] == ["error"]
    assert found.problems[0].where.startswith("bad.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_and_encodings(put, read, encoding):
    assert read(PLUGIN, put({"a.json": text(shape(label="é")).encode(encoding)})).classes == ["é"]


def test_image_data_is_never_decoded(put, read):
    found = read(PLUGIN, put({"a.json": text(shape(), imageData="not a picture")}))
    assert len(found.objects) == 1
    assert found.problems == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sub/a.json", "a.jpg"),
        ("labels/a.json", "../sub/a.jpg"),
        ("labels/a.json", r"..\sub\a.jpg"),
        ("a.json", "sub/a.jpg"),
        ("sub/a.json", "renamed.jpg"),
        ("sub/a.json", None),
        ("x.json", "C:\\data\\a.jpg"),
    ],
)
def test_the_image_meant_is_found(put, read, name, path):
    found = read(PLUGIN, put({name: text(shape(), imagePath=path)}), "sub/a.jpg", "other.jpg")
    assert [i.image.name for i in found.images] == ["sub/a.jpg"]


def test_another_size_is_refused(said):
    found = said(shape(), imageWidth=50, imageHeight=100)
    assert found.images == []
    assert "px in the file" in found.whats[0]


def test_labels_file_gives_the_classes(put, read):
    path = put({"labels.txt": "__ignore__\n_background_\ndog\ncat\n", "a.json": text(shape())})
    assert read(PLUGIN, path).classes == ["dog", "cat"]


def test_doubled_object_ids_are_made_different(said):
    found = said(shape(object_id="7"), shape(points=((1, 1), (9, 9)), object_id="7"))
    ids = [o.id for o in found.objects]
    assert ids[0] == "7"
    assert ids[1] != "7"


@pytest.mark.parametrize("files", [{}, {"a.txt": ""}])
def test_no_json_is_refused(put, read, files):
    with pytest.raises(FormatError, match="JSON"):
        read(PLUGIN, put(files) if files else put({}) / "absent")


def test_written_keys_are_labelmes(tmp_path, labeled, to):
    PLUGIN.write(tmp_path / "out", [labeled("s/a.jpg", Box(1, 2, 3.5, 4), text="t")], to(copy=True))
    keys = json.loads((tmp_path / "out/s/a.json").read_text())
    assert keys["imagePath"] == "a.jpg"
    assert keys["imageData"] is None
    assert (keys["imageWidth"], keys["imageHeight"]) == (100, 50)
    (only,) = keys["shapes"]
    assert only["points"] == [[1, 2], [3.5, 4]]
    assert (only["label"], only["shape_type"], only["description"]) == ("cat", "rectangle", "t")
    assert (tmp_path / "out/s/a.jpg").is_file()
    assert (tmp_path / "out/labels.txt").read_text() == "cat\ndog\n"


def test_masks_and_many_parts_come_back_exactly(tmp_path, labeled, to, read, ring_mask):
    parts = tuple(PolygonPart(tuple((x + d, y) for x, y in RING)) for d in (0, 40))
    empty = rle.encode(np.zeros((50, 100), bool))
    shapes = (ring_mask[0], Polygon(parts), empty)
    written = PLUGIN.write(tmp_path / "out", [labeled("a.jpg", *shapes)], to())
    assert [o.shape for o in read(PLUGIN, tmp_path / "out").objects] == list(shapes)
    assert written.problems == ()


def test_holes_become_a_mask_and_are_told(tmp_path, labeled, to, read):
    holed = Polygon((PolygonPart(((0, 0), (50, 0), (50, 50), (0, 50)), (((10, 10), (20, 10), (20, 20), (10, 20)),)),))
    written = PLUGIN.write(tmp_path / "out", [labeled("a.jpg", holed)], to())
    (found,) = read(PLUGIN, tmp_path / "out").objects
    assert rle.area_px(found.shape) == 2400
    assert [p.severity for p in written.problems] == ["warning"]


def test_names_of_one_stem_and_foreign_classes_are_told(tmp_path, labeled, to):
    images = [
        labeled("a.jpg"),
        labeled("a.png"),
        labeled("b.jpg", Box(0, 0, 9, 9), class_name="fox"),
        labeled("c.jpg", class_name="\ud800"),
    ]
    written = PLUGIN.write(tmp_path / "out", images, to())
    assert [p.severity for p in written.problems] == ["error", "error"]
    assert written.images == 3


def test_supervision_reads_our_boxes_and_polygons_equal(tmp_path, labeled, to):
    sv = pytest.importorskip("supervision")
    if not hasattr(sv.DetectionDataset, "from_labelme"):
        pytest.skip("this supervision cannot read LabelMe")

    def copy(ref, path):
        cv2.imwrite(str(path), np.zeros((50, 100, 3), np.uint8))

    ring = Polygon((PolygonPart(tuple((float(x), float(y)) for x, y in RING)),))
    context = type(to())(to().ontology, copy)
    PLUGIN.write(tmp_path / "out", [labeled("a.png", Box(1.5, 2, 30, 40), ring)], context)
    dataset = sv.DetectionDataset.from_labelme(str(tmp_path / "out"), str(tmp_path / "out"))
    ((_, _, found),) = list(dataset)
    assert found.xyxy == pytest.approx(np.asarray([(1.5, 2, 30, 40), (10, 10, 30, 30)]))


def test_sniff(put):
    folder = put({"lm/a.json": text(), "coco/a.json": '{"images": [], "annotations": []}'})
    assert PLUGIN.sniff(folder / "lm").confidence > 0.9
    assert PLUGIN.sniff(folder / "lm/a.json").confidence > 0.9
    assert PLUGIN.sniff(folder / "coco").confidence == 0
