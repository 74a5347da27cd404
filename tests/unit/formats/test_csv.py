"""CSV tables: every form read, bad rows told, spreadsheets kept from running anything."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.errors import FormatError
from firstpass.formats._csv_table import escape, unescape
from firstpass.formats.csv import PLUGIN
from firstpass.labels import Box, Point, Tag

HEAD = "image,class,x1,y1,x2,y2"
ROW = "a.jpg,cat,10,5,30,25"
BOX_PX = (10, 5, 30, 25)


@pytest.fixture
def said(put, read):
    def read_text(text, *names, name="t.csv", **options):
        return read(PLUGIN, put({name: text}) / name, *names, **options)

    return read_text


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\n{ROW}\n",
        f"{HEAD}\r\n{ROW}\r\n\r\n",
        f"\ufeff{HEAD}\n{ROW}",
        f"{HEAD}\n{ROW}".replace(",", ";"),
        f"{HEAD}\n{ROW}".replace(",", "\t"),
        f"{HEAD}\n{ROW}".replace(",", "|"),
        "image;class;x1;y1;x2;y2\na.jpg;cat;10,0;5,0;30,0;25,0",
        "Image Name,Label,X Min,Y-Min,x_max,ymax\na.jpg,cat,10,5,30,25",
        '"image","class","x1","y1","x2","y2"\n"a.jpg","cat","10","5","30","25"',
        "a.jpg,10,5,30,25,cat\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,50,cat,10,5,30,25",
        "image,class,x,y,w,h\na.jpg,cat,10,5,20,20",
        "image,class,x,y,width,height\na.jpg,cat,10,5,20,20",
        "image_id,class,bbox_x,bbox_y,bbox_width,bbox_height\na.jpg,cat,10,5,20,20",
    ],
)
def test_forms_that_all_say_the_same(said, text):
    found = said(text)
    assert found.boxes == [BOX_PX]
    assert found.classes == ["cat"]
    assert found.problems == []


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8"])
def test_encodings(said, encoding):
    found = said(f"{HEAD}\n{ROW.replace('cat', 'café')}\n".encode(encoding))
    assert found.classes == ["café"]


def test_open_images(put, read):
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    row = "00ab,xclick,/m/01,1,0.1,0.3,0.1,0.5,1,0,0,-1,0"
    path = put({"t.csv": f"{head}\n{row}\n", "class-descriptions-boxable.csv": "/m/01,Cat\n/m/02,Dog\n"})
    found = read(PLUGIN, path / "t.csv", "sub/00ab.jpg")
    assert found.boxes == [BOX_PX]
    (only,) = found.objects
    assert (only.class_name, only.score, dict(only.attributes)) == ("Cat", None, {"IsOccluded": "1"})
    assert found.problems == []


def test_fractions_are_read_as_such_and_told(said):
    found = said(f"{HEAD}\na.jpg,cat,0.1,0.1,0.3,0.5\n")
    assert found.boxes == [BOX_PX]
    assert [p.severity for p in found.problems] == ["warning"]


def test_small_pixels_in_our_own_table_are_no_fractions(tmp_path, labeled, to, read):
    PLUGIN.write(tmp_path / "t.csv", [labeled("a.jpg", Box(0, 0, 1, 0.5))], to())
    assert read(PLUGIN, tmp_path / "t.csv").boxes == [(0, 0, 1, 0.5)]


def test_all_columns(said):
    head = "image,width,height,class,x1,y1,x2,y2,score,text,object_id,attributes,camera"
    row = 'a.jpg,100,50,cat,10,5,30,25,0.5,"two\nlines",id-7,"{""k"": ""v""}",north'
    (only,) = said(f"{head}\n{row}\n").objects
    assert (only.id, only.score, only.text) == ("id-7", 0.5, "two\nlines")
    assert only.attributes == {"k": "v", "camera": "north"}


def test_rows_without_a_box_are_tags_captions_answers_or_nothing_found(said):
    text = (
        "image,class,x1,y1,x2,y2,text,score\na.jpg,indoor,,,,,,0.5\na.jpg,,,,,,a cat,\na.jpg,how many?,,,,,two,\nb.jpg,,,,,,,\n"
    )
    found = said(text, "a.jpg", "b.jpg").by_name()
    assert found["a.jpg"].tags == (
        Tag("indoor", score=0.5),
        Tag("", "caption", "a cat"),
        Tag("how many?", "answer", "two"),
    )
    assert (found["b.jpg"].objects, found["b.jpg"].tags) == ((), ())


def test_retinanet_row_of_an_empty_image(said):
    found = said("a.jpg,10,5,30,25,cat\nb.jpg,,,,,\n", "a.jpg", "b.jpg").by_name()
    assert {n: len(i.objects) for n, i in found.items()} == {"a.jpg": 1, "b.jpg": 0}


def test_table_of_classes_alone_is_tags(said):
    found = said("filename,label\na.jpg,cat\nb.jpg,dog\n", "a.jpg", "b.jpg")
    assert [i.tags for i in found.images] == [(Tag("cat"),), (Tag("dog"),)]


def test_scattered_rows_of_an_image_are_one(said):
    found = said(f"{HEAD}\n{ROW}\nb.jpg,dog,1,1,9,9\n{ROW.replace('10', '11')}\n", "a.jpg", "b.jpg").by_name()
    assert {n: len(i.objects) for n, i in found.items()} == {"a.jpg": 2, "b.jpg": 1}


@pytest.mark.parametrize(
    ("row", "said_what"),
    [
        ("a.jpg,cat,nan,5,30,25", "'nan' is not a number"),
        ("a.jpg,cat,10,5,inf,25", "'inf' is not a number"),
        ("a.jpg,cat,10,5,30,", "a coordinate is missing"),
        ("a.jpg,cat,10,5", "a coordinate is missing"),
        ("a.jpg,cat,ten,5,30,25", "'ten' is not a number"),
        ("a.jpg,cat,30,5,10,25", "lies beyond"),
        ("a.jpg,cat,40,20,20,10", "lies beyond"),
        ("a.jpg,cat,10,5,10,25", "has no area"),
        ("a.jpg,cat,210,5,230,25", "outside the image"),
        ("a.jpg,cat,1,1,1e9,25", "finite"),
        ("a.jpg,,10,5,30,25", "has a box but no class"),
        (",cat,10,5,30,25", "names no image"),
        ("zz.png,cat,10,5,30,25", "zz.png"),
    ],
)
def test_bad_row_is_left_out_and_told(said, row, said_what):
    found = said(f"{HEAD}\n{ROW}\n{row}\n")
    assert found.boxes == [BOX_PX], "the good record always comes in"
    assert [(p.where, p.severity) for p in found.problems] == [("t.csv: line 3", "error")]
    assert said_what in found.whats[0]


def test_negative_width_is_told(said):
    assert "lies beyond" in said("image,class,x,y,w,h\na.jpg,cat,30,5,-10,20\n").whats[0]


def test_bad_score_is_left_out_and_told(said):
    found = said(f"{HEAD},score\n{ROW},95\n")
    assert [o.score for o in found.objects] == [None]
    assert "score is '95'" in found.whats


def test_another_size_is_refused(said):
    found = said(f"{HEAD},image_width,image_height\n{ROW},50,100\n")
    assert found.images == []
    assert "px in the file" in found.whats[0]


def test_field_beyond_all_limits_costs_its_row_only(said):
    found = said(f'{HEAD}\nb.jpg,"{"x" * 200_000}",1,1,9,9\n{ROW}\n', "a.jpg", "b.jpg")
    assert found.boxes == [BOX_PX]
    assert "is not CSV" in found.whats[0]


@pytest.mark.parametrize("text", ["", "\n", "hello", "a,b,c\n1,2,3\n", "image\na.jpg\n"])
def test_tables_that_are_no_labels_are_refused(said, text):
    with pytest.raises(FormatError, match="line 1"):
        said(text)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=x", "''-x"])
def test_no_text_cell_runs_in_a_spreadsheet(tmp_path, labeled, to, read, cell):
    image = labeled(f"{cell.strip()}.jpg", Box(1, 1, 9, 9), class_name=cell, text=cell, tags=(Tag(cell, "answer", cell),))
    PLUGIN.write(tmp_path / "t.csv", [image], to(cell))
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_bytes().decode(), newline="")))
    for row in rows[1:]:
        for column in (0, 3, 9, 10):
            assert not row[column].startswith(("=", "+", "-", "@", "\t", "\r"))
    (found,) = read(PLUGIN, tmp_path / "t.csv", f"{cell.strip()}.jpg").images
    assert [(o.class_name, o.text) for o in found.objects] == [(cell, cell)]
    assert found.tags == image.tags


@given(st.text())
def test_escape_is_undone(text):
    assert unescape(escape(text)) == text


def test_written_table(tmp_path, labeled, to, ring_mask):
    images = [labeled("a.jpg", Box(0.1, 2, 30, 40), ring_mask[0], Point(1, 1), score=0.25), labeled("b.jpg")]
    written = PLUGIN.write(tmp_path / "t.csv", images, to())
    assert (tmp_path / "t.csv").read_bytes().decode().split("\r\n") == [
        "image,width,height,class,x1,y1,x2,y2,score,text,object_id,attributes",
        "a.jpg,100,50,cat,0.1,2,30,40,0.25,,a.jpg-0,",
        "a.jpg,100,50,cat,2,10,80,47,0.25,,a.jpg-1,",
        "b.jpg,100,50,,,,,,,,,",
        "",
    ]
    assert [p.severity for p in written.problems] == ["error", "warning"]


def test_sniff(put):
    folder = put(
        {"a.csv": f"{HEAD}\n{ROW}\n", "b.csv": "image,label\na.jpg,cat\n", "c.csv": "date,price\n1,2\n", "d.txt": "0 1 1 1 1\n"}
    )
    sure = {n: PLUGIN.sniff(folder / n).confidence for n in ("a.csv", "b.csv", "c.csv", "d.txt", "none.csv")}
    assert sure["a.csv"] > sure["b.csv"] > sure["c.csv"] == sure["d.txt"] == sure["none.csv"] == 0
