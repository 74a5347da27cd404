"""What of an image's cues can be used: clicks inside it, boxes clipped to it. Shared by the labelers that take clicks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from firstpass.errors import UsageError
from firstpass.labelers.base import Click, ImageCues

Xyxy = tuple[float, float, float, float]


def usable(cues: ImageCues | None, width: int, height: int, who: str) -> tuple[tuple[Click, ...], list[Xyxy]]:
    """The clicks inside the image, and the boxes clipped to it, those without area left out.

    Raises UsageError, naming the labeler, for a number that is not finite and a box with x2 < x1 or y2 < y1.
    """
    if cues is None:
        return (), []
    numbers: Iterable[Any] = [v for c in cues.clicks for v in (c.x, c.y)] + [v for box in cues.boxes_xyxy_px for v in box]
    if not all(math.isfinite(v) for v in numbers):
        raise UsageError(f"labeler {who}: a click or box of the cues is not finite")
    boxes: list[Xyxy] = []
    for x1, y1, x2, y2 in cues.boxes_xyxy_px:
        if x2 < x1 or y2 < y1:
            raise UsageError(f"labeler {who}: a box needs x1 <= x2 and y1 <= y2, but got {(x1, y1, x2, y2)}")
        box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
        if box[2] > box[0] and box[3] > box[1]:
            boxes.append(box)
    return tuple(c for c in cues.clicks if 0 <= c.x < width and 0 <= c.y < height), boxes
