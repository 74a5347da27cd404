"""Values to columns and back, without loss: shapes, text and attributes, tags, whole objects, times.

Geometry of a shape that is no box, in one blob whose first byte says which:

- ``.`` a point (its position is x1, y1 of the row);
- ``m`` a mask: height_px, width_px as uint32, then the run-length string in ASCII;
- ``p`` a polygon: the number of parts, of rings per part, of vertices per ring as uint32, then all vertices x, y as float64.

All little endian. JSON is ASCII with escapes, so any text survives on any data base.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from firstpass.errors import UsageError
from firstpass.labels import Box, Labeled, Mask, ObjectId, Point, Polygon, PolygonPart, Shape, Tag
from firstpass.labels.shapes import Ring


def pack_geometry(shape: Shape) -> bytes | None:
    """The shape's exact geometry; None for a box, whose row says it all."""
    match shape:
        case Box():
            return None
        case Point():
            return b"."
        case Mask(height_px, width_px, counts):
            return b"m" + struct.pack("<II", height_px, width_px) + counts.encode("ascii")
        case Polygon(parts):
            rings = [ring for part in parts for ring in (part.outer, *part.holes)]
            counts = [len(parts), *(1 + len(part.holes) for part in parts), *map(len, rings)]
            values = [float(v) for ring in rings for xy in ring for v in xy]
            return b"p" + struct.pack(f"<{len(counts)}I{len(values)}d", *counts, *values)


def unpack_geometry(data: bytes | None, x1: float, y1: float, x2: float, y2: float) -> Shape:
    """The shape of a row: its geometry and its bounds in pixels."""
    if data is None:
        return Box(x1, y1, x2, y2)
    kind = data[:1]
    if kind == b".":
        return Point(x1, y1)
    if kind == b"m":
        height_px, width_px = struct.unpack_from("<II", data, 1)
        return Mask(height_px, width_px, data[9:].decode("ascii"))
    return _unpack_polygon(data)


def _unpack_polygon(data: bytes) -> Polygon:
    (part_count,) = struct.unpack_from("<I", data, 1)
    ring_counts = struct.unpack_from(f"<{part_count}I", data, 5)
    at = 5 + 4 * part_count
    lengths = struct.unpack_from(f"<{sum(ring_counts)}I", data, at)
    values = iter(struct.unpack_from(f"<{2 * sum(lengths)}d", data, at + 4 * len(lengths)))
    vertices = zip(values, values, strict=True)
    rings: list[Ring] = [tuple(next(vertices) for _ in range(n)) for n in lengths]
    parts: list[PolygonPart] = []
    first = 0
    for count in ring_counts:
        parts.append(PolygonPart(rings[first], tuple(rings[first + 1 : first + count])))
        first += count
    return Polygon(tuple(parts))


def pack_details(text: str | None, attributes: Mapping[str, str]) -> str | None:
    """Text and attributes as JSON; None when there are neither."""
    if text is None and not attributes:
        return None
    details: dict[str, Any] = {}
    if text is not None:
        details["text"] = text
    if attributes:
        details["attributes"] = dict(attributes)
    return dump(details)


def unpack_details(data: str | None) -> tuple[str | None, dict[str, str]]:
    """Text and attributes of a row."""
    if data is None:
        return None, {}
    details = json.loads(data)
    return details.get("text"), details.get("attributes", {})


def pack_tags(tags: Sequence[Tag]) -> str | None:
    """Tags as a JSON list; None for no tags."""
    if not tags:
        return None
    rows = [[t.name, t.kind, t.text, None if t.score is None else float(t.score), dict(t.attributes)] for t in tags]
    return dump(rows)


def unpack_tags(data: str | None) -> tuple[Tag, ...]:
    """The tags of a look."""
    if data is None:
        return ()
    return tuple(Tag(*row) for row in json.loads(data))


def pack_object(obj: Labeled | None) -> str | None:
    """A whole object as JSON, for an edit's before and after; None for none."""
    if obj is None:
        return None
    row: dict[str, Any] = {"id": obj.id, "class": obj.class_name, "shape": _shape_to_json(obj.shape)}
    if obj.score is not None:
        row["score"] = float(obj.score)
    if obj.text is not None:
        row["text"] = obj.text
    if obj.attributes:
        row["attributes"] = dict(obj.attributes)
    return dump(row)


def unpack_object(data: str | None) -> Labeled | None:
    """The object of an edit's before or after."""
    return None if data is None else _object_of(json.loads(data))


def pack_objects(objects: Sequence[Labeled]) -> str:
    """Whole objects as a JSON list, in their order."""
    return f"[{','.join(pack_object(obj) or '' for obj in objects)}]"


def unpack_objects(data: str) -> tuple[Labeled, ...]:
    """The objects of `pack_objects`."""
    return tuple(_object_of(row) for row in json.loads(data))


def _object_of(row: Mapping[str, Any]) -> Labeled:
    shape = _shape_from_json(row["shape"])
    return Labeled(ObjectId(row["id"]), row["class"], shape, row.get("score"), row.get("text"), row.get("attributes", {}))


def _shape_to_json(shape: Shape) -> dict[str, Any]:
    match shape:
        case Box():
            return {"box": [float(v) for v in shape.xyxy_px]}
        case Point(x, y):
            return {"point": [float(x), float(y)]}
        case Mask(height_px, width_px, counts):
            return {"mask": [int(height_px), int(width_px), counts]}
        case Polygon(parts):
            return {"polygon": [[[[float(x), float(y)] for x, y in ring] for ring in (p.outer, *p.holes)] for p in parts]}


def _shape_from_json(row: Mapping[str, Any]) -> Shape:
    ((kind, value),) = row.items()
    if kind == "box":
        return Box(*value)
    if kind == "point":
        return Point(*value)
    if kind == "mask":
        return Mask(*value)
    rings = [[tuple((x, y) for x, y in ring) for ring in part] for part in value]
    return Polygon(tuple(PolygonPart(part[0], tuple(part[1:])) for part in rings))


def dump(value: Any) -> str:
    """JSON in ASCII, without blanks."""
    return json.dumps(value, separators=(",", ":"))


def load(data: str) -> Any:
    """The value of `dump`."""
    return json.loads(data)


def pack_time(at: datetime) -> str:
    """A time as ISO text in UTC with microseconds, which sorts as time does. Raises UsageError for a time without a zone."""
    if at.tzinfo is None:
        raise UsageError(f"{at.isoformat()} has no time zone; use datetime.now(UTC)")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def unpack_time(data: str) -> datetime:
    """The time of `pack_time`, in UTC."""
    return datetime.fromisoformat(data)


def now() -> str:
    """This moment, packed."""
    return pack_time(datetime.now(UTC))
