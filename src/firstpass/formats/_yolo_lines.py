"""The lines of a YOLO label file: ``class cx cy w h [score]`` or ``class x1 y1 x2 y2 x3 y3 … [score]``, fractions of the image.

Lines may be mixed in one file. Nine numbers are read as a polygon of four corners, so oriented boxes come as polygons. With
``kpt_shape`` in data.yaml, pose lines are read as boxes and their keypoints are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from firstpass.errors import Problem
from firstpass.formats._text import clip_text, number, short
from firstpass.labels import Author, Box, ImageRef, Labeled, ObjectId, Polygon, PolygonPart, Shape, stable_id
from firstpass.labels.shapes import Ring
from firstpass.labels.validate import check_object

MOST_IN_RANGE = 1.5  # a fraction of the image above this is another unit; a little above 1 is a box that reaches outside


@dataclass(frozen=True, slots=True)
class LineRules:
    """class_names: by number; None = unknown, named ``class_N``. pose_values: keypoint numbers after each box, 0 = none."""

    class_names: Mapping[int, str] | None
    author: Author
    pose_values: int = 0


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What a label file says. blank: it holds no line at all, so its author looked and found nothing."""

    objects: tuple[Labeled, ...]
    problems: tuple[Problem, ...]
    blank: bool


def parse_labels(text: str, where: str, image: ImageRef, rules: LineRules) -> LabelFile:
    """The objects of one label file, and a Problem for each line that was left out or changed."""
    objects: list[Labeled] = []
    problems: list[Problem] = []
    first_line: dict[str, int] = {}
    for i, line in enumerate(text.splitlines(), 1):
        if not (line := line.strip(" \t\r\n\x00\x1a")):
            continue
        place = f"{where}: line {i}"
        if (before := first_line.setdefault(line, i)) != i:
            problems.append(Problem(place, f"is the same as line {before}", "each object once", "Left out", "warning"))
            continue
        object_id = stable_id(rules.author.name, image.digest or image.name, i)
        obj = _object(line, place, image, rules, object_id, problems)
        if obj is not None:
            objects.append(obj)
    return LabelFile(tuple(objects), tuple(problems), not first_line)


def _object(
    line: str, place: str, image: ImageRef, rules: LineRules, object_id: ObjectId, problems: list[Problem]
) -> Labeled | None:
    values = _numbers(line, place, problems)
    class_name = None if values is None else _class_name(values[0], rules, place, problems)
    if values is None or class_name is None:
        return None
    coordinates, score = _split(values[1:], rules.pose_values, place, problems)
    shape = None if coordinates is None else _shape(coordinates, place, image, problems)
    if coordinates is None or shape is None:
        return None
    obj, problem = check_object(Labeled(object_id, class_name, shape, score), image, place)
    if problem is not None:
        problems.append(_with_hint(problem, coordinates))
    return obj


def _numbers(line: str, place: str, problems: list[Problem]) -> list[float] | None:
    tokens = line.split()
    if len(tokens) == 1 and line.count(",") >= 4:
        tokens = [token.strip() for token in line.split(",")]
    elif ";" in line and len(tokens) == 1:
        tokens = [token.strip() for token in line.split(";")]
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        known = [number(token) for token in tokens]
        bad = next((token for token, value in zip(tokens, known, strict=True) if value is None), None)
        if bad is not None:
            expected = "numbers with a decimal point, separated by spaces"
            problems.append(Problem(place, f"{clip_text(bad, 20)!r} is not a number", expected, "Correct or remove the line"))
            return None
        problems.append(Problem(place, "decimal commas", "decimal points", "Read as decimal points", "warning"))
        values = [value for value in known if value is not None]
    if not all(math.isfinite(value) for value in values):
        problems.append(Problem(place, f"holds NaN or infinity: {clip_text(line)!r}", "finite numbers", "Remove the line"))
        return None
    return values


def _class_name(value: float, rules: LineRules, place: str, problems: list[Problem]) -> str | None:
    if value != int(value) or value < 0:
        problems.append(Problem(place, f"class {value:g} is not a whole number from 0", "the class's number first"))
        return None
    if rules.class_names is None:
        return f"class_{int(value)}"
    name = rules.class_names.get(int(value))
    if name is None:
        highest = max(rules.class_names, default=-1)
        remedy = "Are the classes counted from 1, or is the list of names too short?"
        known = f"0..{highest}" if highest >= 0 else "a list of class names"
        problems.append(Problem(place, f"class {int(value)} has no name", known, remedy))
    return name


def _split(
    values: list[float], pose_values: int, place: str, problems: list[Problem]
) -> tuple[list[float] | None, float | None]:
    count = len(values)
    if pose_values and count == 4 + pose_values:
        return values[:4], None
    if count < 4:
        expected = "5 numbers (class cx cy w h), 6 with a score, or 7 and more for a polygon"
        problems.append(Problem(place, f"{count + 1} numbers", expected, "Correct or remove the line"))
        return None, None
    with_more = count == 5 or (count > 6 and count % 2 == 1)
    if not with_more:
        return values, None
    score = values[-1]
    if 0.0 <= score <= 1.0:
        return values[:-1], score
    if count == 5:
        what = f"the sixth number, {score:g}, is not a score in 0..1"
        problems.append(Problem(place, what, "", "Left out; the box was taken", "warning"))
        return values[:-1], None
    problems.append(Problem(place, f"{count} coordinates", "pairs of x and y", "Correct or remove the line"))
    return None, None


def _shape(values: list[float], place: str, image: ImageRef, problems: list[Problem]) -> Shape | None:
    largest = max(values)
    if largest > MOST_IN_RANGE:
        unit = "percent" if largest <= 100.0 and min(values) >= 0.0 and largest != int(largest) else "pixels or percent"
        remedy = "Divide by the image's width and height (or by 100) and import again"
        problems.append(Problem(place, f"{largest:g} looks like {unit}", "fractions of the image, 0..1", remedy))
        return None
    width, height = float(image.width_px), float(image.height_px)
    if len(values) > 4:
        ring: Ring = tuple((values[i] * width, values[i + 1] * height) for i in range(0, len(values), 2))
        return Polygon((PolygonPart(ring),))
    cx, cy, w, h = values
    if w < 0 or h < 0:
        problems.append(Problem(place, f"width {w:g}, height {h:g}", "not below 0", "Redraw or remove the box"))
        return None
    x1, y1 = (cx - w / 2) * width, (cy - h / 2) * height
    return Box(x1, y1, max(x1, (cx + w / 2) * width), max(y1, (cy + h / 2) * height))


def _with_hint(problem: Problem, values: Sequence[float]) -> Problem:
    if len(values) != 4 or not (0 <= values[0] < values[2] <= 1 and 0 <= values[1] < values[3] <= 1):
        return problem
    hint = "the numbers would also fit as x1 y1 x2 y2: was the file written by another convention?"
    return replace(problem, remedy=f"{problem.remedy}; {hint}" if problem.remedy else hint)


def box_line(class_id: int, box: Box, image: ImageRef) -> str:
    """One line ``class cx cy w h``; 10 decimals, so a corner moves less than a millionth of a pixel in 1000."""
    width, height = float(image.width_px), float(image.height_px)
    values = (
        (box.x1 + box.x2) / 2 / width,
        (box.y1 + box.y2) / 2 / height,
        box.width_px / width,
        box.height_px / height,
    )
    return " ".join((str(class_id), *(short(v) for v in values)))


def ring_line(class_id: int, ring: Ring, image: ImageRef) -> str:
    """One line ``class x1 y1 x2 y2 …``."""
    width, height = float(image.width_px), float(image.height_px)
    return " ".join((str(class_id), *(f"{short(x / width)} {short(y / height)}" for x, y in ring)))
