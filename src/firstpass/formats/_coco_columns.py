"""The plain boxes of a COCO file as columns: decoded many records at a time, so that a million of them take a second.

A record is plain when it decodes as a `PlainEntry`. Where one of many does not, the many are split until it stands alone; it is
then left to the careful reader, which tells what is odd about it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from firstpass.formats._coco_fields import PLAINS, PlainEntry
from firstpass.formats._json_bytes import DECODE_ERRORS
from firstpass.labels import ObjectId, PackedObjects

SPLIT = 40


@dataclass(eq=False, slots=True)
class PlainColumns:
    """What the plain ones among n records hold, by their places in the file.

    names: a table of class names. plain: bool (n,). class_index: int64 (n,), -1 = unknown category. xywh_px: float64 (n, 4).
    scores: float64 (n,), NaN = none. ids: int64 (n,), the records' own. own_ids: place → the object id that the record gives.
    """

    names: tuple[str, ...]
    category_of: Mapping[Hashable, int]
    plain: NDArray[np.bool_]
    class_index: NDArray[np.int64]
    xywh_px: NDArray[np.float64]
    scores: NDArray[np.float64]
    ids: NDArray[np.int64]
    own_ids: dict[int, str] = field(default_factory=dict[int, str])

    @classmethod
    def empty(cls, count: int, class_of: Mapping[Hashable, str]) -> PlainColumns:
        """Columns of n records, none of them plain yet. class_of: category id → class name."""
        names = tuple(dict.fromkeys(class_of.values()))
        category_of = {key: names.index(name) for key, name in class_of.items()}
        return cls(
            names,
            category_of,
            np.zeros(count, np.bool_),
            np.full(count, -1, np.int64),
            np.zeros((count, 4)),
            np.full(count, np.nan),
            np.zeros(count, np.int64),
        )

    def take(self, text: bytes, records: Sequence[Raw], start: int) -> list[PlainEntry] | None:
        """Takes in the plain ones of the records. text: all of them as a JSON list. The entries if all are plain, else None."""
        try:
            entries = PLAINS.decode(text)
            self.ids[start : start + len(entries)] = [entry.id for entry in entries]
        except (*DECODE_ERRORS, OverflowError):
            if len(records) > 1:
                size = max(1, len(records) // SPLIT)
                for first in range(0, len(records), size):
                    part = records[first : first + size]
                    self.take(b"[" + b",".join(part) + b"]", part, start + first)
            return None
        if len(entries) != len(records):
            return None
        self._fill(entries, slice(start, start + len(entries)))
        return entries

    def _fill(self, entries: list[PlainEntry], at: slice[int, int, None]) -> None:
        self.plain[at] = True
        find = self.category_of.get
        self.class_index[at] = [find(entry.category_id, -1) for entry in entries]
        flat = np.fromiter(chain.from_iterable([entry.bbox for entry in entries]), np.float64, 4 * len(entries))
        self.xywh_px[at] = flat.reshape(-1, 4)
        scores = [entry.score for entry in entries]
        if scores.count(None) < len(scores):
            self.scores[at] = [np.nan if score is None else score for score in scores]
        given = [entry.firstpass_id for entry in entries]
        if given.count(None) < len(given):
            self.own_ids.update((at.start + place, own) for place, own in enumerate(given) if own)

    def objects(
        self, places: NDArray[np.int64], prefix: str, sizes_wh_px: NDArray[np.float64]
    ) -> tuple[PackedObjects, NDArray[np.bool_]]:
        """The records at these places as objects, and which are good: plain, of a known class, inside their image.

        prefix: of object ids, 8 hexadecimal digits. sizes_wh_px: float64 (n, 2) of each one's image. What is not good is an
        empty box of the first class.
        """
        xywh = self.xywh_px[places]
        low, high = xywh[:, :2], xywh[:, :2] + xywh[:, 2:]
        index = self.class_index[places]
        good = self.plain[places] & (index >= 0) & ((low >= 0) & (low < high) & (high <= sizes_wh_px)).all(axis=1)
        xyxy = np.where(good[:, None], np.concatenate((low, high), axis=1), 0.0)
        ids = self._object_ids(places, prefix)
        return PackedObjects.unchecked(self.names or ("",), np.where(good, index, 0), self.scores[places], xyxy, ids), good

    def _object_ids(self, places: NDArray[np.int64], prefix: str) -> tuple[ObjectId, ...]:
        """The prefix and at least 8 digits of each record's id, or the id of ours that it gives."""
        own = self.ids[places]
        if own.size and own.min() >= 0 and own.max() < 1 << 32:  # a whole number of bytes each, so all are written at once
            both = own.astype(np.uint64) + np.uint64(int(prefix, 16) << 32)
            ids = both.astype(">u8").tobytes().hex(",", 8).split(",")
        else:
            ids = [f"{prefix}{number:08x}" for number in own.tolist()]
        if self.own_ids:
            find = self.own_ids.get
            ids = [find(place, text) for place, text in zip(places.tolist(), ids, strict=True)]
        return tuple(map(ObjectId, ids))
