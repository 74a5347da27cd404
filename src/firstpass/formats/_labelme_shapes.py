"""LabelMe's shapes: rectangle, polygon, circle, point and mask (a PNG of the crop, base64) as values, and back."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import Problem
from firstpass.formats._text import clip_text
from firstpass.labels import Box, ImageRef, Mask, Point, Polygon, PolygonPart, Shape, rle
from firstpass.labels.geometry import to_mask
from firstpass.labels.shapes import LIMIT_PX, Vertex

CIRCLE_CORNERS = 72
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def to_shape(said: Mapping[str, Any], where: str, image: ImageRef) -> Shape | Problem:
    """The value of one shape, or a Problem: unsupported type, points missing or not finite, a mask that does not fit."""
    kind = str(said.get("shape_type") or "polygon")
    points = _points(said.get("points"))
    if points is None:
        return Problem(where, "points are not pairs of finite numbers", "[[x, y], …]", "Correct or remove the shape")
    try:
        match kind:
            case "rectangle" if len(points) >= 2:
                xs, ys = [x for x, _ in points], [y for _, y in points]
                return Box(min(xs), min(ys), max(xs), max(ys))
            case "polygon" | "rotation" if len(points) >= 3:
                return Polygon((PolygonPart(tuple(points)),))
            case "circle" if len(points) == 2:
                return _circle(points[0], points[1])
            case "point" if len(points) == 1:
                return Point(*points[0])
            case "mask" if len(points) == 2:
                return _mask(said.get("mask"), points, where, image)
            case "rectangle" | "polygon" | "rotation" | "circle" | "point" | "mask":
                return Problem(where, f"{kind} of {len(points)} points", _expected(kind), "Redraw or remove the shape")
            case _:
                what = f"shape type {clip_text(kind, 30)!r} is not supported"
                return Problem(where, what, "rectangle, polygon, circle, point or mask", "Redraw it as one of these")
    except ValueError as error:
        return Problem(where, str(error), "finite pixels", "Correct or remove the shape")


def _expected(kind: str) -> str:
    return {"polygon": "3 or more", "point": "1", "rotation": "4"}.get(kind, "2")


def _points(said: Any) -> list[Vertex] | None:
    if not isinstance(said, list):
        return None
    points: list[Vertex] = []
    for pair in cast("list[Any]", said):
        if not isinstance(pair, list) or len(cast("list[Any]", pair)) != 2:
            return None
        x, y = cast("list[Any]", pair)
        if not (_finite(x) and _finite(y)):
            return None
        points.append((float(x), float(y)))
    return points


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LIMIT_PX


def _circle(center: Vertex, edge: Vertex) -> Polygon:
    radius = math.dist(center, edge)
    turns = [2 * math.pi * k / CIRCLE_CORNERS for k in range(CIRCLE_CORNERS)]
    ring = tuple((center[0] + radius * math.cos(t), center[1] + radius * math.sin(t)) for t in turns)
    return Polygon((PolygonPart(ring),))


def _mask(said: Any, points: Sequence[Vertex], where: str, image: ImageRef) -> Mask | Problem:
    (ax, ay), (bx, by) = points
    x1, y1, x2, y2 = round(min(ax, bx)), round(min(ay, by)), round(max(ax, bx)) + 1, round(max(ay, by)) + 1
    crop = _png(said, (x2 - x1, y2 - y1))
    if isinstance(crop, str):
        return Problem(where, crop, f"a PNG of {x2 - x1}x{y2 - y1} px, base64", "Draw the mask again")
    if x1 >= image.width_px or y1 >= image.height_px or x2 <= 0 or y2 <= 0:
        return Problem(where, "mask lies outside the image", f"inside {image.width_px}x{image.height_px} px", "Check the image")
    full = np.zeros((image.height_px, image.width_px), np.bool_)
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, image.width_px), min(y2, image.height_px)
    full[top:bottom, left:right] = crop[top - y1 : bottom - y1, left - x1 : right - x1]
    return rle.encode(full)


def _png(said: Any, size_wh_px: tuple[int, int]) -> NDArray[np.bool_] | str:
    """The crop, or what is wrong with it. The size in the PNG's head is checked before anything is decoded."""
    import cv2

    if not isinstance(said, str):
        return "mask has no pixels"
    try:
        data = base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return "mask is not base64"
    if not data.startswith(_PNG_HEAD) or len(data) < 33:
        return "mask is not a PNG"
    size = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    if size != size_wh_px:
        return f"mask is {size[0]}x{size[1]} px"
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return "mask is a damaged PNG"
    if pixels is None or pixels.shape != (size[1], size[0]):
        return "mask is a damaged PNG"
    return pixels != 0


def join(shapes: Sequence[Shape], image: ImageRef) -> Shape:
    """The shapes of one group as one object: the parts of a polygon, or pixels where a mask is among them."""
    if len(shapes) == 1:
        return shapes[0]
    if any(isinstance(shape, Mask) for shape in shapes):
        full = np.zeros((image.height_px, image.width_px), np.bool_)
        for shape in shapes:
            full |= rle.decode(to_mask(shape, image.height_px, image.width_px))
        return rle.encode(full)
    parts: list[PolygonPart] = []
    for shape in shapes:
        if isinstance(shape, Polygon):
            parts += shape.parts
        elif isinstance(shape, Box):
            corners = ((shape.x1, shape.y1), (shape.x2, shape.y1), (shape.x2, shape.y2), (shape.x1, shape.y2))
            parts.append(PolygonPart(corners))
    return Polygon(tuple(parts))


def from_shape(shape: Shape, image: ImageRef, group_id: int) -> list[dict[str, Any]]:
    """The shapes (type, points, group, mask) that one object becomes: several polygons of one group for several parts."""
    match shape:
        case Box():
            return [_shape("rectangle", [[shape.x1, shape.y1], [shape.x2, shape.y2]])]
        case Point():
            return [_shape("point", [[shape.x, shape.y]])]
        case Mask():
            return [_mask_shape(shape)]
        case Polygon(parts) if any(part.holes for part in parts):
            return [_mask_shape(to_mask(shape, image.height_px, image.width_px))]
        case Polygon(parts):
            group = group_id if len(parts) > 1 else None
            return [_shape("polygon", [list(xy) for xy in part.outer], group) for part in parts]


def _shape(kind: str, points: list[list[float]], group_id: int | None = None, mask: str | None = None) -> dict[str, Any]:
    return {"points": points, "group_id": group_id, "shape_type": kind, "mask": mask}


def _mask_shape(mask: Mask) -> dict[str, Any]:
    import cv2

    x1, y1, x2, y2 = (int(v) for v in rle.bounding_xyxy(mask))
    if x2 <= x1 or y2 <= y1:
        x1, y1, x2, y2 = 0, 0, 1, 1
    crop = rle.decode(mask)[y1:y2, x1:x2].astype(np.uint8) * 255
    _, data = cv2.imencode(".png", crop)
    corners = [[float(x1), float(y1)], [float(x2 - 1), float(y2 - 1)]]
    return _shape("mask", corners, None, base64.b64encode(data.tobytes()).decode("ascii"))
