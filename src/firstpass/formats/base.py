"""The format contract: one file per format, with ``SPEC = FormatSpec(...)`` and ``PLUGIN = TheClass()``.

A format reads a file or folder into labeled images, and writes labeled images into one. Errors in the data are values:
a reading yields problems between the good records and goes on. What a format cannot hold it declares in ``SPEC.losses``;
the conformance suite holds it to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from firstpass.errors import Problem
from firstpass.labels import Author, ImageRef, LabelClass, LabeledImage, Ontology


class Loss(StrEnum):
    """What does not survive writing and reading again."""

    OBJECT_IDS = "object ids"
    SCORES = "scores"
    TEXT = "object texts"
    ATTRIBUTES = "attributes"
    TAGS = "tags"
    TAG_DETAILS = "tag scores, texts and attributes"
    EMPTY_IMAGES = "images looked at and found empty"
    BOXES = "boxes"
    POLYGONS = "polygons (become boxes)"
    HOLES = "holes and several parts (become masks or a single ring, see the format's page)"
    MASKS = "masks (become polygons or boxes)"
    POINTS = "points"
    SUBPIXEL = "fractions of a pixel"
    ROUNDING = "digits beyond those the format writes"
    CLASS_DETAILS = "phrases, colors, attributes and guide of classes"
    AUTHOR = "who said it"
    IMAGE_SIZE = "the image's size"


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """What a format is and what it cannot hold.

    name: as on the command line. title: for people. target: "file" or "folder". suffixes: of a file target. losses: see Loss.

    tolerance_px: how far a coordinate may move in a round trip, in pixels of an image of 1000 px (0 = exact).
    """

    name: str
    title: str
    target: str
    losses: frozenset[Loss]
    suffixes: tuple[str, ...] = ()
    tolerance_px: float = 0.0
    reads: bool = True
    writes: bool = True
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Sniff:
    """How sure a format is that a path is its own: 0 = no, 1 = certain; and why."""

    confidence: float
    reason: str


class ImageFinder(Protocol):
    """Finds the project's image that a label file means."""

    def find(self, name: str) -> ImageRef | Problem:
        """By name relative to the image folder; else by its last parts, where they are unique; else a Problem (no `where`)."""
        ...


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a reader is given.

    images: finds the image meant. author: who the layer's author will be. class_names: the project's classes, for formats
    that hold only numbers (empty = unknown). declared: told of every image that the file declares with a size and `find`
    does not know; its answer is used instead (the stage may register a placeholder), a Problem refuses it.
    """

    images: ImageFinder
    author: Author
    class_names: Sequence[str] = ()
    declared: Callable[[str, int, int], ImageRef | Problem] | None = None

    def image(self, name: str, where: str, size_wh_px: tuple[int, int] | None = None) -> ImageRef | Problem:
        """The image meant by `name`, or a Problem placed at `where`. size_wh_px: width and height as the file declares them."""
        found = self.images.find(name)
        if isinstance(found, Problem) and size_wh_px and self.declared is not None:
            found = self.declared(name, *size_wh_px)
        if isinstance(found, Problem):
            return Problem(where, found.what, found.expected, found.remedy, found.severity)
        if size_wh_px and size_wh_px != (found.width_px, found.height_px) and found.width_px > 0:
            said, true = f"{size_wh_px[0]}x{size_wh_px[1]}", f"{found.width_px}x{found.height_px}"
            remedy = "Labels may lie wrong (another version of the image, or EXIF rotation not applied): check the file"
            return Problem(where, f"{name} is {said} px in the file", f"{true} px, the image's upright size", remedy)
        return found


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says. classes: as the file declares them, in its order. items: lazily, once: labeled images and problems.

    An image that the file declares and gives nothing for comes as a LabeledImage with no objects (looked, found none).
    """

    classes: tuple[LabelClass, ...]
    items: Iterator[LabeledImage | Problem]


@dataclass(frozen=True, slots=True)
class WriteContext:
    """What a writer is given.

    ontology: classes and their order. copy_image: puts the image's file at the given path, for formats that carry images
    (None = images stay where they are). splits: image name → "train" | "val" | "test"; images not in it go to "train".
    """

    ontology: Ontology
    copy_image: Callable[[ImageRef, Path], Problem | None] | None = None
    splits: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written, and what could not be written as it was."""

    images: int
    objects: int
    problems: tuple[Problem, ...] = ()


class Format(Protocol):
    """A plug-in's PLUGIN: an object without state."""

    def sniff(self, path: Path) -> Sniff:
        """Looks at names and the first kilobytes only; never raises for a bad file."""
        ...

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Raises FormatError only when nothing at all can be read, with what, where, expected, remedy."""
        ...

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Writes whole or not at all: into a temporary neighbor, renamed at the end.

        Raises FormatError when the target is refused.
        """
        ...
