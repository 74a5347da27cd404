import hashlib
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.errors import FirstpassError
from firstpass.media import digest_of, probe, read_image
from firstpass.media.exif import clean_text, parse_exif, xmp_description
from firstpass.media.sniff import format_of, suffix_of

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
    b"A shelf, \xc3\xa9t\xc3\xa9</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def test_digest_is_blake2b_128_of_the_bytes(make, put):
    data = make.encode(make.quarters())
    path = put("a.png", data)
    expected = hashlib.blake2b(data, digest_size=16).hexdigest()
    found = probe(path, "b/a.png")
    assert found.ref.digest == expected == digest_of(path)
    assert (found.ref.uri, found.ref.name, found.byte_size) == (path, "b/a.png", len(data))


def test_digest_of_a_missing_file_raises(tmp_path):
    with pytest.raises(FirstpassError, match="not there"):
        digest_of(str(tmp_path / "a.png"))


def test_file_is_read_once(make, put, monkeypatch):
    import builtins

    path, opened = put("a.jpg", make.encode(make.quarters(), "JPEG")), []
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *args, **more: opened.append(args[0]) or real(*args, **more))
    probe(path, "a.jpg")
    assert opened == [path]


def test_header_is_not_decoded(make, put, monkeypatch):
    monkeypatch.setattr(sys.modules["firstpass.media.probe"], "decode", lambda *_: pytest.fail("decoded"))
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        assert probe(put("a", make.encode(make.quarters(), kind)), "a").format == kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_fields_are_kept_and_gps_is_not(make, put, kind):
    exif = make.exif(
        1,
        {0x010E: "Shelf 7", 0x010F: "Maker", 0x0110: "Model 3", 0x0131: "Soft 1.0", 0x8825: {1: "N", 2: (52.0, 30.0, 0.0)}},
        {0x9003: "2024:05:06 07:08:09", 0x9286: b"ASCII\0\0\0left side"},
    )
    found = probe(put("a", make.encode(make.quarters(), kind, exif=exif)), "a")
    assert dict(found.exif) == {
        "ImageDescription": "Shelf 7", "Make": "Maker", "Model": "Model 3", "Software": "Soft 1.0",
        "DateTimeOriginal": "2024:05:06 07:08:09", "UserComment": "left side",
    }  # fmt: skip


def test_tiff_fields(make, put):
    data = make.encode(make.quarters(), "TIFF", tiffinfo={0x010E: "Shelf 7", 0x0110: "Model 3"})
    assert dict(probe(put("a.tif", data), "a.tif").exif) == {"ImageDescription": "Shelf 7", "Model": "Model 3"}


@pytest.mark.parametrize(("order", "code"), [("II", "utf-16-le"), ("MM", "utf-16-be")])
def test_unicode_user_comment(order, code):
    text = b"UNICODE\0" + "Größe 5".encode(code)
    big = order == "MM"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "big" if big else "little")

    entry = number(0x9286, 2) + number(7, 2) + number(len(text), 4) + number(26, 4)
    block = order.encode() + number(42, 2) + number(8, 4) + number(1, 2) + entry + number(0, 4) + text
    assert parse_exif(block).fields == {"UserComment": "Größe 5"}


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_xmp_description(make, put, kind):
    options = {"tiffinfo": {700: XMP}} if kind == "TIFF" else {"xmp": XMP}
    found = probe(put("a", make.encode(make.quarters(), kind, **options)), "a")
    assert dict(found.exif) == {"Description": "A shelf, été"}


def test_hostile_xmp_gives_nothing():
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c; description</a>'
    outside = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b; description</a>'
    for packet in (bomb, outside, b"description", b"", XMP[:100], b"description" * 100_000):
        assert xmp_description(packet) == ""


def test_png_texts(make, put):
    data = make.encode(make.quarters())
    texts = (
        make.chunk(b"tEXt", b"Description\0caf\xe9")
        + make.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 2000))
        + make.chunk(b"iTXt", b"Software\0\0\0de\0Programm\0" + "Größe".encode())
        + make.chunk(b"tEXt", b"Author\0nobody")
    )
    found = probe(put("a.png", data[:33] + texts + data[33:]), "a.png").exif
    assert found["Description"] == "café"
    assert found["Comment"].startswith("long long")
    assert len(found["Comment"].encode()) <= 2048
    assert found["Software"] == "Größe"
    assert "Author" not in found


def test_jpeg_and_gif_comments(make, put):
    for kind in ("JPEG", "GIF"):
        found = probe(put("a", make.encode(make.quarters(), kind, comment=b"line 1\nline \x002")), "a")
        assert found.exif["Comment"].startswith("line 1\nline")


@given(st.binary(max_size=300))
def test_any_bytes_as_exif(data):
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0"):
        found = parse_exif(head + data)
        assert 1 <= found.orientation <= 8
        assert all(len(text.encode()) <= 2048 for text in found.fields.values())


@given(st.one_of(st.text(max_size=3000), st.binary(max_size=5000)))
def test_cleaned_text_is_short_and_printable(raw):
    text = clean_text(raw)
    assert len(text.encode()) <= 2048
    assert all(c.isprintable() or c in "\n\t" for c in text)


def test_looping_directories_end():
    block = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    assert parse_exif(block).orientation == 1


@given(st.binary(max_size=80))
def test_sniffing_any_bytes(head):
    assert format_of(head) in {"", "JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "JPEG2000", "HEIC"}


def test_suffixes():
    names = {"a.JPG": ".jpg", "b.c/d": "", ".jpg": "", "a/.hidden": "", "x.tar.gz": ".gz", "a.": "."}
    assert {name: suffix_of(name) for name in names} == names


def test_probe_and_read_agree_on_size(make, put):
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"):
        ref = probe(put("a", make.encode(make.quarters(31, 57), kind)), "a").ref
        assert read_image(ref).shape == (ref.height_px, ref.width_px, 3) == (31, 57, 3)
        assert isinstance(read_image(ref), np.ndarray)
