"""Writes labeled images as one COCO file, in one pass and little memory: annotations as they come, images spooled behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Raw

from firstpass.errors import Problem
from firstpass.formats._atomic import atomic_file
from firstpass.formats._coco_fields import ENCODER, NUMBERS, TagEntry, WrittenAnnotation, WrittenImage
from firstpass.formats._coco_shapes import from_shape
from firstpass.formats._json_bytes import DECODE_ERRORS
from firstpass.formats._targets import ProblemList, unknown_class
from firstpass.formats.base import WriteContext, Written
from firstpass.labels import Labeled, LabeledImage, Point

BUFFER = 1 << 20


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
        for labeled in images:
            self._add(labeled)
        self.out.write(b'\n],\n"images":[')
        self.spool.seek(0)
        while chunk := self.spool.read(BUFFER):
            self.out.write(chunk)
        self.out.write(b"\n]}\n")
        return Written(self.images, self.objects, self.problems.all())

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
            image = ENCODER.encode(WrittenImage(number, ref.name, ref.width_px, ref.height_px, tags))
            lines = ENCODER.encode_lines(records)
        except UnicodeEncodeError:
            what = "a name or text holds characters that are not Unicode"
            self.problems.add(Problem(ascii(ref.name), what, "UTF-8", "The image was left out: rename it"))
            return
        if records:  # a line break inside a string is written as \n, so every real one ends a record
            self.out.write((b",\n" if self.objects else b"\n") + lines[:-1].replace(b"\n", b",\n"))
        self.spool.write((b",\n" if self.images else b"\n") + image)
        self.images, self.objects = number, self.objects + len(records)

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


def _keypoints(text: str) -> tuple[Raw, int] | None:
    """An attribute that holds COCO's keypoints, as it is, and how many are labeled; None when it holds something else."""
    try:
        values = NUMBERS.decode(text)
        if not values or len(values) % 3 or text != text.strip():
            return None
        return msgspec.Raw(text), sum(v > 0 for v in values[2::3])
    except DECODE_ERRORS:
        return None
