"""Finds out how a table of labels is written: encoding, delimiter, header or none, and which column means what."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from firstpass.errors import FormatError, Problem
from firstpass.formats._text import number

HEADER = ("image", "width", "height", "class", "x1", "y1", "x2", "y2", "score", "text", "object_id", "attributes")
HEAD_BYTES = 65536
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "imagepath", "imagename", "imagefile", "filename", "filepath", "file", "imageid", "img", "path", "uri"),
    "class": ("class", "classname", "label", "labelname", "category", "categoryname"),
    "x1": ("x1", "xmin", "left", "bboxx1", "boxx1", "bboxxmin"),
    "y1": ("y1", "ymin", "top", "bboxy1", "boxy1", "bboxymin"),
    "x2": ("x2", "xmax", "right", "bboxx2", "boxx2", "bboxxmax"),
    "y2": ("y2", "ymax", "bottom", "bboxy2", "boxy2", "bboxymax"),
    "x": ("x", "bboxx", "boxx"),
    "y": ("y", "bboxy", "boxy"),
    "w": ("w", "bboxw", "boxw", "bboxwidth", "boxwidth"),
    "h": ("h", "bboxh", "boxh", "bboxheight", "boxheight"),
    "width": ("imagewidth", "imgwidth", "imgw", "width"),
    "height": ("imageheight", "imgheight", "imgh", "height"),
    "score": ("score", "confidence", "conf", "probability"),
    "text": ("text", "transcription", "description", "caption"),
    "id": ("objectid", "annotationid", "boxid"),
    "attributes": ("attributes",),
}
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"''*[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each meaning stands in a row. extra: name and place of every other column. own: written by Firstpass."""

    places: Mapping[str, int]
    extra: tuple[tuple[str, int], ...] = ()
    has_header: bool = True
    open_images: bool = False
    own: bool = False

    @property
    def has_box(self) -> bool:
        """Whether rows can hold boxes."""
        return "x1" in self.places or "x" in self.places


@dataclass(frozen=True, slots=True)
class Table:
    """A table on disk: file, encoding, delimiter, columns."""

    path: Path
    encoding: str
    delimiter: str
    columns: Columns

    def rows(self) -> Iterator[tuple[int, list[str]] | Problem]:
        """(line, cells) of every row but the header and blank lines; a row that the csv module refuses is a Problem."""
        with self.path.open(encoding=self.encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            header = self.columns.has_header
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Problem(f"{self.path.name}: line {reader.line_num}", f"is not CSV: {error}", "", "Correct the line")
                    continue
                if header:
                    header = False
                elif any(cells):
                    yield reader.line_num, cells


@dataclass(slots=True)
class Row:
    """One row, its cells by meaning; "" where the row has none."""

    line: int
    cells: list[str]
    columns: Columns = field(repr=False)

    def get(self, meaning: str) -> str:
        """The cell of that meaning, blanks cut off."""
        return self.raw(meaning).strip()

    def raw(self, meaning: str) -> str:
        """The cell of that meaning as written, formula escapes undone."""
        place = self.columns.places.get(meaning)
        return unescape(self.cells[place]) if place is not None and place < len(self.cells) else ""

    def extras(self) -> dict[str, str]:
        """The attributes: the JSON of the column ``attributes`` and every column without another meaning."""
        found: dict[str, str] = {}
        for name, place in self.columns.extra:
            if place < len(self.cells) and (value := unescape(self.cells[place]).strip()):
                found[name] = value
        if text := self.get("attributes"):
            loaded: Any = None
            with suppress(ValueError, RecursionError):
                loaded = json.loads(text)
            if isinstance(loaded, dict):
                found |= {str(k): str(v) for k, v in cast("dict[Any, Any]", loaded).items()}
            else:
                found["attributes"] = text
        return found


def open_table(path: Path) -> Table:
    """How the file is written. Raises FormatError when it cannot be read or no column names the images."""
    try:
        with path.open("rb") as file:
            data = file.read(HEAD_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}. Check the path and its permissions") from error
    encoding = _encoding(data)
    text = data.decode(encoding, "replace")
    for delimiter in sorted(",;\t|", key=lambda c: -text[: text.find("\n") if "\n" in text else len(text)].count(c)):
        columns = _columns(text, delimiter)
        if columns is not None:
            return Table(path, encoding, delimiter, columns)
    first = text.splitlines()[0][:80] if text.strip() else ""
    what = f"its first line is {first!r}" if first else "it is empty"
    expected = "a header with image, class, x1, y1, x2, y2, or lines path,x1,y1,x2,y2,class"
    raise FormatError(f"{path}: line 1: is not a table of labels: {what} (expected {expected})")


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cut = len(data) == HEAD_BYTES and error.start > len(data) - 4  # a character cut in two by the end of the head
        return "utf-8-sig" if cut else "cp1252"
    return "utf-8-sig"


def _columns(text: str, delimiter: str) -> Columns | None:
    try:
        first = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    except (csv.Error, StopIteration):
        return None
    if len(first) < 2:
        return None
    return _from_header(first) or _headerless(first)


def _from_header(cells: list[str]) -> Columns | None:
    plain = [re.sub(r"[\s_\-.]", "", cell).lower() for cell in cells]
    places: dict[str, int] = {}
    for meaning, aliases in _ALIASES.items():
        place = next((plain.index(alias) for alias in aliases if alias in plain), None)
        if place is not None and place not in places.values():
            places[meaning] = place
    corners = all(key in places for key in ("x1", "y1", "x2", "y2"))
    if corners:
        drop = ("x", "y", "w", "h")
    else:
        drop = ("x1", "y1", "x2", "y2")
        if "x" in places and "w" not in places and "width" in places:
            places |= {"w": places.pop("width"), "h": places.pop("height", -1)}
        if not all(places.get(key, -1) >= 0 for key in ("x", "y", "w", "h")):
            drop = ("x1", "y1", "x2", "y2", "x", "y", "w", "h")
    for key in drop:
        places.pop(key, None)
    if "image" not in places or not ({"class", "x1", "x", "text"} & places.keys()):
        return None
    used = set(places.values())
    extra = tuple((cell.strip(), i) for i, cell in enumerate(cells) if i not in used and cell.strip())
    return Columns(places, extra, True, {"imageid", "labelname", "xmin"} <= set(plain), tuple(cells) == HEADER)


def _headerless(cells: list[str]) -> Columns | None:
    if len(cells) != 6 or not cells[0].strip():
        return None
    box = [cell.strip() for cell in cells[1:5]]
    if all(number(cell) is not None for cell in box) or not any([*box, cells[5].strip()]):
        return Columns({"image": 0, "x1": 1, "y1": 2, "x2": 3, "y2": 4, "class": 5}, (), False)
    return None


def escape(text: str) -> str:
    """Text made safe for spreadsheets: an apostrophe before what they would run as a formula (CWE-1236)."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unescape(text: str) -> str:
    """Undoes :func:`escape`."""
    return text[1:] if _ESCAPED.match(text) else text
