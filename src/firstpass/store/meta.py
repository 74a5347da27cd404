"""Small facts about the project as a whole, by key."""

from __future__ import annotations

from sqlalchemy import select

from firstpass.store import schema
from firstpass.store.connect import Database, upsert


class Meta:
    """Text by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The value, or None."""
        t = schema.meta
        with self._database.reading() as connection:
            return connection.execute(select(t.c.value).where(t.c.key == key)).scalar_one_or_none()

    def set(self, key: str, value: str) -> None:
        """Stores the value over what was there."""
        with self._database.writing() as connection:
            upsert(connection, schema.meta, [{"key": key, "value": value}])
