"""The labeler contract: what a plug-in declares (SPEC), is asked (Ask), and answers (Reply).

One file per labeler, with ``SPEC = LabelerSpec(...)`` and ``PLUGIN = TheClass``. A labeler speaks class names and pixels of the
upright image. It declares; the driver (:mod:`firstpass.engines.driver`) polices every reply and names the culprit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

from firstpass.errors import Problem
from firstpass.labels import ImageRef, LabelClass, Labeled, LabeledImage, Mask, Tag
from firstpass.media.image import Image

Settings = Mapping[str, Any]
Progress = Callable[[str, float], None]  # what is going on, share done 0..1


class Cue(StrEnum):
    """What a labeler can be told beside the image."""

    TEXT = "text"
    CLICK = "click"
    BOX = "box"
    MASK = "mask"
    REFERENCE = "reference"
    EXAMPLES = "examples"
    METADATA = "metadata"


class Gives(StrEnum):
    """What a labeler can answer with."""

    BOX = "box"
    MASK = "mask"
    POINT = "point"
    TAG = "tag"
    TEXT = "text"


class Task(StrEnum):
    """What is asked of it."""

    DETECT = "detect"
    SEGMENT = "segment"
    TAG = "tag"
    POINT = "point"
    CAPTION = "caption"
    OCR = "ocr"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights a labeler loads when its settings name none. default: hub id or "". license: SPDX name."""

    default: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True)
class LabelerSpec:
    """What a labeler is and needs.

    name: as on the command line. summary: one line for people. cues, gives: see the enums. scored: gives calibrated-ish
    scores. learns: PLUGIN has `fit`. needs: packages to import when it opens; extra: the extra that brings them. parts:
    capabilities of other labelers it is built on ("text-detector", "box-segmenter", "embedder"). needs_pixels: False = the
    engine does not decode. settings: name → one line of help, with the default in it; an unknown setting is refused.
    version: raised whenever the answers change. reference: paper or spec.
    """

    name: str
    summary: str
    cues: frozenset[Cue]
    gives: frozenset[Gives]
    scored: bool = True
    learns: bool = False
    needs: tuple[str, ...] = ()
    extra: str = ""
    parts: tuple[str, ...] = ()
    weights: Weights | None = None
    needs_pixels: bool = True
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str = "1"
    reference: str = ""


@dataclass(frozen=True, slots=True)
class AskedClass:
    """A class and the words to ask for it with."""

    name: str
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Click:
    """A click at (x, y) px; positive = belongs to the object."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True, slots=True)
class ImageCues:
    """What is told about one image: clicks, boxes (xyxy px), and masks from before."""

    clicks: tuple[Click, ...] = ()
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...] = ()
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """An example picture with the objects on it, for reference-driven labelers."""

    image: Image
    labeled: LabeledImage


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. cues: by image digest. question: for captions and answers."""

    task: Task
    classes: tuple[AskedClass, ...] = ()
    cues: Mapping[str, ImageCues] = field(default_factory=dict[str, ImageCues])
    references: tuple[Reference, ...] = ()
    question: str = ""

    @property
    def class_names(self) -> frozenset[str]:
        """The asked classes' names."""
        return frozenset(c.name for c in self.classes)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer for one image, in pixels of the upright image. Object ids stay "": the driver gives them.

    problem: why this image could not be looked at; then objects and tags are empty, and it does not count as looked at.
    """

    objects: tuple[Labeled, ...] = ()
    tags: tuple[Tag, ...] = ()
    problem: Problem | None = None


def ask_for(classes: Iterable[LabelClass], gives: frozenset[Gives]) -> Ask:
    """Asks for all the classes, with their phrases: for masks of a labeler that gives masks, else boxes, points, else tags."""
    order = ((Gives.MASK, Task.SEGMENT), (Gives.BOX, Task.DETECT), (Gives.POINT, Task.POINT), (Gives.TAG, Task.TAG))
    task = next((task for given, task in order if given in gives), Task.CAPTION)
    return Ask(task, tuple(AskedClass(c.name, c.asked_phrases) for c in classes))


class Labeler(Protocol):
    """An opened labeler. One thread at a time calls it."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Heavy imports and weights happen here and nowhere else. Raises MissingExtra, MissingWeights, UsageError."""
        ...

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """A batch in, a batch out, same order, same length. Must not change or keep the images."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TrainingExample:
    """One labeled image to learn from; `load` decodes it, so that many need not be in memory at once."""

    labeled: LabeledImage
    load: Callable[[], Image]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a fit may use. seconds: of wall time, a goal rather than a kill."""

    seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class OutOfSample:
    """What the learner says of one of its own training images when that image was held out."""

    image: ImageRef
    reply: Reply


@dataclass(frozen=True, slots=True)
class Artifact:
    """A trained thing on disk: folder with `card.json`, which names the labeler that opens it (setting ``model``).

    out_of_sample: held-out answers for (some of) the examples, for honest thresholds; () when the learner gives none.
    """

    folder: Path
    labeler: str
    out_of_sample: tuple[OutOfSample, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Learner(Protocol):
    """The other face of a labeler that learns: the same PLUGIN class has `fit`.

    One without settings of its own to learn with may leave `settings` out of the signature of `fit`; given any, it is not run.
    """

    @classmethod
    def fit(
        cls,
        examples: Iterable[TrainingExample],
        ask: Ask,
        folder: Path,
        budget: Budget,
        progress: Progress | None = None,
        *,
        settings: Settings | None = None,
    ) -> Artifact:
        """Learn from the examples and write the artifact into `folder` (empty, exists).

        settings: of those that SPEC.settings names, the ones that the person gave, checked for their names, and the opened
        parts under ``parts``; None or empty = all defaults. The artifact must remember those that its answers depend on: it is
        opened by its folder alone. No example: an artifact that proposes nothing. Raises UsageError for a value that is wrong.
        """
        ...
