"""The desk's first page in figures: how far the team is, what it saved, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from firstpass.project import Project
from firstpass.stages._desk_saved import Saved, saved
from firstpass.store import LayerInfo


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
    queued = project.store.queue.count_pending()
    counts = project.store.desk.counts()
    layers = tuple(project.store.layers.all())
    return HomeFigures(
        images, reviewed, queued, counts["flagged"], counts["skipped"], tuple(project.reviewed.counts().items()),
        saved(project), _next(images, reviewed, queued, layers), layers,
    )  # fmt: skip


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
