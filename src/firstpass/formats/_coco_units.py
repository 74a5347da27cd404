"""Tells whether a COCO file's boxes are what they should be: pixels, as x, y, width, height."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw, UnsetType

from firstpass.formats._coco_fields import ANNOTATION, ImageEntry
from firstpass.formats._coco_index import CocoIndex
from firstpass.formats._coco_shapes import EMPTY_SEGMENTATIONS
from firstpass.formats._json_bytes import DECODE_ERRORS

Xywh = tuple[float, float, float, float]


def boxes_of(index: CocoIndex) -> Iterator[tuple[Xywh, ImageEntry]]:
    """The boxes that stand for an object's shape, each with its image: not those of masks, points and image-level classes."""
    annotations: list[Raw] = index.annotations
    for i, entry in enumerate(index.images):
        places: list[int] = index.order[index.starts[i] : index.starts[i + 1]].tolist()
        for place in places:
            try:
                a = ANNOTATION.decode(annotations[place])
            except DECODE_ERRORS:
                continue
            if a.bbox is not None and a.image_level is not True and not present(a.segmentation) and any(a.bbox[2:]):
                yield a.bbox, entry


def present(raw: Raw | UnsetType) -> bool:
    """Whether a field is there and says something."""
    return not isinstance(raw, UnsetType) and bytes(raw) not in EMPTY_SEGMENTATIONS


def is_fraction(box: Xywh) -> bool:
    """Whether the box lies within 0..1, give or take rounding."""
    x, y, w, h = box
    return x >= 0 and y >= 0 and w >= 0 and h >= 0 and x + w <= 1.001 and y + h <= 1.001


def fits_only_as_corners(box: Xywh, entry: ImageEntry) -> bool:
    """Whether the numbers reach outside the image as x, y, width, height, but not as left, top, right, bottom."""
    x, y, x2, y2 = box
    if not entry.width or not entry.height:
        return False
    outside = x + x2 > entry.width + 1 or y + y2 > entry.height + 1
    return outside and 0 <= x < x2 <= entry.width + 1 and 0 <= y < y2 <= entry.height + 1
