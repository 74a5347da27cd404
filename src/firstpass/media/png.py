"""A walk over the chunks of a PNG file (PNG 3, W3C 2025): size, EXIF, texts, and bombs in compressed texts."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from firstpass.errors import Problem
from firstpass.media.exif import MAX_TEXT_BYTES, clean_text
from firstpass.media.limits import Limits

_KEPT = {"Description", "Comment", "Software"}
_XMP = "XML:com.adobe.xmp"
_RAW_EXIF = ("Raw profile type exif", "Raw profile type APP1")


@dataclass(slots=True)
class PngChunks:
    """width_px, height_px: of IHDR. exif, xmp: raw. texts: Description, Comment, Software. frames: of an APNG. ended: IEND is
    there.

    cut: "" or which chunk the file ends in.
    """

    width_px: int = 0
    height_px: int = 0
    exif: bytes = b""
    xmp: bytes = b""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    frames: int = 0
    ended: bool = False
    cut: str = ""


def walk_png(data: bytes, where: str, limits: Limits) -> PngChunks | Problem:
    """All chunks up to IEND, picture data skipped. Problem: no IHDR first, or a text chunk that unpacks beyond the limit."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        what = f"the PNG has no header ({len(data):,} bytes are there)"
        return Problem(where, what, "an IHDR chunk first", "Copy it anew from its source.")
    found = PngChunks(*struct.unpack_from(">II", data, 16))
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body, after = at + 8, at + 12 + length
        if after > len(data):
            named = f" {kind.decode('ascii')}" if kind.isalpha() else ""
            found.cut = f"cut within a chunk{named} of {length:,} bytes"
            break
        if kind == b"IEND":
            found.ended = True
            break
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            problem = _take_text(found, kind, data[body : body + length], where, limits.max_text_bytes)
            if problem:
                return problem
        elif kind == b"eXIf" and not found.exif:
            found.exif = data[body : body + length]
        elif kind == b"acTL" and length >= 4:
            found.frames = struct.unpack_from(">I", data, body)[0]
        at = after
    return found


def _take_text(found: PngChunks, kind: bytes, body: bytes, where: str, most: int) -> Problem | None:
    key, text = _unpack(kind, body, most)
    if len(text) > most:
        what = f"the PNG's text {key!r} unpacks to more than {most:,} bytes: not decoded, it may be a decompression bomb"
        return Problem(where, what, "", "Save the picture anew without its texts.")
    if key == _XMP:
        found.xmp = found.xmp or text
    elif key in _RAW_EXIF:
        found.exif = found.exif or _from_hex(text)
    elif key in _KEPT and key not in found.texts:
        encoding = "utf-8" if kind == b"iTXt" else "latin-1"
        found.texts[key] = clean_text(text[: 4 * MAX_TEXT_BYTES].decode(encoding, "replace").split("\0", 1)[0])
    return None


def _unpack(kind: bytes, body: bytes, most: int) -> tuple[str, bytes]:
    key, _, rest = body.partition(b"\0")
    name = clean_text(key[:79].decode("latin-1"))
    if kind == b"tEXt":
        return name, rest
    if kind == b"zTXt":
        return name, _inflate(rest[1:], most)
    packed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[-1]
    return name, _inflate(text, most) if packed else text


def _inflate(packed: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return b""


def _from_hex(text: bytes) -> bytes:
    """ImageMagick's raw profile: a name, a length, then hex digits, on lines of their own."""
    parts = text.split(None, 2)
    try:
        return bytes.fromhex(parts[2].decode("ascii")) if len(parts) == 3 else b""
    except ValueError:
        return b""
