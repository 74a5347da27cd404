"""One Pascal VOC file: parsed without entities (defusedxml), its objects turned into values, and written.

Where the pixel is. VOC's own files count pixels from 1 and include the last one, so a box of the pixels 1..10 covers the edges
0..10: ``x1 = xmin - 1, x2 = xmax``. Most tools (labelImg, CVAT, Label Studio) write edges as they are: ``x1 = xmin``. The
file's ``<source><database>`` tells: "VOC20…", "roboflow" and "Firstpass" count from 1, every other is taken as given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from firstpass.errors import Problem
from firstpass.formats._text import clip_text, number, short
from firstpass.labels import Author, Box, ImageRef, Labeled, Polygon, PolygonPart, Shape, stable_id
from firstpass.labels.shapes import Ring
from firstpass.labels.validate import check_object

FROM_ONE = re.compile(r"voc20\d\d|roboflow|^firstpass$", re.IGNORECASE)
FLAGS = {"pose": "Unspecified", "truncated": "0", "difficult": "0", "occluded": "0"}  # name -> value that says nothing
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LARGEST_SIZE_PX = 10_000_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class VocFile:
    """The parsed head of a file; objects are its ``<object>`` elements. size_wh_px: None when not given or zero."""

    filename: str
    folder: str
    path: str
    size_wh_px: tuple[int, int] | None
    offset_px: float
    own: bool
    objects: tuple[Any, ...]


def parse(data: bytes, where: str) -> VocFile | Problem:
    """The file, or a Problem: not XML, entities (refused, they can blow up memory or read files), another root element."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Any = fromstring(data.strip(b" \t\r\n\x00"))
    except DefusedXmlException as error:
        return Problem(where, f"declares entities or a foreign document ({type(error).__name__})", "plain XML", "Not read")
    except (ParseError, ValueError, LookupError) as error:
        return Problem(where, f"is not XML: {error}", "a Pascal VOC annotation", "Export the file again")
    if root.tag != "annotation":
        return Problem(where, f"<{clip_text(str(root.tag), 30)}> is the root", "<annotation>", "Is this another XML format?")
    database = _text(root, "source/database")
    return VocFile(
        _text(root, "filename"),
        _text(root, "folder"),
        _text(root, "path"),
        _size(root),
        1.0 if FROM_ONE.search(database) else 0.0,
        database == "Firstpass",
        tuple(root.findall("object")),
    )


def class_of(element: Any, own: bool) -> str:
    """The class name of an ``<object>``; "" when it has none. Blanks around it count only in files of our own."""
    name = element.findtext("name") or ""
    return name if own and name.strip() else name.strip()


def to_object(
    element: Any, i: int, file: VocFile, where: str, image: ImageRef, author: Author
) -> tuple[Labeled | None, list[Problem]]:
    """The object number `i` (from 1) of a file, and what was wrong with it."""
    class_name = class_of(element, file.own)
    if not class_name:
        return None, [Problem(where, "has no <name>", "a class name", "Name the class or remove the object")]
    shape = _shape(element, file.offset_px, where)
    if isinstance(shape, Problem):
        return None, [shape]
    problems: list[Problem] = []
    score = None
    for tag in ("confidence", "score"):
        if said := _text(element, tag):
            value = number(said)
            if value is not None and 0.0 <= value <= 1.0:
                score = value
            else:
                what = f"<{tag}> is {clip_text(said, 20)!r}"
                problems.append(Problem(where, what, "a score in 0..1", "Left out; the object was taken", "warning"))
    object_id = stable_id(author.name, image.digest or image.name, i)
    obj = Labeled(object_id, class_name, shape, score, None, _attributes(element, file.own))
    obj, problem = check_object(obj, image, where)
    return obj, [*problems, problem] if problem else problems


def _attributes(element: Any, own: bool) -> dict[str, str]:
    found = {tag: text for tag, empty in FLAGS.items() if (text := _text(element, tag)) and text != empty}
    for attribute in element.findall("attributes/attribute"):
        name, value = attribute.findtext("name") or "", attribute.findtext("value") or ""
        if name and (own or (name, value) != ("rotation", "0.0")):  # CVAT writes rotation 0.0 with every box
            found[name] = value
    return found


def _shape(element: Any, offset_px: float, where: str) -> Shape | Problem:
    polygons = element.findall("polygon")
    if polygons:
        return _polygon(polygons, offset_px, where)
    box = element.find("bndbox")
    if box is None:
        rotated = element.find("robndbox")
        if rotated is not None:
            return _rotated(rotated, where)
        return Problem(where, "has no <bndbox>", "<bndbox> with xmin, ymin, xmax, ymax", "Draw the box or remove the object")
    values: list[float] = []
    for tag in ("xmin", "ymin", "xmax", "ymax"):
        value = _coordinate(box, tag, where)
        if isinstance(value, Problem):
            return value
        values.append(value)
    x1, y1, x2, y2 = values[0] - offset_px, values[1] - offset_px, values[2], values[3]
    if x1 > x2 or y1 > y2:
        what = f"xmin {values[0]:g} ymin {values[1]:g} lies beyond xmax {x2:g} ymax {y2:g}"
        return Problem(where, what, "xmin below xmax, ymin below ymax", "Were the corners swapped? Correct the file")
    return _built(where, partial(Box, x1, y1, x2, y2))


def _polygon(elements: list[Any], offset_px: float, where: str) -> Shape | Problem:
    parts: list[PolygonPart] = []
    for element in elements:
        ring: list[tuple[float, float]] = []
        k = 1
        while element.find(f"x{k}") is not None:
            x, y = _coordinate(element, f"x{k}", where), _coordinate(element, f"y{k}", where)
            if isinstance(x, Problem):
                return x
            if isinstance(y, Problem):
                return y
            ring.append((x - offset_px, y - offset_px))
            k += 1
        if len(ring) < 3:
            return Problem(where, f"polygon of {len(ring)} points", "3 or more: x1, y1, x2, y2, …", "Redraw or remove it")
        part = _built(where, partial(PolygonPart, tuple(ring)))
        if isinstance(part, Problem):
            return part
        parts.append(part)
    return Polygon(tuple(parts))


def _rotated(element: Any, where: str) -> Shape | Problem:
    values: list[float] = []
    for tag in ("cx", "cy", "w", "h", "angle"):
        value = _coordinate(element, tag, where)
        if isinstance(value, Problem):
            return value
        values.append(value)
    cx, cy, w, h, angle = values
    cos, sin = math.cos(angle), math.sin(angle)
    corners = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    ring: Ring = tuple((cx + x * cos - y * sin, cy + x * sin + y * cos) for x, y in corners)
    return _built(where, lambda: Polygon((PolygonPart(ring),)))


def _built(where: str, make: Callable[[], _T]) -> _T | Problem:
    try:
        return make()
    except ValueError as error:
        return Problem(where, str(error), "finite pixels", "Correct or remove the object")


def _coordinate(element: Any, tag: str, where: str) -> float | Problem:
    text = _text(element, tag)
    value = number(text) if text else None
    if value is None:
        what = f"<{tag}> is {clip_text(text, 20)!r}" if text else f"<{tag}> is missing"
        return Problem(where, what, "a finite number", "Correct or remove the object")
    return value


def _size(root: Any) -> tuple[int, int] | None:
    width, height = number(_text(root, "size/width") or "0"), number(_text(root, "size/height") or "0")
    if not width or not height or not (0 < width < _LARGEST_SIZE_PX and 0 < height < _LARGEST_SIZE_PX):
        return None
    return int(width), int(height)


def _text(element: Any, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def xml_safe(text: str) -> bool:
    """Whether XML 1.0 can hold the text."""
    return _NOT_XML.search(text) is None


def escape(text: str) -> str:
    """Text as XML character data; a carriage return survives."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def file_text(image: ImageRef, objects: list[str]) -> str:
    """A whole file: head, size, and the given ``<object>`` texts."""
    folder, _, _ = image.name.rpartition("/")
    return (
        f"<annotation>\n  <folder>{escape(folder)}</folder>\n  <filename>{escape(image.name)}</filename>\n"
        "  <source>\n    <database>Firstpass</database>\n  </source>\n"
        f"  <size>\n    <width>{image.width_px}</width>\n    <height>{image.height_px}</height>\n"
        "    <depth>3</depth>\n  </size>\n"
        f"  <segmented>0</segmented>\n{''.join(objects)}</annotation>\n"
    )


def object_text(class_name: str, box: Box, polygon: Polygon | None, score: float | None, attributes: Mapping[str, str]) -> str:
    """One ``<object>``, counted from 1 as VOC does: xmin = x1 + 1, xmax = x2."""
    flags = {tag: attributes.get(tag) or empty for tag, empty in FLAGS.items()}
    more = {k: v for k, v in attributes.items() if k not in FLAGS or v in {"", FLAGS[k]} or v != v.strip()}
    lines = [f"<name>{escape(class_name)}</name>"]
    lines += [f"<{tag}>{escape(value)}</{tag}>" for tag, value in flags.items()]
    if score is not None:
        lines.append(f"<confidence>{score!r}</confidence>")
    lines.append("<bndbox>")
    for tag, value in (("xmin", box.x1 + 1), ("ymin", box.y1 + 1), ("xmax", box.x2), ("ymax", box.y2)):
        lines.append(f"  <{tag}>{short(value)}</{tag}>")
    lines.append("</bndbox>")
    for part in polygon.parts if polygon else ():
        pairs = (f"<x{k}>{short(x + 1)}</x{k}><y{k}>{short(y + 1)}</y{k}>" for k, (x, y) in enumerate(part.outer, 1))
        lines.append(f"<polygon>{''.join(pairs)}</polygon>")
    if more:
        pairs = (f"<attribute><name>{escape(k)}</name><value>{escape(v)}</value></attribute>" for k, v in more.items())
        lines.append(f"<attributes>{''.join(pairs)}</attributes>")
    return "  <object>\n" + "".join(f"    {line}\n" for line in lines) + "  </object>\n"
