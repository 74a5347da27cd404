"""Shapes to and from COCO's fields: bbox, segmentation (rings or run lengths), keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Raw

from firstpass.formats._coco_fields import NUMBERS, SEGMENTATION, Segments
from firstpass.formats._json_bytes import DECODE_ERRORS, plain
from firstpass.labels import Box, Mask, Point, Polygon, PolygonPart, Shape, geometry, rle

CROSSING_LIMIT = 400  # rings of more vertices are not tested for self-crossing: the test is quadratic
EMPTY_SEGMENTATIONS = (b"[]", b"null", b"[[]]", b"{}")


class BadShape(ValueError):
    """A shape field that makes no shape; the message says what it holds. rings: it was meant as an outline."""

    def __init__(self, what: str, *, rings: bool = False) -> None:
        super().__init__(what)
        self.rings = rings


def to_box(bbox_xywh: tuple[float, float, float, float]) -> Box:
    """x, y, width, height → Box. Raises BadShape for a negative or endless extent."""
    x, y, w, h = bbox_xywh
    try:
        return Box(x, y, x + w, y + h)
    except ValueError:
        text = ", ".join(f"{v:g}" for v in bbox_xywh)
        raise BadShape(f"bbox [{text}] has a negative width or height or is far too large") from None


def to_shape(raw: Raw) -> tuple[Shape | None, list[str]]:
    """A segmentation → Polygon (each ring a part) or Mask, and remarks on what was left out or looks wrong.

    None for one that says nothing (``[]``). Raises BadShape.
    """
    if bytes(raw) in EMPTY_SEGMENTATIONS:
        return None, []
    try:
        value = SEGMENTATION.decode(raw)
    except DECODE_ERRORS as error:
        value = _flat_ring(raw)
        if value is None:
            raise BadShape(f"segmentation cannot be read: {plain(error)}") from None
    if not value:
        return None, []
    if isinstance(value, Segments):
        return _to_mask(value), []
    return _to_polygon(value)


def _flat_ring(raw: Raw) -> list[list[float]] | None:
    """A ring that is not in a list of its own, a common slip; None when it is something else."""
    try:
        value = NUMBERS.decode(raw)
    except DECODE_ERRORS:
        return None
    return [value] if len(value) >= 6 else None


def _to_mask(segments: Segments) -> Mask:
    height_px, width_px = segments.size
    try:
        if isinstance(segments.counts, str):
            mask = rle.from_compressed(segments.counts, height_px, width_px)
        else:
            mask = rle.from_counts(segments.counts, height_px, width_px)
    except (ValueError, OverflowError) as error:
        raise BadShape(f"run-length mask is wrong: {error}") from None
    if not rle.area_px(mask):
        raise BadShape("the mask covers no pixel")
    return mask


def _to_polygon(rings: list[list[float]]) -> tuple[Polygon | None, list[str]]:
    parts: list[PolygonPart] = []
    remarks: list[str] = []
    for number, flat in enumerate(rings, 1):
        if not flat:
            continue
        if len(flat) % 2:
            remarks.append(f"ring {number} has an odd number of coordinates ({len(flat)}) and was left out")
            continue
        ring = tuple(zip(flat[::2], flat[1::2], strict=True))
        if len(ring) > 3 and ring[0] == ring[-1]:
            ring = ring[:-1]
        try:
            part = PolygonPart(ring)
        except ValueError as error:
            remarks.append(f"ring {number} was left out: {error}")
            continue
        if crosses_itself(ring):
            remarks.append(f"ring {number} crosses itself; taken as it is")
        parts.append(part)
    if not parts:
        if remarks:
            raise BadShape("segmentation: " + "; ".join(remarks), rings=True)
        return None, []
    return Polygon(tuple(parts)), remarks


def crosses_itself(ring: tuple[tuple[float, float], ...]) -> bool:
    """Whether two edges that are no neighbors properly cross (touching does not count); False above CROSSING_LIMIT vertices."""
    n = len(ring)
    if n < 4 or n > CROSSING_LIMIT:
        return False
    a = np.asarray(ring, np.float64)
    edges = np.roll(a, -1, axis=0) - a
    # side[i, j]: on which side of edge i vertex j lies
    side = edges[:, 0, None] * (a[None, :, 1] - a[:, 1, None]) - edges[:, 1, None] * (a[None, :, 0] - a[:, 0, None])
    apart = side * np.roll(side, -1, axis=1) < 0  # edge j's ends lie on both sides of edge i's line
    return bool((apart & apart.T).any())


def keypoint_of(raw: Raw) -> Point | None:
    """The one point that a list of exactly one keypoint (x, y, visibility) means; None for anything else."""
    try:
        keypoints = NUMBERS.decode(raw)
        return Point(keypoints[0], keypoints[1]) if len(keypoints) == 3 else None
    except DECODE_ERRORS:
        return None


def from_shape(shape: Shape, height_px: int, width_px: int) -> tuple[tuple[float, float, float, float], float, Any]:
    """A shape → bbox (x, y, width, height), area in square pixels, segmentation (None where COCO needs none).

    A polygon with a hole becomes a run-length mask, as rings in COCO cannot be holes.
    """
    if isinstance(shape, Box):
        return (shape.x1, shape.y1, shape.x2 - shape.x1, shape.y2 - shape.y1), shape.width_px * shape.height_px, None
    if isinstance(shape, Point):
        return (shape.x, shape.y, 0.0, 0.0), 0.0, None
    if isinstance(shape, Polygon):
        if any(part.holes for part in shape.parts):
            shape = rle.from_polygon(shape, height_px, width_px)
        else:
            b = geometry.bounds(shape)
            rings = [[v for xy in part.outer for v in xy] for part in shape.parts]
            return (b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1), geometry.area_px(shape), rings
    b = geometry.bounds(shape)
    segments = {"size": [shape.height_px, shape.width_px], "counts": shape.counts}
    return (b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1), geometry.area_px(shape), segments
