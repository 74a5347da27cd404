"""Writes looks into a layer: one chunk, inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from firstpass.labels import Box, LabeledImage
from firstpass.labels.geometry import bounds
from firstpass.store import schema
from firstpass.store.codec import now, pack_details, pack_geometry, pack_tags
from firstpass.store.connect import insert_many, upsert
from firstpass.store.images import chunks, image_keys
from firstpass.store.names import Names


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """How many looks and objects were written."""

    images: int
    objects: int


def write_chunk(connection: Connection, names: Names, layer_key: int, batch: Sequence[LabeledImage]) -> WrittenRows:
    """Appends the looks, makes them the current ones, and keeps the layer's counts right."""
    images = image_keys(connection, (item.image.name for item in batch))
    class_keys = names.class_keys(connection, (obj.class_name for item in batch for obj in item.objects))
    change = _supersede(connection, layer_key, list(images.values()))
    t = schema.looks
    first = (connection.execute(select(func.max(t.c.id))).scalar() or 0) + 1
    last_of = {item.image.name: number for number, item in enumerate(batch)}
    at = now()
    looks = [
        {
            "id": first + number,
            "layer_id": layer_key,
            "image_id": images[item.image.name],
            "author_id": names.author_key(connection, item.author),
            "is_current": last_of[item.image.name] == number,
            "objects": len(item.objects),
            "at": at,
            "tags": pack_tags(item.tags),
        }
        for number, item in enumerate(batch)
    ]
    connection.execute(t.insert(), looks)
    rows: list[tuple[Any, ...]] = []
    for number, item in enumerate(batch):
        rows += _object_rows(first + number, item, class_keys)
        if last_of[item.image.name] == number:
            change.update(class_keys[obj.class_name] for obj in item.objects)
    insert_many(connection, schema.objects, rows)
    counts = [{"layer_id": layer_key, "class_id": key, "objects": n} for key, n in sorted(change.items()) if n]
    upsert(connection, schema.layer_counts, counts, add=["objects"])
    return WrittenRows(len(batch), len(rows))


def _supersede(connection: Connection, layer_key: int, image_ids: Sequence[int]) -> Counter[int]:
    """Ends the images' current looks; by how much that changes each class's count."""
    lo, ob = schema.looks, schema.objects
    change: Counter[int] = Counter()
    for part in chunks(image_ids):
        query = select(lo.c.id).where(lo.c.layer_id == layer_key, lo.c.is_current, lo.c.image_id.in_(part))
        old = list(connection.execute(query).scalars())
        if old:
            counted = select(ob.c.class_id, func.count()).where(ob.c.look_id.in_(old)).group_by(ob.c.class_id)
            for class_id, count in connection.execute(counted):
                change[class_id] -= count
            connection.execute(update(lo).where(lo.c.id.in_(old)).values(is_current=False))
    return change


def _object_rows(look_id: int, item: LabeledImage, class_keys: dict[str, int]) -> list[tuple[Any, ...]]:
    """Rows in the order of the columns of `objects`."""
    rows: list[tuple[Any, ...]] = []
    for place, obj in enumerate(item.objects):
        shape, score = obj.shape, obj.score
        box = shape if isinstance(shape, Box) else bounds(shape)
        corners = (float(box.x1), float(box.y1), float(box.x2), float(box.y2))
        geometry = None if shape is box else pack_geometry(shape)
        details = None if obj.text is None and not obj.attributes else pack_details(obj.text, obj.attributes)
        score = None if score is None else float(score)
        rows.append((look_id, place, obj.id, class_keys[obj.class_name], score, *corners, geometry, details))
    return rows
