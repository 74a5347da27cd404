"""Counts for the report what a project holds: layers, effort against the price of drawing by hand, and classes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from firstpass.labels import LabeledImage
from firstpass.metrics import detection_scores
from firstpass.metrics.effort import Action, CostTable, expert
from firstpass.metrics.evidence import show
from firstpass.project import Project

ENOUGH_IMAGES = 10  # fewer reviewed images are no ground for a share of time saved
ENOUGH_OBJECTS = 20  # fewer reviewed objects of a class are no ground for its F1
MOST_COMPARED = 3000  # reviewed images compared with their first pass, at most
BOX_PRICES_S = (7.0, 25.5)  # extreme clicking and the classical way: both are always reported (DESIGN section 7)
KINDS = ("verify", "adjust", "draw", "delete", "relabel")


@dataclass(frozen=True, slots=True)
class Saved:
    """Time spent against drawing all by hand. spent_s: as logged. by_hand_s, fraction: by price of a box, None = too little data.

    basis: "measured" or "simulated".
    """

    basis: str
    images: int
    objects: int
    spent_s: float
    by_hand_s: Mapping[str, float]
    fraction: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One kind of action by one basis: how often, and seconds in all."""

    basis: str
    kind: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ExpertRow:
    """One expert's work. seconds_per_object: NaN without objects."""

    name: str
    basis: str
    images: int
    actions: int
    seconds: float
    seconds_per_object: float


@dataclass(slots=True)
class ClassRow:
    """One class. f1, precision, recall: of the first pass as shown, against the review, NaN without. saved: of its own time."""

    name: str
    color: str
    objects: int = 0
    images: int = 0
    f1: float = math.nan
    precision: float = math.nan
    recall: float = math.nan
    spent_s: float = 0.0
    by_hand_s: float = 0.0

    @property
    def saved(self) -> float:
        """Share of the time of drawing this class by hand that its proposals save; NaN when nothing was to be drawn."""
        return 1 - self.spent_s / self.by_hand_s if self.by_hand_s else math.nan


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reviewed image beside what was shown of its first pass. kept: proposals left as they were; seconds: expected."""

    proposed: LabeledImage
    reviewed: LabeledImage
    seconds: float
    by_hand_s: float
    kept: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything counted. compared: reviewed images that had a first pass. per_image: objects on each reviewed image."""

    reviewed: int
    objects: int
    tags: int
    saved: tuple[Saved, ...]
    actions: tuple[ActionRow, ...]
    experts: tuple[ExpertRow, ...]
    classes: tuple[ClassRow, ...]
    compared: tuple[Comparison, ...]
    compared_images: int
    per_image: tuple[int, ...]
    sides: tuple[float, ...] = field(default=())


def kind_of(action: str) -> str:
    """The kind of an action, of the five an expert thinks in; the name itself for another."""
    plain = action.replace("_", " ").lower()
    if plain.startswith(("draw", "choose")):
        return "draw"
    if plain.startswith(("verify", "accept")):
        return "verify"
    if plain.startswith(("adjust", "correct")):
        return "adjust"
    if plain.startswith(("delete", "reject")):
        return "delete"
    return "relabel" if plain in ("change class", "relabel") else plain


def collect(project: Project, costs: CostTable, keep: int) -> Facts:
    """Reads the review and effort once. keep: how many comparisons are kept for pictures."""
    rows = {c.name: ClassRow(c.name, project.ontology.color(c.name)) for c in project.ontology}
    by_author: dict[str, Counter[str]] = defaultdict(Counter)
    by_hand: dict[tuple[str, str], float] = defaultdict(float)
    per_image: list[int] = []
    sides: list[float] = []
    tags = 0
    for labeled in _reviewed(project):
        per_image.append(len(labeled.objects))
        tags += sum(tag.kind == "class" for tag in labeled.tags)
        by_author[labeled.author.name].update(images=1, objects=len(labeled.objects))
        for price in BOX_PRICES_S:
            by_hand[labeled.author.name, f"{price}"] += expert(None, labeled, costs.with_draw_box(price)).baseline_seconds
        _count(labeled, rows, sides)
    totals = project.store.effort.totals()
    bases = {t.author_name: "simulated" if t.simulated else "measured" for t in totals}
    spent: Counter[str] = Counter()
    acts: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    actions_of: Counter[str] = Counter()
    for total in totals:
        spent[total.author_name] += total.seconds  # pyright: ignore[reportArgumentType]  # a Counter holds sums of seconds as well
        actions_of[total.author_name] += total.count
        entry = acts["simulated" if total.simulated else "measured", kind_of(total.action)]
        entry[0] += total.count
        entry[1] += total.seconds
    compared, images = _compare(project, costs, rows, keep)
    return Facts(
        len(per_image),
        sum(per_image),
        tags,
        tuple(_saved(basis, bases, by_author, by_hand, spent) for basis in dict.fromkeys(bases.values())),
        tuple(ActionRow(basis, kind, int(n), s) for (basis, kind), (n, s) in sorted(acts.items(), key=_order)),
        tuple(_expert(name, basis, by_author[name], actions_of[name], spent[name]) for name, basis in sorted(bases.items())),
        tuple(rows.values()),
        compared,
        images,
        tuple(per_image),
        tuple(sides),
    )


def _reviewed(project: Project) -> Iterator[LabeledImage]:
    """The review layer, without making one in a project that has none."""
    if "review" in project.layers:
        yield from project.layers["review"]


def _order(item: tuple[tuple[str, str], list[float]]) -> tuple[str, int, str]:
    (basis, kind), _ = item
    return basis, KINDS.index(kind) if kind in KINDS else len(KINDS), kind


def _count(labeled: LabeledImage, rows: dict[str, ClassRow], sides: list[float]) -> None:
    from firstpass.labels.geometry import bounds

    names = [o.class_name for o in labeled.objects] + [t.name for t in labeled.tags if t.kind == "class"]
    for name in names:
        rows.setdefault(name, ClassRow(name, "#888888")).objects += 1
    for name in set(names):
        rows[name].images += 1
    area = labeled.image.width_px * labeled.image.height_px
    for obj in labeled.objects:
        box = bounds(obj.shape)
        if area > 0 and box.width_px * box.height_px > 0:
            sides.append(math.sqrt(box.width_px * box.height_px / area))


def _saved(
    basis: str,
    bases: Mapping[str, str],
    by_author: Mapping[str, Counter[str]],
    by_hand: Mapping[tuple[str, str], float],
    spent: Mapping[str, float],
) -> Saved:
    names = [name for name, own in bases.items() if own == basis]
    images = sum(by_author[name]["images"] for name in names)
    seconds = sum(spent[name] for name in names)
    prices = {f"{p}": sum(by_hand[name, f"{p}"] for name in names) for p in BOX_PRICES_S}
    enough = images >= ENOUGH_IMAGES and seconds > 0
    fraction = {key: 1 - seconds / value if enough and value > 0 else None for key, value in prices.items()}
    return Saved(basis, images, sum(by_author[name]["objects"] for name in names), seconds, prices, fraction)


def _expert(name: str, basis: str, own: Counter[str], actions: int, seconds: float) -> ExpertRow:
    per_object = seconds / own["objects"] if own["objects"] else math.nan
    return ExpertRow(name, basis, own["images"], actions, seconds, per_object)


def _compare(project: Project, costs: CostTable, rows: dict[str, ClassRow], keep: int) -> tuple[tuple[Comparison, ...], int]:
    """Reviewed images beside their first pass; figures go into the class rows, a spread of images is kept for pictures."""
    choice = project.labeler
    default = math.inf if choice.thresholds else 0.0
    kept: list[Comparison] = []
    for place, (proposed, reviewed) in enumerate(_pairs(project)):
        if place >= MOST_COMPARED:
            break
        shown = show(proposed, choice.thresholds, default)
        done = expert(shown, reviewed, costs)
        for step in done.steps:
            thing = step.after or step.before
            name = getattr(thing, "class_name", None) or getattr(thing, "name", "")
            rows.setdefault(name, ClassRow(name, "#888888")).spent_s += step.seconds
        for obj in reviewed.objects:
            rows[obj.class_name].by_hand_s += costs.price_s(costs.drawing(obj.shape))
        for tag in reviewed.tags:
            if tag.kind == "class":
                rows[tag.name].by_hand_s += costs.price_s(Action.CHOOSE_TAG)
        verified = int(done.actions.get(Action.VERIFY, 0))
        kept.append(Comparison(shown, reviewed, done.seconds, done.baseline_seconds, verified))
    pairs = [(c.proposed, c.reviewed) for c in kept]
    objects = detection_scores.object_scores(pairs).per_class
    tags = detection_scores.tag_scores(pairs).per_class
    for name, row in rows.items():
        scores = objects.get(name) or tags.get(name)
        if scores is not None and kept:
            row.f1, row.precision, row.recall = scores.f1, scores.precision, scores.recall
    return _spread([c for c in kept if c.proposed.objects or c.reviewed.objects], keep), len(kept)


def _pairs(project: Project) -> Iterator[tuple[LabeledImage, LabeledImage]]:
    """(first pass, review) of every reviewed image that had one: the one its edits name, else the earliest there is.

    A later one may come from a labeler that learned from this very review, and would look better than it was.
    """
    names = [info.name for info in project.layers if info.kind == "prelabel"]
    reviewed = {labeled.image.name: labeled for labeled in _reviewed(project)}
    looked: dict[str, list[str]] = defaultdict(list)
    for layer in names:
        for name in project.layers[layer].looked() & reviewed.keys():
            looked[name].append(layer)
    chosen: dict[str, list[str]] = defaultdict(list)
    for name in sorted(looked):
        chosen[_shown_layer(project, name, looked[name])].append(name)
    for layer, images in chosen.items():
        for proposed in project.layers[layer].read(images):
            yield proposed, reviewed[proposed.image.name]


def _shown_layer(project: Project, name: str, layers: Sequence[str]) -> str:
    if len(layers) > 1:
        named = {edit.layer for edit in project.store.edits.of_image(name)}
        for layer in layers:
            if layer in named:
                return layer
    return layers[0]


def _spread(compared: Sequence[Comparison], keep: int) -> tuple[Comparison, ...]:
    """Some images from most to least costly, evenly spread, so that neither the good nor the bad are picked out."""
    order = sorted(compared, key=lambda c: (c.by_hand_s and -c.seconds / c.by_hand_s, c.reviewed.image.name))
    if len(order) <= keep:
        return tuple(order)
    places = [round(k * (len(order) - 1) / max(1, keep - 1)) for k in range(keep)]
    return tuple(order[p] for p in dict.fromkeys(places))
