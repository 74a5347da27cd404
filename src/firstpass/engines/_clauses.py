"""The clauses of the labeler contract that concern objects and tags, one function each where one suffices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from firstpass.errors import LabelerBroke
from firstpass.labelers.base import Gives, LabelerSpec
from firstpass.labels import Box, ImageRef, Labeled, Mask, Point, Polygon, PolygonPart, Shape, Tag, rle
from firstpass.labels.validate import SLACK_PX

_KINDS: tuple[tuple[type[Shape], Gives], ...] = (
    (Box, Gives.BOX), (Mask, Gives.MASK), (Polygon, Gives.MASK), (Point, Gives.POINT),
)  # fmt: skip
_SHOWN = 8


def check_objects(objects: Sequence[object], spec: LabelerSpec, image: ImageRef, asked: frozenset[str]) -> tuple[Labeled, ...]:
    """The objects, clipped to the image; those that lay wholly in the 1 px of slack outside it are left out."""
    kept: list[Labeled] = []
    for i, obj in enumerate(objects):
        where = f"image {image.name}, object {i}"
        if not isinstance(obj, Labeled):
            raise LabelerBroke(spec.name, f"{where}: is a {type(obj).__name__}, not a Labeled")
        if obj.id:
            raise LabelerBroke(spec.name, f"{where}: id {obj.id!r} is set; ids are the driver's to give")
        _check_class(obj.class_name, spec, where, asked)
        _check_score(obj.score, spec, where)
        _check_texts(obj.text, obj.attributes, spec, where)
        shape = _inside(obj.shape, spec, image, where)
        if shape is not None:
            kept.append(obj if shape is obj.shape else replace(obj, shape=shape))
    return tuple(kept)


def check_tags(tags: Sequence[object], spec: LabelerSpec, image: ImageRef, asked: frozenset[str]) -> tuple[Tag, ...]:
    """The tags: kind known and declared, class asked for, captions and answers with their text, scores as declared."""
    kept: list[Tag] = []
    for i, tag in enumerate(tags):
        where = f"image {image.name}, tag {i}"
        if not isinstance(tag, Tag):
            raise LabelerBroke(spec.name, f"{where}: is a {type(tag).__name__}, not a Tag")
        needed = {"class": Gives.TAG, "caption": Gives.TEXT, "answer": Gives.TEXT}.get(tag.kind)
        if needed is None:
            raise LabelerBroke(spec.name, f"{where}: kind {tag.kind!r} is not one of class, caption, answer")
        if needed not in spec.gives:
            raise LabelerBroke(spec.name, f"{where}: gives a {tag.kind}, but its SPEC declares only {_declared(spec)}")
        if tag.kind == "class":
            _check_class(tag.name, spec, where, asked)
            _check_score(tag.score, spec, where)
        elif not isinstance(tag.text, str):
            raise LabelerBroke(spec.name, f"{where}: a {tag.kind} needs a text")
        elif tag.score is not None:
            _check_score(tag.score, spec, where)
        _check_attributes(tag.attributes, spec, where)
        kept.append(tag)
    return tuple(kept)


def _declared(spec: LabelerSpec) -> str:
    return ", ".join(sorted(spec.gives)) or "nothing"


def _check_class(name: object, spec: LabelerSpec, where: str, asked: frozenset[str]) -> None:
    if not isinstance(name, str) or not name:
        raise LabelerBroke(spec.name, f"{where}: class {name!r} is not a name")
    if asked and name not in asked:
        shown = sorted(asked)
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        text = ", ".join(map(repr, shown[:_SHOWN])) + more
        raise LabelerBroke(spec.name, f"{where}: class {name!r} was not asked for; asked {text}")


def _check_score(score: object, spec: LabelerSpec, where: str) -> None:
    if score is None:
        if spec.scored:
            raise LabelerBroke(spec.name, f"{where}: has no score, but its SPEC declares scored=True")
        return
    if not isinstance(score, int | float) or not 0.0 <= score <= 1.0:  # NaN compares false
        raise LabelerBroke(spec.name, f"{where}: score {score!r} is not a number in 0..1")


def _check_texts(text: object, attributes: object, spec: LabelerSpec, where: str) -> None:
    if text is not None:
        if not isinstance(text, str):
            raise LabelerBroke(spec.name, f"{where}: text is a {type(text).__name__}, not a str")
        if Gives.TEXT not in spec.gives:
            raise LabelerBroke(spec.name, f"{where}: gives a text, but its SPEC declares only {_declared(spec)}")
    _check_attributes(attributes, spec, where)


def _check_attributes(attributes: object, spec: LabelerSpec, where: str) -> None:
    if not isinstance(attributes, Mapping):
        raise LabelerBroke(spec.name, f"{where}: attributes are a {type(attributes).__name__}, not a mapping")
    for key, value in attributes.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(key, str) or not isinstance(value, str):
            raise LabelerBroke(spec.name, f"{where}: attribute {key!r} = {value!r} is not text")


def _inside(shape: object, spec: LabelerSpec, image: ImageRef, where: str) -> Shape | None:
    """The shape clipped by at most 1 px; None when nothing of it is left inside. Raises LabelerBroke."""
    gives = next((gives for kind, gives in _KINDS if isinstance(shape, kind)), None)
    if gives is None:
        raise LabelerBroke(spec.name, f"{where}: shape is a {type(shape).__name__}, not one of Box, Polygon, Mask, Point")
    if gives not in spec.gives:
        kind = type(shape).__name__.lower()
        raise LabelerBroke(spec.name, f"{where}: gives a {kind}, but its SPEC declares only {_declared(spec)}")
    match shape:
        case Mask():
            return _mask(shape, spec, image, where)
        case Box():
            return _box(shape, spec, image, where)
        case Point(x, y):
            _within([(x, y)], "point", spec, image, where)
            return shape if _fits(x, y, image) else Point(*_clip(x, y, image))
        case Polygon():
            return _polygon(shape, spec, image, where)
        case _:
            return None


def _fits(x: float, y: float, image: ImageRef) -> bool:
    return 0 <= x <= image.width_px and 0 <= y <= image.height_px


def _clip(x: float, y: float, image: ImageRef) -> tuple[float, float]:
    return (min(max(x, 0.0), float(image.width_px)), min(max(y, 0.0), float(image.height_px)))


def _within(vertices: Sequence[tuple[float, float]], kind: str, spec: LabelerSpec, image: ImageRef, where: str) -> None:
    """Every vertex finite and at most 1 px outside."""
    for x, y in vertices:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise LabelerBroke(spec.name, f"{where}: {kind} has a coordinate that is not finite: {x, y}")
        if not (-SLACK_PX <= x <= image.width_px + SLACK_PX and -SLACK_PX <= y <= image.height_px + SLACK_PX):
            size = f"{image.width_px}x{image.height_px}"
            raise LabelerBroke(spec.name, f"{where}: {kind} reaches ({x:g}, {y:g}), outside the image of {size} px")


def _box(box: Box, spec: LabelerSpec, image: ImageRef, where: str) -> Box | None:
    _within([(box.x1, box.y1), (box.x2, box.y2)], "box", spec, image, where)
    if not (box.x1 < box.x2 and box.y1 < box.y2):
        raise LabelerBroke(spec.name, f"{where}: box {box.xyxy_px} has no area")
    if _fits(box.x1, box.y1, image) and _fits(box.x2, box.y2, image):
        return box
    x1, y1 = _clip(box.x1, box.y1, image)
    x2, y2 = _clip(box.x2, box.y2, image)
    return Box(x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _polygon(polygon: Polygon, spec: LabelerSpec, image: ImageRef, where: str) -> Polygon:
    rings = [ring for part in polygon.parts for ring in (part.outer, *part.holes)]
    vertices = [xy for ring in rings for xy in ring]
    _within(vertices, "polygon", spec, image, where)
    if all(_fits(x, y, image) for x, y in vertices):
        return polygon

    def clip(ring: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple(_clip(x, y, image) for x, y in ring)

    return Polygon(tuple(PolygonPart(clip(p.outer), tuple(clip(h) for h in p.holes)) for p in polygon.parts))


def _mask(mask: Mask, spec: LabelerSpec, image: ImageRef, where: str) -> Mask:
    if (mask.width_px, mask.height_px) != (image.width_px, image.height_px):
        said, true = f"{mask.width_px}x{mask.height_px}", f"{image.width_px}x{image.height_px}"
        raise LabelerBroke(spec.name, f"{where}: mask is {said} px, but the image is {true} px")
    try:
        runs = rle.runs_of(mask.counts)
    except ValueError as error:
        raise LabelerBroke(spec.name, f"{where}: mask cannot be read: {error}") from error
    if (runs < 0).any() or int(runs.sum()) != mask.width_px * mask.height_px:
        raise LabelerBroke(spec.name, f"{where}: mask covers {int(runs.sum())} px of {mask.width_px * mask.height_px}")
    if not runs[1::2].any():
        raise LabelerBroke(spec.name, f"{where}: mask is empty")
    return mask
