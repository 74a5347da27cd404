"""The outline of a mask along its pixels' edges: exact, so that filling it gives the mask again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import Mask, Polygon, PolygonPart, rle
from firstpass.labels.geometry import ring_area_px
from firstpass.labels.shapes import Ring

Corner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outline:
    """outers: one ring per 4-connected piece, the largest first, corners in whole pixels. holes: whether any were left out."""

    outers: tuple[Ring, ...]
    holes: bool


def outline(mask: Mask) -> Outline:
    """The outer rings of a mask; none for an empty mask. Border following on pixel edges (object at the right hand)."""
    x1, y1, x2, y2 = (int(v) for v in rle.bounding_xyxy(mask))
    if x2 <= x1 or y2 <= y1:
        return Outline((), False)
    crop = rle.decode(mask)[y1:y2, x1:x2]
    rings = _rings(crop)
    outers = [ring for ring in rings if _signed_area(ring) > 0]
    placed = [tuple((float(x + x1), float(y + y1)) for x, y in ring) for ring in outers]
    placed.sort(key=ring_area_px, reverse=True)
    return Outline(tuple(placed), len(outers) < len(rings))


def single_ring(shape: Polygon | Mask) -> tuple[Ring | None, str]:
    """The largest outer ring, and in words what was left out ("" = nothing); None for an empty mask."""
    if isinstance(shape, Mask):
        found = outline(shape)
        if not found.outers:
            return None, "the mask is empty"
        return found.outers[0], _left_out(len(found.outers) - 1, found.holes)
    largest = max(shape.parts, key=lambda part: ring_area_px(part.outer))
    return largest.outer, _left_out(len(shape.parts) - 1, bool(largest.holes))


def outer_polygon(shape: Polygon | Mask) -> tuple[Polygon | None, str]:
    """All outer rings as a polygon without holes, and in words what was left out; None for an empty mask."""
    if isinstance(shape, Mask):
        found = outline(shape)
        if not found.outers:
            return None, "the mask is empty"
        polygon = Polygon(tuple(PolygonPart(ring) for ring in found.outers))
        return polygon, _left_out(0, found.holes)
    holes = any(part.holes for part in shape.parts)
    return Polygon(tuple(PolygonPart(part.outer) for part in shape.parts)), _left_out(0, holes)


def _left_out(parts: int, holes: bool) -> str:
    words: list[str] = []
    if parts:
        words.append(f"{parts} smaller part{'s' if parts > 1 else ''} left out")
    if holes:
        words.append("holes filled")
    return ", ".join(words)


def _signed_area(ring: list[Corner]) -> float:
    xs, ys = np.asarray(ring, np.int64).T
    return float(np.dot(xs, np.roll(ys, -1)) - np.dot(ys, np.roll(xs, -1)))


def _rings(crop: NDArray[np.bool_]) -> list[list[Corner]]:
    after: dict[Corner, list[Corner]] = {}
    for start, end in _edges(crop):
        after.setdefault(start, []).append(end)
    rings: list[list[Corner]] = []
    while after:
        start = next(iter(after))
        ring = [start]
        before, here = start, _take(after, start, 0)
        while here != start:
            ring.append(here)
            before, here = here, _next(after, before, here)
        rings.append(ring)
    return rings


def _next(after: dict[Corner, list[Corner]], before: Corner, here: Corner) -> Corner:
    ends = after[here]
    if len(ends) == 1:
        return _take(after, here, 0)
    right = (before[1] - here[1], here[0] - before[0])  # a right turn stays on the same piece where two touch by a corner
    first = (ends[0][0] - here[0], ends[0][1] - here[1])
    return _take(after, here, 0 if first[0] * right[0] + first[1] * right[1] > 0 else 1)


def _take(after: dict[Corner, list[Corner]], corner: Corner, place: int) -> Corner:
    ends = after[corner]
    end = ends.pop(place)
    if not ends:
        del after[corner]
    return end


def _edges(crop: NDArray[np.bool_]) -> list[tuple[Corner, Corner]]:
    padded = np.pad(crop, 1).astype(np.int8)
    down = np.diff(padded, axis=0)[:, 1:-1]  # (h + 1, w): 1 = top edge, -1 = bottom edge
    across = np.diff(padded, axis=1)[1:-1].T  # (w + 1, h): 1 = left edge, -1 = right edge
    edges: list[tuple[Corner, Corner]] = []
    for y, x1, x2, kind in _runs(down):
        edges.append(((x1, y), (x2, y)) if kind > 0 else ((x2, y), (x1, y)))
    for x, y1, y2, kind in _runs(across):
        edges.append(((x, y2), (x, y1)) if kind > 0 else ((x, y1), (x, y2)))
    return edges


def _runs(lines: NDArray[Any]) -> list[tuple[int, int, int, int]]:
    """(line, first, end, value) of every run of one nonzero value in each row."""
    padded = np.pad(lines, ((0, 0), (1, 1)))
    changes = padded[:, 1:] != padded[:, :-1]
    starts = np.argwhere(changes & (padded[:, 1:] != 0))
    ends = np.argwhere(changes & (padded[:, :-1] != 0))
    values = lines[starts[:, 0], starts[:, 1]]
    return list(zip(starts[:, 0].tolist(), starts[:, 1].tolist(), ends[:, 1].tolist(), values.tolist(), strict=True))
