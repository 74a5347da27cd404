import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from firstpass.errors import Problem
from firstpass.media import Limits, read_image, resize
from firstpass.media.decode import decode, jpeg_factor
from firstpass.media.headers import read_header

WAYS = [
    {"quality": 75}, {"quality": 95, "subsampling": 0}, {"quality": 90, "subsampling": 1}, {"progressive": True},
    {"restart_marker_rows": 1},
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_full_size_equals_pillow(make, put, way):
    data = make.encode(make.smooth(95, 131), "JPEG", **way)
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - make.pixels(data)).max() <= 2


def test_gray_equals_pillow(make, put):
    data = make.encode(make.smooth(95, 131)[..., 0], "JPEG")
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - make.pixels(data)).max() <= 1


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_reduced_decode_equals_pillows_draft(make, put, factor):
    data = make.encode(make.smooth(480, 640), "JPEG", quality=90)
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (640 // factor, 480 // factor))
    expected = np.asarray(image)
    rgb = read_image(put("a.jpg", data), max_side_px=640 // factor)
    assert rgb.shape == expected.shape == (480 // factor, 640 // factor, 3)
    assert np.abs(rgb.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("side_px", [37, 100, 161, 300, 500])
def test_reduced_then_resized_is_near_pillows_resize(make, put, side_px):
    data = make.encode(make.smooth(480, 640), "JPEG", quality=92)
    expected = np.asarray(Image.open(io.BytesIO(data)).resize((side_px, round(side_px * 0.75)), Image.Resampling.BOX))
    rgb = read_image(put("a.jpg", data), max_side_px=side_px)
    assert rgb.shape == expected.shape
    assert np.abs(rgb.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("longest", [1, 7, 8, 9, 63, 64, 65, 641])
@pytest.mark.parametrize("side_px", [1, 2, 8, 9, 33, 64, 640, 10_000])
def test_reduction_never_falls_below_the_wanted_size(longest, side_px):
    factor = jpeg_factor(longest, max(1, longest // 3), side_px)
    assert factor in (1, 2, 4, 8)
    assert factor == 1 or -(-longest // factor) >= side_px


def test_never_enlarged_and_odd_sizes(make, put):
    for height_px, width_px in [(1, 1), (3, 9), (17, 33), (100, 7)]:
        path = put("a.jpg", make.encode(make.smooth(height_px, width_px), "JPEG"))
        assert read_image(path, max_side_px=1000).shape == (height_px, width_px, 3)
        assert max(read_image(path, max_side_px=5).shape[:2]) == min(5, max(height_px, width_px))


def test_side_below_one_is_a_mistake_of_the_caller(make, put):
    with pytest.raises(ValueError, match="max_side_px"):
        read_image(put("a.jpg", make.encode(make.quarters(), "JPEG")), max_side_px=0)


def test_other_formats_are_made_smaller_too(make, put):
    path = put("a.png", make.encode(make.smooth(120, 160)))
    assert read_image(path, max_side_px=40).shape == (30, 40, 3)


def test_resize_keeps_what_fits(make):
    rgb = make.quarters()
    assert resize(rgb, 60) is rgb
    assert resize(rgb, None) is rgb


def test_rgb_jpeg_without_color_transform(make, put):
    data = make.encode(make.smooth(40, 60), "JPEG", quality=95, keep_rgb=True)
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - make.pixels(data)).max() <= 2


def test_bytes_after_the_end_and_between_segments(make, put):
    data = make.encode(make.smooth(40, 60), "JPEG")
    expected = make.pixels(data)
    for changed in (data + bytes(5000), data + data, data[:20] + b"\xff\xff\xff" + data[20:]):
        assert np.array_equal(read_image(put("a.jpg", changed)), expected)


def test_12_bit_jpeg_is_a_problem(make, put):
    data = make.encode(make.smooth(40, 60), "JPEG")
    at = data.index(b"\xff\xc0") + 4
    assert isinstance(read_image(put("a.jpg", data[:at] + b"\x0c" + data[at + 1 :])), Problem)


def test_importing_media_brings_in_no_decoder():
    heavy = ("PIL", "cv2", "simplejpeg", "fsspec", "defusedxml")
    code = f"import sys, firstpass.media; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def steps_of_another_thread(call: Callable[[], object]) -> int:
    """How often another thread gets on while `call` runs, when it can only do so if `call` frees Python's lock by itself."""
    steps, stop = [0], threading.Event()

    def work() -> None:
        while not stop.is_set():
            steps[0] += 1
            time.sleep(0)

    interval_s, thread = sys.getswitchinterval(), threading.Thread(target=work)
    thread.start()
    time.sleep(0.02)
    sys.setswitchinterval(100)
    try:
        before = steps[0]
        call()
        return steps[0] - before
    finally:
        sys.setswitchinterval(interval_s)
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_decoding_frees_pythons_lock(make, kind):
    data = make.encode(make.smooth(1200, 1600), kind)
    header = read_header(data, "a", "a", Limits())
    assert max(steps_of_another_thread(lambda: decode(data, header, "a")) for _ in range(5)) >= 3
    assert min(steps_of_another_thread(lambda: sum(range(1_000_000))) for _ in range(5)) == 0
