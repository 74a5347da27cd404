"""Which kind of image a file is, by its first bytes, and which suffixes count as images.

A whitelist: what is not listed here never reaches a decoder, whatever its name says.
"""

from __future__ import annotations

import codecs

from firstpass.errors import Problem

SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".mpo": "JPEG", ".png": "PNG", ".apng": "PNG",
    ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF",
    ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM", ".pfm": "PPM", ".avif": "AVIF",
    ".jp2": "JPEG2000", ".j2k": "JPEG2000", ".jpx": "JPEG2000", ".j2c": "JPEG2000", ".heic": "HEIC", ".heif": "HEIC",
}  # fmt: skip
"""File name suffix (lower case) to format. HEIC is listed so that such files are told of, not passed over."""

HEAD_BYTES = 64
_BMP_HEADER_BYTES = (12, 40, 52, 56, 64, 108, 124)
_EXPECTED = "JPEG, PNG, WebP, TIFF, BMP, GIF, PPM, AVIF or JPEG 2000"
_CONVERT = "Convert it to JPEG or PNG."
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_FOREIGN = (
    (b"%PDF", "a PDF"), (b"%!PS", "PostScript"), (b"\xc5\xd0\xd3\xc6", "PostScript"), (b"SIMPLE  =", "a FITS file"),
    (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip archive"), (b"8BPS", "a Photoshop file"),
    (b"{\\rtf", "a text document"),
)  # fmt: skip


def suffix_of(name: str) -> str:
    """The lower-case suffix with its dot; "" when there is none."""
    last = name.rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def format_of(head: bytes) -> str:
    """JPEG, PNG, WEBP, TIFF, BMP, GIF, PPM, AVIF, JPEG2000, HEIC, or "" for anything else."""
    if head.startswith(b"\xff\xd8") and head[2:3] in (b"\xff", b""):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"123456fF" and head[2:3].isspace():
        return "PPM"
    if head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")):
        return "JPEG2000"
    return _ftyp_format(head)


def refuse(head: bytes, name: str, where: str) -> Problem:
    """The Problem for a file whose bytes are no image that is read here: says what they are instead."""
    kind = format_of(head)
    if kind == "HEIC":
        return Problem(where, "it is a HEIC/HEIF picture, which is not read here", _EXPECTED, _CONVERT)
    if kind:
        return Problem(where, f"it is {kind}, which this Pillow cannot decode", _EXPECTED, f"Update Pillow. {_CONVERT}")
    claimed = SUFFIXES.get(suffix_of(name), "")
    what = f"it is {_foreign(head)}, not an image" + (f", though its name says {claimed}" if claimed else "")
    return Problem(where, what, _EXPECTED, "Remove it, or put the real picture there.")


def _ftyp_format(head: bytes) -> str:
    if head[4:8] != b"ftyp":
        return ""
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), HEAD_BYTES), 4))]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return "HEIC" if brands[0] in _HEIC_BRANDS or b"heic" in brands else ""


def _foreign(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")):
        return "SVG or XML text"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<script", b"<!--")):
        return "an HTML page"
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return what
    try:
        whole = codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may be cut at the end
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "text" if all(c.isprintable() or c in "\t\r\n\f" for c in whole) else "data of an unknown kind"
