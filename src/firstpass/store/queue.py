"""The review queue: which images to show next, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select

from firstpass.store import schema
from firstpass.store.connect import Database, upsert
from firstpass.store.images import chunks, image_keys


@dataclass(frozen=True, slots=True)
class Queued:
    """An image in the queue: higher priority comes sooner; why, in words for the expert; the strategy that chose it."""

    image_name: str
    priority: float
    why: str
    strategy: str


class Queue:
    """The review queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, items: Iterable[Queued]) -> None:
        """Queues the images, all or none; one that is queued already takes the new priority and reason, not a new place.

        Raises UsageError for an unknown image.
        """
        q = schema.queue
        wanted = {item.image_name: item for item in items}
        with self._database.writing() as connection:
            keys = image_keys(connection, wanted)
            first = (connection.execute(select(func.max(q.c.seq))).scalar() or 0) + 1
            places: dict[int, int] = {}
            for part in chunks(keys.values()):
                there = select(q.c.image_id, q.c.seq).where(q.c.image_id.in_(part))
                places.update(connection.execute(there).all())
            rows = [
                {
                    "image_id": keys[name],
                    "seq": places.get(keys[name], first + n),
                    "priority": float(item.priority),
                    "why": item.why,
                    "strategy": item.strategy,
                }
                for n, (name, item) in enumerate(wanted.items())
            ]
            upsert(connection, q, rows)

    def pending(self, limit: int | None = None) -> list[Queued]:
        """The queued images that no review layer has looked at, most wanted first, then in the order they were put."""
        i, q, lo, la = schema.images, schema.queue, schema.looks, schema.layers
        reviewed = exists().where(lo.c.image_id == q.c.image_id, schema.IS_CURRENT)
        reviewed = reviewed.where(lo.c.layer_id == la.c.id, la.c.kind == "review")
        query = select(i.c.name, q.c.priority, q.c.why, q.c.strategy).join_from(q, i).where(~reviewed)
        query = query.order_by(q.c.priority.desc(), q.c.seq).limit(limit)
        with self._database.reading() as connection:
            return [Queued(*row) for row in connection.execute(query)]

    def count_pending(self) -> int:
        """How many `pending` would give."""
        q, lo, la = schema.queue, schema.looks, schema.layers
        reviewed = exists().where(lo.c.image_id == q.c.image_id, schema.IS_CURRENT)
        reviewed = reviewed.where(lo.c.layer_id == la.c.id, la.c.kind == "review")
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(q).where(~reviewed)).scalar_one()

    def get(self, name: str) -> Queued | None:
        """The queue's entry of the image, reviewed or not; None when it is not queued."""
        i, q = schema.images, schema.queue
        query = select(i.c.name, q.c.priority, q.c.why, q.c.strategy).join_from(q, i).where(i.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Queued(*row)

    def all(self) -> list[Queued]:
        """Everything queued, reviewed or not, most wanted first, then in the order they were put."""
        i, q = schema.images, schema.queue
        query = select(i.c.name, q.c.priority, q.c.why, q.c.strategy).join_from(q, i)
        with self._database.reading() as connection:
            return [Queued(*row) for row in connection.execute(query.order_by(q.c.priority.desc(), q.c.seq))]

    def clear(self) -> None:
        """Empties the queue."""
        with self._database.writing() as connection:
            connection.execute(delete(schema.queue))
