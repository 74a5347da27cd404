"""Firstpass's own format: JSON lines, nothing lost. The first line holds the classes, every other one image of one author.

A line is whole in itself, so files can be cut, joined (drop the second header), searched and compared with text tools, and a
broken line costs that line only. Numbers are written so that the very same float64 comes back.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from firstpass.atomic import atomic_file
from firstpass.errors import FormatError, Problem
from firstpass.formats._json_bytes import DECODE_ERRORS, malformed, peek, plain, read_bytes
from firstpass.formats._native_lines import (
    FORMAT,
    HEADER,
    LINE,
    VERSION,
    Header,
    Line,
    author_of,
    header_of,
    line_of,
    object_of,
    tag_of,
)
from firstpass.formats._targets import ProblemList
from firstpass.formats.base import FormatSpec, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import ImageRef, Labeled, LabeledImage, Tag
from firstpass.labels.validate import check_object

SPEC = FormatSpec(
    name="native",
    title="Firstpass JSON lines (everything, nothing lost)",
    target="file",
    losses=frozenset(),
    suffixes=(".jsonl", ".ndjson"),
)
BUFFER = 1 << 20
_MARK = b'"' + FORMAT.encode() + b'"'
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Native:
    """Reads and writes Firstpass JSON lines."""

    def sniff(self, path: Path) -> Sniff:
        """By the name of the format in the first line."""
        first = peek(path, 4096)
        if first.startswith(b'{"format":' + _MARK) or (first[:1] == b"{" and _MARK in first[:200]):
            return Sniff(1.0, f"the first line says {FORMAT}")
        return Sniff(0.0, f"the first line does not say {FORMAT}")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Line by line, so memory stays that of the longest line. The author written in a line is kept.

        Raises FormatError when the first line is not a header, or one of a later version.
        """
        header = _header(path)
        return Reading(tuple(header.classes), _items(path, context))

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """All there is. A name or text that is not Unicode (a file name of raw bytes) is a problem, its image left out."""
        encode, problems = msgspec.json.Encoder().encode, ProblemList(path.name)
        image_count = object_count = 0
        with atomic_file(path) as temp, temp.open("wb", buffering=BUFFER) as out:
            out.write(encode(header_of(context.ontology.classes)) + b"\n")
            for labeled in images:
                try:
                    out.write(encode(line_of(labeled)) + b"\n")
                except UnicodeEncodeError:
                    what = "a name or text holds characters that are not Unicode"
                    problems.add(Problem(ascii(labeled.image.name), what, "UTF-8", "The image was left out: rename it"))
                    continue
                image_count += 1
                object_count += len(labeled.objects)
        return Written(image_count, object_count, problems.all())


def _open(path: Path) -> IO[bytes]:
    """The file's lines as UTF-8; one that an editor saved as UTF-16 is turned back first. Raises FormatError."""
    try:
        file = path.open("rb", buffering=BUFFER)
        if file.read(2) in _WIDE:
            file.close()
            return io.BytesIO(read_bytes(path))
        file.seek(3 if _has_mark(file) else 0)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    return file


def _has_mark(file: IO[bytes]) -> bool:
    file.seek(0)
    return file.read(3) == b"\xef\xbb\xbf"


def _header(path: Path) -> Header:
    with _open(path) as file:
        first = file.readline()
    if not first.strip():
        raise FormatError(f"{path}: the file has no first line (expected a {FORMAT} header). Export it again")
    try:
        header = HEADER.decode(first)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: line 1: {plain(error)} (expected a {FORMAT} header)") from error
    except DECODE_ERRORS as error:
        raise malformed(path, first, error) from error
    if header.format != FORMAT:
        raise FormatError(f"{path}: line 1: the format is {header.format!r} (expected {FORMAT!r})")
    if header.version > VERSION:
        said = f"version {header.version} (expected at most {VERSION})"
        raise FormatError(f"{path}: line 1: written by a later Firstpass, {said}. Update Firstpass to read it")
    return header


def _items(path: Path, context: ReadContext) -> Iterator[LabeledImage | Problem]:
    with _open(path) as file:
        file.readline()
        for number, text in enumerate(file, 2):
            if text.strip():
                yield from _line(text, f"{path.name}: line {number}", context)


def _line(text: bytes, where: str, context: ReadContext) -> Iterator[LabeledImage | Problem]:
    try:
        line = LINE.decode(text)
    except DECODE_ERRORS as error:
        cut = "cut off" if "truncated" in str(error) else plain(error)
        yield Problem(where, cut, "one labeled image as JSON", "The line was left out")
        return
    ref = _image(line, where, context)
    if isinstance(ref, Problem):
        yield ref
        return
    author = author_of(line.author) if line.author else context.author
    objects: list[Labeled] = []
    tags: list[Tag] = []
    for number, record in enumerate(line.objects, 1):
        spot = f"{where}, object {number}"
        try:
            checked, problem = check_object(object_of(record), ref, spot)
        except DECODE_ERRORS as error:
            checked, problem = None, Problem(spot, str(error), "", "Left out")
        if problem is not None:
            yield problem
        if checked is not None:
            objects.append(checked)
    for number, tag in enumerate(line.tags, 1):
        try:
            tags.append(tag_of(tag))
        except ValueError as error:
            yield Problem(f"{where}, tag {number}", str(error), "", "Left out")
    if objects or tags or not (line.objects or line.tags):  # with all refused it would pass for looked at and empty
        yield LabeledImage(ref, author, tuple(objects), tuple(tags))


def _image(line: Line, where: str, context: ReadContext) -> ImageRef | Problem:
    """By name, else by digest, else as the context says of an image it does not know."""
    image = line.image
    name = image.name
    if isinstance(context.images.find(name), Problem) and image.digest:
        found = context.images.find(image.digest)
        name = found.name if isinstance(found, ImageRef) else name
    size = (image.width_px, image.height_px) if image.width_px > 0 and image.height_px > 0 else None
    return context.image(name, where, size)


PLUGIN = Native()
