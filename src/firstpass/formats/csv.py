"""CSV: one row per box, or per statement about an image; reads RetinaNet's, TensorFlow's and Open Images' tables too.

Columns written: image, width, height, class, x1, y1, x2, y2, score, text, object_id, attributes (JSON). A row without a box is
a tag (class), a caption (text) or an answer (class and text); a row with the image alone says: looked, found none.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from firstpass.atomic import atomic_file
from firstpass.errors import FormatError, Problem
from firstpass.formats._csv_table import HEADER, Row, Table, escape, open_table
from firstpass.formats._find import COMMON_SUFFIXES, Seen, find_by_stem, find_image
from firstpass.formats._targets import ProblemList, unknown_class
from firstpass.formats._text import clip_text, number
from firstpass.formats._walk import IMAGE_SUFFIXES, suffix_of
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import Box, ImageRef, LabelClass, Labeled, LabeledImage, ObjectId, Point, Tag, stable_id
from firstpass.labels.geometry import bounds
from firstpass.labels.validate import check_object

SPEC = FormatSpec(
    name="csv",
    title="CSV table of boxes and tags",
    target="file",
    suffixes=(".csv", ".tsv", ".txt"),
    losses=frozenset((Loss.TAG_DETAILS, Loss.POLYGONS, Loss.HOLES, Loss.MASKS, Loss.POINTS, Loss.CLASS_DETAILS, Loss.AUTHOR)),
    reference="https://storage.googleapis.com/openimages/web/download_v7.html",
)

_NO_ATTRIBUTE = frozenset(("Source", *(f"XClick{i}{axis}" for i in range(1, 5) for axis in "XY")))


class Csv:
    """The CSV format, see the module."""

    def sniff(self, path: Path) -> Sniff:
        """Sure for a header with an image and a box; less for lines without a header or a table without boxes."""
        if not path.is_file() or suffix_of(path.name) not in SPEC.suffixes:
            return Sniff(0.0, "not a .csv or .tsv file")
        try:
            columns = open_table(path).columns
        except FormatError as error:
            return Sniff(0.0, str(error))
        if not columns.has_header:
            return Sniff(0.7, "lines path,x1,y1,x2,y2,class")
        return Sniff(0.9, "a header with image and box") if columns.has_box else Sniff(0.5, "a header with image and class")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Reads one table, twice: first to count rows and classes. Raises FormatError when no column names the images."""
        table = open_table(path)
        names = _class_descriptions(path) if table.columns.open_images else {}
        facts = _survey(table, names)
        return Reading(tuple(LabelClass(name) for name in facts.classes), _items(table, facts, names, context))

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Writes one table. Polygons and masks become boxes, told as one warning; points are left out."""
        with atomic_file(path) as temp:
            return _write(temp, images, context)


PLUGIN = Csv()


@dataclass(frozen=True, slots=True)
class _Facts:
    """rows: how many rows each image has. fractions: whether all coordinates are in 0..1."""

    rows: Mapping[str, int]
    classes: tuple[str, ...]
    fractions: bool


def _survey(table: Table, names: Mapping[str, str]) -> _Facts:
    rows: Counter[str] = Counter()
    classes: dict[str, None] = {}
    largest = -1.0
    keys = ("x1", "y1", "x2", "y2") if "x1" in table.columns.places else ("x", "y", "w", "h")
    for item in table.rows():
        if isinstance(item, Problem):
            continue
        row = Row(item[0], item[1], table.columns)
        rows[row.get("image")] += 1
        name = row.raw("class")
        values = [number(text) for key in keys if (text := row.get(key))]
        if name.strip() and (values or not row.get("text")):
            classes.setdefault(names.get(name, name))
        largest = max(largest, *(abs(v) for v in values if v is not None), -1.0)
    return _Facts(rows, tuple(classes), 0 < largest <= 1.0 and not table.columns.own)


def _items(table: Table, facts: _Facts, names: Mapping[str, str], context: ReadContext) -> Iterator[LabeledImage | Problem]:
    file = table.path.name
    if facts.fractions and not table.columns.open_images:
        yield Problem(file, "all coordinates are in 0..1", "pixels", "Read as fractions of the image", "warning")
    seen, open_rows = Seen(), dict[str, list[Row]]()
    reader = _RowReader(file, facts.fractions, table.columns.open_images, names, context)
    for item in table.rows():
        if isinstance(item, Problem):
            yield item
            continue
        row = Row(item[0], item[1], table.columns)
        name = row.get("image")
        if not name:
            yield Problem(f"{file}: line {row.line}", "names no image", "the image's file name", "Complete the row")
            continue
        rows = open_rows.setdefault(name, [])
        rows.append(row)
        if len(rows) == facts.rows.get(name):
            yield from reader.image_items(name, open_rows.pop(name), seen)
    for name, rows in open_rows.items():
        yield from reader.image_items(name, rows, seen)


@dataclass(frozen=True, slots=True)
class _RowReader:
    """Turns the rows of one image into values."""

    file: str
    fractions: bool
    open_images: bool
    names: Mapping[str, str]
    context: ReadContext

    def image_items(self, name: str, rows: list[Row], seen: Seen) -> Iterator[LabeledImage | Problem]:
        where = f"{self.file}: line {rows[0].line}"
        image = self._image(name, rows[0], where)
        if isinstance(image, Problem):
            yield image
            return
        if (again := seen.again(image, where)) is not None:
            yield again
            return
        problems: list[Problem] = []
        objects: list[Labeled] = []
        tags: list[Tag] = []
        ids: set[str] = set()
        said_none = False
        for i, row in enumerate(rows, 1):
            place = f"{self.file}: line {row.line}"
            boxes = [row.get(key) for key in self._keys(row)]
            if any(boxes):
                obj = self._object(row, boxes, i, place, image, ids, problems)
                objects += [] if obj is None else [obj]
            elif row.get("class") or row.get("text"):
                tag = self._tag(row, place, problems)
                tags += [] if tag is None else [tag]
            else:
                said_none = True
        yield from problems
        if objects or tags or said_none:
            yield LabeledImage(image, self.context.author, tuple(objects), tuple(tags))

    def _keys(self, row: Row) -> tuple[str, ...]:
        return ("x1", "y1", "x2", "y2") if "x1" in row.columns.places else ("x", "y", "w", "h")

    def _image(self, name: str, row: Row, where: str) -> ImageRef | Problem:
        width, height = number(row.get("width")), number(row.get("height"))
        size = (int(width), int(height)) if width and height and width > 0 < height else None
        if suffix_of(name) not in IMAGE_SUFFIXES and not isinstance(self.context.images.find(name), ImageRef):
            by_stem = find_by_stem(self.context, (name,), where)
            if isinstance(by_stem, ImageRef):
                return self.context.image(by_stem.name, where, size)
            if self.open_images:
                name = f"{name}{COMMON_SUFFIXES[0]}"
        return find_image(self.context, (name,), where, size)

    def _object(
        self, row: Row, texts: list[str], i: int, where: str, image: ImageRef, ids: set[str], problems: list[Problem]
    ) -> Labeled | None:
        name = self._class(row)
        box = self._box(texts, "w" in self._keys(row), where, image)
        if not name:
            box = Problem(where, "has a box but no class", "a class name", "Complete the row")
        if isinstance(box, Problem):
            problems.append(box)
            return None
        object_id = row.get("id")
        if not object_id or object_id in ids:
            object_id = stable_id(self.context.author.name, image.digest or image.name, i)
        ids.add(object_id)
        score = self._score(row, where, problems)
        obj = Labeled(ObjectId(object_id), name, box, score, row.raw("text") or None, self._attributes(row))
        checked, problem = check_object(obj, image, where)
        problems += [] if problem is None else [problem]
        return checked

    def _box(self, texts: list[str], with_size: bool, where: str, image: ImageRef) -> Box | Problem:
        known = [number(text) for text in texts]
        values = [value for value in known if value is not None]
        if len(values) < 4:
            bad = next(text for text, value in zip(texts, known, strict=True) if value is None)
            what = f"{clip_text(bad, 20)!r} is not a number" if bad else "a coordinate is missing"
            return Problem(where, what, "four finite numbers, or none for an image without a box", "Correct the row")
        if self.fractions:
            values = [v * size for v, size in zip(values, (image.width_px, image.height_px) * 2, strict=True)]
        x1, y1, x2, y2 = values
        if with_size:
            x2, y2 = x1 + x2, y1 + y2
        if x1 > x2 or y1 > y2:
            hint = "" if with_size else "; or are the last two the width and height? Then call the columns x, y, w, h"
            what = f"x1 {x1:g}, y1 {y1:g} lies beyond x2 {x2:g}, y2 {y2:g}"
            return Problem(where, what, "x1 below x2, y1 below y2", f"Were the corners swapped{hint}?")
        try:
            return Box(x1, y1, x2, y2)
        except ValueError as error:
            return Problem(where, str(error), "finite pixels", "Correct the row")

    def _tag(self, row: Row, where: str, problems: list[Problem]) -> Tag | None:
        name, text = self._class(row), row.raw("text")
        score = self._score(row, where, problems)
        kind = "class" if not text else "answer" if name else "caption"
        return Tag(name, kind, text or None, score, self._attributes(row))

    def _class(self, row: Row) -> str:
        name = row.raw("class")
        return self.names.get(name, name) if name.strip() else ""

    def _score(self, row: Row, where: str, problems: list[Problem]) -> float | None:
        said = row.get("score")
        value = number(said) if said else None
        if self.open_images and value == 1.0:
            return None  # drawn by a person; Open Images writes 1 there
        if said and (value is None or not 0.0 <= value <= 1.0):
            what = f"score is {clip_text(said, 20)!r}"
            problems.append(Problem(where, what, "a number in 0..1", "Left out; the rest was taken", "warning"))
            return None
        return value

    def _attributes(self, row: Row) -> dict[str, str]:
        found = row.extras()
        if not self.open_images:
            return found
        return {k: v for k, v in found.items() if k not in _NO_ATTRIBUTE and v not in {"0", "-1"}}


def _class_descriptions(path: Path) -> dict[str, str]:
    """Open Images' names for its machine ids (``/m/01g317`` → ``Person``), from the table that lies beside the boxes."""
    for name in ("class-descriptions-boxable.csv", "class-descriptions.csv", "oidv7-class-descriptions-boxable.csv"):
        beside = path.with_name(name)
        if beside.is_file():
            with beside.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                return {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2}
    return {}


def _write(path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
    problems = ProblemList("csv")
    image_count = object_count = boxed = 0
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for labeled in images:
            image = labeled.image
            start = [escape(image.name), image.width_px or "", image.height_px or ""]
            rows: list[list[object]] = []
            for obj in labeled.objects:
                row = _object_row(obj, image, context, problems)
                if row is not None:
                    rows.append(row)
                    boxed += not isinstance(obj.shape, Box)
            object_count += len(rows)
            rows += [row for tag in labeled.tags if (row := _tag_row(tag, image, problems)) is not None]
            out.writerows([*start, *row] for row in rows or [[""] * (len(HEADER) - 3)])
            image_count += 1
    if boxed:
        problems.add(Problem("csv", f"{boxed:,} polygons and masks were written as boxes", "boxes", "", "warning"))
    return Written(image_count, object_count, problems.all())


def _object_row(obj: Labeled, image: ImageRef, context: WriteContext, problems: ProblemList) -> list[object] | None:
    where = f"{image.name}: object {obj.id}"
    problem = unknown_class(obj.class_name, where, context)
    if problem is None and isinstance(obj.shape, Point):
        problem = Problem(where, "a point has no place in the table", "a shape with an area", "Left out")
    box = bounds(obj.shape)
    if problem is None and (box.width_px <= 0 or box.height_px <= 0):
        problem = Problem(where, "has no area", "a shape with an area", "Left out")
    if problem is not None:
        problems.add(problem)
        return None
    cells = [repr(v).removesuffix(".0") for v in box.xyxy_px]
    score = "" if obj.score is None else repr(obj.score)
    return [escape(obj.class_name), *cells, score, escape(obj.text or ""), escape(obj.id), _json(obj.attributes)]


def _tag_row(tag: Tag, image: ImageRef, problems: ProblemList) -> list[object] | None:
    name = "" if tag.kind == "caption" else tag.name
    text = "" if tag.kind == "class" else tag.text or ""
    if (tag.kind != "class" and not text) or (tag.kind != "caption" and not name):
        problems.add(Problem(f"{image.name}: tag", f"{tag.kind} without words", "a name or text", "Left out"))
        return None
    score = "" if tag.score is None else repr(tag.score)
    return [escape(name), "", "", "", "", score, escape(text), "", _json(tag.attributes)]


def _json(attributes: Mapping[str, str]) -> str:
    return json.dumps(dict(attributes), ensure_ascii=False) if attributes else ""
