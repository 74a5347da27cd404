"""What one record of a COCO file holds, as far as Firstpass reads and writes it. Keys not named here are passed over.

Fields of our own, which other tools pass over: ``firstpass_id`` and ``text`` of annotations, ``firstpass_tags`` of images.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Id = int | float | str | None


class Head(Struct, gc=False):
    """The little of an annotation that is needed to put it in its place."""

    id: Id = None
    image_id: Id = None


class Annotation(Struct, gc=False):
    """An annotation, or an entry of a results file. bbox: x, y, width, height in pixels."""

    id: Id = None
    category_id: Id = None
    bbox: tuple[float, float, float, float] | None = None
    segmentation: Raw | UnsetType = UNSET
    iscrowd: Any = 0
    score: float | None = None
    image_level: Any = False
    attributes: dict[str, Any] | None = None
    keypoints: Raw | UnsetType = UNSET
    caption: Any = None
    text: Any = None
    utf8_string: Any = None
    firstpass_id: Any = None


class PlainAnnotation(Struct, gc=False):
    """A box with a class and perhaps a score, and nothing else that counts: anything more does not decode as one."""

    id: int
    category_id: int | str
    bbox: tuple[float, float, float, float]
    segmentation: tuple[()] | None = None
    iscrowd: Literal[0] | None = 0
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    firstpass_id: str | None = None
    image_level: None = None
    attributes: None = None
    keypoints: None = None
    caption: None = None
    text: None = None
    utf8_string: None = None


class PlainEntry(PlainAnnotation, gc=False):
    """A plain annotation and the image it belongs to."""

    image_id: Id = None


class ImageEntry(Struct, gc=False):
    """An entry of "images"."""

    id: Id = None
    file_name: str | None = None
    coco_url: Any = None
    width: int | float | None = None
    height: int | float | None = None
    firstpass_tags: Raw | UnsetType = UNSET


class Category(Struct):
    """An entry of "categories"."""

    id: Id = None
    name: Any = None
    description: Any = None


class TagEntry(Struct, omit_defaults=True):
    """A tag as our own files hold it."""

    name: str
    kind: str = "class"
    text: str | None = None
    score: float | None = None
    attributes: dict[str, str] = {}


class Segments(Struct):
    """A run-length mask. counts: compressed text, or runs."""

    size: tuple[int, int]
    counts: str | list[int]


class WrittenAnnotation(Struct, omit_defaults=True):
    """An annotation as we write it; the first seven are always there."""

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float
    iscrowd: int
    segmentation: Any
    firstpass_id: str = ""
    score: float | None = None
    text: str | None = None
    keypoints: Any = None
    num_keypoints: int | None = None
    attributes: dict[str, str] = {}


class WrittenImage(Struct, omit_defaults=True):
    """An image entry as we write it."""

    id: int
    file_name: str
    width: int
    height: int
    firstpass_tags: list[TagEntry] = []


TOP = msgspec.json.Decoder(dict[str, Raw])
RAWS = msgspec.json.Decoder(list[Raw])
PLAINS = msgspec.json.Decoder(list[PlainEntry])
HEADS = msgspec.json.Decoder(list[Head])
HEAD = msgspec.json.Decoder(Head)
ANNOTATION = msgspec.json.Decoder(Annotation)
IMAGE = msgspec.json.Decoder(ImageEntry)
CATEGORY = msgspec.json.Decoder(Category)
SEGMENTATION = msgspec.json.Decoder(list[list[float]] | Segments | None)
TAGS = msgspec.json.Decoder(list[TagEntry])
RECORD = msgspec.json.Decoder(dict[str, Any])
NUMBERS = msgspec.json.Decoder(list[float])
ENCODER = msgspec.json.Encoder()
