"""The film strip: a stretch of the queue, each image with its state and who has it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstpass.labels import ImageRef
from firstpass.project import REVIEW_LAYER, Project
from firstpass.store.film import Frame

ItemState = Literal["todo", "open", "submitted", "skipped", "flagged"]


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One image in the film strip."""

    ref: ImageRef
    key: int
    why: str
    strategy: str
    state: ItemState
    leased_by: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A stretch of the queue. total: images in it; done: those submitted."""

    items: tuple[QueueItem, ...]
    total: int
    done: int


def queue_page(
    project: Project, *, around: str | None = None, before: int = 10, after: int = 20, holder: str = ""
) -> QueuePage:
    """The images around the one named (None = the first not done): the queue that `select` made, else all images by name.

    Images submitted stay in the film strip with their mark. One that is named but not queued comes first.
    """
    stretch = project.store.film.stretch(REVIEW_LAYER, around, before, after)
    leases = project.store.leases.of([frame.ref.name for frame in stretch.frames], holder)
    items: list[QueueItem] = []
    for frame in stretch.frames:
        lease = leases.get(frame.ref.name)
        leased_by = lease.holder if lease is not None and not lease.mine else ""
        items.append(QueueItem(frame.ref, frame.key, frame.why, frame.strategy, _state(frame), leased_by))
    return QueuePage(tuple(items), stretch.total, stretch.done)


def _state(frame: Frame) -> ItemState:
    if frame.status is None:
        return "submitted" if frame.looked else "todo"
    return "flagged" if frame.flag and frame.status == "open" else frame.status
