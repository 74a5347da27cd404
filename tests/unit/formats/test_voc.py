"""Pascal VOC: variants read, bad files told, and what is written."""

import time

import pytest

from firstpass.errors import FormatError
from firstpass.formats.voc import PLUGIN
from firstpass.labels import Box, Point, Polygon, PolygonPart

BOMB = """<?xml version="1.0"?>
<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<annotation><filename>&c;</filename></annotation>"""
EXTERNAL = """<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


def box(xmin=10, ymin=5, xmax=30, ymax=25):
    return f"<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>"


def obj(inner=None, name="cat", more=""):
    return f"<object><name>{name}</name>{box() if inner is None else inner}{more}</object>"


def xml(*objects, filename="a.jpg", size=(100, 50), database="Unknown", folder="", path=""):
    size = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return (
        f"<annotation><folder>{folder}</folder><filename>{filename}</filename><path>{path}</path>"
        f"<source><database>{database}</database></source>{size}{''.join(objects)}</annotation>"
    )


def test_boxes_of_most_tools_are_taken_as_given(put, read):
    said = read(PLUGIN, put({"Annotations/a.xml": xml(obj())}))
    assert said.boxes == [(10, 5, 30, 25)]
    assert said.classes == ["cat"]
    assert said.problems == []


@pytest.mark.parametrize("database", ["The VOC2007 Database", "roboflow.ai", "Firstpass"])
def test_files_that_count_from_one(put, read, database):
    assert read(PLUGIN, put({"a.xml": xml(obj(), database=database)})).boxes == [(9, 4, 30, 25)]


def test_one_pixel_counted_from_one_has_an_area(put, read):
    path = put({"a.xml": xml(obj(box(7, 7, 7, 7)), database="The VOC2012 Database")})
    assert read(PLUGIN, path).boxes == [(6, 6, 7, 7)]


@pytest.mark.parametrize("given", ["", "Annotations", "Annotations/a.xml"])
def test_folder_annotations_or_one_file(put, read, given):
    assert len(read(PLUGIN, put({"Annotations/a.xml": xml(obj())}) / given).images) == 1


def test_devkit_several_years_deep(put, read):
    path = put(
        {"VOCdevkit/VOC2007/Annotations/a.xml": xml(obj()), "VOCdevkit/VOC2012/Annotations/b.xml": xml(filename="b.jpg")}
    )
    assert set(read(PLUGIN, path, "VOC2007/JPEGImages/a.jpg", "b.jpg").by_name()) == {"VOC2007/JPEGImages/a.jpg", "b.jpg"}


def test_no_object_is_looked_and_found_none(put, read):
    said = read(PLUGIN, put({"Annotations/a.xml": xml(), "JPEGImages/a.jpg": "", "JPEGImages/b.jpg": ""}), "a.jpg", "b.jpg")
    assert [(i.image.name, i.objects) for i in said.images] == [("a.jpg", ())]
    assert said.whats == ["1 images have no XML file (such as b.jpg)"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("sub/a.xml", {"filename": "a.jpg"}),
        ("a.xml", {"filename": "sub/a.jpg"}),
        ("a.xml", {"filename": "sub\\a.jpg"}),
        ("a.xml", {"filename": "a.jpg", "folder": "sub"}),
        ("sub/a.xml", {"filename": "a"}),
        ("sub/a.xml", {"filename": ""}),
        ("sub/a.xml", {"filename": "renamed.jpg"}),
        ("x.xml", {"filename": "", "path": r"C:\them\sub\a.jpg"}),
    ],
)
def test_the_image_meant_is_found(put, read, name, fields):
    said = read(PLUGIN, put({f"Annotations/{name}": xml(obj(), **fields)}), "sub/a.jpg", "other.jpg")
    assert [i.image.name for i in said.images] == ["sub/a.jpg"]


def test_folder_beside_the_xml_decides_between_same_names(put, read):
    path = put({"Annotations/x/a.xml": xml(obj()), "Annotations/y/a.xml": xml()})
    found = read(PLUGIN, path, "x/a.jpg", "y/a.jpg").by_name()
    assert {n: len(i.objects) for n, i in found.items()} == {"x/a.jpg": 1, "y/a.jpg": 0}


def test_flags_and_attributes(put, read):
    more = (
        "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult><occluded>1</occluded><confidence>0.5</confidence>"
        "<attributes><attribute><name>color</name><value>red</value></attribute>"
        "<attribute><name>rotation</name><value>0.0</value></attribute></attributes>"
        "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    )
    (found,) = read(PLUGIN, put({"a.xml": xml(obj(more=more))})).objects
    assert found.attributes == {"pose": "Left", "truncated": "1", "occluded": "1", "color": "red"}
    assert found.score == 0.5
    assert found.class_name == "cat"


def test_polygons_and_rotated_boxes(put, read):
    ring = "<polygon><x1>1</x1><y1>1</y1><x2>20</x2><y2>1</y2><x3>20</x3><y3>30</y3></polygon>"
    rotated = "<robndbox><cx>50</cx><cy>25</cy><w>20</w><h>10</h><angle>1.5707963267948966</angle></robndbox>"
    one, two = read(PLUGIN, put({"a.xml": xml(obj(box() + ring + ring), obj(rotated))})).objects
    assert len(one.shape.parts) == 2
    assert one.shape.parts[0].outer == ((1, 1), (20, 1), (20, 30))
    xs, ys = zip(*two.shape.parts[0].outer, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((45, 15, 55, 35))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ("", "has no <bndbox>"),
        (box(xmin=40), "lies beyond"),
        (box(ymin="nan"), "<ymin> is 'nan'"),
        (box(xmax="inf"), "<xmax> is 'inf'"),
        (box(xmax=""), "<xmax> is missing"),
        ("<bndbox><xmin>1</xmin></bndbox>", "<ymin> is missing"),
        (box(xmax="3o"), "<xmax> is '3o'"),
        (box(10, 5, 10, 25), "has no area"),
        (box(200, 5, 240, 25), "lies outside the image"),
        (box(1e8, 5, 2e8, 25), "finite"),
        ("<polygon><x1>1</x1><y1>1</y1></polygon>", "polygon of 1 points"),
        ("<polygon><x1>1</x1></polygon>", "<y1> is missing"),
    ],
)
def test_bad_object_is_left_out_and_told(put, read, inner, said):
    found = read(PLUGIN, put({"a.xml": xml(obj(), obj(inner))}))
    assert len(found.objects) == 1, "the good record always comes in"
    assert [(p.where, p.severity) for p in found.problems] == [("a.xml: object 2", "error")]
    assert said in found.whats[0]


@pytest.mark.parametrize("name", ["", "   ", None])
def test_object_without_a_name(put, read, name):
    nameless = f"<object>{box()}</object>" if name is None else obj(name=name)
    said = read(PLUGIN, put({"a.xml": xml(obj(), nameless)}))
    assert len(said.objects) == 1
    assert said.whats == ["has no <name>"]


def test_box_over_the_edge_is_clipped_and_told(put, read):
    said = read(PLUGIN, put({"a.xml": xml(obj(box(80, 5, 130, 25)))}))
    assert said.boxes == [(80, 5, 100, 25)]
    assert [p.severity for p in said.problems] == ["warning"]


@pytest.mark.parametrize("size", [(50, 100), (101, 50)])
def test_another_size_is_refused(put, read, size):
    said = read(PLUGIN, put({"a.xml": xml(obj(), size=size)}))
    assert said.images == []
    assert "px in the file" in said.whats[0]


@pytest.mark.parametrize("size", [None, (0, 0), ("", ""), ("x", "y")])
def test_no_size_is_no_problem(put, read, size):
    said = read(PLUGIN, put({"a.xml": xml(obj(), size=size)}))
    assert len(said.images) == 1
    assert said.problems == []


@pytest.mark.parametrize("text", [BOMB, EXTERNAL])
def test_entities_are_refused_at_once(put, read, text):
    start = time.perf_counter()
    said = read(PLUGIN, put({"a.xml": text, "b.xml": xml(filename="b.jpg")}), "a.jpg", "b.jpg")
    assert time.perf_counter() - start < 2
    assert [i.image.name for i in said.images] == ["b.jpg"]
    assert "declares entities" in said.whats[0]


@pytest.mark.parametrize("text", ["", "<annotation>", "<annotations/>", "not xml", b"\xff\xfe\x00", "<a>\x01</a>"])
def test_files_that_are_no_voc_are_told_and_the_rest_comes_in(put, read, text):
    said = read(PLUGIN, put({"bad.xml": text, "a.xml": xml(obj())}))
    assert len(said.images) == 1
    assert [(p.where, p.severity) for p in said.problems] == [("bad.xml", "error")]


def test_encodings(put, read):
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>' + xml(obj(name="café"))
    marked = "\ufeff" + xml(obj(name="naïf"), filename="b.jpg").replace("\n", "\r\n")
    said = read(PLUGIN, put({"a.xml": latin.encode("latin-1"), "b.xml": marked.encode()}), "a.jpg", "b.jpg")
    assert said.classes == ["café", "naïf"]
    assert said.problems == []


def test_two_files_for_one_image(put, read):
    said = read(PLUGIN, put({"a.xml": xml(obj()), "b.xml": xml(obj(), obj())}))
    assert len(said.objects) == 1
    assert said.whats == ["labels a.jpg a second time"]


@pytest.mark.parametrize("text", [None, {"a.txt": ""}])
def test_no_xml_at_all_is_refused(put, read, text):
    with pytest.raises(FormatError, match="XML"):
        read(PLUGIN, put(text or {}) if text else put({}) / "absent")


def test_declared_size_lets_a_placeholder_be_made(put, read, refs):
    asked = []

    def declared(name, width, height):
        asked.append((name, width, height))
        return refs(name, size=(width, height))[0]

    said = read(PLUGIN, put({"a.xml": xml(obj(), filename="new.jpg")}), "other.jpg", declared=declared)
    assert asked == [("new.jpg", 100, 50)]
    assert [i.image.name for i in said.images] == ["new.jpg"]


def test_written_tree(tmp_path, labeled, to):
    images = [labeled("s/a.jpg", Box(0.5, 0, 100, 50), attributes={"difficult": "1", "k<": "v&\r"}), labeled("b.png")]
    written = PLUGIN.write(tmp_path / "out", images, to("cat", copy=True, splits={"b.png": "val"}))
    names = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert names == {
        "Annotations/s/a.xml", "Annotations/b.xml", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt", "labelmap.txt",
        "JPEGImages/s/a.jpg", "JPEGImages/b.png",
    }  # fmt: skip
    assert (tmp_path / "out/ImageSets/Main/val.txt").read_text() == "b\n"
    text = (tmp_path / "out/Annotations/s/a.xml").read_text()
    assert "<xmin>1.5</xmin>" in text
    assert "<xmax>100</xmax>" in text
    assert "<difficult>1</difficult>" in text
    assert "<value>v&amp;&#13;</value>" in text
    assert (written.images, written.objects, written.problems) == (2, 1, ())


@pytest.mark.parametrize("value", ["", "0", "1", " x ", "Left"])
@pytest.mark.parametrize("key", ["difficult", "pose", "other"])
def test_every_attribute_comes_back(tmp_path, labeled, to, read, key, value):
    PLUGIN.write(tmp_path / "out", [labeled("a.jpg", Box(1, 1, 9, 9), attributes={key: value})], to())
    assert read(PLUGIN, tmp_path / "out").objects[0].attributes == {key: value}


def test_what_cannot_be_written_is_told(tmp_path, labeled, to, ring_mask):
    holed = Polygon((PolygonPart(((0, 0), (50, 0), (50, 50), (0, 50)), (((5, 5), (9, 5), (9, 9)),)),))
    images = [
        labeled("a.jpg", ring_mask[0], holed, Point(1, 1)),
        labeled("a.png"),
        labeled("b.jpg", Box(1, 1, 9, 9), attributes={"k": "\x01"}),
        labeled("c.jpg", Box(1, 1, 9, 9), class_name="\x02"),
        labeled("c\ufffe.jpg"),
    ]
    written = PLUGIN.write(tmp_path / "out", images, to("cat", "\x02"))
    assert [p.severity for p in written.problems] == [
        "warning",
        "warning",
        "error",
        "error",
        "warning",
        "error",
        "error",
        "warning",
    ]
    assert (written.images, written.objects) == (3, 3)


def test_sniff(put):
    folder = put({"voc/a.xml": xml(), "cvat/a.xml": "<annotations></annotations>", "svg/a.xml": "<svg/>"})
    assert PLUGIN.sniff(folder / "voc").confidence > 0.9
    assert PLUGIN.sniff(folder / "voc/a.xml").confidence > 0.9
    assert PLUGIN.sniff(folder / "cvat").confidence == 0
    assert PLUGIN.sniff(folder / "svg").confidence == 0
