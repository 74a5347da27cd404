"""Writes looks into a layer: one chunk, inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from firstpass.labels import LabeledImage, PackedObjects
from firstpass.store import schema
from firstpass.store.blocks import count_classes, pack_blocks
from firstpass.store.codec import now, pack_tags
from firstpass.store.connect import insert_many, rows_in, upsert
from firstpass.store.images import chunks, image_keys
from firstpass.store.names import Names

_lo = schema.looks
_CURRENT = select(_lo.c.id, _lo.c.block).where(_lo.c.layer_id == bindparam("layer"), schema.IS_CURRENT)


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """How many looks and objects were written."""

    images: int
    objects: int


def write_chunk(connection: Connection, names: Names, layer_key: int, batch: Sequence[LabeledImage]) -> WrittenRows:
    """Appends the looks, makes them the current ones, and keeps the layer's counts right."""
    images = image_keys(connection, (item.image.name for item in batch))
    class_keys = names.class_keys(connection, _class_names(batch))
    change = _supersede(connection, layer_key, list(images.values()))
    first = (connection.execute(select(func.max(schema.looks.c.id))).scalar() or 0) + 1
    last_of = {item.image.name: number for number, item in enumerate(batch)}
    authors = {item.author: names.author_key(connection, item.author) for item in batch}
    blocks = pack_blocks([item.objects for item in batch], class_keys)
    at = now()
    rows = [  # in the order of the table's columns
        (
            first + number,
            layer_key,
            images[item.image.name],
            authors[item.author],
            last_of[item.image.name] == number,
            len(item.objects),
            at,
            pack_tags(item.tags),
            block,
        )
        for number, (item, block) in enumerate(zip(batch, blocks, strict=True))
    ]
    insert_many(connection, schema.looks, rows)
    change.update(count_classes([block for number in last_of.values() if (block := blocks[number]) is not None]))
    counts = [{"layer_id": layer_key, "class_id": key, "objects": n} for key, n in sorted(change.items()) if n]
    upsert(connection, schema.layer_counts, counts, add=["objects"])
    return WrittenRows(len(batch), sum(len(item.objects) for item in batch))


def _class_names(batch: Sequence[LabeledImage]) -> Iterable[str]:
    """The names of the classes that the looks' objects have."""
    found: set[str] = set()
    tables: dict[int, tuple[tuple[str, ...], set[int]]] = {}
    for item in batch:
        objects = item.objects
        if isinstance(objects, PackedObjects):
            tables.setdefault(id(objects.class_names), (objects.class_names, set()))[1].update(objects.class_index.tolist())
        else:
            found.update(obj.class_name for obj in objects)
    for table, places in tables.values():
        found.update(table[place] for place in places)
    return found


def _supersede(connection: Connection, layer_key: int, image_ids: Sequence[int]) -> Counter[int]:
    """Ends the images' current looks; by how much that changes each class's count."""
    lo = schema.looks
    change: Counter[int] = Counter()
    for part in chunks(image_ids):
        old = rows_in(connection, _CURRENT, lo.c.image_id, part, layer=layer_key)
        if old:
            change.subtract(count_classes([row[1] for row in old if row[1] is not None]))
            connection.execute(update(lo).where(lo.c.id.in_([row[0] for row in old])).values(is_current=False))
    return change
