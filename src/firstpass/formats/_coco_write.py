"""Writes labeled images as one COCO file, in one pass and little memory: annotations as they come, images spooled behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby, islice, repeat
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from firstpass.atomic import atomic_file
from firstpass.errors import Problem
from firstpass.formats._coco_fields import ENCODER, NUMBERS, TagEntry, WrittenAnnotation, WrittenImage
from firstpass.formats._coco_shapes import from_shape
from firstpass.formats._json_bytes import DECODE_ERRORS
from firstpass.formats._targets import ProblemList, unknown_class
from firstpass.formats.base import WriteContext, Written
from firstpass.labels import Labeled, LabeledImage, PackedObjects, Point
from firstpass.labels.packed import concatenated

BUFFER, BATCH = 1 << 20, 500


def write_coco(path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
    """Category ids are places in the ontology from 1, image and annotation ids count from 1. Raises FormatError."""
    with (
        atomic_file(path) as temp,
        temp.open("wb", buffering=BUFFER) as out,
        tempfile.TemporaryFile(dir=temp.parent, buffering=BUFFER) as spool,
    ):
        return _Writer(out, spool, path.name, context).write(images)


class _Writer:
    def __init__(self, out: IO[bytes], spool: IO[bytes], name: str, context: WriteContext) -> None:
        self.out, self.spool, self.context = out, spool, context
        self.ids = {name: i for i, name in enumerate(context.ontology.names, 1)}
        self.images = self.objects = 0
        self.problems = ProblemList(name)

    def write(self, images: Iterable[LabeledImage]) -> Written:
        categories = [{"id": i, "name": name, "supercategory": ""} for name, i in self.ids.items()]
        info = {"description": "Exported by Firstpass", "version": "1"}
        self.out.write(b'{"info":' + ENCODER.encode(info) + b',\n"categories":' + ENCODER.encode(categories))
        self.out.write(b',\n"annotations":[')
        for packed, run in groupby(images, _is_packed):
            if packed:
                for batch in _batches(run):
                    self._add_packed(batch)
            else:
                for labeled in run:
                    self._add(labeled)
        self.out.write(b'\n],\n"images":[')
        self.spool.seek(0)
        while chunk := self.spool.read(BUFFER):
            self.out.write(chunk)
        self.out.write(b"\n]}\n")
        return Written(self.images, self.objects, self.problems.all())

    def _add_packed(self, batch: list[tuple[LabeledImage, PackedObjects]]) -> None:
        """Images of plain boxes, all at once from their columns, or one by one where something is to be told about them."""
        objects = concatenated([packed for _, packed in batch])
        category_of = np.asarray([self.ids.get(name, 0) for name in objects.class_names] or [0], np.int64)
        categories = category_of[objects.class_index]
        records = _records(objects, categories, [len(packed) for _, packed in batch], self.objects + 1, self.images + 1)
        sized = enumerate((labeled.image for labeled, _ in batch), self.images + 1)
        images = [WrittenImage(number, ref.name, ref.width_px, ref.height_px) for number, ref in sized]
        try:
            lines, heads = ENCODER.encode_lines(records), ENCODER.encode_lines(images)
        except UnicodeEncodeError:
            lines = heads = b""
        if not heads or not categories.all():
            for labeled, _ in batch:
                self._add(labeled)
            return
        self._put(lines, len(records), heads, len(images))

    def _put(self, records: bytes, objects: int, images: bytes, count: int) -> None:
        """Writes lines of JSON, a record each: line breaks within strings are escaped, so every real one ends a record."""
        if objects:
            self.out.write((b",\n" if self.objects else b"\n") + records[:-1].replace(b"\n", b",\n"))
        self.spool.write((b",\n" if self.images else b"\n") + images[:-1].replace(b"\n", b",\n"))
        self.images, self.objects = self.images + count, self.objects + objects

    def _add(self, labeled: LabeledImage) -> None:
        ref, number = labeled.image, self.images + 1
        tags = [TagEntry(t.name, t.kind, t.text, t.score, dict(t.attributes)) for t in labeled.tags]
        records: list[WrittenAnnotation] = []
        for obj in labeled.objects:
            where = f"{ref.name}: object {obj.id}"
            category_id = self.ids.get(obj.class_name)
            if category_id is None:
                self.problems.add(unknown_class(obj.class_name, where, self.context))
                continue
            try:
                records.append(self._record(obj, self.objects + len(records) + 1, number, category_id, labeled))
            except ValueError as error:
                self.problems.add(Problem(where, str(error), "a shape that COCO can hold", "Left out"))
        try:
            image = ENCODER.encode_lines([WrittenImage(number, ref.name, ref.width_px, ref.height_px, tags)])
            lines = ENCODER.encode_lines(records)
        except UnicodeEncodeError:
            what = "a name or text holds characters that are not Unicode"
            self.problems.add(Problem(ascii(ref.name), what, "UTF-8", "The image was left out: rename it"))
            return
        self._put(lines, len(records), image, 1)

    def _record(self, obj: Labeled, own_id: int, image_id: int, category_id: int, labeled: LabeledImage) -> WrittenAnnotation:
        bbox, area, segmentation = from_shape(obj.shape, labeled.image.height_px, labeled.image.width_px)
        out = WrittenAnnotation(own_id, image_id, category_id, bbox, area, 0, segmentation or [], obj.id, obj.score, obj.text)
        if obj.attributes:
            out.attributes = dict(obj.attributes)
            if out.attributes.get("iscrowd") == "1":
                out.iscrowd = 1
                del out.attributes["iscrowd"]
        if isinstance(obj.shape, Point):
            out.keypoints, out.num_keypoints = [obj.shape.x, obj.shape.y, 2], 1
        elif "keypoints" in out.attributes and (keypoints := _keypoints(out.attributes["keypoints"])) is not None:
            out.keypoints, out.num_keypoints = keypoints
            del out.attributes["keypoints"]
        return out


def _is_packed(labeled: LabeledImage) -> bool:
    return not labeled.tags and (isinstance(labeled.objects, PackedObjects) or not labeled.objects)


def _batches(images: Iterable[LabeledImage]) -> Iterator[list[tuple[LabeledImage, PackedObjects]]]:
    source, none = iter(images), PackedObjects((), (), (), (), ())
    while some := list(islice(source, BATCH)):
        yield [(item, item.objects if isinstance(item.objects, PackedObjects) else none) for item in some]


def _records(
    objects: PackedObjects, categories: NDArray[np.int64], counts: list[int], first_id: int, first_image: int
) -> list[WrittenAnnotation]:
    """The annotations of consecutive images, which own counts[0], counts[1], … of the objects."""
    owners = np.repeat(np.arange(first_image, first_image + len(counts)), counts)
    low, size = objects.xyxy_px[:, :2], objects.xyxy_px[:, 2:] - objects.xyxy_px[:, :2]
    scores = [None if score != score else score for score in objects.scores.tolist()]  # NaN: none
    return list(
        map(
            WrittenAnnotation,
            range(first_id, first_id + len(objects)),
            owners.tolist(),
            categories.tolist(),
            map(tuple, np.concatenate((low, size), axis=1).tolist()),
            (size[:, 0] * size[:, 1]).tolist(),
            repeat(0),
            repeat([]),
            objects.ids,
            scores,
        )
    )


def _keypoints(text: str) -> tuple[Raw, int] | None:
    """An attribute that holds COCO's keypoints, as it is, and how many are labeled; None when it holds something else."""
    try:
        values = NUMBERS.decode(text)
        if not values or len(values) % 3 or text != text.strip():
            return None
        return msgspec.Raw(text), sum(v > 0 for v in values[2::3])
    except DECODE_ERRORS:
        return None
