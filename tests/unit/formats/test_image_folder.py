"""Image folders: the folder is the class."""

import pytest

from firstpass.errors import FormatError, Problem
from firstpass.formats.image_folder import PLUGIN, class_name_of, folder_name
from firstpass.labels import ImageRef, Tag


def tags(said):
    return {n: [t.name for t in i.tags] for n, i in said.by_name().items()}


def test_folder_is_the_class(put, read):
    path = put({"cat/a.jpg": "", "dog/b.png": "", "dog/deep/c.JPG": "", "dog/notes.txt": "", ".hidden/d.jpg": ""})
    said = read(PLUGIN, path, "cat/a.jpg", "dog/b.png", "dog/deep/c.JPG")
    assert said.classes == ["cat", "dog"]
    assert tags(said) == {"cat/a.jpg": ["cat"], "dog/b.png": ["dog"], "dog/deep/c.JPG": ["dog"]}
    assert said.problems == []


@pytest.mark.parametrize("splits", [("train", "val"), ("Training", "test"), ("valid",)])
def test_split_level(put, read, splits):
    path = put({f"{s}/cat/{s}.jpg": "" for s in splits})
    assert read(PLUGIN, path, *(f"{s}.jpg" for s in splits)).classes == ["cat"]


def test_a_class_called_train_beside_others_is_a_class(put, read):
    path = put({"train/a.jpg": "", "bus/b.jpg": ""})
    assert read(PLUGIN, path, "a.jpg", "b.jpg").classes == ["bus", "train"]


def test_same_file_names_in_two_classes_are_two_images(put, read):
    path = put({"cat/1.jpg": "", "dog/1.jpg": ""})
    assert tags(read(PLUGIN, path, "cat/1.jpg", "dog/1.jpg")) == {"cat/1.jpg": ["cat"], "dog/1.jpg": ["dog"]}


def test_the_very_file_wins_over_one_of_the_same_name(put, read, monkeypatch, refs):
    from firstpass.formats.base import ReadContext
    from firstpass.labels import Author

    path = put({"cat/1.jpg": "", "1.jpg": ""})
    known = {n: ImageRef("", str(path / n), n, 9, 9) for n in ("1.jpg", "cat/1.jpg")}

    class Finder:
        def find(self, name):
            return known.get(name) or Problem("", "no")

    items = list(PLUGIN.read(path, ReadContext(Finder(), Author("file", "t"))).items)
    assert [i.image.name for i in items if not isinstance(i, Problem)] == ["cat/1.jpg"]


def test_one_image_in_two_folders_has_two_tags(put, read):
    assert tags(read(PLUGIN, put({"cat/a.jpg": "", "dog/a.jpg": ""}), "a.jpg")) == {"a.jpg": ["cat", "dog"]}


def test_images_outside_the_classes_were_not_looked_at(put, read):
    said = read(PLUGIN, put({"cat/a.jpg": "", "b.jpg": "", "_unlabeled/c.jpg": ""}), "a.jpg", "b.jpg", "c.jpg")
    assert set(said.by_name()) == {"a.jpg"}
    assert [p.severity for p in said.problems] == ["warning"]
    assert said.whats[0].startswith("2 images lie in no class folder")


def test_unknown_image_is_told_and_the_rest_comes_in(put, read):
    said = read(PLUGIN, put({"cat/a.jpg": "", "cat/z.jpg": ""}))
    assert len(said.images) == 1
    assert [(p.where, p.severity) for p in said.problems] == [("cat/z.jpg", "error")]


@pytest.mark.parametrize("files", [{}, {"cat/notes.txt": ""}, {"a.jpg": ""}])
def test_no_class_folder_is_refused(put, read, files):
    with pytest.raises(FormatError):
        read(PLUGIN, put(files) if files else put({}) / "absent")


def test_without_copies_there_is_nothing_to_write(tmp_path, labeled, to):
    with pytest.raises(FormatError, match="copies"):
        PLUGIN.write(tmp_path / "out", [labeled("a.jpg")], to())
    assert list(tmp_path.iterdir()) == []


def test_written_tree(tmp_path, labeled, to):
    images = [
        labeled("s/a.jpg", tags=[Tag("cat"), Tag("", "caption", "words")]),
        labeled("b.jpg", tags=[Tag("dog")]),
        labeled("c.jpg", tags=[Tag("cat"), Tag("dog")]),
        labeled("d.jpg"),
        labeled("e.jpg", tags=[Tag("fox")]),
    ]
    written = PLUGIN.write(tmp_path / "out", images, to(copy=True, splits={"b.jpg": "val"}))
    out = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert out == {"train/cat/s/a.jpg", "val/dog/b.jpg", "train/cat/c.jpg", "train/dog/c.jpg"}
    assert written.images == 3
    assert [p.severity for p in written.problems] == ["warning", "error", "warning"]


def test_failed_copy_is_told_and_not_counted(tmp_path, labeled, to):
    context = type(to())(to().ontology, lambda ref, path: Problem(ref.name, "gone"))
    written = PLUGIN.write(tmp_path / "out", [labeled("a.jpg", tags=[Tag("cat")])], context)
    assert (written.images, [p.what for p in written.problems]) == (0, ["gone"])


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "x:y", "50 %", "50%25", "a\nb", " lead", "trail.", "_unlabeled", "é", "<x>"]
)
def test_class_names_that_are_no_folders_are_coded(tmp_path, labeled, to, read, name):
    PLUGIN.write(tmp_path / "out", [labeled("a.jpg", tags=[Tag(name)])], to(name, copy=True))
    said = read(PLUGIN, tmp_path / "out")
    assert said.classes == [name]
    assert tags(said) == {"a.jpg": [name]}
    assert class_name_of(folder_name(name)) == name
    assert len(list(tmp_path.rglob("a.jpg"))) == 1


def test_class_name_too_long_for_a_folder(tmp_path, labeled, to):
    written = PLUGIN.write(tmp_path / "out", [labeled("a.jpg", tags=[Tag("x" * 300)])], to("x" * 300, copy=True))
    assert "too long" in written.problems[0].what


def test_sniff(put):
    folder = put({
        "yes/cat/a.jpg": "", "yes/dog/b.jpg": "", "split/train/cat/a.jpg": "",
        "yolo/images/a.jpg": "", "yolo/labels/a.txt": "", "flat/a.jpg": "", "mixed/cat/a.jpg": "", "mixed/cat/a.xml": "",
    })  # fmt: skip
    sure = {n: PLUGIN.sniff(folder / n).confidence for n in ("yes", "split", "yolo", "flat", "mixed", "absent")}
    assert sure == {"yes": 0.6, "split": 0.6, "yolo": 0, "flat": 0, "mixed": 0, "absent": 0}
