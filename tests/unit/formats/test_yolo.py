"""YOLO's layouts: which images, which label files, which class names; and what is written."""

import pytest
import yaml

from firstpass.errors import FormatError, Problem
from firstpass.formats.yolo import PLUGIN
from firstpass.labels import Box, Point, Polygon, PolygonPart

BOX = "0 0.5 0.5 0.2 0.4\n"
BOX_PX = (40.0, 15.0, 60.0, 35.0)
BOTH = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
DATA = "train: images/train\nnames: [cat, dog]\n"


@pytest.mark.parametrize("names", ["[cat, dog]", "{0: cat, 1: dog}", "{1: dog, 0: cat}", "\n- cat\n- dog", "'[cat, dog]'"])
def test_names_as_list_or_dict(put, read, names):
    path = put({"data.yaml": f"train: images\nnames: {names}\n", "images/a.jpg": "", "labels/a.txt": "1 0.5 0.5 0.2 0.4"})
    said = read(PLUGIN, path)
    assert said.classes == ["cat", "dog"]
    assert [o.class_name for o in said.objects] == ["dog"]
    assert said.boxes == [BOX_PX]
    assert said.problems == []


@pytest.mark.parametrize("given", ["data.yaml", ""])
def test_ultralytics_folders(put, read, given):
    path = put(
        {"data.yaml": BOTH, "images/train/a.jpg": "", "labels/train/a.txt": BOX, "images/val/b.png": "", "labels/val/b.txt": ""}
    )
    said = read(PLUGIN, path / given, "a.jpg", "b.png")
    assert {n: len(i.objects) for n, i in said.by_name().items()} == {"a.jpg": 1, "b.png": 0}
    assert said.problems == []


def test_split_may_be_several_folders(put, read):
    yaml_text = "train: [images/one, images/two]\nnames: [cat]\n"
    path = put({"data.yaml": yaml_text, "labels/one/a.txt": BOX, "labels/two/b.txt": BOX})
    assert set(read(PLUGIN, path, "a.jpg", "b.jpg").by_name()) == {"a.jpg", "b.jpg"}


def test_split_may_be_a_list_of_images(put, read):
    lines = "./images/train/a.jpg\r\nimages/train/sub/b.png\n\n/elsewhere/images/train/c.jpg\n"
    path = put({
        "data.yaml": "train: train.txt\nnames: [cat]\n", "train.txt": lines,
        "labels/train/a.txt": BOX, "labels/train/sub/b.txt": BOX,
    })  # fmt: skip
    said = read(PLUGIN, path, "a.jpg", "sub/b.png", "c.jpg")
    assert set(said.by_name()) == {"a.jpg", "sub/b.png"}
    assert said.whats == ["1 images have no label file (such as elsewhere/images/train/c.jpg)"]


def test_roboflow_paths_point_one_up(put, read):
    path = put(
        {
            "data.yaml": "train: ../train/images\nval: ../valid/images\nnames: [cat]\n",
            "train/labels/a.txt": BOX,
            "valid/labels/b.txt": BOX,
        }
    )
    said = read(PLUGIN, path, "a.jpg", "b.jpg")
    assert set(said.by_name()) == {"a.jpg", "b.jpg"}
    assert said.problems == []


def test_path_key_of_another_machine_is_passed_over(put, read):
    path = put({"data.yaml": "path: /home/them/data\n" + DATA, "labels/train/a.txt": BOX})
    assert read(PLUGIN, path).boxes == [BOX_PX]


ELSEWHERE = {"datasets/coco8/images/train/a.jpg": "", "datasets/coco8/labels/train/a.txt": BOX}
INSIDE = {"given/images/train/b.jpg": "", "given/labels/train/b.txt": BOX}


@pytest.mark.parametrize("path_key", ["../datasets/coco8", "{root}/datasets/coco8", "../cfg/../datasets/coco8"])
def test_path_is_followed_from_a_yaml_that_was_named_itself(put, read, path_key):
    root = put({"cfg/coco8.yaml": "", **ELSEWHERE})
    (root / "cfg/coco8.yaml").write_text(f"path: {path_key.format(root=root)}\ntrain: images/train\nnames: [cat]\n")
    said = read(PLUGIN, root / "cfg/coco8.yaml", "a.jpg")
    assert (said.boxes, said.problems) == ([BOX_PX], [])


@pytest.mark.parametrize("path_key", ["../datasets/coco8", "{root}/datasets/coco8", "images/../../datasets/coco8"])
def test_path_leads_nowhere_out_of_a_folder_that_was_named(put, read, path_key):
    root = put({"given/data.yaml": "", **ELSEWHERE, **INSIDE})
    (root / "given/data.yaml").write_text(f"path: {path_key.format(root=root)}\ntrain: images/train\nnames: [cat]\n")
    said = read(PLUGIN, root / "given", "a.jpg", "b.jpg")
    assert set(said.by_name()) == {"b.jpg"}
    assert [p.severity for p in said.problems] == ["warning"]
    assert "leads out of the folder that was named" in said.problems[0].what
    assert "name data.yaml itself" in said.problems[0].remedy


def test_path_back_into_the_named_folder_is_no_way_out(put, read):
    root = put({"given/data.yaml": "path: ../given\ntrain: images/train\nnames: [cat]\n", **INSIDE})
    said = read(PLUGIN, root / "given", "b.jpg")
    assert (said.boxes, said.problems) == ([BOX_PX], [])


@pytest.mark.parametrize("train", ["../datasets/coco8/images/train", "{root}/datasets/coco8/images/train"])
def test_images_out_of_a_named_folder_are_left_out_and_told(put, read, train):
    root = put({"given/data.yaml": "", **ELSEWHERE, **INSIDE})
    (root / "given/data.yaml").write_text(f"train: {train.format(root=root)}\nval: images/train\nnames: [cat]\n")
    said = read(PLUGIN, root / "given", "a.jpg", "b.jpg")
    assert set(said.by_name()) == {"b.jpg"}
    assert [p.severity for p in said.problems] == ["error"]
    assert "leads out" in said.problems[0].what
    assert set(read(PLUGIN, root / "given/data.yaml", "a.jpg", "b.jpg").by_name()) == {"a.jpg", "b.jpg"}


def test_a_list_names_only_images_of_its_data_set(put, read):
    root = put({"given/data.yaml": "train: train.txt\nnames: [cat]\n", "given/train.txt": "", **ELSEWHERE, **INSIDE})
    lines = (f"{root}/datasets/coco8/images/train/a.jpg", "./../datasets/coco8/images/train/a.jpg", "./images/train/b.jpg")
    (root / "given/train.txt").write_text("\n".join(lines))
    for named in ("given", "given/data.yaml"):
        said = read(PLUGIN, root / named, "a.jpg", "b.jpg")
        assert set(said.by_name()) == {"b.jpg"}
        assert said.problems[0].what.startswith("2 of its images lie outside the data set")
    (root / "given/data.yaml").write_text(f"path: {root}\ntrain: given/train.txt\nnames: [cat]\n")
    assert set(read(PLUGIN, root / "given/data.yaml", "a.jpg", "b.jpg").by_name()) == {"a.jpg", "b.jpg"}


def test_absolute_lines_of_a_list_within_the_data_set_are_read(put, read):
    root = put({"given/data.yaml": "train: train.txt\nnames: [cat]\n", **INSIDE})
    (root / "given/train.txt").write_text(f"{root}/given/images/train/b.jpg\n")
    said = read(PLUGIN, root / "given", "b.jpg")
    assert (said.boxes, said.problems) == ([BOX_PX], [])


def test_links_in_a_data_set_are_followed(put, read):
    root = put({"given/data.yaml": "train: images/train\nnames: [cat]\n", **ELSEWHERE})
    for name in ("images", "labels"):
        (root / "given" / name).symlink_to(root / "datasets/coco8" / name)
    (root / "link").symlink_to(root / "given")
    for named in ("given", "link"):
        said = read(PLUGIN, root / named, "a.jpg")
        assert (said.boxes, said.problems) == ([BOX_PX], [])


def test_plain_folder_with_classes_beside(put, read):
    said = read(PLUGIN, put({"classes.txt": "cat\ndog\n", "a.txt": BOX, "a.jpg": "", "b.jpg": ""}), "a.jpg", "b.jpg")
    assert said.classes == ["cat", "dog"]
    assert set(said.by_name()) == {"a.jpg"}


def test_plain_folder_below_a_folder_called_images(put, read):
    path = put({"images/set/classes.txt": "cat\n", "images/set/a.txt": BOX, "images/set/a.jpg": ""})
    assert read(PLUGIN, path / "images/set").boxes == [BOX_PX]


def test_darknet_as_cvat_writes_it(put, read):
    path = put({
        "obj.data": "classes = 1\ntrain = data/train.txt\n", "obj.names": "cat\n",
        "train.txt": "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n",
        "obj_train_data/a.txt": BOX, "obj_train_data/b.txt": "",
    })  # fmt: skip
    said = read(PLUGIN, path, "a.jpg", "b.jpg")
    assert {n: len(i.objects) for n, i in said.by_name().items()} == {"a.jpg": 1, "b.jpg": 0}


def test_empty_file_is_looked_and_missing_file_is_not(put, read):
    path = put({"data.yaml": DATA, "images/train/a.jpg": "", "images/train/b.jpg": "", "labels/train/a.txt": "\n"})
    said = read(PLUGIN, path, "a.jpg", "b.jpg")
    assert [(i.image.name, i.objects) for i in said.images] == [("a.jpg", ())]
    assert [p.severity for p in said.problems] == ["warning"]
    assert "1 images have no label file" in said.whats[0]


def test_file_of_bad_lines_only_does_not_say_nothing_is_there(put, read):
    path = put({"data.yaml": DATA, "labels/train/a.txt": "0 nan 0.5 0.2 0.2\n"})
    said = read(PLUGIN, path)
    assert said.images == []
    assert said.problems


def test_same_names_in_two_splits_are_two_images(put, read):
    path = put(
        {"data.yaml": BOTH, "images/train/a.jpg": "", "images/val/a.jpg": "", "labels/train/a.txt": BOX, "labels/val/a.txt": ""}
    )
    said = read(PLUGIN, path, "images/train/a.jpg", "images/val/a.jpg")
    assert {n: len(i.objects) for n, i in said.by_name().items()} == {"images/train/a.jpg": 1, "images/val/a.jpg": 0}


def test_split_given_twice_is_read_once(put, read):
    path = put({"data.yaml": "train: images\nval: images\nnames: [cat]\n", "images/a.jpg": "", "labels/a.txt": BOX})
    said = read(PLUGIN, path)
    assert len(said.images) == 1
    assert said.problems == []


def test_two_images_of_one_stem_are_a_problem(put, read):
    path = put({"data.yaml": DATA, "labels/train/a.txt": BOX})
    said = read(PLUGIN, path, "a.jpg", "a.png")
    assert said.images == []
    assert said.whats == ["may mean a.jpg or a.png"]


def test_unknown_image_is_a_problem_and_the_rest_comes_in(put, read):
    path = put({"data.yaml": DATA, "labels/train/a.txt": BOX, "labels/train/zz.txt": BOX})
    said = read(PLUGIN, path)
    assert len(said.images) == 1
    assert [(p.where, p.severity) for p in said.problems] == [("labels/train/zz.txt", "error")]


def test_numbers_take_the_projects_classes_when_the_file_has_none(put, read):
    said = read(PLUGIN, put({"a.txt": BOX}), class_names=["dog"])
    assert [o.class_name for o in said.objects] == ["dog"]
    nameless = read(PLUGIN, put({}))
    assert [o.class_name for o in nameless.objects] == ["class_0"]
    assert "says no class names" in nameless.whats


def test_wrong_count_doubled_and_blank_names_are_told(put, read):
    path = put(
        {"data.yaml": "nc: 9\ntrain: images\nnames: [cat, cat, ' ']\n", "labels/a.txt": "1 0.5 0.5 0.2 0.4\n2 0.5 0.5 0.4 0.2"}
    )
    said = read(PLUGIN, path)
    assert said.classes == ["cat", "class_2"]
    assert [o.class_name for o in said.objects] == ["cat", "class_2"]
    assert len(said.problems) == 3


@pytest.mark.parametrize("text", ["names: [a\n", "- a\n- b\n", "names: !!python/object/apply:os.system [ls]\n"])
def test_yaml_that_is_no_data_set_is_refused(put, read, text):
    with pytest.raises(FormatError, match=r"data\.yaml"):
        read(PLUGIN, put({"data.yaml": text}) / "data.yaml")


def test_missing_folders_are_told_but_the_labels_found(put, read):
    path = put({"data.yaml": "train: gone\nnames: [cat]\n", "labels/a.txt": BOX})
    said = read(PLUGIN, path)
    assert said.boxes == [BOX_PX]
    assert "train: gone is neither a folder nor a list of images" in said.whats


def test_pose_lines_are_boxes(put, read):
    text = "kpt_shape: [2, 3]\n" + DATA
    path = put({"data.yaml": text, "labels/train/a.txt": BOX.strip() + " 0.1 0.2 2 0.3 0.4 2\n"})
    assert read(PLUGIN, path).boxes == [BOX_PX]


def test_reading_twice_gives_the_same_ids(put, read):
    path = put({"data.yaml": DATA, "labels/train/a.txt": BOX + "1 0.5 0.5 0.1 0.1\n"})
    first, second = ([o.id for o in read(PLUGIN, path).objects] for _ in range(2))
    assert first == second
    assert len(set(first)) == 2


def test_written_tree_without_copies(tmp_path, labeled, to):
    images = [labeled("a.jpg", Box(*BOX_PX)), labeled("s/b.png"), labeled("c.jpg")]
    written = PLUGIN.write(tmp_path / "out", images, to(splits={"c.jpg": "val"}))
    out = {p.relative_to(tmp_path / "out").as_posix(): p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert (written.images, written.objects, written.problems) == (3, 1, ())
    assert out.pop("data.yaml").startswith("# Written by Firstpass")
    assert out == {
        "train.txt": "./images/train/a.jpg\n./images/train/s/b.png\n",
        "val.txt": "./images/val/c.jpg\n",
        "labels/train/a.txt": "0 0.5 0.5 0.2 0.4\n",
        "labels/train/s/b.txt": "",
        "labels/val/c.txt": "",
    }


def test_written_yaml_is_what_ultralytics_takes(tmp_path, labeled, to):
    images = [labeled("a.jpg"), labeled("b.jpg")]
    PLUGIN.write(tmp_path / "out", images, to("no", "1", "a: b", copy=True, splits={"b.jpg": "val"}))
    keys = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert keys == {"train": "images/train", "val": "images/val", "nc": 3, "names": ["no", "1", "a: b"]}
    assert (tmp_path / "out/images/val/b.jpg").is_file()


def test_split_by_digest(tmp_path, refs, labeled, to):
    image = labeled("a.jpg")
    image = type(image)(refs("a.jpg")[0], image.author, ())
    PLUGIN.write(tmp_path / "out", [image], to(splits={image.image.digest: "test"}))
    assert (tmp_path / "out/labels/test/a.txt").is_file()


def test_what_cannot_be_written_is_told(tmp_path, labeled, to, ring_mask):
    mask, outer = ring_mask
    holed = Polygon((PolygonPart(((0, 0), (50, 0), (50, 50), (0, 50)), (((5, 5), (9, 5), (9, 9)),)),))
    images = [labeled("a.jpg", mask, holed, Point(1, 2)), labeled("a.png"), labeled("b.jpg", Box(0, 0, 9, 9), class_name="fox")]
    written = PLUGIN.write(tmp_path / "out", images, to("cat"))
    assert [p.severity for p in written.problems] == ["warning", "warning", "error", "error", "error", "warning"]
    assert "1 smaller part left out, holes filled" in written.problems[0].what
    assert "same label file as a.jpg" in written.problems[3].what
    assert "1 masks were written as their outlines" in written.problems[5].what
    assert (written.images, written.objects) == (2, 2)
    first = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()[0].split()[1:]
    xs, ys = [float(v) * 100 for v in first[::2]], [float(v) * 50 for v in first[1::2]]
    assert pytest.approx(outer.xyxy_px) == (min(xs), min(ys), max(xs), max(ys))


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "a\nb.jpg", "a\\b.jpg", "x" * 260 + ".jpg", ""])
def test_names_that_leave_the_folder_are_refused(tmp_path, labeled, to, name):
    written = PLUGIN.write(tmp_path / "deep/out", [labeled(name), labeled("ok.jpg")], to())
    assert written.images == 1
    assert [p.severity for p in written.problems] == ["error"]
    assert {p.name for p in tmp_path.rglob("*.txt")} == {"ok.txt", "train.txt"}


def test_failed_copy_is_told(tmp_path, labeled, to):
    context = type(to())(to().ontology, lambda ref, path: Problem(ref.name, "disk on fire"))
    written = PLUGIN.write(tmp_path / "out", [labeled("a.jpg")], context)
    assert [p.what for p in written.problems] == ["disk on fire"]


def test_many_problems_stay_bounded(tmp_path, labeled, to):
    images = (labeled(f"{i}.jpg", Point(1, 1)) for i in range(1200))
    problems = PLUGIN.write(tmp_path / "out", images, to()).problems
    assert len(problems) == 1001
    assert "200 more" in problems[-1].what


def test_name_with_a_folder_called_images_comes_back(tmp_path, labeled, to, read):
    for copy in (False, True):
        out = tmp_path / f"out{copy}"
        PLUGIN.write(
            out, [labeled("images/train/a.jpg", Box(*BOX_PX)), labeled("train/a.jpg"), labeled("a.jpg")], to(copy=copy)
        )
        said = read(PLUGIN, out, "images/train/a.jpg", "train/a.jpg", "a.jpg")
        found = {n: len(i.objects) for n, i in said.by_name().items()}
        assert found == {"images/train/a.jpg": 1, "train/a.jpg": 0, "a.jpg": 0}


def test_finder_is_asked_a_bounded_number_of_times_per_image(put, monkeypatch):
    from firstpass.formats.base import ReadContext
    from firstpass.labels import Author, ImageRef

    texts = {f"labels/train/{i}.txt": BOX for i in range(50)}
    path = put({"data.yaml": DATA, **texts})
    asked = []

    class Finder:
        def find(self, name):
            asked.append(name)
            return ImageRef("", "", name, 10, 10) if name.endswith(".jpg") else Problem("", "no")

    assert (
        len([i for i in PLUGIN.read(path, ReadContext(Finder(), Author("file", "t"))).items if not isinstance(i, Problem)])
        == 50
    )
    assert len(asked) <= 50 * 12


def test_sniff():
    from pathlib import Path

    assert PLUGIN.sniff(Path("/absent")).confidence == 0


def test_sniff_tells_label_files_from_other_text(put):
    folder = put({"a.txt": "0 0.5 0.5 0.2 0.2\n"})
    assert PLUGIN.sniff(folder).confidence >= 0.7
    put({"a.txt": "a report in words\n"})
    assert PLUGIN.sniff(folder).confidence == 0
    put({"docker-compose.yaml": "services: {}\n"})
    assert PLUGIN.sniff(folder / "docker-compose.yaml").confidence == 0
