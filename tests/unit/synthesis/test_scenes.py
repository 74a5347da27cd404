"""Made-up shelves: exact truth, the same bytes every time, fast enough for a demo."""

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from firstpass.errors import UsageError
from firstpass.labels import Box, Mask, geometry, rle
from firstpass.labels.validate import check_object
from firstpass.synthesis.scenes import CLASSES, LEAST_SIDE_PX, make_scenes


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return make_scenes(tmp_path_factory.mktemp("scenes"), 10, seed=3)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).iterdir())}


def test_same_seed_same_bytes(scenes, tmp_path):
    again = make_scenes(tmp_path, 10, seed=3)
    assert digests(tmp_path) == digests(scenes.folder)
    assert [i.objects for i in again.labeled] == [i.objects for i in scenes.labeled]


def test_fewer_scenes_are_the_first_ones(scenes, tmp_path):
    make_scenes(tmp_path, 2, seed=3)
    pictures = {name: digest for name, digest in digests(tmp_path).items() if name.endswith(".jpg")}
    assert pictures.items() <= digests(scenes.folder).items()


def test_other_seed_other_pictures(scenes, tmp_path):
    make_scenes(tmp_path, 1, seed=4)
    assert digests(tmp_path)["shelf_0000.jpg"] != digests(scenes.folder)["shelf_0000.jpg"]


def test_references_tell_the_truth_about_the_files(scenes):
    for labeled in scenes.labeled:
        content = Path(labeled.image.uri).read_bytes()
        assert hashlib.blake2b(content, digest_size=16).hexdigest() == labeled.image.digest
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert decoded.shape == (labeled.image.height_px, labeled.image.width_px, 3) == (480, 640, 3)


def test_every_class_appears_and_jars_are_rare(scenes):
    names = [o.class_name for labeled in scenes.labeled for o in labeled.objects]
    counts = {name: names.count(name) for name in CLASSES}
    assert min(counts.values()) > 0
    assert counts["jar"] < counts["box"] / 2
    assert 12 < len(names) / 10 < 60


def test_boxes_are_tight_around_visible_masks(scenes):
    for boxes, masks in zip(scenes.labeled, scenes.masks, strict=True):
        assert [o.id for o in boxes.objects] == [o.id for o in masks.objects]
        for box, mask in zip(boxes.objects, masks.objects, strict=True):
            assert isinstance(box.shape, Box)
            assert isinstance(mask.shape, Mask)
            pixels = rle.decode(mask.shape)
            rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
            assert box.shape == Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            assert check_object(box, boxes.image, "scene") == (box, None)
            assert min(box.shape.width_px, box.shape.height_px) >= LEAST_SIDE_PX


def test_no_pixel_belongs_to_two_packages(scenes):
    for labeled in scenes.masks:
        assert sum(rle.decode(o.shape).astype(int) for o in labeled.objects).max() == 1


def test_pixels_of_packages_differ_from_what_is_around(scenes):
    """The masks lie where the packages are: edges are stronger along their outlines than elsewhere."""
    on, off = [], []
    for labeled in scenes.masks:
        gray = cv2.imread(labeled.image.uri, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        strength = cv2.blur(np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)), (3, 3))
        outline = np.zeros(gray.shape, bool)
        for o in labeled.objects:
            mask = rle.decode(o.shape).astype(np.uint8)
            outline |= (cv2.dilate(mask, np.ones((3, 3))) - mask).astype(bool)
        on.append(strength[outline].mean())
        off.append(strength[~outline].mean())
    assert np.mean(on) > 2 * np.mean(off)


def test_ids_are_unique(scenes):
    ids = [o.id for labeled in scenes.labeled for o in labeled.objects]
    assert len(set(ids)) == len(ids)


def test_metadata_names_what_is_wrong_most_of_the_time(tmp_path):
    scenes = make_scenes(tmp_path, 40, seed=5, size_wh_px=(160, 120))
    rows = {row["image"]: row for row in csv.DictReader(scenes.metadata_path.read_text(encoding="utf-8").splitlines())}
    assert list(rows) == [labeled.image.name for labeled in scenes.labeled]
    assert {"store", "aisle", "day", "report"} < set(next(iter(rows.values())))
    empty = {name for name, tags in scenes.tags.items() if any(t.name == "empty shelf" for t in tags)}
    said = {n for n, row in rows.items() if any(w in row["report"].lower() for w in ("empty", "gap on", "out of stock"))}
    assert 4 < len(empty) < 25
    assert len(empty & said) / len(empty) > 0.6
    assert len(said - empty) <= 4


def test_damaged_objects_are_tagged(scenes):
    for labeled in scenes.labeled:
        damaged = any(o.attributes["condition"] == "damaged" for o in labeled.objects)
        assert damaged == any(t.name == "damaged package" for t in scenes.tags[labeled.image.name])


def test_occlusion_is_marked(scenes):
    marks = [o.attributes["occluded"] for labeled in scenes.labeled for o in labeled.objects]
    assert 0.02 < marks.count("yes") / len(marks) < 0.4


@pytest.mark.parametrize("size_wh_px", [(64, 64), (200, 333), (800, 300)])
def test_other_sizes_work(tmp_path, size_wh_px):
    scenes = make_scenes(tmp_path, 1, size_wh_px=size_wh_px)
    assert (scenes.labeled[0].image.width_px, scenes.labeled[0].image.height_px) == size_wh_px
    assert all(geometry.area_px(o.shape) > 0 for o in scenes.masks[0].objects)


def test_none_gives_an_empty_set(tmp_path):
    scenes = make_scenes(tmp_path / "new", 0)
    assert len(scenes) == 0
    assert scenes.metadata_path.read_text(encoding="utf-8") == "image,store,aisle,day,report\n"


@pytest.mark.parametrize(("count", "size"), [(-1, (640, 480)), (1, (10, 480)), (1, (640, 9000))])
def test_bad_arguments_are_refused(tmp_path, count, size):
    with pytest.raises(UsageError, match="scenes need a count from 0"):
        make_scenes(tmp_path, count, size_wh_px=size)
