"""Says what is wrong with a shape or an object, given the image it lies in. Bad data are values here: problems, not raises."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from firstpass.errors import Problem
from firstpass.labels.geometry import bounds, clip_box
from firstpass.labels.labeled_image import ImageRef, Labeled
from firstpass.labels.shapes import Box, Mask, Point

SLACK_PX = 1.0  # exports round; a box up to a pixel outside is clipped without a word


def check_object(
    obj: Labeled, image: ImageRef, where: str, classes: Collection[str] | None = None
) -> tuple[Labeled | None, Problem | None]:
    """The object made fit for the store, and what was wrong with it.

    Outside the image entirely, a box of zero area, a mask of another size or an unknown class: (None, error). Partly outside:
    the clipped object and a warning (no warning within 1 px). classes = None: any class is welcome.
    """
    if classes is not None and obj.class_name not in classes:
        known = ", ".join(sorted(classes)[:10]) or "no class"
        remedy = "Add the class to firstpass.toml, or correct the file"
        return None, Problem(where, f"class {obj.class_name!r} is not in the project", known, remedy)
    shape = obj.shape
    if isinstance(shape, Mask):
        if (shape.width_px, shape.height_px) != (image.width_px, image.height_px):
            size = f"{image.width_px}x{image.height_px}"
            return None, Problem(where, f"mask is {shape.width_px}x{shape.height_px} px", f"{size}, the image's size")
        return obj, None
    box = bounds(shape)
    outside = box.x1 >= image.width_px or box.y1 >= image.height_px or box.x2 <= 0 or box.y2 <= 0
    if isinstance(shape, Point):
        inside = 0 <= shape.x <= image.width_px and 0 <= shape.y <= image.height_px
        return (obj, None) if inside else (None, _outside(where, box, image))
    if box.width_px <= 0 or box.height_px <= 0:
        return None, Problem(where, f"box {_text(box)} has no area", "width and height above 0 px", "Remove or redraw it")
    if outside:
        return None, _outside(where, box, image)
    if box.x1 >= 0 and box.y1 >= 0 and box.x2 <= image.width_px and box.y2 <= image.height_px:
        return obj, None
    far = max(-box.x1, -box.y1, box.x2 - image.width_px, box.y2 - image.height_px)
    problem = None if far <= SLACK_PX else _clipped(where, box, image)
    if isinstance(shape, Box):
        return replace(obj, shape=clip_box(shape, image.width_px, image.height_px)), problem
    return obj, problem


def _text(box: Box) -> str:
    return "[" + ", ".join(f"{v:g}" for v in box.xyxy_px) + "]"


def _outside(where: str, box: Box, image: ImageRef) -> Problem:
    size = f"inside {image.width_px}x{image.height_px} px"
    return Problem(where, f"shape {_text(box)} lies outside the image", size, "Check for a wrong image or another unit")


def _clipped(where: str, box: Box, image: ImageRef) -> Problem:
    size = f"inside {image.width_px}x{image.height_px} px"
    return Problem(where, f"shape {_text(box)} reaches outside the image", size, "Clipped to the image", "warning")
