"""The few EXIF, XMP and text fields that are kept of an image, and its orientation.

An own reader of the TIFF structure (TIFF 6.0; EXIF 3.0, CIPA DC-008), BigTIFF included: Pillow's warns about damaged fields
through Python's warnings, which no thread can silence for itself. Two directories are read (the first and the EXIF one), each
field within bounds, so hostile data cannot loop or blow up. GPS is never read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_TEXT_BYTES = 2048
_MAX_ENTRIES = 1024
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_TEXTS = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x9003: "DateTimeOriginal"}
_ORIENTATION, _EXIF_IFD, _USER_COMMENT, _XMP, _WIDTH, _HEIGHT = 0x0112, 0x8769, 0x9286, 0x02BC, 0xA002, 0xA003
_WANTED = {*_TEXTS, _ORIENTATION, _EXIF_IFD, _USER_COMMENT, _XMP, _WIDTH, _HEIGHT}


@dataclass(frozen=True, slots=True)
class Exif:
    """orientation: 1..8 (1 when absent or invalid). orientation_at: where its value lies in the data, -1 = nowhere, with its
    byte order and type in `orientation_code` (for :mod:`struct`). fields: text by field name, each at most 2 kB. width_px,
    height_px: the size EXIF claims, 0 = none. pages: True when another directory follows (a thumbnail in EXIF, a page in a
    TIFF file).
    """

    orientation: int = 1
    orientation_at: int = -1
    orientation_code: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    width_px: int = 0
    height_px: int = 0
    pages: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    big: bool


def parse_exif(data: bytes) -> Exif:
    """What a TIFF structure (EXIF data without its "Exif" prefix, or a TIFF file) says. Damaged or empty data: what could be
    read."""
    try:
        return _parse(data[6:] if data.startswith(b"Exif\0\0") else data)
    except (struct.error, ValueError, IndexError, OverflowError):  # offsets beyond the data, or beyond any
        return Exif()


def clean_text(raw: bytes | str) -> str:
    """Text of at most 2 kB: UTF-8, else Latin-1; up to the first NUL; without control characters but tab and newline."""
    if isinstance(raw, bytes):
        raw = raw[: 4 * MAX_TEXT_BYTES].split(b"\0", 1)[0]
        try:
            raw = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            tail = error.start >= len(raw) - 3 and error.reason == "unexpected end of data"
            raw = raw[: error.start].decode("utf-8") if tail else raw.decode("latin-1")
    kept = "".join(c for c in raw[:MAX_TEXT_BYTES] if c.isprintable() or c in "\n\t").strip()
    return kept.encode("utf-8", "ignore")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def xmp_description(packet: bytes) -> str:
    """``dc:description`` of an XMP packet (its first language); "" when absent, damaged, hostile or over 256 kB."""
    if not 0 < len(packet) <= 1 << 18 or b"description" not in packet:
        return ""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring  # pyright: ignore[reportUnknownVariableType]

    try:
        root = fromstring(packet.strip(b"\0 \r\n\t"))
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return ""
    found = root.find(".//{http://purl.org/dc/elements/1.1/}description")
    return "" if found is None else clean_text("".join(found.itertext()))


def _parse(data: bytes) -> Exif:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return Exif()
    layout = _Layout(order, struct.unpack_from(order + "H", data, 2)[0] == 43)
    first = struct.unpack_from(order + "Q", data, 8)[0] if layout.big else struct.unpack_from(order + "I", data, 4)[0]
    entries, following = _directory(data, first, layout)
    deeper = _number(data, entries.get(_EXIF_IFD), layout)
    if deeper and deeper != first:
        entries = _directory(data, deeper, layout)[0] | entries
    oriented = entries.get(_ORIENTATION)
    orientation = _number(data, oriented, layout)
    return Exif(
        orientation if 1 <= orientation <= 8 else 1,
        oriented.at if oriented else -1,
        order + _NUMBERS.get(oriented.kind, "H") if oriented else "",
        _texts(data, entries, order),
        _number(data, entries.get(_WIDTH), layout),
        _number(data, entries.get(_HEIGHT), layout),
        following != 0,
    )


def _directory(data: bytes, at: int, layout: _Layout) -> tuple[dict[int, _Entry], int]:
    count = struct.unpack_from(layout.order + ("Q" if layout.big else "H"), data, at)[0]
    start, step = at + (8 if layout.big else 2), 20 if layout.big else 12
    shape = layout.order + ("HHQ" if layout.big else "HHI")
    inline = 8 if layout.big else 4
    entries: dict[int, _Entry] = {}
    for i in range(min(count, _MAX_ENTRIES)):
        place = start + i * step
        if place + step > len(data):
            return entries, 0
        tag, kind, number = struct.unpack_from(shape, data, place)
        if tag not in _WANTED or tag in entries or kind not in _SIZES:
            continue
        value_at = place + step - inline
        if _SIZES[kind] * number > inline:
            value_at = struct.unpack_from(layout.order + ("Q" if layout.big else "I"), data, value_at)[0]
        if value_at < len(data):
            entries[tag] = _Entry(kind, number, value_at)
    after = start + count * step
    last = after + (8 if layout.big else 4)
    return entries, struct.unpack_from(layout.order + ("Q" if layout.big else "I"), data, after)[0] if last <= len(data) else 0


def _number(data: bytes, entry: _Entry | None, layout: _Layout) -> int:
    if entry is None or entry.count < 1 or entry.kind not in _NUMBERS:
        return 0
    return int(struct.unpack_from(layout.order + _NUMBERS[entry.kind], data, entry.at)[0])


def _raw(data: bytes, entry: _Entry, most: int) -> bytes:
    return bytes(data[entry.at : entry.at + min(entry.count * _SIZES[entry.kind], most)])


def _texts(data: bytes, entries: Mapping[int, _Entry], order: str) -> dict[str, str]:
    found = {name: clean_text(_raw(data, entries[tag], 4 * MAX_TEXT_BYTES)) for tag, name in _TEXTS.items() if tag in entries}
    if _USER_COMMENT in entries:
        found["UserComment"] = _comment(_raw(data, entries[_USER_COMMENT], 4 * MAX_TEXT_BYTES), order)
    if _XMP in entries:
        found["Description"] = xmp_description(_raw(data, entries[_XMP], (1 << 18) + 1))
    return {name: text for name, text in found.items() if text}


def _comment(raw: bytes, order: str) -> str:
    code, text = raw[:8], raw[8:]
    if code.startswith(b"UNICODE"):
        return clean_text(text.decode("utf-16-le" if order == "<" else "utf-16-be", "replace").split("\0", 1)[0])
    return clean_text(text)
