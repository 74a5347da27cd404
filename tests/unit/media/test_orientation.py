import io
import zlib

import numpy as np
import pytest
from PIL import Image, features

from firstpass.media import probe, read_image

TURNS = {  # stored → upright
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.transpose(1, 0, 2), 2),
    8: lambda a: np.rot90(a, 1),
}
KINDS = ["JPEG", "PNG", "WEBP", "TIFF", *(["AVIF"] if features.check("avif") else [])]
LOSSLESS = {
    "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip


def stored_for(upright: np.ndarray, orientation: int) -> np.ndarray:
    back = {6: 8, 8: 6}.get(orientation, orientation)
    return np.ascontiguousarray(TURNS[back](upright))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_comes_out_upright_once(make, put, kind, orientation):
    upright = make.quarters()
    options = {"exif": make.exif(orientation), **LOSSLESS.get(kind, {})}
    if kind == "TIFF":
        options = {"tiffinfo": {0x0112: orientation}}
    path = put(f"a.{kind.lower()}", make.encode(stored_for(upright, orientation), kind, **options))
    found, rgb = probe(path, "a"), read_image(path)
    assert (found.ref.width_px, found.ref.height_px, found.orientation) == (60, 40, orientation)
    assert rgb.shape == upright.shape
    assert np.abs(rgb.astype(int) - upright).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_jpeg_is_upright_too(make, put, orientation):
    upright = make.quarters(160, 240)
    data = make.encode(stored_for(upright, orientation), "JPEG", quality=95, exif=make.exif(orientation))
    rgb = read_image(put("a.jpg", data), max_side_px=60)
    assert rgb.shape == (40, 60, 3)
    assert np.abs(rgb[::10, 5::10].astype(int) - upright[2::40, 22::40]).mean() < 12


def test_orientation_of_big_endian_exif_as_long(make, put):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06\0\0\0\0"
    path = put("a.jpg", make.encode(make.quarters(), "JPEG", exif=exif))
    assert probe(path, "a.jpg").orientation == 6
    assert read_image(path).shape == (60, 40, 3)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientation_out_of_range_is_none(make, put, orientation):
    path = put("a.jpg", make.encode(make.quarters(), "JPEG", exif=make.exif(orientation)))
    assert probe(path, "a.jpg").orientation == 1
    assert read_image(path).shape == (40, 60, 3)


def test_png_exif_after_the_picture_data_counts(make, put):
    data = make.encode(make.quarters())
    block = make.chunk(b"eXIf", make.exif(6)[6:])
    path = put("a.png", data[:-12] + block + data[-12:])
    assert probe(path, "a.png").orientation == 6
    assert read_image(path).shape == (60, 40, 3)


def test_png_raw_profile_of_imagemagick_counts(make, put):
    raw = make.exif(8)
    text = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(raw) + raw.hex().encode() + b"\n")
    data = make.encode(make.quarters())
    path = put("a.png", data[:33] + make.chunk(b"zTXt", text) + data[33:])
    assert probe(path, "a.png").orientation == 8


def test_big_endian_tiff_is_turned_once(make, put):
    tiff = bytearray(b"MM\0*\0\0\0\x08")
    entries = [(256, 3, 1, 3 << 16), (257, 3, 1, 2 << 16), (258, 3, 1, 8 << 16), (259, 3, 1, 1 << 16), (262, 3, 1, 1 << 16),
               (273, 4, 1, 122), (274, 3, 1, 6 << 16), (277, 3, 1, 1 << 16), (279, 4, 1, 6)]  # fmt: skip
    tiff += len(entries).to_bytes(2, "big")
    for tag, kind, count, value in entries:
        tiff += tag.to_bytes(2, "big") + kind.to_bytes(2, "big") + count.to_bytes(4, "big") + value.to_bytes(4, "big")
    tiff += bytes(4)
    assert len(tiff) == 122
    path = put("a.tif", bytes(tiff) + bytes([10, 20, 30, 40, 50, 60]))
    assert read_image(path)[:, :, 0].tolist() == [[40, 10], [50, 20], [60, 30]]


def test_result_is_read_only_and_contiguous(make, put):
    for orientation in (1, 6):
        rgb = read_image(put("a.jpg", make.encode(make.quarters(), "JPEG", exif=make.exif(orientation))))
        assert rgb.dtype == np.uint8
        assert rgb.flags.c_contiguous
        assert not rgb.flags.writeable


def test_pillow_agrees_on_every_orientation(make, put):
    from PIL import ImageOps

    for orientation in range(1, 9):
        data = make.encode(make.smooth(48, 80), "JPEG", exif=make.exif(orientation))
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        assert np.abs(read_image(put("a.jpg", data)).astype(int) - expected).max() <= 2


@pytest.mark.parametrize(("order", "value"), [("II", b"\x06\0\0\0"), ("MM", b"\0\x06\0\0")])
def test_tiff_orientation_is_neutralized_for_pillow(order, value):
    from firstpass.media.exif import parse_exif
    from firstpass.media.pillow import without_orientation

    numbers = {
        "II": (b"*\0\x08\0\0\0\x01\0", b"\x12\x01\x03\0\x01\0\0\0"),
        "MM": (b"\0*\0\0\0\x08\0\x01", b"\x01\x12\0\x03\0\0\0\x01"),
    }  # fmt: skip
    data = order.encode() + numbers[order][0] + numbers[order][1] + value + bytes(4)
    found = parse_exif(data)
    plain = without_orientation(data, found.orientation_at, found.orientation_code)
    assert (found.orientation, parse_exif(plain).orientation) == (6, 1)
    assert plain != data
    assert plain[found.orientation_at :][:2] in (b"\x01\0", b"\0\x01")
    assert without_orientation(plain, found.orientation_at, found.orientation_code) is plain
