"""A layer's objects as arrays, for grids, histograms and thresholds over a million of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from firstpass.errors import StoreCorrupt
from firstpass.store import schema
from firstpass.store.blocks import RESTORE, BlockError, unpack_blocks
from firstpass.store.connect import plain_rows
from firstpass.store.names import all_classes

PAGE = 5_000  # looks taken apart at a time


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """n objects. image_names, object_ids, class_names: (n,) of str; scores float32 (n,), NaN = none; xyxy_px float32 (n, 4).

    The box of a shape that is no box is its bounds.
    """

    image_names: NDArray[np.object_]
    object_ids: NDArray[np.object_]
    class_names: NDArray[np.object_]
    scores: NDArray[np.float32]
    xyxy_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects: of these classes, of a score between these (ends included), the first so many; None = any."""

    class_names: Sequence[str] | None = None
    min_score: float | None = None
    max_score: float | None = None
    limit: int | None = None


def read_table(connection: Connection, layer_key: int, wanted: Wanted, where: str) -> ObjectTable:
    """The layer's current objects that are wanted, by image name and place; see `Layer.table`. Raises StoreCorrupt."""
    i, lo = schema.images, schema.looks
    classes = all_classes(connection)
    names = wanted.class_names
    class_keys = None if names is None else [key for key, name in classes.items() if name in set(names)]
    query = select(i.c.name, lo.c.block).join_from(lo, i).where(lo.c.layer_id == layer_key, schema.IS_CURRENT, lo.c.objects > 0)
    rows = plain_rows(connection, query.order_by(i.c.name), PAGE)
    parts: list[ObjectTable] = []
    count = 0
    for page in rows if wanted.limit is None or wanted.limit > 0 else ():
        left = None if wanted.limit is None else wanted.limit - count
        try:
            part = _part(page, classes, class_keys, wanted, left)
        except BlockError as error:
            image = page[error.place][0]
            raise StoreCorrupt(f"{where}, image {image}: its objects are damaged: {error}. {RESTORE}") from error
        parts.append(part)
        count += len(part)
        if wanted.limit is not None and count >= wanted.limit:
            break
    rows.close()
    return _joined(parts)


def _part(
    page: Sequence[tuple[Any, ...]],
    classes: Mapping[int, str],
    class_keys: Sequence[int] | None,
    wanted: Wanted,
    left: int | None,
) -> ObjectTable:
    blocks = unpack_blocks([row[1] for row in page])
    keep = np.ones(len(blocks.keys), np.bool_)
    if class_keys is not None:
        keep &= np.isin(blocks.keys, class_keys)
    if wanted.min_score is not None:
        keep &= blocks.scores >= wanted.min_score
    if wanted.max_score is not None:
        keep &= blocks.scores <= wanted.max_score
    rows = np.flatnonzero(keep)[:left]
    looks = np.searchsorted(blocks.starts, rows, "right") - 1
    lost = next((place for place, key in enumerate(blocks.keys[rows].tolist()) if key not in classes), None)
    if lost is not None:
        raise BlockError(int(looks[lost]), f"class {blocks.keys[rows[lost]]} is not in the data base")
    return ObjectTable(
        _texts([page[look][0] for look in looks.tolist()]),
        _texts(blocks.ids(rows.tolist())),
        _texts([classes[key] for key in blocks.keys[rows].tolist()]),
        blocks.scores[rows].astype(np.float32),
        blocks.xyxy_px[rows].astype(np.float32),
    )


def _texts(values: Sequence[Any]) -> NDArray[np.object_]:
    return np.asarray(values, dtype=object)


def _joined(parts: Sequence[ObjectTable]) -> ObjectTable:
    none = np.zeros(0, object)
    empty = ObjectTable(none, none, none, np.zeros(0, np.float32), np.zeros((0, 4), np.float32))
    tables = [empty, *parts]
    return ObjectTable(
        np.concatenate([t.image_names for t in tables]),
        np.concatenate([t.object_ids for t in tables]),
        np.concatenate([t.class_names for t in tables]),
        np.concatenate([t.scores for t in tables]),
        np.concatenate([t.xyxy_px for t in tables]),
    )
