import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media import ImageCache, probe


@pytest.fixture
def ref(make, put) -> ImageRef:
    return probe(put("a.png", make.encode(make.quarters(400, 600))), "a.png").ref


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "JPEG"
        return np.asarray(image)


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_thumbnail_is_small_upright_and_made_once(ref, tmp_path, monkeypatch):
    cache = ImageCache(tmp_path / "cache")
    path = cache.thumbnail(ref, 96)
    assert opened(path).shape == (64, 96, 3)
    assert np.abs(opened(path)[40, 10].astype(int) - (30, 200, 60)).max() < 12
    monkeypatch.setattr("firstpass.media.thumbs.read_image", lambda *_, **__: pytest.fail("decoded again"))
    assert cache.thumbnail(ref, 96) == path
    assert ImageCache(tmp_path / "cache").thumbnail(ref, 96) == path


def test_thumbnail_is_never_enlarged(ref, tmp_path):
    assert opened(ImageCache(tmp_path / "cache").thumbnail(ref, 8000)).shape == (400, 600, 3)


def test_a_changed_image_gets_a_new_thumbnail(make, put, ref, tmp_path):
    cache = ImageCache(tmp_path / "cache")
    old = cache.thumbnail(ref, 64)
    new = cache.thumbnail(probe(put("a.png", make.encode(np.zeros((400, 600, 3), np.uint8))), "a.png").ref, 64)
    assert new != old
    assert not opened(new).any()


def test_crop_shows_what_is_in_the_box(ref, tmp_path):
    cache = ImageCache(tmp_path / "cache")
    assert opened(cache.crop(ref, (310, 210, 510, 310), 500)).shape == (100, 200, 3)
    assert np.abs(opened(cache.crop(ref, (310, 210, 510, 310), 50)).astype(int) - (240, 230, 90)).max() < 8
    assert opened(cache.crop(ref, (310, 210, 510, 310), 50)).shape == (25, 50, 3)


CLIPPED = [
    ((-50, -50, 10.5, 20.2), (21, 11)), ((599.5, 399.5, 700, 700), (1, 1)), ((5, 5, 5, 5), (1, 1)),
    ((0, 0, 600, 400), (400, 600)),
]  # fmt: skip
OUTSIDE = [(600, 0, 700, 50), (-9, -9, -1, -1), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (9, 9, 3, 3)]


@pytest.mark.parametrize(("box", "shape"), CLIPPED)
def test_crop_is_clipped_and_rounded_outward(ref, tmp_path, box, shape):
    assert opened(ImageCache(tmp_path / "cache").crop(ref, box, 1000)).shape == (*shape, 3)


@pytest.mark.parametrize("box", OUTSIDE)
def test_crop_outside_is_a_problem(ref, tmp_path, box):
    got = ImageCache(tmp_path / "cache").crop(ref, box, 100)
    assert isinstance(got, Problem)
    assert "outside the image" in str(got)


def test_crops_of_one_image_decode_it_once(ref, tmp_path, monkeypatch):
    import firstpass.media.thumbs as thumbs

    calls, real = [], thumbs.read_image
    monkeypatch.setattr(thumbs, "read_image", lambda *args, **more: calls.append(args) or real(*args, **more))
    cache = ImageCache(tmp_path / "cache")
    for x in range(5):
        cache.crop(ref, (x * 10, 0, x * 10 + 40, 40), 40)
    assert len(calls) == 1


def test_large_crop_of_a_reduced_jpeg_lies_right(make, put, tmp_path):
    ref = probe(put("a.jpg", make.encode(make.quarters(800, 1200), "JPEG", quality=95)), "a.jpg").ref
    rgb = opened(ImageCache(tmp_path / "cache").crop(ref, (400, 200, 800, 600), 50))
    assert rgb.shape[:2] == (50, 50)
    expected = make.quarters(800, 1200)[200:600:8, 400:800:8]
    assert np.abs(rgb[::10, ::10].astype(int) - expected[::10, ::10]).mean() < 10


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8\xff", b"<html>", None])
def test_broken_cached_file_is_made_anew(ref, tmp_path, damage):
    cache = ImageCache(tmp_path / "cache")
    path = cache.thumbnail(ref, 96)
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2] if damage is None else damage)
    assert cache.thumbnail(ref, 96).read_bytes() == good


def test_unreadable_image_is_a_problem_and_leaves_nothing(tmp_path):
    cache = ImageCache(tmp_path / "cache")
    ref = ImageRef("0" * 32, str(tmp_path / "none.png"), "none.png", 10, 10)
    assert isinstance(cache.thumbnail(ref, 64), Problem)
    assert isinstance(cache.crop(ref, (0, 0, 5, 5), 64), Problem)
    assert not list(tmp_path.rglob("*.jpg"))


def test_unwritable_folder_is_a_problem(ref, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    got = ImageCache(tmp_path / "cache").thumbnail(ref, 64)
    assert isinstance(got, Problem)
    assert "cannot be written" in got.what


def test_size_bound_is_kept_and_the_least_recently_used_go_first(make, put, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    refs = [probe(put(f"{i}.png", make.encode(np.roll(noise, i, 0))), f"{i}.png").ref for i in range(30)]
    cache = ImageCache(tmp_path / "cache", max_bytes=60_000)
    first = cache.thumbnail(refs[0], 64)
    for i, ref in enumerate(refs[1:]):
        path = cache.thumbnail(ref, 64)
        assert path.exists()
        os.utime(path, (time.time() - 3000 + i, time.time() - 3000 + i))
        os.utime(first)
        assert held(tmp_path / "cache") <= 60_000
    assert first.exists()
    assert cache.thumbnail(refs[0], 64) == first
    left = [ref for ref in refs if any((tmp_path / "cache").rglob(f"{ref.digest}*"))]
    assert left == [refs[0], *refs[31 - len(left) :]]


def test_use_refreshes_the_age(ref, tmp_path):
    cache = ImageCache(tmp_path / "cache")
    path = cache.thumbnail(ref, 64)
    os.utime(path, (1000, 1000))
    cache.thumbnail(ref, 64)
    assert time.time() - path.stat().st_mtime < 60


def test_leftovers_of_a_killed_process_are_removed(ref, tmp_path):
    cache = ImageCache(tmp_path / "cache")
    path = cache.thumbnail(ref, 64)
    old, young = path.with_name(".old.jpg.1-aa"), path.with_name(".young.jpg.1-bb")
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (1000, 1000))
    ImageCache(tmp_path / "cache").thumbnail(ref, 65)
    assert not old.exists()
    assert young.exists()


def test_threads_and_processes_share_a_folder(ref, tmp_path):
    code = (
        "import sys; from firstpass.media import ImageCache, probe\n"
        "ref = probe(sys.argv[1], 'a.png').ref; cache = ImageCache(sys.argv[2], 20_000)\n"
        "print(sum(cache.thumbnail(ref, 20 + i % 7).suffix == '.jpg' for i in range(60)))"
    )
    command = [sys.executable, "-c", code, ref.uri, str(tmp_path / "cache")]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    cache, failed = ImageCache(tmp_path / "cache", 20_000), []

    def work() -> None:
        failed.extend(i for i in range(60) if not isinstance(cache.thumbnail(ref, 20 + i % 7), Path))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        out, err = other.communicate(timeout=60)
        assert (out.strip(), err) == ("60", "")
    assert not failed
    for path in (tmp_path / "cache").rglob("*.jpg"):
        opened(path)


def test_path_cannot_leave_the_folder(ref, tmp_path):
    with pytest.raises(ValueError, match="hex"):
        ImageCache(tmp_path / "cache").thumbnail(ImageRef("../../x", ref.uri, "a.png", 600, 400), 64)


@pytest.mark.parametrize("side_px", [0, -1, 8193])
def test_side_out_of_range_is_a_mistake_of_the_caller(ref, tmp_path, side_px):
    with pytest.raises(ValueError, match="side_px"):
        ImageCache(tmp_path / "cache").thumbnail(ref, side_px)


def test_ref_without_digest_goes_by_uri(ref, tmp_path):
    bare = ImageRef("", ref.uri, ref.name, 600, 400)
    assert opened(ImageCache(tmp_path / "cache").thumbnail(bare, 60)).shape == (40, 60, 3)


def test_a_file_larger_than_the_bound_is_still_given(ref, tmp_path):
    path = ImageCache(tmp_path / "cache", max_bytes=10).thumbnail(ref, 96)
    assert opened(path).shape == (64, 96, 3)
