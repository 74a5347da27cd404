"""The wire types of the desk's other pages: project, home, queue, grid, guide, jobs. See :mod:`firstpass.web.wire`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from firstpass.web.wire import ActionId, DeskObject, ImageHead, ImageKey, Note, ObjectKey, Wire, Xyxy

QueueState = Literal["todo", "open", "submitted", "skipped", "flagged"]
Verb = Literal["prelabel", "train", "select", "trial"]


class ClassAttribute(Wire):
    """A property of a class's objects; values [] = free text."""

    name: str
    values: list[str]
    default: str | None


class DeskClass(Wire):
    """One class."""

    name: str
    color: str
    phrases: list[str]
    guide: str
    attributes: list[ClassAttribute]


class ProjectInfo(Wire):
    """The project. thresholds: per class, None = silent. promptable: labelers that answer clicks or boxes with a mask."""

    name: str
    classes: list[DeskClass]
    thresholds: dict[str, float | None]
    image_count: int
    promptable: list[str]


class ClassCount(Wire):
    """How many objects of a class."""

    name: str
    count: int


class Saved(Wire):
    """Measured time of real reviews against drawing by hand. fraction: None = not enough data yet."""

    images: int
    seconds: float
    baseline_seconds: float
    fraction: float | None


class NextStep(Wire):
    """What to do next, in words."""

    title: str
    detail: str


class LayerInfo(Wire):
    """A layer at a glance."""

    name: str
    kind: str
    author: str
    images: int
    objects: int


class HomeFigures(Wire):
    """The project's state."""

    images: int
    reviewed: int
    queued: int
    flagged: int
    skipped: int
    per_class: list[ClassCount]
    saved: Saved
    next: NextStep
    layers: list[LayerInfo]


class QueueItem(Wire):
    """An image in the film strip."""

    image: ImageHead
    why: str
    strategy: str
    state: QueueState
    leased_by: str | None


class QueuePage(Wire):
    """A piece of the queue around an image."""

    items: list[QueueItem]
    total: int
    done: int


class GridItem(Wire):
    """One object to look at among others of its class."""

    image: ImageHead
    version: int
    object: DeskObject
    crop_url: str


class GridPage(Wire):
    """Least certain first. cursor: of the next page, None at the end."""

    items: list[GridItem]
    cursor: str | None
    total: int


class GridDecision(Wire):
    """A verdict on one object; class_name for "relabel"."""

    image_key: ImageKey
    version: int
    object_id: ObjectKey
    decision: Literal["accept", "delete", "relabel"]
    class_name: str | None = None


class GridDecide(Wire):
    """Verdicts that are undone as one."""

    id: ActionId
    decisions: Annotated[list[GridDecision], Field(min_length=1, max_length=5000)]


class GridUndo(Wire):
    """Takes verdicts back. id: of the verdicts."""

    id: ActionId


class GridDone(Wire):
    """done: decisions taken. conflicts: keys of images that were changed meanwhile and left as they are."""

    done: int
    conflicts: list[int]


class GuideExample(Wire):
    """A picture in the guide. counter: how not to."""

    image_name: str
    xyxy_px: Xyxy | None = None
    note: Note = ""
    counter: bool = False


class GuideClass(Wire):
    """What the guide says about one class."""

    name: str
    guide: str
    examples: list[GuideExample]


class Guide(Wire):
    """The labeling guide. version 0 = as firstpass.toml has it."""

    version: int
    classes: list[GuideClass]
    author: str
    at: datetime | None
    note: str


class GuideEdit(Wire):
    """A class's new page in the guide."""

    guide: Annotated[str, Field(max_length=100_000)]
    examples: Annotated[list[GuideExample], Field(max_length=200, default_factory=list[GuideExample])]
    note: Note = ""


class JobAsk(Wire):
    """A stage to run beside the desk, with its settings as on the command line."""

    verb: Verb
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])


class JobProblem(Wire):
    """One thing wrong with data."""

    where: str
    what: str
    expected: str
    remedy: str
    severity: str


class Job(Wire):
    """A job. share: done, 0..1, None = not known. words: what is going on, or why it failed. result: the stage's, when done."""

    id: str
    verb: Verb
    status: Literal["running", "done", "stopped", "failed"]
    share: float | None
    words: str
    started_at: datetime
    seconds_left: float | None
    result: dict[str, Any] | None
    problems: list[JobProblem]


class Jobs(Wire):
    """Newest first."""

    jobs: list[Job]
