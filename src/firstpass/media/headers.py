"""What the first bytes of an image file say: format, size, orientation, text fields. Nothing is decoded here.

JPEG, PNG and WebP are walked here (a few microseconds, no global state, complete where Pillow stops at the first pixel data);
the other formats are opened, not decoded, by Pillow's own class for exactly that format.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from firstpass.errors import Problem
from firstpass.media.exif import Exif, clean_text, parse_exif, xmp_description
from firstpass.media.limits import Limits
from firstpass.media.png import walk_png
from firstpass.media.sniff import HEAD_BYTES, format_of, refuse

_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_FRAMES = {0xC0 + i for i in range(16)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Header:
    """width_px, height_px: as stored, before orientation (1..8). notes: oddities worth telling.

    complete: False = the end marker is missing. channels: of a JPEG, else 0. adobe: a JPEG's Adobe marker is there (its CMYK is
    inverted). progressive: a JPEG in several scans. orientation_at, orientation_code: of a TIFF file, see Exif.
    """

    format: str
    width_px: int
    height_px: int
    orientation: int = 1
    exif: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    complete: bool = True
    channels: int = 0
    adobe: bool = False
    progressive: bool = False
    orientation_at: int = -1
    orientation_code: str = ""

    @property
    def upright_wh_px(self) -> tuple[int, int]:
        """Width and height after orientation."""
        return (self.width_px, self.height_px) if self.orientation < 5 else (self.height_px, self.width_px)


def read_header(data: bytes, name: str, where: str, limits: Limits) -> Header | Problem:
    """The header of an image file's bytes. Problem: no image, a format not read here, damaged, or beyond the limits."""
    head = data[:HEAD_BYTES]
    kind = format_of(head)
    if kind == "JPEG":
        header = _read_jpeg(data, where, limits)
    elif kind == "PNG":
        header = _read_png(data, where, limits)
    elif kind == "WEBP":
        header = _read_webp(data, where)
    elif kind in ("", "HEIC"):
        return refuse(head, name, where)
    else:
        header = _read_other(data, kind, name, where)
    if isinstance(header, Problem):
        return header
    return limits.check_size(where, header.width_px, header.height_px) or header


def truncated(where: str, kind: str, there: str) -> Problem:
    """The Problem for a file that ends early; `there` says how much is there."""
    return Problem(where, f"the {kind} ends early: {there}", "the whole file", "Copy it anew from its source.")


def _fields(exif: Exif, xmp: bytes = b"", comment: bytes = b"", texts: Mapping[str, str] | None = None) -> dict[str, str]:
    found = {"Comment": clean_text(comment), "Description": xmp_description(xmp), **(texts or {}), **exif.fields}
    return {name: text for name, text in found.items() if text}


def _size_notes(exif: Exif, width_px: int, height_px: int) -> tuple[str, ...]:
    claimed = (exif.width_px, exif.height_px)
    if 0 in claimed or claimed in ((width_px, height_px), (height_px, width_px)):
        return ()
    return (f"EXIF says {claimed[0]}x{claimed[1]} px, the picture has {width_px}x{height_px} px; the picture's size is used",)


@dataclass(slots=True)
class _JpegParts:
    frame: tuple[int, int, int, int] | None = None  # marker, height, width, channels
    exif: bytes = b""
    xmp: bytes = b""
    comment: bytes = b""
    adobe: bool = False

    def take(self, marker: int, data: bytes, body: int, end: int) -> None:
        if marker in _FRAMES and end - body >= 6:
            _, height_px, width_px, channels = struct.unpack_from(">BHHB", data, body)
            self.frame = (marker, height_px, width_px, channels)
        elif marker == 0xE1:
            if not self.exif and data.startswith(b"Exif\0\0", body):
                self.exif = data[body:end]
            elif not self.xmp and data.startswith(_XMP_PREFIX, body):
                self.xmp = data[body + len(_XMP_PREFIX) : end]
        elif marker == 0xEE and data.startswith(b"Adobe", body):
            self.adobe = True
        elif marker == 0xFE and not self.comment:
            self.comment = data[body:end]


def _read_jpeg(data: bytes, where: str, limits: Limits) -> Header | Problem:
    """Walks the segments up to the first scan (ITU-T T.81, annex B)."""
    at, size, parts = 2, len(data), _JpegParts()
    while True:
        at = data.find(b"\xff", at)
        while 0 <= at < size and data[at] == 0xFF:
            at += 1
        if at < 0 or at + 3 > size or data[at] == 0xD9:
            return truncated(where, "JPEG", f"only {size:,} bytes, not even the whole header")
        marker = data[at]
        at += 1
        if marker <= 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        end = at + (data[at] << 8 | data[at + 1])
        if end > size:
            return truncated(where, "JPEG", f"only {size:,} bytes, not even the whole header")
        if marker == 0xDA:
            break
        parts.take(marker, data, at + 2, end)
        at = max(end, at + 2)
    if parts.frame is None:
        return Problem(where, "the JPEG has no frame header", "a size before the picture data", "Copy it anew from its source.")
    marker, height_px, width_px, channels = parts.frame
    if marker in _PROGRESSIVE and (scans := data.count(b"\xff\xda", at)) > limits.max_scans:
        what = f"the JPEG has {scans:,} scans: not decoded, it may be a decompression bomb"
        return Problem(where, what, f"at most {limits.max_scans}", "Save it anew.")
    exif = parse_exif(parts.exif) if parts.exif else Exif()
    fields = _fields(exif, parts.xmp, parts.comment)
    notes = _size_notes(exif, width_px, height_px)
    complete = data.endswith(b"\xff\xd9") or data.rfind(b"\xff\xd9", at) >= 0
    return Header(
        "JPEG", width_px, height_px, exif.orientation, fields, notes, complete, channels, parts.adobe, marker in _PROGRESSIVE
    )  # fmt: skip


def _read_png(data: bytes, where: str, limits: Limits) -> Header | Problem:
    chunks = walk_png(data, where, limits)
    if isinstance(chunks, Problem):
        return chunks
    if chunks.cut:
        return truncated(where, "PNG", f"{len(data):,} bytes, {chunks.cut}")
    exif = parse_exif(chunks.exif) if chunks.exif else Exif()
    notes = _size_notes(exif, chunks.width_px, chunks.height_px)
    if chunks.frames > 1:
        notes += (f"animated ({chunks.frames} frames): the first picture is used",)
    fields = _fields(exif, chunks.xmp, b"", chunks.texts)
    return Header("PNG", chunks.width_px, chunks.height_px, exif.orientation, fields, notes, chunks.ended)


def _read_webp(data: bytes, where: str) -> Header | Problem:
    declared = struct.unpack_from("<I", data, 4)[0] + 8
    if declared > len(data) + 1:
        return truncated(where, "WebP", f"{len(data):,} of {declared:,} bytes are there")
    at, size, animated = 12, (0, 0), False
    exif_raw = xmp = b""
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + min(length, 1 << 20)]
        if kind == b"VP8X" and len(body) >= 10:
            size = (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
            animated = bool(body[0] & 0x02)
        elif kind == b"VP8 " and len(body) >= 10 and size == (0, 0):
            size = (struct.unpack_from("<H", body, 6)[0] & 0x3FFF, struct.unpack_from("<H", body, 8)[0] & 0x3FFF)
        elif kind == b"VP8L" and len(body) >= 5 and size == (0, 0):
            bits = struct.unpack_from("<I", body, 1)[0]
            size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif kind == b"EXIF" and not exif_raw:
            exif_raw = body
        elif kind == b"XMP " and not xmp:
            xmp = body
        at += 8 + length + (length & 1)
    exif = parse_exif(exif_raw)
    notes = _size_notes(exif, *size) + (("animated: the first picture is used",) if animated else ())
    return Header("WEBP", *size, exif.orientation, _fields(exif, xmp), notes)


def _read_other(data: bytes, kind: str, name: str, where: str) -> Header | Problem:
    from firstpass.media import pillow

    exif = parse_exif(data) if kind == "TIFF" else Exif()
    opened = pillow.open_file(pillow.without_orientation(data, exif.orientation_at, exif.orientation_code), kind, where)
    if opened is None:
        return refuse(data[:HEAD_BYTES], name, where)
    if isinstance(opened, Problem):
        return opened
    with opened as image:
        width_px, height_px = image.size
        if kind == "AVIF":
            exif = parse_exif(image.info.get("exif") or b"")
        notes = _size_notes(exif, width_px, height_px) if kind != "TIFF" else ()
        if (exif.pages and kind == "TIFF") or (kind in ("GIF", "AVIF") and pillow.is_animated(image)):
            notes += ("several pages or frames: the first picture is used",)
        comment = image.info.get("comment")
        fields = _fields(exif, image.info.get("xmp") or b"", comment if isinstance(comment, bytes) else b"")
    return Header(
        kind, width_px, height_px, exif.orientation, fields, notes,
        orientation_at=exif.orientation_at if kind == "TIFF" else -1, orientation_code=exif.orientation_code,
    )  # fmt: skip
