"""The truth that trial and simulate measure against: what kind of labels it asks for, of which labeler, at which prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, cast

from firstpass import registry
from firstpass.errors import UsageError
from firstpass.labelers.base import Ask, AskedClass, Gives, LabelerSpec, Task
from firstpass.labels import Author, LabelClass, LabeledImage, Mask, Ontology, Point, Polygon, geometry
from firstpass.metrics import match
from firstpass.metrics.effort import CostTable, class_tags

BOX_PRICES_S = (7.0, 25.5)  # extreme clicking and classical drawing, always both (DESIGN section 7)
Kind = Literal["box", "mask", "point", "tag"]
Shapes = Literal["truth", "box"]
Truth = Iterable[LabeledImage] | Mapping[str, LabeledImage]

EMBEDDED: Mapping[Kind, str] = {"box": "pixel-forest", "mask": "pixel-forest", "point": "pixel-forest", "tag": "few-shot"}
"""Who makes the first pass when nobody is named: the learners that need no weights."""

_TASKS: Mapping[Kind, tuple[tuple[Gives, Task], ...]] = {
    "box": ((Gives.BOX, Task.DETECT), (Gives.MASK, Task.SEGMENT)),
    "mask": ((Gives.MASK, Task.SEGMENT), (Gives.BOX, Task.DETECT)),
    "point": ((Gives.POINT, Task.POINT),),
    "tag": ((Gives.TAG, Task.TAG),),
}


def truths_of(truth: Truth, shapes: Shapes = "truth") -> dict[str, LabeledImage]:
    """By image name, without captions and answers; class tags only where no image has an object; masks as boxes when asked.

    Raises UsageError when there is none.
    """
    items = cast("Iterable[LabeledImage]", truth.values() if isinstance(truth, Mapping) else truth)
    author = Author("human", "simulated expert")
    out: dict[str, LabeledImage] = {}
    for item in items:
        objects = item.objects
        if shapes == "box":
            objects = tuple(replace(o, shape=geometry.bounds(o.shape)) for o in objects)
        out[item.image.name] = LabeledImage(item.image, author, objects, tuple(class_tags(item.tags)))
    if not out:
        raise UsageError("the truth has no labeled image; the simulated expert needs to know the answers")
    if any(item.objects for item in out.values()):
        out = {name: replace(item, tags=()) for name, item in out.items()}
    return out


def kind_of(truths: Iterable[LabeledImage]) -> Kind:
    """What the truth asks for: masks where any object has an area shape, else boxes, points, else tags."""
    shapes = [o.shape for item in truths for o in item.objects if not match.is_crowd(o)]
    if not shapes:
        return "tag"
    if any(isinstance(s, Mask | Polygon) for s in shapes):
        return "mask"
    return "point" if all(isinstance(s, Point) for s in shapes) else "box"


def ontology_of(ontology: Ontology, truths: Iterable[LabeledImage]) -> Ontology:
    """The project's classes, and those that only the truth has."""
    names: set[str] = set()
    for item in truths:
        names |= {o.class_name for o in item.objects} | {t.name for t in item.tags}
    return ontology.with_classes(LabelClass(name) for name in sorted(names))


def price_lists(kind: Kind, costs: CostTable) -> dict[str, CostTable]:
    """The project's own prices first; for boxes both published prices of drawing besides. Keys as in ``saved_fraction``."""
    if kind != "box":
        return {kind: costs}
    return {f"{price:.1f}": costs.with_draw_box(price) for price in dict.fromkeys((costs.draw_box_s, *BOX_PRICES_S))}


def spec_of(labeler: str) -> LabelerSpec:
    """The SPEC of a labeler by name. Raises UnknownPlugin, FirstpassError for a broken one."""
    return cast(LabelerSpec, registry.find("labelers", labeler).spec)


def asked(spec: LabelerSpec, ontology: Ontology, kind: Kind, phrases: Mapping[str, tuple[str, ...]] | None = None) -> Ask:
    """What is asked of the labeler to make labels of that kind. phrases: in place of the classes' own.

    Raises UsageError if it cannot give such labels, or when a phrase is for a class that is not asked for.
    """
    task = next((task for gives, task in _TASKS[kind] if gives in spec.gives), None)
    if task is None:
        raise UsageError(f"labeler {spec.name} gives {', '.join(sorted(spec.gives))}, but the truth asks for a {kind}")
    for name in phrases or {}:
        ontology.index(name)
    return Ask(task, tuple(AskedClass(c.name, (phrases or {}).get(c.name) or c.asked_phrases) for c in ontology))
