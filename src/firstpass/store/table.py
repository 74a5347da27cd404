"""A layer's objects as arrays, for grids, histograms and thresholds over a million of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from firstpass.store import schema
from firstpass.store.connect import plain_rows
from firstpass.store.names import all_classes


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


def read_table(
    connection: Connection,
    layer_key: int,
    class_names: Sequence[str] | None,
    min_score: float | None,
    max_score: float | None,
    limit: int | None,
) -> ObjectTable:
    """The layer's current objects that pass the filters, by image name and place; see `Layer.table`."""
    i, lo, ob = schema.images, schema.looks, schema.objects
    classes = all_classes(connection)
    query = (
        select(i.c.name, ob.c.object_id, ob.c.class_id, ob.c.score, ob.c.x1, ob.c.y1, ob.c.x2, ob.c.y2)
        .join_from(lo, ob, ob.c.look_id == lo.c.id)
        .join(i, i.c.id == lo.c.image_id)
        .where(lo.c.layer_id == layer_key, lo.c.is_current)
    )
    if class_names is not None:
        wanted = set(class_names)
        query = query.where(ob.c.class_id.in_([key for key, name in classes.items() if name in wanted]))
    if min_score is not None:
        query = query.where(ob.c.score >= float(min_score))
    if max_score is not None:
        query = query.where(ob.c.score <= float(max_score))
    query = query.order_by(i.c.name, ob.c.place)
    if limit is not None:
        query = query.limit(limit)
    return _table(plain_rows(connection, query), classes)


def _table(parts: Iterable[list[tuple[Any, ...]]], classes: Mapping[int, str]) -> ObjectTable:
    names: list[str] = []
    ids: list[str] = []
    class_names: list[str] = []
    scores = [np.zeros(0, np.float32)]
    boxes = [np.zeros((0, 4), np.float32)]
    for rows in parts:
        columns: list[Any] = list(zip(*rows, strict=True))
        names += columns[0]
        ids += columns[1]
        class_names += [classes[key] for key in columns[2]]
        scores.append(np.asarray([np.nan if score is None else score for score in columns[3]], np.float32))
        boxes.append(np.asarray(columns[4:8], np.float32).T)
    return ObjectTable(
        np.asarray(names, dtype=object),
        np.asarray(ids, dtype=object),
        np.asarray(class_names, dtype=object),
        np.concatenate(scores),
        np.concatenate(boxes),
    )
