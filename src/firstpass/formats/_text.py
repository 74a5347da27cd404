"""Reads small text files as people's tools write them: byte order marks, UTF-16, Windows line ends, old code pages."""

from __future__ import annotations

import codecs
import math
from pathlib import Path

from firstpass.errors import Problem

LIMIT_BYTES = 64 * 1024 * 1024


def read_bytes(path: str | Path, where: str, limit_bytes: int = LIMIT_BYTES) -> bytes | Problem:
    """The bytes of a file, or a Problem: not there, not readable, larger than the limit."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # twice as fast as Path.open, and there may be 100,000 files
            data = file.read(limit_bytes + 1)
    except OSError as error:
        return Problem(where, f"cannot be read: {error.strerror}", "a readable file", "Check the path and its permissions")
    if len(data) > limit_bytes:
        return Problem(where, f"is larger than {limit_bytes:,} bytes", "a label file", "Check that this is the right file")
    return data


def decode(data: bytes) -> str:
    """The text of a file: UTF-8 with or without mark, UTF-16 with mark, else Windows-1252 with unknown bytes replaced."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_text(path: str | Path, where: str, limit_bytes: int = LIMIT_BYTES) -> str | Problem:
    """A file as text, see :func:`read_bytes` and :func:`decode`."""
    data = read_bytes(path, where, limit_bytes)
    return data if isinstance(data, Problem) else decode(data)


def head(path: Path, size: int = 4096) -> str:
    """The first bytes of a file as text; "" when it cannot be read. For sniffing."""
    try:
        with path.open("rb") as file:
            return decode(file.read(size) if size > 0 else b"")
    except OSError:
        return ""


def number(text: str) -> float | None:
    """A finite number, with a decimal point or a decimal comma; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        if text.count(",") != 1 or "." in text:
            return None
        return number(text.replace(",", "."))
    return value if math.isfinite(value) else None


def short(value: float, digits: int = 10) -> str:
    """A number with at most so many decimals, no exponent, no trailing zeros."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def clip_text(text: str, length: int = 60) -> str:
    """Text for a message: one line, cut off."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
