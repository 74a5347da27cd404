"""The second pass over a COCO file: image by image, its annotations decoded, checked and made into one LabeledImage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType

from firstpass.errors import Problem
from firstpass.formats._coco_fields import ANNOTATION, ENCODER, TAGS, Annotation, ImageEntry, TagEntry
from firstpass.formats._coco_index import CocoIndex, decode_record, repeated_keys
from firstpass.formats._coco_shapes import BadShape, keypoint_of, to_box, to_shape
from firstpass.formats._coco_units import boxes_of, fits_only_as_corners, is_fraction, present
from firstpass.formats._find import find_by_stem
from firstpass.formats._json_bytes import DECODE_ERRORS, plain
from firstpass.formats.base import ReadContext
from firstpass.labels import Box, ImageRef, Labeled, LabeledImage, ObjectId, PackedObjects, Point, Shape, Tag, stable_id
from firstpass.labels.validate import check_object

SAMPLE, MIN_SAMPLE = 300, 3
BATCH = 500  # images
_KEY = re.compile(r"\$\.(\w+)")
_OPTIONAL = {"score": "a number in 0..1", "attributes": "an object of names and values"}
_EXPECTED = {"bbox": "[x, y, width, height], four finite numbers", "category_id": "a number", "id": "a number"}


class _Refused(Exception):  # one annotation that cannot be taken; it never leaves this module
    def __init__(self, what: str, expected: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.expected, self.remedy = what, expected, remedy


@dataclass(eq=False, slots=True)
class _Made:
    """What one image has come to so far."""

    ref: ImageRef
    objects: list[Labeled] = field(default_factory=list[Labeled])
    tags: list[Tag] = field(default_factory=list[Tag])
    problems: list[Problem] = field(default_factory=list[Problem])


@dataclass(eq=False, slots=True)
class CocoReader:
    """Turns an index into labeled images and problems, once. prefix: of object ids. fractions: no box can be in pixels.

    fast: boxes that are plain and lie within their image are taken from the index's columns. That changes nothing but the time.
    """

    index: CocoIndex
    context: ReadContext
    prefix: str = ""
    fast: bool = True
    fractions: bool = False

    def items(self) -> Iterator[LabeledImage | Problem]:
        """The file's own problems first, then the images in the file's order, each after its problems, orphans last."""
        self.prefix = stable_id("coco", self.context.author.name, self.context.author.settings_digest)[:8]
        yield from self.index.problems
        yield from self._file_problems()
        used: dict[str, str] = {}
        for first in range(0, len(self.index.images), BATCH):
            yield from self._batch(first, used)
        for place in self.index.orphans.tolist():
            yield self._orphan(place)

    def _batch(self, first: int, used: dict[str, str]) -> Iterator[LabeledImage | Problem]:
        """BATCH images from `first` on. used: image name → the file's name for it, of all so far."""
        entries = self.index.images[first : first + BATCH]
        refs = [self._unused(entry, used) for entry in entries]
        starts = self.index.starts[first : first + len(entries) + 1]
        order = self.index.order[starts[0] : starts[-1]]
        sizes = [(0, 0) if isinstance(ref, Problem) else (ref.width_px, ref.height_px) for ref in refs]
        owned = np.repeat(np.asarray(sizes, np.float64), np.diff(starts), axis=0)
        places: list[int] = order.tolist()
        whole, good = self.index.plain.objects(order, self.prefix, owned)
        if not self.fast:
            good[:] = False
        are_good: list[bool] = good.tolist()
        author, simple = self.context.author, not self.index.plain.own_ids
        for ref, entry, (a, b) in zip(refs, entries, pairwise((starts - starts[0]).tolist()), strict=True):
            if isinstance(ref, Problem):
                yield ref
            elif simple and entry.firstpass_tags is UNSET and all(are_good[a:b]):
                yield LabeledImage(ref, author, whole.piece(a, b) if a < b else ())
            else:
                yield from self._labeled(ref, entry, places[a:b], whole.piece(a, b), are_good[a:b])

    def _unused(self, entry: ImageEntry, used: dict[str, str]) -> ImageRef | Problem:
        """The entry's image, unless an entry before it was the same."""
        name = entry.file_name or str(entry.id)
        ref = self._image(entry, name)
        if isinstance(ref, ImageRef) and used.setdefault(ref.name, name) != name:
            what = f"{name} is the same image as {used[ref.name]}"
            return Problem(f"{self.index.name}: image {name}", what, "one entry per image", "Its annotations were left out")
        return ref

    def _image(self, entry: ImageEntry, name: str) -> ImageRef | Problem:
        where = f"{self.index.name}: image {name}"
        if not self.index.results:
            width, height = entry.width or 0, entry.height or 0
            size = (round(width), round(height)) if width >= 1 and height >= 1 else None
            return self.context.image(name, where, size)
        found = self.context.images.find(name)
        if isinstance(found, Problem):
            stems = (name, f"{entry.id:012d}") if isinstance(entry.id, int) else (name,)
            found = find_by_stem(self.context, stems, where)
        if isinstance(found, ImageRef):
            return found
        what = f"image_id {entry.id} names no image of the project"
        remedy = "A results file can be read where its image ids are file names, with or without the suffix"
        return Problem(where, what, "a file name", remedy)

    def _labeled(
        self, ref: ImageRef, entry: ImageEntry, places: list[int], ready: PackedObjects, good: list[bool]
    ) -> Iterator[LabeledImage | Problem]:
        """One image. When all it has was refused it is not given out: it would pass for looked at and empty.

        ready: the annotations at these places as columns, right where `good` says so; the others are taken carefully.
        """
        made = _Made(ref)
        whole = all(good)
        if not whole:
            values = tuple(ready) if any(good) else ()
            for number, place in enumerate(places):
                if good[number]:
                    made.objects.append(values[number])
                    continue
                try:
                    self._take(ANNOTATION.decode(self.index.annotations[place]), place, made)
                except DECODE_ERRORS as error:
                    self._retake(error, place, made)
        elif self.index.plain.own_ids and len(set(ready.ids)) < len(ready):
            whole, made.objects = False, list(ready)
        self._stored_tags(entry, made)
        yield from made.problems
        if whole and places:
            yield LabeledImage(ref, self.context.author, ready, tuple(made.tags))
        elif made.objects or made.tags or not places:
            yield LabeledImage(ref, self.context.author, self._with_own_ids(made.objects, ref), tuple(made.tags))

    def _take(self, a: Annotation, place: int, made: _Made) -> None:
        """Any annotation at all, carefully; what it was refused for becomes a problem."""
        where = self._where(a, place)
        if self.index.watched and (keys := repeated_keys(self.index.annotations[place])):
            what = f"key {', '.join(map(repr, keys))} stands twice"
            made.problems.append(Problem(where, what, "each key once", "The last one was taken", "warning"))
        try:
            self._take_or_refuse(a, place, where, made)
        except _Refused as refused:
            made.problems.append(Problem(where, refused.what, refused.expected, refused.remedy))

    def _take_or_refuse(self, a: Annotation, place: int, where: str, made: _Made) -> None:
        has_shape = a.bbox is not None or present(a.segmentation) or present(a.keypoints)
        if isinstance(a.caption, str) and not has_shape:
            made.tags.append(Tag("", "caption", a.caption, _score(a, where, made)))
            return
        name = self.index.class_of.get(a.category_id)
        if name is None:
            raise _Refused(f'category_id {a.category_id} is not in "categories"', self._known_ids(), "Correct the file")
        attributes = _attributes(a)
        text = next((t for t in (a.text, a.utf8_string, a.caption) if isinstance(t, str)), None)
        if a.image_level is True:
            made.tags.append(Tag(name, "class", text, _score(a, where, made), attributes))
            return
        shape = self._shape(a, where, made)
        if shape is None or (self.fractions and isinstance(shape, Box)):
            return
        if not isinstance(shape, Point) and not isinstance(a.keypoints, UnsetType) and present(a.keypoints):
            attributes["keypoints"] = bytes(a.keypoints).decode()
        object_id = self._object_id(a, place, where, made)
        obj = Labeled(object_id, name, shape, _score(a, where, made), text, attributes)
        checked, problem = check_object(obj, made.ref, where)
        if problem is not None:
            made.problems.append(problem)
        if checked is not None:
            made.objects.append(checked)

    def _shape(self, a: Annotation, where: str, made: _Made) -> Shape | None:
        """Segmentation before bbox before a lone keypoint; a polygon that is none falls back to its bbox with a warning."""
        shape: Shape | None = None
        try:
            if not isinstance(a.segmentation, UnsetType):
                shape, remarks = to_shape(a.segmentation)
                for remark in remarks:
                    made.problems.append(Problem(where, remark, "rings of 3 or more points", "Check the outline", "warning"))
        except BadShape as error:
            if a.bbox is None or not error.rings:
                raise _Refused(str(error), "a mask or outline of this image", "Export it again, or redraw it") from None
            made.problems.append(Problem(where, str(error), "rings of 3 or more points", "Taken as its box", "warning"))
        if shape is not None:
            return shape
        no_extent = a.bbox is None or a.bbox[2] == a.bbox[3] == 0
        if no_extent and not isinstance(a.keypoints, UnsetType) and (point := keypoint_of(a.keypoints)) is not None:
            return point
        if a.bbox is None:
            raise _Refused("neither bbox nor segmentation", "one of them", "Export it again, or redraw it")
        try:
            return to_box(a.bbox)
        except BadShape as error:
            raise _Refused(str(error), "x, y, width, height in pixels", "Remove or redraw it") from None

    def _object_id(self, a: Annotation, place: int, where: str, made: _Made) -> ObjectId:
        if isinstance(a.firstpass_id, str) and a.firstpass_id:
            return ObjectId(a.firstpass_id)
        if place in self.index.doubles:
            what = f"annotation id {a.id} stands twice"
            made.problems.append(Problem(where, what, "one annotation per id", "The later one got another id", "warning"))
        elif isinstance(a.id, int):
            return ObjectId(f"{self.prefix}{a.id:08x}")
        elif a.id is not None:
            return stable_id(self.prefix, a.id)
        return ObjectId(f"{self.prefix}-{place:x}")

    def _retake(self, error: Exception, place: int, made: _Made) -> None:
        """An annotation that did not decode: what can be passed over is dropped from it, else it becomes a problem."""
        where = self.index.where(place)
        record = decode_record(self.index.annotations[place])
        if record is None:
            made.problems.append(Problem(where, plain(error), "an object", "Left out"))
            return
        found = _KEY.search(str(error))
        key = found.group(1) if found else ""
        what = f"{key} is {_short(record.get(key))}" if key in record else plain(error)
        if key in _OPTIONAL or (key == "bbox" and record["bbox"] == []):
            if key in _OPTIONAL:
                made.problems.append(Problem(where, what, _OPTIONAL[key], f"Taken without {key}", "warning"))
            del record[key]
            try:
                self._take(ANNOTATION.decode(ENCODER.encode(record)), place, made)
            except DECODE_ERRORS as other:
                made.problems.append(Problem(where, plain(other), "a COCO annotation", "Left out"))
            return
        made.problems.append(Problem(where, what, _EXPECTED.get(key, "a COCO annotation"), "Left out"))

    def _orphan(self, place: int) -> Problem:
        where, record = self.index.where(place), decode_record(self.index.annotations[place])
        if record is None:
            return Problem(where, "it cannot be read", "an object", "Left out")
        if record.get("image_id") is None:
            return Problem(where, "image_id is missing", 'an id in "images"', "Left out")
        return Problem(where, f'image_id {_short(record["image_id"])} is not in "images"', "a known id", "Left out")

    def _stored_tags(self, entry: ImageEntry, made: _Made) -> None:
        if isinstance(entry.firstpass_tags, UnsetType):
            return
        try:
            tags = [to_tag(t) for t in TAGS.decode(entry.firstpass_tags)]
        except DECODE_ERRORS as error:
            where = f"{self.index.name}: image {entry.file_name}"
            made.problems.append(Problem(where, f"firstpass_tags: {plain(error)}", "a list of tags", "Left out"))
            return
        made.tags.extend(tags)

    def _with_own_ids(self, objects: list[Labeled], ref: ImageRef) -> tuple[Labeled, ...]:
        """The objects, an id that another one of the image has replaced by a new one."""
        if len({o.id for o in objects}) == len(objects):
            return tuple(objects)
        seen: set[str] = set()
        own: list[Labeled] = []
        for i, obj in enumerate(objects):
            own.append(obj if obj.id not in seen else replace(obj, id=stable_id(self.prefix, ref.name, obj.id, i)))
            seen.add(obj.id)
        return tuple(own)

    def _where(self, a: Annotation, place: int) -> str:
        return f"{self.index.name}: annotation {f'no. {place + 1} of the list' if a.id is None else a.id}"

    def _known_ids(self) -> str:
        ids = list(self.index.class_of)
        if len(ids) > 12 and all(isinstance(i, int) for i in ids):
            return f"one of {len(ids)} ids from {ids[0]} to {ids[-1]}"
        return "one of " + ", ".join(map(str, ids[:12])) if ids else "categories, but there are none"

    def _file_problems(self) -> Iterator[Problem]:
        """Boxes that cannot be pixels (all in 0..1), or that look like left, top, right, bottom; judged by a sample first."""
        sample = list(islice(boxes_of(self.index), SAMPLE))
        self.fast = self.fast and not self.index.watched
        if not sample:
            return
        if all(is_fraction(box) for box, _ in sample) and all(is_fraction(box) for box, _ in boxes_of(self.index)):
            self.fractions, self.fast = True, False
            what = "all boxes lie within 0..1: these are shares of the image, not pixels"
            remedy = "No box was taken: multiply them by the images' width and height"
            yield Problem(self.index.name, what, "x, y, width, height in pixels", remedy)
            return
        odd = sum(fits_only_as_corners(box, entry) for box, entry in sample)
        if len(sample) >= MIN_SAMPLE and odd > len(sample) / 2:
            what = f"{odd} of the first {len(sample)} boxes reach outside their image, but fit as left, top, right, bottom"
            yield Problem(self.index.name, what, "x, y, width, height", "Check the file's box layout", "warning")


def to_tag(t: TagEntry) -> Tag:
    """A tag of our own files. Raises ValueError for an unknown kind or a score outside 0..1."""
    if t.kind not in ("class", "caption", "answer"):
        raise ValueError(f"tag kind {t.kind!r} is unknown")
    return Tag(t.name, t.kind, t.text, t.score, t.attributes)


def _score(a: Annotation, where: str, made: _Made) -> float | None:
    if a.score is None or 0 <= a.score <= 1:
        return a.score
    made.problems.append(Problem(where, f"score is {a.score:g}", "a number in 0..1", "Taken without a score", "warning"))
    return None


def _attributes(a: Annotation) -> dict[str, str]:
    found = {key: _text(value) for key, value in (a.attributes or {}).items()}
    if a.iscrowd in (1, True, "1"):
        found["iscrowd"] = "1"
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else ENCODER.encode(value).decode()


def _short(value: Any, limit: int = 80) -> str:
    text = ENCODER.encode(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
