"""Leases: who has an image on the screen right now, so that two experts do not get the same one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from firstpass.store import schema
from firstpass.store.codec import pack_time, unpack_time
from firstpass.store.connect import Database, rows_in, upsert
from firstpass.store.images import chunks, image_keys

_l, _i = schema.leases, schema.images
_HELD = select(_i.c.name, _l.c.holder, _l.c.until).join_from(_l, _i)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds an image, and until when. mine: whether that is the one who asked."""

    holder: str
    until: datetime
    mine: bool


class Leases:
    """The leases of a project. A lease that is not renewed in time is free for the next."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, image_name: str, holder: str, ttl_s: float = 60.0) -> Lease:
        """Takes or renews the lease; another's that has not run out stays theirs (mine = False). Raises UsageError."""
        at = datetime.now(UTC)
        until = at + timedelta(seconds=ttl_s)
        with self._database.writing() as connection:
            image = image_keys(connection, [image_name])[image_name]
            row = connection.execute(select(_l.c.holder, _l.c.until).where(_l.c.image_id == image)).one_or_none()
            if row is not None and row[0] != holder and unpack_time(row[1]) > at:
                return Lease(row[0], unpack_time(row[1]), mine=False)
            upsert(connection, _l, [{"image_id": image, "holder": holder, "until": pack_time(until)}])
        return Lease(holder, until, mine=True)

    def release(self, image_name: str, holder: str) -> None:
        """Gives the lease back; nothing happens when it is another's."""
        with self._database.writing() as connection:
            image = image_keys(connection, [image_name])[image_name]
            connection.execute(delete(_l).where(_l.c.image_id == image, _l.c.holder == holder))

    def of(self, names: Iterable[str], holder: str = "") -> dict[str, Lease]:
        """The leases on these images that have not run out."""
        at = datetime.now(UTC)
        with self._database.reading() as connection:
            rows = [row for part in chunks(names) for row in rows_in(connection, _HELD, _i.c.name, part)]
        found = {name: Lease(who, unpack_time(until), who == holder) for name, who, until in rows}
        return {name: lease for name, lease in found.items() if lease.until > at}
