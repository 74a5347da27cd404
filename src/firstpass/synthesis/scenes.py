"""Made-up photographs of shop shelves with exact truth, for the demo, the documents and the tests: nobody's data, no license.

Packages of five classes stand side by side and behind each other, some damaged, some boards half bare; the truth is what can be
seen of each package, to the pixel. With them comes what a store might have reported, right most of the time.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.errors import UsageError
from firstpass.labels import (
    AttributeSpec,
    Author,
    Box,
    ImageRef,
    LabelClass,
    Labeled,
    LabeledImage,
    Mask,
    Ontology,
    Tag,
    geometry,
    rle,
    stable_id,
)  # fmt: skip
from firstpass.synthesis._camera import photograph
from firstpass.synthesis._catalog import CLASSES, catalog
from firstpass.synthesis._reports import DAMAGED, EMPTY, report_row
from firstpass.synthesis._shelf import Placed, build

OVERSAMPLE = 2  # scenes are drawn this many times larger, then photographed
LEAST_VISIBLE = 0.2  # a package of which less can be seen is not in the truth
OCCLUDED = 0.7  # a package of which less can be seen carries the attribute occluded = yes
LEAST_SIDE_PX = 6.0  # of 480 px picture height: slivers at the edge are not in the truth
AUTHOR = Author("file", "synthesis", "1")
GUIDES = {
    "box": "A carton with flat sides. The side face belongs to it.",
    "bottle": "A tall body with a neck. The cap belongs to it.",
    "can": "A metal cylinder with a lid seen as an ellipse.",
    "bag": "A soft pouch with crimped ends.",
    "jar": "A wide glass with a lid as wide as the body; lower than a bottle.",
}


@dataclass(frozen=True, slots=True)
class SceneSet:
    """A made-up data set on disk.

    folder: holds the JPEG files and `metadata.csv`. labeled: the truth as tight boxes around what can be seen; masks: the same
    objects, with the same ids, as pixels. tags: per image name what is true of the whole picture, of the classes `tag_classes`.
    metadata: per image name the row of the table at metadata_path.
    """

    folder: Path
    ontology: Ontology
    labeled: tuple[LabeledImage, ...]
    masks: tuple[LabeledImage, ...]
    tags: Mapping[str, tuple[Tag, ...]]
    metadata: Mapping[str, Mapping[str, str]]
    metadata_path: Path
    tag_classes: tuple[str, ...] = (EMPTY, DAMAGED)

    def __len__(self) -> int:
        return len(self.labeled)


def ontology() -> Ontology:
    """The five classes, with phrases, a labeling guide and the attributes occluded and condition."""
    attributes = (AttributeSpec("occluded", ("no", "yes"), "no"), AttributeSpec("condition", ("whole", "damaged"), "whole"))
    phrases = {"box": ("carton box",), "bag": ("snack bag",), "can": ("tin can",)}
    return Ontology(
        tuple(LabelClass(name, phrases.get(name, ()), attributes=attributes, guide=GUIDES[name]) for name in CLASSES)
    )


def make_scenes(folder: str | Path, count: int, *, seed: int = 0, size_wh_px: tuple[int, int] = (640, 480)) -> SceneSet:
    """Writes `count` pictures and their metadata into `folder`; the same arguments give the same bytes on one machine.

    The folder is created; files of the same names are replaced. count 0 gives an empty set. Raises UsageError for a negative
    count or a size outside 64..4096 px.
    """
    if count < 0 or not all(64 <= side <= 4096 for side in size_wh_px):
        raise UsageError(
            f"scenes need a count from 0 and sides of 64..4096 px, but got {count} of {size_wh_px[0]}x{size_wh_px[1]}"
        )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    products = catalog(seed)
    boxes: list[LabeledImage] = []
    masks: list[LabeledImage] = []
    tags: dict[str, tuple[Tag, ...]] = {}
    metadata: dict[str, dict[str, str]] = {}
    for index in range(count):
        rng = np.random.default_rng([seed, index, 11])
        shelf = build(products, size_wh_px[0] * OVERSAMPLE, size_wh_px[1] * OVERSAMPLE, rng)
        rgb, owner = photograph(shelf, size_wh_px, rng)
        ref = _write_picture(target, f"shelf_{index:04d}.jpg", rgb, rng)
        seen = _seen(owner, shelf.placed, ref)
        masks.append(LabeledImage(ref, AUTHOR, seen))
        boxes.append(LabeledImage(ref, AUTHOR, tuple(_as_box(obj) for obj in seen)))
        damaged = [obj.class_name for obj in seen if obj.attributes["condition"] == "damaged"]
        tags[ref.name] = tuple(Tag(name) for name, true in ((EMPTY, shelf.empty), (DAMAGED, bool(damaged))) if true)
        metadata[ref.name] = report_row(index, shelf.empty, damaged, rng)
    path = target / "metadata.csv"
    _write(path, _table(metadata))
    return SceneSet(target, ontology(), tuple(boxes), tuple(masks), tags, metadata, path)


def _write_picture(folder: Path, name: str, rgb: NDArray[np.uint8], rng: np.random.Generator) -> ImageRef:
    quality = int(rng.integers(78, 95))
    done, coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise UsageError(f"{name}: OpenCV here cannot write JPEG; install opencv-python-headless from PyPI")
    content = coded.tobytes()
    path = folder / name
    _write(path, content)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return ImageRef(digest, str(path), name, rgb.shape[1], rgb.shape[0])


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    os.replace(temporary, path)  # noqa: PTH105  # the same call as everywhere in this house


def _seen(owner: NDArray[np.int16], placed: list[Placed], ref: ImageRef) -> tuple[Labeled, ...]:
    """What can be seen of each package, from left to right, as masks."""
    counts = np.bincount(owner.ravel(), minlength=len(placed) + 1)
    least_px = LEAST_SIDE_PX * ref.height_px / 480
    found: list[tuple[float, float, Labeled]] = []
    for number, package in enumerate(placed, start=1):
        share = counts[number] * OVERSAMPLE**2 / max(1, package.drawn_px)
        if share < LEAST_VISIBLE or counts[number] == 0:
            continue
        mask = rle.encode(owner == number)
        box = geometry.bounds(mask)
        if min(box.width_px, box.height_px) < least_px:
            continue
        attributes = {"occluded": "yes" if share < OCCLUDED else "no", "condition": "damaged" if package.damaged else "whole"}
        object_id = stable_id(AUTHOR.name, ref.digest, number)
        found.append(
            (round(box.y2 / ref.height_px * 6), box.x1, Labeled(object_id, package.class_name, mask, attributes=attributes))
        )
    return tuple(labeled for _, _, labeled in sorted(found, key=lambda item: item[:2]))


def _as_box(obj: Labeled) -> Labeled:
    assert isinstance(obj.shape, Mask)
    return Labeled(obj.id, obj.class_name, Box(*rle.bounding_xyxy(obj.shape)), attributes=obj.attributes)


def _table(metadata: Mapping[str, Mapping[str, str]]) -> bytes:
    out = io.StringIO()
    columns = ["image", "store", "aisle", "day", "report"]
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for name, row in metadata.items():
        writer.writerow({"image": name, **row})
    return out.getvalue().encode("utf-8")
