"""Effort: seconds of human work, measured or simulated. Append-only, and idempotent by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, func, select

from firstpass.store import schema
from firstpass.store.codec import pack_time
from firstpass.store.connect import Database
from firstpass.store.images import CHUNK, image_keys


@dataclass(frozen=True, slots=True)
class Effort:
    """Work on one image: `count` times an action ("draw_box", "verify", …) took `seconds` in all. at: with a time zone."""

    id: str
    image_name: str
    author_name: str
    action: str
    count: int
    seconds: float
    at: datetime
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class EffortTotal:
    """All of one person's work of one kind: how often, how many seconds, on how many images."""

    author_name: str
    action: str
    simulated: bool
    count: int
    seconds: float
    images: int


class EffortLog:
    """The record of human work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log(self, entries: Iterable[Effort]) -> int:
        """Adds the entries whose id is not there yet; how many that were. Raises UsageError for an unknown image."""
        added = 0
        source = iter(entries)
        while chunk := list(islice(source, CHUNK)):
            with self._database.writing(durable=True) as connection:
                added += insert_effort(connection, chunk)
        return added

    def totals(self) -> list[EffortTotal]:
        """The sums by person, action and whether simulated, in that order; [] when nothing was logged."""
        t = schema.effort
        who = (t.c.author_name, t.c.action, t.c.simulated)
        query = select(*who, func.sum(t.c["count"]), func.sum(t.c.seconds), func.count(t.c.image_id.distinct()))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(*who).order_by(*who)).fetchall()
        return [EffortTotal(r[0], r[1], bool(r[2]), int(r[3]), float(r[4]), int(r[5])) for r in rows]

    def seconds_by_image(self, *, simulated: bool) -> dict[str, float]:
        """Seconds by image name, of measured or of simulated work; images without any are not in it."""
        t, im = schema.effort, schema.images
        query = select(im.c.name, func.sum(t.c.seconds)).join(im, im.c.id == t.c.image_id).where(t.c.simulated == simulated)
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(im.c.name)).fetchall()
        return {str(name): float(seconds) for name, seconds in rows}

    def since(self, mark: int) -> tuple[int, dict[str, float]]:
        """Measured seconds by image name logged after a mark (0 = from the beginning), and the mark to ask from next time."""
        t, im = schema.effort, schema.images
        query = select(func.max(t.c.seq), im.c.name, func.sum(t.c.seconds)).join_from(t, im, im.c.id == t.c.image_id)
        query = query.where(t.c.seq > mark, t.c.simulated.is_(False)).group_by(im.c.name)
        with self._database.reading() as connection:
            rows = connection.execute(query).fetchall()
        return max([mark, *(int(row[0]) for row in rows)]), {str(row[1]): float(row[2]) for row in rows if row[2] > 0}


def insert_effort(connection: Connection, chunk: Sequence[Effort]) -> int:
    """Inserts those whose id is not there yet, inside the caller's transaction; how many that were."""
    t = schema.effort
    by_id = {entry.id: entry for entry in reversed(chunk)}
    there = set(connection.execute(select(t.c.id).where(t.c.id.in_(list(by_id)))).scalars())
    fresh = [entry for entry in chunk if entry.id not in there and by_id[entry.id] is entry]
    images = image_keys(connection, (entry.image_name for entry in fresh))
    first = (connection.execute(select(func.max(t.c.seq))).scalar() or 0) + 1
    rows = [
        {
            "seq": first + n,
            "id": entry.id,
            "image_id": images[entry.image_name],
            "author_name": entry.author_name,
            "action": entry.action,
            "count": int(entry.count),
            "seconds": float(entry.seconds),
            "at": pack_time(entry.at),
            "simulated": bool(entry.simulated),
        }
        for n, entry in enumerate(fresh)
    ]
    if rows:
        connection.execute(t.insert(), rows)
    return len(rows)
