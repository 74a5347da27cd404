"""The bad image files of the list of forty: each becomes one clear line, or a picture with a note. Numbers as in that list."""

import concurrent.futures
import os
import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media import Limits, Probed, probe, read_image


def refused(path: str, name: str = "shelf/a.jpg", *words: str) -> str:
    """Both probe and read_image give a Problem of one line that names the file and says all the words."""
    lines = [str(probe(path, name)), str(read_image(ImageRef("", path, name, 0, 0)))]
    for line, got in zip(lines, [probe(path, name), read_image(ImageRef("", path, name, 0, 0))], strict=True):
        assert isinstance(got, Problem), got
        assert line.startswith(f"{name}: ")
        assert "\n" not in line
        assert len(line) < 300
        for word in words:
            assert word in line
    return lines[1]


def test_1_zero_bytes(put):
    refused(put("a.jpg", b""), "a.jpg", "empty (0 bytes)")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.995])
@pytest.mark.parametrize("progressive", [False, True])
def test_2_truncated_jpeg_says_how_much_is_there(make, put, share, progressive):
    data = make.encode(make.smooth(240, 320), "JPEG", quality=95, progressive=progressive)
    cut = data[: int(len(data) * share)]
    refused(put("a.jpg", cut), "a.jpg", "ends early", f"{len(cut):,} bytes")


def test_2_truncated_jpeg_says_how_many_rows(make, put):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    data = make.encode(noise, "JPEG")
    line = refused(put("a.jpg", data[: len(data) // 2]), "a.jpg", "of 240 rows")
    rows = int(line.split("about ")[1].split(" of")[0])
    assert 110 <= rows <= 140


@pytest.mark.parametrize("lost", [1, 2])
def test_2_missing_end_marker_alone_is_no_loss(make, put, lost):
    data = make.encode(make.smooth(64, 64), "JPEG")
    path = put("a.jpg", data[:-lost])
    assert probe(path, "a.jpg").notes == ("the end marker is missing, the picture is whole",)
    assert np.array_equal(read_image(path), make.pixels(data))


def test_2_end_marker_of_the_thumbnail_does_not_count(make, put):
    thumbnail = make.encode(make.smooth(16, 16), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    data = make.encode(make.smooth(240, 320), "JPEG", exif=exif)
    refused(put("a.jpg", data[: len(data) * 2 // 3]), "a.jpg", "ends early")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.97])
def test_2_other_truncated_files(make, put, kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    data = make.encode(noise, kind, **({"lossless": True} if kind == "WEBP" else {}))
    got = read_image(put("a", data[: int(len(data) * share)]))
    assert isinstance(got, Problem)
    assert "early" in got.what or "damaged" in got.what


def test_3_text_named_jpg(put):
    refused(put("a.jpg", "not a picture: naïve\n".encode() * 9), "a.jpg", "it is text, not an image", "its name says JPEG")


def test_3_random_bytes_named_png(put):
    refused(put("a.png", bytes(range(256))), "a.png", "unknown kind")


def test_4_jpeg_named_png_is_taken_with_a_note(make, put):
    path = put("a.png", make.encode(make.quarters(), "JPEG"))
    found = probe(path, "a.png")
    assert found.format == "JPEG"
    assert found.notes == ("it is JPEG, though its name says PNG",)
    assert read_image(found.ref).shape == (40, 60, 3)


def test_5_html_named_jpg(put):
    refused(put("a.jpg", b"  <!DOCTYPE html><script>alert(1)</script>"), "a.jpg", "HTML page")


def test_5_polyglot_gif_and_jpeg_are_only_pixels(make, put):
    script = b"<script>alert(1)</script>"
    jpeg = make.encode(make.quarters(), "JPEG", comment=script) + script
    found = probe(put("a.jpg", jpeg), "a.jpg")
    assert found.format == "JPEG"
    assert read_image(found.ref).shape == (40, 60, 3)
    gif = put("b.gif", b"GIF89a/*" + script + b"*/=1;")
    assert isinstance(read_image(gif), Problem)


def test_6_svg_is_never_read(put):
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    refused(put("a.png", svg), "a.png", "SVG or XML")


@pytest.mark.parametrize(
    ("head", "said"),
    [(b"%!PS-Adobe-3.0 EPSF", "PostScript"), (b"SIMPLE  =                    T", "FITS"), (b"%PDF-1.7", "PDF"),
     (b"\x1f\x8b\x08", "gzip"), (b"PK\x03\x04", "ZIP"), (b"8BPS\0\1", "Photoshop")],
)  # fmt: skip
def test_6_formats_off_the_list_never_reach_a_decoder(put, head, said, monkeypatch):
    monkeypatch.setattr("firstpass.media.pillow.open_file", lambda *_: pytest.fail("a decoder was called"))
    refused(put("a.png", head + bytes(200)), "a.png", said)


def test_7_huge_one_bit_png_is_refused_before_decoding(make, put, monkeypatch):
    monkeypatch.setattr("firstpass.media.pillow.open_file", lambda *_: pytest.fail("a decoder was called"))
    rows = bytes(6251) * 2000
    path = put("a.png", make.png(50_000, 50_000, 1, 0, rows))
    refused(path, "a.png", "50000x50000 px", "2,500,000,000 pixels", "bomb", "178,956,970")


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"])
def test_7_huge_sizes_in_other_headers(make, put, kind):
    data = bytearray(make.encode(make.quarters(), kind, **({"lossless": True} if kind == "WEBP" else {})))
    if kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    elif kind == "TIFF":
        for tag in (256, 257):
            at = next(i for i in range(8, len(data)) if data[i : i + 2] == struct.pack("<H", tag) and data[i + 4] == 1)
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 60_000)
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", 60_000, 60_000)
    elif kind == "PPM":
        data = bytearray(b"P6 60000 60000 255\n" + bytes(100))
    else:
        at = data.index(b"VP8L") + 9
        data[at : at + 4] = struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    line = str(read_image(put("a", bytes(data))))
    assert "bomb" in line


def test_7_gif_frame_far_larger_than_its_screen(make, put):
    data = bytearray(make.encode(make.quarters(), "GIF"))
    at = data.index(b"\x2c", 13 + 3 * (2 << (data[10] & 7)))
    data[at + 5 : at + 9] = struct.pack("<HH", 65_000, 65_000)
    refused(put("a.gif", bytes(data)), "a.gif", "bomb")


def test_7_bigtiff_with_offsets_beyond_any(put):
    refused(put("a.tif", b"II+\0\x08\0\0\0" + b"\xff" * 40), "a.tif", "TIFF")


def test_7_limits_can_be_set(make, put):
    path = put("a.png", make.encode(make.quarters()))
    assert isinstance(read_image(path, limits=Limits(max_pixels=2400)), np.ndarray)
    assert isinstance(read_image(path, limits=Limits(max_pixels=2399)), Problem)
    assert isinstance(probe(path, "a", limits=Limits(max_pixels=2399)), Problem)
    assert "at most 10" in str(read_image(path, limits=Limits(max_bytes=10)))


def test_7_between_pillows_warning_and_the_limit_nothing_leaks(make, put):
    """Pillow warns from 89 million pixels on; a 1-bit picture of 90 million is taken without a word."""
    path = put("a.png", make.png(90_000, 1_000, 1, 0, bytes(11_251) * 1000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = probe(path, "a.png")
        rgb = read_image(path, max_side_px=100)
    assert isinstance(found, Probed)
    assert rgb.shape == (1, 100, 3)
    assert caught == []


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_8_png_text_bomb(make, put, kind):
    packed = zlib.compress(bytes(64 << 20), 9)
    body = b"Comment\0\0" + packed if kind == b"zTXt" else b"Comment\0\1\0\0\0" + packed
    data = make.encode(make.quarters())
    refused(put("a.png", data[:33] + make.chunk(kind, body) + data[33:]), "a.png", "'Comment'", "unpacks to more than", "bomb")


def test_8_jpeg_of_endless_scans(make, put):
    data = make.encode(make.quarters(), "JPEG", progressive=True)
    at = data.index(b"\xff\xda")
    scan = data[at : data.index(b"\xff", at + 20)]
    refused(put("a.jpg", data[:-2] + scan * 500 + data[-2:]), "a.jpg", "scans", "bomb")


def test_12_exif_size_that_is_not_the_pixels_size(make, put):
    exif = make.exif(6, deep={0xA002: 4000, 0xA003: 3000})
    found = probe(put("a.jpg", make.encode(make.quarters(), "JPEG", exif=exif)), "a.jpg")
    assert (found.ref.width_px, found.ref.height_px) == (40, 60)
    assert found.notes == ("EXIF says 4000x3000 px, the picture has 60x40 px; the picture's size is used",)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_18_heic_says_what_to_do(put, brand):
    data = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(100)
    refused(put("a.heic", data), "a.heic", "HEIC", "Convert it to JPEG or PNG")


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_18_format_without_codec(make, put, kind, monkeypatch):
    from PIL import features

    if not features.check("avif" if kind == "AVIF" else "jpg_2000"):
        pytest.skip("this Pillow has no such codec")
    path = put("a", make.encode(make.quarters(), kind))
    monkeypatch.setattr("PIL.features.check", lambda _: False)
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False, raising=False)
    refused(path, "a", f"it is {kind}, which this Pillow cannot decode", "Convert it")


def test_20_same_bytes_under_a_new_name_have_one_digest(make, put):
    data = make.encode(make.quarters())
    one, two = probe(put("a.png", data), "a.png"), probe(put("b/c.png", data), "b/c.png")
    assert one.ref.digest == two.ref.digest
    assert one.ref.name != two.ref.name


def test_23_deleted_after_import(make, put):
    found = probe(put("a.png", make.encode(make.quarters())), "a.png")
    Path(found.ref.uri).unlink()
    assert str(read_image(found.ref)).startswith("a.png: the file is not there (any more).")


def test_23_changed_after_import(make, put):
    found = probe(put("a.png", make.encode(make.quarters())), "a.png")
    put("a.png", make.encode(make.quarters(50, 60)))
    said = str(read_image(found.ref))
    assert "the file has changed since import: the picture is 60x50 px (expected 60x40 px)" in said
    assert "--recheck" in said


def test_23_another_picture_of_the_same_size_is_told_when_asked(make, put):
    ref = probe(put("a.png", make.encode(make.quarters())), "a.png").ref
    assert not isinstance(read_image(ref, verify=True), Problem)
    put("a.png", make.encode(255 - make.quarters()))
    assert not isinstance(read_image(ref), Problem)
    for side_px in (None, 20):
        said = read_image(ref, max_side_px=side_px, verify=True)
        assert str(said).startswith("a.png: the file has changed since import: its bytes are others")
        assert "firstpass import PROJECT --recheck" in said.remedy
    assert not isinstance(read_image(replace(ref, digest=""), verify=True), Problem)


def test_23_became_a_folder_or_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in (".", "pipe.jpg"):
        assert "a regular file" in str(read_image(str(tmp_path / name)))


def test_23_not_permitted(make, put, monkeypatch):
    path = put("a.png", make.encode(make.quarters()))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("firstpass.media.files.open", refuse, raising=False)
    refused(path, "a.png", "permission denied")


def test_path_with_nul_or_too_long(tmp_path):
    assert isinstance(read_image("a\0b.png"), Problem)
    line = str(read_image(str(tmp_path / ("x" * 300))))
    assert "cannot be read" in line


def test_corrupt_exif_and_xmp_do_not_matter(make, put):
    good = make.exif(6, {0x010F: "Maker"})
    for seed in range(40):
        rng = np.random.default_rng(seed)
        broken = bytearray(good)
        for at in rng.integers(8, len(broken), 4):
            broken[at] = rng.integers(256)
        data = make.encode(make.quarters(), "JPEG", exif=bytes(broken), xmp=b"<x:xmpmeta description")
        found = probe(put("a.jpg", data), "a.jpg")
        assert isinstance(found, Probed)
        assert not isinstance(read_image(found.ref), Problem)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "JPEG2000"])
def test_flipped_bytes_never_crash(make, put, kind):
    from PIL import features

    if kind in ("AVIF", "JPEG2000") and not features.check({"AVIF": "avif", "JPEG2000": "jpg_2000"}[kind]):
        pytest.skip("this Pillow has no such codec")
    good = make.encode(make.quarters(), kind)
    rng = np.random.default_rng(5)
    for _ in range(60):
        broken = bytearray(good)
        for at in rng.integers(0, len(broken), rng.integers(1, 8)):
            broken[at] = rng.integers(256)
        if rng.random() < 0.3:
            del broken[rng.integers(1, len(broken)) :]
        path = put("a", bytes(broken))
        found, rgb = probe(path, "a"), read_image(path, limits=Limits(max_pixels=1 << 20))
        assert isinstance(found, Probed | Problem)
        assert isinstance(rgb, Problem) or (rgb.ndim == 3 and rgb.dtype == np.uint8)
        if isinstance(found, Probed) and isinstance(rgb, np.ndarray):
            assert (found.ref.height_px, found.ref.width_px) == rgb.shape[:2]


def test_many_threads_agree(make, put):
    paths = [put(f"{i}.jpg", make.encode(make.smooth(48, 64, i), "JPEG", exif=make.exif(1 + i % 8))) for i in range(8)]
    alone = [read_image(path) for path in paths]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for i, rgb in enumerate(pool.map(read_image, paths * 8)):
            assert np.array_equal(rgb, alone[i % 8])
