"""COCO: one JSON file with images, annotations, categories (Lin et al., 2014; https://cocodataset.org/#format-data).

Read: boxes, polygons of several rings, run-length masks of both kinds, captions, image-level classes (``"image_level": true``),
keypoints (kept as the attribute ``keypoints``; one alone without an extent is a point), iscrowd (an attribute too), scores,
attributes as CVAT writes them, and results files (a bare list). Written: the same, with our object ids in ``firstpass_id`` and
tags in the image's ``firstpass_tags``, which other tools pass over. A category's ``description`` becomes the class's guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from firstpass.formats._coco_index import index_file
from firstpass.formats._coco_read import CocoReader
from firstpass.formats._coco_write import write_coco
from firstpass.formats._json_bytes import peek
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import LabeledImage

SPEC = FormatSpec(
    name="coco",
    title="COCO JSON (boxes, polygons, masks, captions)",
    target="file",
    losses=frozenset({Loss.HOLES, Loss.ROUNDING, Loss.CLASS_DETAILS, Loss.AUTHOR}),
    suffixes=(".json",),
    tolerance_px=1e-6,
    reference="https://cocodataset.org/#format-data",
)
_RESULT_KEYS = (b'"image_id"', b'"category_id"')


class Coco:
    """Reads and writes COCO files."""

    def sniff(self, path: Path) -> Sniff:
        """By the sections' names in the file's first and last 64 KiB."""
        head = peek(path)
        if head[:1] == b"[" and all(key in head for key in _RESULT_KEYS):
            return Sniff(0.8, "a list of detections with image_id and category_id")
        if head[:1] != b"{":
            return Sniff(0.0, "not a JSON object")
        text = head + _tail(path)
        found = [key for key in ("images", "annotations", "categories") if f'"{key}"'.encode() in text]
        records = any(key in text for key in (b'"image_id"', b'"file_name"', b'"category_id"'))
        if len(found) == 3:
            return Sniff(0.95, "has images, annotations and categories")
        if len(found) == 2 and records:
            return Sniff(0.8, f"has {' and '.join(found)}")
        if found and b'"file_name"' in text and b'"image_id"' in text:  # the other sections begin far from either end
            return Sniff(0.7, f"has {found[0]}, and records with file_name and image_id")
        return Sniff(0.0, "has no images, annotations and categories")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """The file is taken apart now and held as bytes; images are made as they are asked for."""
        index = index_file(path, context.class_names)
        return Reading(index.classes, CocoReader(index, context).items())

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """A class outside the ontology is a problem, its object left out."""
        return write_coco(path, images, context)


def _tail(path: Path, size: int = 65536) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read(size).replace(b"\0", b"")
    except OSError:
        return b""


PLUGIN = Coco()
