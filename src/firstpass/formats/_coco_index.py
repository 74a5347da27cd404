"""The first pass over a COCO file: what lies where, which annotation belongs to which image, and what is wrong with the file.

Plain boxes are decoded here, many at a time. Of other annotations only the ids are: they stay bytes of the one buffer that
holds the file, so they cost little memory, and one that is broken is found when its image's turn comes and hurts no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from firstpass.errors import FormatError, Problem
from firstpass.formats._coco_columns import PlainColumns
from firstpass.formats._coco_fields import CATEGORY, HEAD, HEADS, IMAGE, RAWS, RECORD, TOP, Head, Id, ImageEntry, PlainEntry
from firstpass.formats._json_bytes import DECODE_ERRORS, decode_tolerantly, plain, read_bytes
from firstpass.labels import LabelClass

CHUNK = 4_000  # records decoded at a time: few enough to stay in the processor's cache
SPARSE = 20
WATCHED_KEYS = (b'"bbox"', b'"category_id"', b'"image_id"', b'"segmentation"')


@dataclass(eq=False, slots=True)
class CocoIndex:
    """A COCO file taken apart.

    class_of: category id → class name. annotations: raw records. order: their places, grouped by image; starts: image i owns
    order[starts[i]:starts[i + 1]]. orphans: places of those without an image. doubles: places whose id came before.
    plain: those that are boxes and no more, taken in already, but for the doubles.
    results: a bare list of detections. watched: a key stands more often than there are records, so one may hold it twice.
    """

    name: str
    classes: tuple[LabelClass, ...] = ()
    class_of: dict[Hashable, str] = field(default_factory=dict[Hashable, str])
    images: list[ImageEntry] = field(default_factory=list[ImageEntry])
    annotations: list[Raw] = field(default_factory=list[Raw])
    order: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    orphans: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    doubles: frozenset[int] = frozenset()
    plain: PlainColumns = field(default_factory=lambda: PlainColumns.empty(0, {}))
    problems: list[Problem] = field(default_factory=list[Problem])
    results: bool = False
    watched: bool = False

    def where(self, place: int) -> str:
        """The words for an annotation: by its id, else by its place from 1."""
        record = decode_record(self.annotations[place])
        if record is not None and isinstance(record.get("id"), int | str | float):
            return f"{self.name}: annotation {record['id']}"
        return f"{self.name}: annotation no. {place + 1} of the list"


def index_file(path: Path, class_names: Sequence[str]) -> CocoIndex:
    """Takes a file apart. class_names: the project's, for results files, which hold numbers only.

    Raises FormatError when it is not JSON, or JSON of another kind.
    """
    data = read_bytes(path)
    index = CocoIndex(path.name)
    if data.lstrip()[:1] == b"[":
        _index_results(path, data, index, class_names)
    else:
        _index_dataset(path, data, index)
    return index


def decode_record(raw: Raw | bytes) -> dict[str, Any] | None:
    """The record as plain values, None when it is broken or no object."""
    try:
        return RECORD.decode(raw)
    except DECODE_ERRORS:
        return None


def repeated_keys(raw: Raw) -> list[str]:
    """The keys that stand twice in one object of the record (JSON readers keep the last and say nothing)."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = [key for key, _ in pairs]
        found.extend(key for key in dict.fromkeys(names) if names.count(key) > 1)

    try:
        json.loads(bytes(raw), object_pairs_hook=look)
    except DECODE_ERRORS:
        return []
    return found


def _index_dataset(path: Path, data: bytes, index: CocoIndex) -> None:
    try:
        top, data = decode_tolerantly(path, data, TOP)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: not a COCO file: {plain(error)} (expected an object or a list)") from error
    _repeated_sections(data, top, index)
    for key in ("images", "annotations"):
        if key not in top:
            held = ", ".join(list(top)[:8]) or "nothing"
            what = f'no "{key}" in the file (it holds: {held})'
            raise FormatError(f"{path}: {what}. A COCO file has images, annotations and categories")
    index.annotations = _records(path, top["annotations"], "annotations")
    _read_categories(path, top.get("categories"), index)
    places = _read_images(_records(path, top["images"], "images"), index)
    _group(index, places)


def _index_results(path: Path, data: bytes, index: CocoIndex, class_names: Sequence[str]) -> None:
    try:
        index.annotations, _ = decode_tolerantly(path, data, RAWS)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: not a COCO results file: {plain(error)}") from error
    first = decode_record(index.annotations[0]) if index.annotations else {}
    if first is None or (first and "image_id" not in first):
        expected = "a list of records with image_id, category_id, bbox, score"
        raise FormatError(f"{path}: not a COCO results file (expected {expected})")
    index.results = True
    index.classes = tuple(LabelClass(name) for name in dict.fromkeys(class_names))
    index.class_of = {i: c.name for i, c in enumerate(index.classes, 1)}
    _group(index, {})


def _records(path: Path, raw: Raw, key: str) -> list[Raw]:
    try:
        return RAWS.decode(raw)
    except DECODE_ERRORS as error:
        raise FormatError(f'{path}: "{key}" is not a list: {plain(error)}') from error


def _read_categories(path: Path, raw: Raw | None, index: CocoIndex) -> None:
    if raw is None:
        first = decode_record(index.annotations[0]) if index.annotations else None
        if first is not None and "category_id" in first:
            raise FormatError(f'{path}: no "categories" in the file, so its numbers name no class. Export it again with them')
        return
    classes: dict[str, LabelClass] = {}
    for place, record in enumerate(_records(path, raw, "categories"), 1):
        where = f"{index.name}: category no. {place} of the list"
        try:
            category = CATEGORY.decode(record)
        except DECODE_ERRORS as error:
            index.problems.append(Problem(where, plain(error), "an object with id and name", "Correct the category"))
            continue
        name = category.name
        if not isinstance(name, str) or not name.strip():
            index.problems.append(Problem(where, f"name is {name!r}", "a name", "Its annotations were left out"))
            continue
        if category.id in index.class_of:
            what = f"category id {category.id} stands twice ({index.class_of[category.id]!r}, {name!r})"
            index.problems.append(Problem(where, what, "one category per id", "The first was taken"))
            continue
        if name in classes:
            what = f"name {name!r} stands twice"
            index.problems.append(Problem(where, what, "one category per name", "Both were taken as one class", "warning"))
        index.class_of[category.id] = name
        guide = category.description if isinstance(category.description, str) else ""
        classes.setdefault(name, LabelClass(name, guide=guide))
    index.classes = tuple(classes.values())


def _read_images(records: list[Raw], index: CocoIndex) -> dict[Hashable, int]:
    """Fills index.images; image id → place in it."""
    places: dict[Hashable, int] = {}
    by_name: dict[str, int] = {}
    for number, record in enumerate(records, 1):
        where = f"{index.name}: image no. {number} of the list"
        try:
            entry = IMAGE.decode(record)
        except DECODE_ERRORS as error:
            index.problems.append(Problem(where, plain(error), "an object with id, file_name, width, height"))
            continue
        if entry.file_name is None and isinstance(entry.coco_url, str):
            entry.file_name = entry.coco_url.rsplit("/", 1)[-1]
        if entry.id is None or not entry.file_name:
            index.problems.append(Problem(where, "id or file_name is missing", "both", "Its annotations were left out"))
            continue
        if entry.id in places:
            other = index.images[places[entry.id]].file_name
            what = f"image id {entry.id} stands twice ({other}, {entry.file_name})"
            same = other == entry.file_name
            remedy = "" if same else "Annotations of this id were given to the first; check them"
            index.problems.append(Problem(where, what, "one image per id", remedy, "warning" if same else "error"))
            continue
        if entry.file_name in by_name:
            what = f"file name {entry.file_name} stands twice, with other ids"
            remedy = "Taken as one image with the annotations of both"
            index.problems.append(Problem(where, what, "one entry per image", remedy, "warning"))
            places[entry.id] = by_name[entry.file_name]
            continue
        places[entry.id] = by_name[entry.file_name] = len(index.images)
        index.images.append(entry)
    return places


def _group(index: CocoIndex, places: dict[Hashable, int]) -> None:
    """Gives every annotation to its image. Results files have no images: each image_id makes one."""
    owners = np.full(len(index.annotations), -1, np.int64)
    index.plain = PlainColumns.empty(len(index.annotations), index.class_of)
    odd_ids: dict[int, Id] = {}
    numbers = _Numbers.of(places)
    counts = [0] * len(WATCHED_KEYS)
    texts = {str(key): place for key, place in places.items()}
    for start in range(0, len(index.annotations), CHUNK):
        records = index.annotations[start : start + CHUNK]
        text = b",".join(records)
        counts = [n + text.count(key) for n, key in zip(counts, WATCHED_KEYS, strict=True)]
        text = b"[" + text + b"]"
        heads: Sequence[Head | PlainEntry] | None = index.plain.take(text, records, start)
        if heads is None:
            heads = _heads(text, records)
            odd_ids.update((start + place, head.id) for place, head in enumerate(heads))
        if index.results:
            _add_images(heads, index, places)
            texts = {}
        wanted = [head.image_id for head in heads]
        found = None if index.results else numbers.find(wanted)
        if found is None:
            found = [places.get(own_id, -1) for own_id in wanted]
            if -1 in found:  # ids that are numbers on one side and texts on the other
                found = [texts.get(str(own_id), -1) if at < 0 else at for at, own_id in zip(found, wanted, strict=True)]
        owners[start : start + CHUNK] = found
    index.watched = any(n > len(index.annotations) for n in counts)
    index.doubles = _doubles(index.plain.ids, odd_ids)
    index.plain.plain[list(index.doubles)] = False
    order = np.argsort(owners, kind="stable").astype(np.int64)
    starts = np.searchsorted(owners[order], np.arange(len(index.images) + 1))
    index.orphans, index.order, index.starts = order[: starts[0]], order, starts.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """Image ids that are numbers, as a table of their images' places from the lowest id on, -1 = no such id."""

    first: int
    table: NDArray[np.int64]

    @classmethod
    def of(cls, places: dict[Hashable, int]) -> _Numbers:
        """Of the ids that are ints; of none where they lie too far apart for a table."""
        ids = [key for key in places if type(key) is int]
        first, last = min(ids, default=0), max(ids, default=0)
        if last - first > SPARSE * len(ids) or first < 0 or last >= 1 << 62:
            return cls(0, np.zeros(0, np.int64))
        table = np.full(last - first + 1, -1, np.int64)
        table[np.asarray(ids, np.int64) - first] = [places[key] for key in ids]
        return cls(first, table)

    def find(self, wanted: Sequence[Id]) -> NDArray[np.int64] | None:
        """The place of each id; None where one of them is no int or is not there."""
        if set(map(type, wanted)) != {int}:
            return None
        asked = np.asarray(wanted)
        if asked.dtype != np.int64 or asked.min() < self.first or asked.max() - self.first >= len(self.table):
            return None
        found = self.table[asked - self.first]
        return None if (found < 0).any() else found


def _heads(text: bytes, records: list[Raw]) -> list[Head]:
    """The records' ids, all at once where they are whole, else one by one, with None for what is broken."""
    with suppress(*DECODE_ERRORS):
        return HEADS.decode(text)
    heads: list[Head] = []
    for record in records:
        try:
            heads.append(HEAD.decode(record))
        except DECODE_ERRORS:
            given = (decode_record(record) or {}).get("image_id")
            heads.append(Head(None, given if isinstance(given, int | str) else None))
    return heads


def _add_images(heads: Sequence[Head | PlainEntry], index: CocoIndex, places: dict[Hashable, int]) -> None:
    for head in heads:
        if isinstance(head.image_id, int | str) and head.image_id not in places:
            places[head.image_id] = len(index.images)
            index.images.append(ImageEntry(head.image_id))


def _doubles(plain_ids: NDArray[np.int64], odd_ids: dict[int, Id]) -> frozenset[int]:
    """The places of those ids that came before. odd_ids: by place, those that hold in place of plain_ids."""
    if not odd_ids and ((plain_ids[1:] > plain_ids[:-1]).all() or len(np.unique(plain_ids)) == len(plain_ids)):
        return frozenset()
    ids: list[Id] = plain_ids.tolist()
    for place, own_id in odd_ids.items():
        ids[place] = own_id
    seen: set[Id] = {None}
    doubles: set[int] = set()
    for place, own_id in enumerate(ids):
        if own_id in seen and own_id is not None:
            doubles.add(place)
        seen.add(own_id)
    return frozenset(doubles)


def _repeated_sections(data: bytes, top: dict[str, Raw], index: CocoIndex) -> None:
    """A problem for every section that the file holds twice: readers of JSON keep the last without a word.

    Values kept are slices of `data`; what lies between them must be their keys only, else a section was dropped there.
    """
    base = np.frombuffer(data, np.uint8).ctypes.data
    spans = sorted((np.frombuffer(raw, np.uint8).ctypes.data - base, memoryview(raw).nbytes) for raw in top.values())
    end, gaps = 0, list[bytes]()
    for start, size in spans:
        if not end <= start <= len(data) - size:
            return
        gaps.append(data[end:start])
        end = start + size
    between = b"".join(gaps)
    for key in top:
        pattern = re.escape(json.dumps(key, ensure_ascii=False).encode("utf-8", "replace")) + rb"\s*:"
        if len(re.findall(pattern, between)) > 1:
            what = f'the section "{key}" stands more than once'
            index.problems.append(Problem(index.name, what, "one", "Only the last was read: join them by hand"))
