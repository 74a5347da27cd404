"""JSON files as bytes that msgspec can take: encodings settled, NaN made harmless, errors told by line and column."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import msgspec

from firstpass.errors import FormatError

DECODE_ERRORS = (ValueError, RecursionError)  # msgspec's errors and UnicodeDecodeError are ValueErrors
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:NaN|Infinity)\b', re.DOTALL)
_BYTE = re.compile(r" ?\(byte (\d+)\)")


def read_bytes(path: Path) -> bytes:
    """The file's text as UTF-8 without a byte order mark. Raises FormatError for a missing, empty or undecodable file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        data = to_utf8(raw)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: {error.encoding} text is damaged at byte {error.start}. Save the file as UTF-8") from error
    if not data.strip():
        raise FormatError(f"{path}: the file is empty (expected JSON). Export it again")
    return data


def to_utf8(raw: bytes) -> bytes:
    """UTF-8, UTF-16 or UTF-32, with or without a mark (UTF-16 without one: by its zero bytes) → UTF-8. UnicodeDecodeError."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            rest = raw[len(mark) :]
            return rest if encoding == "utf-8" else rest.decode(encoding).encode()
    if len(raw) >= 4 and raw[0] and not raw[1]:
        return raw.decode("utf-16-le").encode()
    if len(raw) >= 4 and raw[1] and not raw[0]:
        return raw.decode("utf-16-be").encode()
    return raw


def peek(path: Path, size: int = 65536) -> bytes:
    """The first bytes as UTF-8 without leading blanks, b"" for anything that is not a readable file or text; never raises."""
    try:
        with path.open("rb") as file:
            raw = file.read(size)
        return to_utf8(raw[: len(raw) // 4 * 4] if len(raw) > 3 else raw).lstrip()
    except (OSError, UnicodeDecodeError):
        return b""


def place_of(data: bytes, offset: int) -> str:
    """The place of a byte as "line 3, column 5", both from 1; columns count bytes."""
    line, start = data.count(b"\n", 0, offset) + 1, data.rfind(b"\n", 0, offset)
    return f"line {line}, column {offset - start}"


def malformed(path: Path, data: bytes, error: Exception) -> FormatError:
    """What to raise for text that is not JSON."""
    what = str(error)
    found = _BYTE.search(what)
    if isinstance(error, RecursionError):
        return FormatError(f"{path}: nested too deeply to be a label file")
    if isinstance(error, UnicodeDecodeError):
        return FormatError(f"{path}: {plain(error)}. Save the file as UTF-8")
    offset = min(int(found.group(1)), len(data)) if found else len(data.rstrip())
    what = what.removeprefix("JSON is malformed: ") if found else "the file ends too early (cut off?)"
    return FormatError(f"{path}: not valid JSON at {place_of(data, offset)}: {_BYTE.sub('', what)}. Export the file again")


def plain(error: Exception) -> str:
    """A decoder's error in a few words, without its technicalities."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    return _BYTE.sub("", str(error)).replace("JSON is malformed: ", "").replace("`", "")


def quote_non_finite(data: bytes) -> bytes:
    """NaN, Infinity and -Infinity outside strings put into quotes: the record that holds one then fails alone, and says so."""

    def quoted(token: re.Match[bytes]) -> bytes:
        text = token.group()
        return text if text[:1] == b'"' else b'"' + text + b'"'

    return _TOKENS.sub(quoted, data)


def decode_tolerantly(path: Path, data: bytes, decoder: msgspec.json.Decoder[Any]) -> tuple[Any, bytes]:
    """The decoded value, and the bytes it came from (rewritten where they held NaN or Infinity).

    Raises FormatError with line and column for text that is not JSON, msgspec.ValidationError for JSON of another form.
    """
    try:
        return decoder.decode(data), data
    except msgspec.ValidationError:
        raise
    except DECODE_ERRORS as error:
        repaired = quote_non_finite(data) if b"NaN" in data or b"Infinity" in data else data
        if repaired == data:
            raise malformed(path, data, error) from error
    try:
        return decoder.decode(repaired), repaired
    except msgspec.ValidationError:
        raise
    except DECODE_ERRORS as error:
        raise malformed(path, repaired, error) from error
