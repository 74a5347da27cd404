import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from firstpass.errors import Problem
from firstpass.media import Probed, probe, read_image

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8).reshape(4, 16)


def gray_of(path: str) -> np.ndarray:
    rgb = read_image(path)
    assert not isinstance(rgb, Problem), rgb
    assert (rgb[..., 0] == rgb[..., 1]).all()
    assert (rgb[..., 0] == rgb[..., 2]).all()
    return rgb[..., 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "PPM"])
def test_one_bit_is_black_and_white(make, put, kind):
    bits = RAMP > 100
    path = put(f"a.{kind.lower()}", make.encode(Image.fromarray(bits), kind))
    assert np.array_equal(gray_of(path), bits * np.uint8(255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "PPM", "JPEG2000"])
def test_8_bit_gray_is_exact(make, put, kind):
    if kind == "JPEG2000" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    assert np.array_equal(gray_of(put("a", make.encode(RAMP, kind))), RAMP)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
@pytest.mark.parametrize("depth_bits", [10, 12, 14, 16])
def test_16_bit_gray_is_scaled_by_its_own_depth(make, put, kind, depth_bits):
    top = (1 << depth_bits) - 1
    values = np.linspace(0, top, 64).round().astype(np.uint16).reshape(4, 16)
    assert np.abs(gray_of(put("a", make.encode(values, kind))).astype(int) - RAMP).max() <= 1


def test_8_bit_values_in_16_bits_stay_as_they_are(make, put):
    assert np.array_equal(gray_of(put("a.png", make.encode(RAMP.astype(np.uint16)))), RAMP)


def test_16_bit_tiff_with_white_as_zero_is_inverted(make, put):
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(4, 16)
    data = make.encode(values, "TIFF")
    at = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    path = put("a.tif", data[:at] + struct.pack("<H", 0) + data[at + 2 :])
    assert np.abs(gray_of(path).astype(int) - (255 - RAMP)).max() <= 1


def test_float_tiff_goes_from_its_minimum_to_its_maximum(make, put):
    values = np.linspace(-3.5, 12.0, 64, dtype=np.float32).reshape(4, 16)
    assert np.abs(gray_of(put("a.tif", make.encode(values, "TIFF"))).astype(int) - RAMP).max() <= 1


def test_float_tiff_with_nan_and_infinity(make, put):
    values = np.array([[np.nan, 0.0, 0.5, 1.0, np.inf, -np.inf]], np.float32)
    assert gray_of(put("a.tif", make.encode(values, "TIFF"))).tolist() == [[0, 0, 128, 255, 255, 0]]


@pytest.mark.parametrize("value", [0.0, 7.5, np.nan])
def test_constant_float_tiff_is_black(make, put, value):
    assert not gray_of(put("a.tif", make.encode(np.full((3, 4), value, np.float32), "TIFF"))).any()


def test_32_bit_integers_with_negatives_go_from_minimum_to_maximum(make, put):
    values = np.linspace(-100_000, 100_000, 64).astype(np.int32).reshape(4, 16)
    assert np.abs(gray_of(put("a.tif", make.encode(values, "TIFF"))).astype(int) - RAMP).max() <= 1


def test_16_bit_color_png(make, put):
    rgb = make.quarters()
    rows = b"".join(b"\0" + (row.astype(np.uint16) * 257).astype(">u2").tobytes() for row in rgb)
    assert np.array_equal(read_image(put("a.png", make.png(60, 40, 16, 2, rows))), rgb)


def test_adobe_inverted_cmyk(make, put):
    rgb = make.smooth(40, 60)
    data = make.encode(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=98)
    assert b"Adobe" in data
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - rgb).max() < 12


def test_plain_cmyk_without_adobe_marker(make, put):
    rgb = make.smooth(40, 60)
    cmyk = np.asarray(Image.fromarray(rgb).convert("CMYK"))
    data = make.encode(Image.frombytes("CMYK", (60, 40), (255 - cmyk).tobytes()), "JPEG", quality=98)
    at = data.index(b"\xff\xee")
    data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - rgb).max() < 12


def test_cmyk_tiff(make, put):
    rgb = make.smooth(40, 60)
    path = put("a.tif", make.encode(Image.fromarray(rgb).convert("CMYK"), "TIFF"))
    assert np.abs(read_image(path).astype(int) - rgb).max() <= 1


def test_ycck_by_hand_equals_cmyk(make, put):
    """The transform byte of the Adobe marker tells YCCK from CMYK."""
    cmyk = np.zeros((16, 16, 4), np.uint8)
    cmyk[..., 0:3], cmyk[..., 3] = 90, 40
    data = make.encode(Image.frombytes("CMYK", (16, 16), cmyk.tobytes()), "JPEG", quality=100)
    at = data.index(b"Adobe") + 11
    ycck = data[:at] + b"\x02" + data[at + 1 :]
    assert isinstance(read_image(put("a.jpg", data)), np.ndarray)
    with Image.open(io.BytesIO(ycck)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(read_image(put("b.jpg", ycck)), expected)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA"), ("PNG", "LA")])
def test_alpha_lies_over_white(make, put, kind, mode):
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = (0, 128, 255)
    image = Image.fromarray(rgba).convert(mode)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert gray_of(put("a", make.encode(image, kind, **options))).tolist() == [[255, 127, 0]]


def test_full_alpha_changes_nothing(make, put):
    rgb = make.quarters()
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    assert np.array_equal(read_image(put("a.png", make.encode(rgba))), rgb)


def test_palette_with_and_without_transparency(make, put):
    image = Image.fromarray(make.quarters()).quantize(8)
    assert np.array_equal(read_image(put("a.png", make.encode(image))), np.asarray(image.convert("RGB")))
    clear = image.getpixel((59, 39))
    rgb = read_image(put("b.png", make.encode(image, transparency=clear)))
    assert rgb[39, 59].tolist() == [255, 255, 255]
    assert np.array_equal(rgb[:20], np.asarray(image.convert("RGB"))[:20])


def test_palette_with_half_transparent_entries(make, put):
    image = Image.frombytes("P", (2, 1), b"\0\1")
    image.putpalette([0, 0, 0, 0, 0, 0])
    assert gray_of(put("a.png", make.encode(image, transparency=b"\x80\xff"))).tolist() == [[127, 0]]


def test_color_key_of_gray_and_rgb(make, put):
    assert gray_of(put("a.png", make.encode(np.array([[5, 9]], np.uint8), transparency=5))).tolist() == [[255, 9]]
    rgb = read_image(put("b.png", make.encode(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), transparency=(1, 2, 3))))
    assert rgb.tolist() == [[[255, 255, 255], [4, 5, 6]]]


@pytest.mark.parametrize(("kind", "more"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_first_frame_or_page_is_the_picture(make, put, kind, more):
    first, second = Image.fromarray(make.quarters()), Image.new("RGB", (60, 40), (9, 9, 9))
    path = put("a", make.encode(first, kind, save_all=True, append_images=[second, second], **more))
    found, rgb = probe(path, "a"), read_image(path)
    assert np.array_equal(rgb, make.quarters())
    assert any("first picture is used" in note for note in found.notes)


def test_pages_of_different_size(make, put):
    first, second = Image.fromarray(make.quarters()), Image.new("L", (7, 9))
    path = put("a.tif", make.encode(first, "TIFF", save_all=True, append_images=[second]))
    assert read_image(path).shape == (40, 60, 3)


def test_single_pictures_have_no_notes(make, put):
    for kind in ("GIF", "PNG", "WEBP", "TIFF", "JPEG", "BMP"):
        assert probe(put(f"a.{kind.lower()}", make.encode(make.quarters(), kind)), f"a.{kind.lower()}").notes == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (20000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_very_small_and_very_long(make, put, size, kind):
    path = put("a", make.encode(np.full((*size, 3), 200, np.uint8), kind))
    found = probe(path, "a")
    assert isinstance(found, Probed)
    assert (found.ref.height_px, found.ref.width_px) == size
    assert read_image(found.ref).shape == (*size, 3)
    assert max(read_image(found.ref, max_side_px=50).shape) == min(50, max(size)) or size == (1, 1)
    assert min(read_image(found.ref, max_side_px=50).shape[:2]) == 1


def test_interlaced_png_and_progressive_jpeg(make, put):
    rgb = make.smooth(40, 60)
    data = make.encode(rgb, "JPEG", progressive=True, quality=95)
    assert np.abs(read_image(put("a.jpg", data)).astype(int) - make.pixels(data)).max() <= 1
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in rgb[y::dy, x::dx])
    head = struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(make.chunk(kind, body) for kind, body in chunks)
    assert np.array_equal(read_image(put("a.png", data)), rgb)
