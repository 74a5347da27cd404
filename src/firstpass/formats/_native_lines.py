"""The lines of our own format as records, and the values made from them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from firstpass.labels import (
    Author,
    Box,
    LabelClass,
    Labeled,
    LabeledImage,
    Mask,
    ObjectId,
    Point,
    Polygon,
    PolygonPart,
    Shape,
    Tag,
    rle,
)

FORMAT, VERSION = "firstpass-labels", 1
Vertex = tuple[float, float]


class Header(Struct):
    """The first line."""

    format: str
    version: int
    classes: list[LabelClass] = []


class MaskRecord(Struct):
    """size: height, width in pixels. counts: COCO's compressed run lengths."""

    size: tuple[int, int]
    counts: str


class ObjectRecord(Struct, omit_defaults=True, rename={"class_name": "class"}):
    """One object; exactly one of box (x1, y1, x2, y2), polygon (parts, each an outer ring and its holes), mask, point."""

    id: str
    class_name: str
    box: tuple[float, float, float, float] | None = None
    polygon: list[list[list[Vertex]]] | None = None
    mask: MaskRecord | None = None
    point: Vertex | None = None
    score: float | None = None
    text: str | None = None
    attributes: dict[str, str] = {}


class TagRecord(Struct, omit_defaults=True):
    """One tag."""

    name: str
    kind: Literal["class", "caption", "answer"] = "class"
    text: str | None = None
    score: float | None = None
    attributes: dict[str, str] = {}


class ImageRecord(Struct, omit_defaults=True):
    """Which image. The uri is not kept: it is a path of the machine that wrote the file."""

    name: str
    width_px: int
    height_px: int
    digest: str = ""


class AuthorRecord(Struct, omit_defaults=True):
    """Who says it."""

    kind: Literal["human", "labeler", "file"]
    name: str
    version: str = ""
    run_id: str = ""
    settings_digest: str = ""


class Line(Struct, omit_defaults=True):
    """What one author says about one image; objects always stand there, [] = looked and found none."""

    image: ImageRecord
    objects: list[ObjectRecord]
    tags: list[TagRecord] = []
    author: AuthorRecord | None = None


HEADER = msgspec.json.Decoder(Header)
LINE = msgspec.json.Decoder(Line)


def header_of(classes: tuple[LabelClass, ...]) -> Header:
    """The first line for these classes."""
    return Header(FORMAT, VERSION, list(classes))


def line_of(labeled: LabeledImage) -> Line:
    """A labeled image as a line."""
    image, author = labeled.image, labeled.author
    return Line(
        ImageRecord(image.name, image.width_px, image.height_px, image.digest),
        [_object_record(o) for o in labeled.objects],
        [TagRecord(t.name, t.kind, t.text, t.score, dict(t.attributes)) for t in labeled.tags],
        AuthorRecord(author.kind, author.name, author.version, author.run_id, author.settings_digest),
    )


def author_of(record: AuthorRecord) -> Author:
    """The author a line names."""
    return Author(record.kind, record.name, record.version, record.run_id, record.settings_digest)


def object_of(record: ObjectRecord) -> Labeled:
    """The object of a record. Raises ValueError for a shape or score that cannot be."""
    shape = _shape_of(record)
    return Labeled(ObjectId(record.id), record.class_name, shape, record.score, record.text, record.attributes)


def tag_of(record: TagRecord) -> Tag:
    """The tag of a record. Raises ValueError for a score outside 0..1."""
    return Tag(record.name, record.kind, record.text, record.score, record.attributes)


def _object_record(o: Labeled) -> ObjectRecord:
    out = ObjectRecord(o.id, o.class_name, score=o.score, text=o.text, attributes=dict(o.attributes))
    match o.shape:
        case Box(x1, y1, x2, y2):
            out.box = (x1, y1, x2, y2)
        case Polygon(parts):
            out.polygon = [[list(ring) for ring in (part.outer, *part.holes)] for part in parts]
        case Mask(height_px, width_px, counts):
            out.mask = MaskRecord((height_px, width_px), counts)
        case Point(x, y):
            out.point = (x, y)
    return out


def _shape_of(record: ObjectRecord) -> Shape:
    given: list[Any] = [s for s in (record.box, record.polygon, record.mask, record.point) if s is not None]
    if len(given) != 1:
        raise ValueError(f"needs one of box, polygon, mask, point, but has {len(given)}")
    if record.box is not None:
        return Box(*record.box)
    if record.point is not None:
        return Point(*record.point)
    if record.mask is not None:
        return rle.from_compressed(record.mask.counts, *record.mask.size)
    parts = [[tuple(ring) for ring in rings] for rings in record.polygon or []]
    if not all(parts):
        raise ValueError("a polygon part without an outer ring")
    return Polygon(tuple(PolygonPart(rings[0], tuple(rings[1:])) for rings in parts))
