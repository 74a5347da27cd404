"""What one author says about one image: the one type that every labeler, person, file and stage speaks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NewType

from firstpass.labels.shapes import Shape

if TYPE_CHECKING:
    from firstpass.labels.packed import PackedObjects

ObjectId = NewType("ObjectId", str)
AuthorKind = Literal["human", "labeler", "file"]
TagKind = Literal["class", "caption", "answer"]


def _no_attributes() -> dict[str, str]:
    return {}  # ten times quicker than calling `dict[str, str]`


def stable_id(*parts: object) -> ObjectId:
    """A 16-digit hex id that is the same whenever the parts are: a resumed or repeated run writes the same ids."""
    text = "\x1f".join(map(str, parts))
    return ObjectId(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())


@dataclass(frozen=True, slots=True)
class ImageRef:
    """Which image is meant.

    digest: blake2b-128 hex of the file's bytes ("" when the file was never seen). uri: local path or fsspec URL.
    name: path relative to the image folder, with forward slashes. width_px, height_px: upright (EXIF applied).
    """

    digest: str
    uri: str
    name: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Author:
    """Who says it: a person, a labeler or an imported file. version, run_id and settings_digest may be empty."""

    kind: AuthorKind
    name: str
    version: str = ""
    run_id: str = ""
    settings_digest: str = ""


@dataclass(frozen=True, slots=True)
class Labeled:
    """One object in one image.

    id: stable, a correction keeps it, so before and after can be matched. A labeler leaves it empty; the driver fills it.
    score: 0..1, or None = not a guess (human, file); never a made-up 1.0. text: OCR transcription or region caption.
    attributes: free string pairs. Raises ValueError for a score outside 0..1.
    """

    id: ObjectId
    class_name: str
    shape: Shape
    score: float | None = None
    text: str | None = None
    attributes: Mapping[str, str] = field(default_factory=_no_attributes)

    def __post_init__(self) -> None:
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score must be in 0..1, but got {self.score}")


@dataclass(frozen=True, slots=True)
class Tag:
    """One statement about the whole image: a class, a caption or an answer to a question.

    kind "class": name is the class. "caption": text is the caption, name may be empty. "answer": name is the question,
    text the answer. attributes: e.g. ``{"rule": "..."}``, which rule fired. Raises ValueError for a score outside 0..1.
    """

    name: str
    kind: TagKind = "class"
    text: str | None = None
    score: float | None = None
    attributes: Mapping[str, str] = field(default_factory=_no_attributes)

    def __post_init__(self) -> None:
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score must be in 0..1, but got {self.score}")


@dataclass(frozen=True, slots=True)
class LabeledImage:
    """What ONE author says about ONE image. objects = () means: looked and found none; not looked = no LabeledImage.

    objects: a tuple, or, equal to it, plain boxes held as columns (:mod:`firstpass.labels.packed`), as files and stores give.
    """

    image: ImageRef
    author: Author
    objects: tuple[Labeled, ...] | PackedObjects
    tags: tuple[Tag, ...] = ()
