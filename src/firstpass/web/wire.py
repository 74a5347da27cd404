"""The wire types of one image: what travels between the editor and its server, under /api/v1, as JSON.

Unknown fields are refused, every number is finite. Pixels are those of the upright image, floats, origin top left.
Those of the other pages are in :mod:`firstpass.web.wire_pages`; there are no others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Xy = tuple[float, float]
Xyxy = tuple[float, float, float, float]
ActionId = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
MOST_KEY = 2**53
ImageKey = Annotated[int, Field(ge=0, le=MOST_KEY)]  # a number that JavaScript can hold
ObjectKey = Annotated[str, Field(min_length=1, max_length=128)]
Note = Annotated[str, Field(max_length=2000)]
ActionKind = Literal["draw", "accept", "adjust", "relabel", "delete", "undo", "redo", "import"]
Status = Literal["open", "submitted", "skipped"]
Seconds = Annotated[float, Field(ge=0, le=1e6)]


class Wire(BaseModel):
    """What is common to all."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class BoxShape(Wire):
    """An axis-parallel box."""

    type: Literal["box"]
    xyxy_px: Xyxy


class PolygonPart(Wire):
    """One connected piece: an outer ring and the rings of its holes."""

    outer: Annotated[list[Xy], Field(min_length=3, max_length=100_000)]
    holes: list[list[Xy]] = []


class PolygonShape(Wire):
    """One object of one or several parts."""

    type: Literal["polygon"]
    parts: Annotated[list[PolygonPart], Field(min_length=1)]


class MaskShape(Wire):
    """Pixels of the whole image as COCO's compressed run-length code."""

    type: Literal["mask"]
    height_px: Annotated[int, Field(ge=1)]
    width_px: Annotated[int, Field(ge=1)]
    counts: str


class PointShape(Wire):
    """One position."""

    type: Literal["point"]
    xy_px: Xy


Shape = Annotated[BoxShape | PolygonShape | MaskShape | PointShape, Field(discriminator="type")]


class DeskObject(Wire):
    """One object in one image. score: None = not a guess."""

    id: ObjectKey
    class_name: str
    shape: Shape
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    text: str | None = None
    attributes: dict[str, str] = {}


class Tag(Wire):
    """One statement about the whole image."""

    name: str
    kind: Literal["class", "caption", "answer"] = "class"
    text: str | None = None
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    attributes: dict[str, str] = {}


class ImageHead(Wire):
    """Which image. key: its number in URLs. Upright size."""

    key: int
    name: str
    width_px: int
    height_px: int


class ObjectChange(Wire):
    """What an action does to one object: None before = drawn, None after = deleted."""

    object_id: ObjectKey
    before: DeskObject | None
    after: DeskObject | None


class TagsChange(Wire):
    """What an action does to the image's tags."""

    before: list[Tag]
    after: list[Tag]


class Action(Wire):
    """One action of a person. id: the client's own, so that sending it again does nothing. seconds: active time, if known."""

    id: ActionId
    kind: ActionKind
    changes: Annotated[list[ObjectChange], Field(max_length=20_000)] = []
    tags: TagsChange | None = None
    seconds: Seconds | None = None
    at: datetime


class HistoryItem(Wire):
    """An action as it was taken."""

    id: str
    kind: ActionKind
    changes: list[ObjectChange]
    tags: TagsChange | None
    author: str
    at: datetime


class Lease(Wire):
    """Who has the image open now, and until when if nothing more is heard."""

    holder: str
    until: datetime
    mine: bool


class DeskRecord(Wire):
    """All that the editor needs of one image. hidden: proposals below their class's threshold."""

    image: ImageHead
    metadata: dict[str, str]
    version: int
    status: Status
    objects: list[DeskObject]
    hidden: list[DeskObject]
    tags: list[Tag]
    proposals_layer: str
    proposed_by: str
    why: str
    flag: str
    reason: str
    history: list[HistoryItem]
    refused: list[HistoryItem]
    lease: Lease | None


class User(Wire):
    """The person at the desk."""

    name: str
    role: str


class ProjectName(Wire):
    """The project in short."""

    name: str


class Session(Wire):
    """The session. csrf: to be sent as X-Firstpass-Csrf with everything that changes something. version: of Firstpass."""

    user: User
    project: ProjectName
    csrf: str
    version: str


class Versioned(Wire):
    """The image's new version."""

    version: int


class VersionStatus(Wire):
    """The image's new version and state."""

    version: int
    status: Status


class EffortEntry(Wire):
    """Active time of one kind of action, in the names of the effort model."""

    action: Annotated[str, Field(max_length=64)]
    count: Annotated[int, Field(ge=0, le=1_000_000)]
    seconds: Seconds


class Submit(Wire):
    """The image is done. decoded_wh_px: the size of the picture as the browser decoded it; another than the record's is
    refused, since then every coordinate would be wrong.
    """

    id: ActionId
    decoded_wh_px: tuple[int, int]
    effort: Annotated[list[EffortEntry], Field(max_length=1000)] = []


class Skip(Wire):
    """It cannot be told, and why."""

    id: ActionId
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class Flag(Wire):
    """For a colleague to look at; an empty note takes the flag away."""

    id: ActionId
    note: Note


class Reopen(Wire):
    """Work on it again."""

    id: ActionId


class Click(Wire):
    """A click in pixels; positive = belongs to the object."""

    x: float
    y: float
    positive: bool = True


class SegmentAsk(Wire):
    """Clicks, a box, or both. labeler: None = the first that can."""

    clicks: Annotated[list[Click], Field(max_length=200)] = []
    box_xyxy_px: Xyxy | None = None
    labeler: str | None = None


class SegmentReply(Wire):
    """The mask that the labeler gives, and how long it took."""

    shape: MaskShape
    score: float | None
    milliseconds: float


class ErrorWords(Wire):
    """What was wrong, what would have been right, what to do."""

    what: str
    expected: str
    remedy: str


class ErrorBody(Wire):
    """Every refusal. current: for a conflict, the image as it is now."""

    error: ErrorWords
    current: DeskRecord | None = None
