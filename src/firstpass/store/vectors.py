"""A cache of embeddings: one float32 vector per image and kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from firstpass.errors import UsageError
from firstpass.store import schema
from firstpass.store.connect import Database, upsert
from firstpass.store.images import chunks, image_keys


class Vectors:
    """Embeddings by kind; a kind names the embedder, its version and its settings, so that a change of any makes a new kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: str, names: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Stores n vectors, float32 (n, d), of these images, over older ones. Raises UsageError for a bad shape or name."""
        values = np.asarray(vectors, "<f4")
        if values.ndim != 2 or len(values) != len(names):
            raise UsageError(f"expected vectors of shape ({len(names)}, d), but got {values.shape}")
        for part in chunks(range(len(names))):
            with self._database.writing() as connection:
                keys = image_keys(connection, (names[n] for n in part))
                rows = {keys[names[n]]: values[n].tobytes() for n in part}
                upsert(connection, schema.vectors, [{"kind": kind, "image_id": k, "data": v} for k, v in rows.items()])

    def get(self, kind: str, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The stored vectors, float32 (d,), read-only, of those images that have one."""
        i, v = schema.images, schema.vectors
        query = select(i.c.name, v.c.data).join_from(v, i).where(v.c.kind == kind)
        found: dict[str, NDArray[np.float32]] = {}
        with self._database.reading() as connection:
            for part in chunks(names):
                for name, data in connection.execute(query.where(i.c.name.in_(part))):
                    found[name] = np.frombuffer(data, "<f4")
        return found
