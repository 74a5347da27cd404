"""The desk's first page in figures: how far the team is, what it saved, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from firstpass.metrics.effort import CostTable, draw_all
from firstpass.project import Project
from firstpass.store import LayerInfo

LEAST_IMAGES = 10  # measured images below which no saving is claimed


class Saved(NamedTuple):
    """Measured time on `images` images against drawing all of it by hand; fraction None = not enough data yet."""

    images: int
    seconds: float
    baseline_seconds: float
    fraction: float | None


class Next(NamedTuple):
    """The one next step: what, and why."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class HomeFigures:
    """images: in the project. reviewed, queued (waiting), flagged, skipped: of them. per_class: reviewed objects."""

    images: int
    reviewed: int
    queued: int
    flagged: int
    skipped: int
    per_class: tuple[tuple[str, int], ...]
    saved: Saved
    next: Next
    layers: tuple[LayerInfo, ...]


def home(project: Project) -> HomeFigures:
    """The figures as they are now."""
    images, reviewed = project.images.count(), len(project.reviewed)
    queued = len(project.store.queue.pending())
    counts = project.store.desk.counts()
    layers = tuple(project.store.layers.all())
    return HomeFigures(
        images, reviewed, queued, counts["flagged"], counts["skipped"], tuple(project.reviewed.counts().items()),
        saved(project), _next(images, reviewed, queued, layers), layers,
    )  # fmt: skip


def saved(project: Project) -> Saved:
    """Measured seconds against the published price of drawing the same labels by hand."""
    spent = project.store.effort.seconds_by_image(simulated=False)
    costs = CostTable.from_mapping(project.config.costs).with_classes(len(project.ontology))
    names = [name for name, seconds in spent.items() if seconds > 0]
    seconds = baseline = 0.0
    images = 0
    for labeled in project.reviewed.read(names):
        by_hand = draw_all(labeled, costs).baseline_seconds
        if by_hand > 0:
            images, baseline, seconds = images + 1, baseline + by_hand, seconds + spent[labeled.image.name]
    fraction = 1 - seconds / baseline if images >= LEAST_IMAGES and baseline else None
    return Saved(images, seconds, baseline, fraction)


def _next(images: int, reviewed: int, queued: int, layers: tuple[LayerInfo, ...]) -> Next:
    proposals = any(info.kind == "prelabel" and info.images for info in layers)
    if not images:
        return Next("Add images", "There is no image in the project yet: firstpass import PROJECT images")
    if queued:
        return Next(f"Review {queued:,} images", "They wait in the queue, the most useful first")
    if reviewed >= images:
        return Next("Export the labels", "Every image is reviewed: firstpass export PROJECT OUT --format coco")
    if not reviewed:
        return Next("Label the first few images", "Five are enough for the embedded labeler to learn from")
    if not proposals:
        return Next("Train and prelabel", "Let a labeler learn from what is reviewed and make the first pass over the rest")
    return Next("Choose the next batch", "Select the images that teach the labeler most, then review them")
