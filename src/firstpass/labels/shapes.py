"""The four shapes an object can have. Pixels of the upright image, float, origin = top-left corner of the top-left pixel.

Values, frozen and checked at birth: a shape that exists is finite and has no negative extent. A shape may reach outside
its image or have zero area; whether that is wrong is for :mod:`firstpass.labels.validate` to say, which has the image.
"""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_PX = 1e7  # no image is larger; also refuses inf, and comparisons with NaN are false
Vertex = tuple[float, float]
Ring = tuple[Vertex, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel box: left, top, right, bottom in pixels; right and bottom are edges, not the last pixel.

    Raises ValueError for NaN, infinity or a negative width or height.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not (-LIMIT_PX <= self.x1 <= self.x2 <= LIMIT_PX and -LIMIT_PX <= self.y1 <= self.y2 <= LIMIT_PX):
            raise ValueError(f"box needs finite x1 <= x2 and y1 <= y2, but got {self.x1, self.y1, self.x2, self.y2}")

    @property
    def xyxy_px(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom)."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def width_px(self) -> float:
        """Right minus left."""
        return self.x2 - self.x1

    @property
    def height_px(self) -> float:
        """Bottom minus top."""
        return self.y2 - self.y1


@dataclass(frozen=True, slots=True)
class PolygonPart:
    """One connected piece: an outer ring of at least 3 vertices (x, y), and the rings of its holes. Rings close themselves."""

    outer: Ring
    holes: tuple[Ring, ...] = ()

    def __post_init__(self) -> None:
        for ring in (self.outer, *self.holes):
            if len(ring) < 3:
                raise ValueError(f"a polygon ring needs at least 3 vertices, but got {len(ring)}")
            if not all(-LIMIT_PX <= v <= LIMIT_PX for xy in ring for v in xy):
                raise ValueError("a polygon's vertices must be finite pixels")


@dataclass(frozen=True, slots=True)
class Polygon:
    """One object of one or several parts, each with holes. Raises ValueError when it has no part."""

    parts: tuple[PolygonPart, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a polygon needs at least one part")


@dataclass(frozen=True, slots=True)
class Mask:
    """Pixels of the whole image as COCO's compressed run-length code (column-major), see :mod:`firstpass.labels.rle`.

    height_px, width_px: the image's size. counts: the compressed ASCII string. Raises ValueError for an empty size.
    """

    height_px: int
    width_px: int
    counts: str

    def __post_init__(self) -> None:
        if self.height_px < 1 or self.width_px < 1:
            raise ValueError(f"a mask needs a size of at least 1x1, but got {self.width_px}x{self.height_px}")


@dataclass(frozen=True, slots=True)
class Point:
    """One position in pixels. Raises ValueError for NaN or infinity."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (-LIMIT_PX <= self.x <= LIMIT_PX and -LIMIT_PX <= self.y <= LIMIT_PX):
            raise ValueError(f"a point must be finite, but got {self.x, self.y}")


Shape = Box | Polygon | Mask | Point
