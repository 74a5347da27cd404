"""Edits: every change a person made to an object, before and after. Append-only, and idempotent by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from firstpass.labels import Author, Labeled, ObjectId
from firstpass.store import schema
from firstpass.store.codec import pack_object, pack_time, unpack_object, unpack_time
from firstpass.store.connect import Database
from firstpass.store.images import CHUNK, image_keys
from firstpass.store.names import Names, all_authors

Origin = Literal["draw", "accept", "adjust", "relabel", "delete", "undo", "redo", "import"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to one object. before None: it was drawn. after None: it was deleted. at: with a time zone.

    id: chosen by whoever made the edit, so that sending it twice changes nothing. seconds: of work, None = not measured.
    """

    id: str
    image_name: str
    layer: str
    object_id: ObjectId
    before: Labeled | None
    after: Labeled | None
    author: Author
    at: datetime
    origin: Origin
    seconds: float | None = None


class Edits:
    """The record of all edits."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database, self._names = database, names

    def append(self, edits: Iterable[Edit]) -> int:
        """Adds the edits whose id is not there yet; how many that were. What was there under an id stays as it is.

        Survives a power cut once it returns. Raises UsageError for an unknown image or a time without a zone (nothing of that
        chunk of 500 is written), StoreError.
        """
        added = 0
        source = iter(edits)
        while chunk := list(islice(source, CHUNK)):
            with self._names.writing(durable=True) as connection:
                fresh = insert_edits(connection, self._names, chunk)
            added += fresh
        return added

    def of_image(self, name: str) -> list[Edit]:
        """All edits on an image, in the order they were appended; [] when there is none."""
        return self._select(schema.images.c.name == name)

    def of_object(self, object_id: str) -> list[Edit]:
        """All edits of an object, in the order they were appended; [] when there is none."""
        return self._select(schema.edits.c.object_id == object_id)

    def count(self) -> int:
        """How many edits there are."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(schema.edits)).scalar_one()

    def _select(self, condition: Any) -> list[Edit]:
        i, e = schema.images, schema.edits
        columns = [e.c.id, i.c.name, e.c.layer, e.c.object_id, e.c.before, e.c.after, e.c.author_id, e.c.at]
        query = select(*columns, e.c.origin, e.c.seconds).join_from(e, i).where(condition).order_by(e.c.seq)
        with self._database.reading() as connection:
            authors = all_authors(connection)
            return [_edit(row, authors) for row in connection.execute(query)]


def insert_edits(connection: Connection, names: Names, chunk: Sequence[Edit]) -> int:
    """Inserts those whose id is not there yet, inside the caller's transaction; how many that were."""
    t = schema.edits
    by_id = {edit.id: edit for edit in reversed(chunk)}
    there = set(connection.execute(select(t.c.id).where(t.c.id.in_(list(by_id)))).scalars())
    fresh = [edit for edit in chunk if edit.id not in there and by_id[edit.id] is edit]
    images = image_keys(connection, (edit.image_name for edit in fresh))
    first = (connection.execute(select(func.max(t.c.seq))).scalar() or 0) + 1
    authors = [names.author_key(connection, edit.author) for edit in fresh]
    rows = [
        _row(first + n, edit, images[edit.image_name], author)
        for n, (edit, author) in enumerate(zip(fresh, authors, strict=True))
    ]
    if rows:
        connection.execute(t.insert(), rows)
    return len(rows)


def _edit(row: Any, authors: dict[int, Author]) -> Edit:
    edit_id, image, layer, object_id, before, after, author_id, at, origin, seconds = row
    change = (unpack_object(before), unpack_object(after))
    return Edit(edit_id, image, layer, ObjectId(object_id), *change, authors[author_id], unpack_time(at), origin, seconds)


def _row(seq: int, edit: Edit, image_id: int, author_id: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "id": edit.id,
        "image_id": image_id,
        "layer": edit.layer,
        "object_id": edit.object_id,
        "before": pack_object(edit.before),
        "after": pack_object(edit.after),
        "author_id": author_id,
        "at": pack_time(edit.at),
        "origin": edit.origin,
        "seconds": None if edit.seconds is None else float(edit.seconds),
    }
