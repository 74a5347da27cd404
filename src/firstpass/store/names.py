"""Class names and authors as integer keys. The tables only grow, so what was read once stays true."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from firstpass.labels import Author
from firstpass.store import schema
from firstpass.store.connect import Database


class Names:
    """The keys of class names and authors, remembered per store. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._classes: dict[str, int] = {}
        self._authors: dict[Author, int] = {}

    @contextmanager
    def writing(self, *, durable: bool = False) -> Generator[Connection]:
        """`Database.writing`; a write that is rolled back takes the keys it made with it."""
        try:
            with self._database.writing(durable=durable) as connection:
                yield connection
        except BaseException:
            with self._lock:
                self._classes, self._authors = {}, {}
            raise

    def class_keys(self, connection: Connection, names: Iterable[str]) -> dict[str, int]:
        """The key of each name, made where there is none. Only inside a writing transaction."""
        wanted = set(names)
        with self._lock:
            if not wanted <= self._classes.keys():
                table = schema.classes
                self._classes = {name: key for key, name in all_classes(connection).items()}
                missing = sorted(wanted - self._classes.keys())
                first = max(self._classes.values(), default=0) + 1
                if missing:
                    keys = {name: first + i for i, name in enumerate(missing)}
                    connection.execute(table.insert(), [{"id": key, "name": name} for name, key in keys.items()])
                    self._classes.update(keys)
            return self._classes

    def author_key(self, connection: Connection, author: Author) -> int:
        """The author's key, made where there is none. Only inside a writing transaction."""
        with self._lock:
            key = self._authors.get(author)
            if key is None:
                key = _stored_author(connection, author) or _insert_author(connection, author)
                self._authors[author] = key
            return key


def all_classes(connection: Connection) -> dict[int, str]:
    """Every class name by key, as the connection sees them."""
    t = schema.classes
    return dict(connection.execute(select(t.c.id, t.c.name)).all())


def all_authors(connection: Connection) -> dict[int, Author]:
    """Every author by key, as the connection sees them."""
    t = schema.authors
    rows = connection.execute(select(t.c.id, t.c.kind, t.c.name, t.c.version, t.c.run_id, t.c.settings_digest))
    return {row[0]: Author(*row[1:]) for row in rows}


def _stored_author(connection: Connection, author: Author) -> int | None:
    t = schema.authors
    found = select(t.c.id).where(
        t.c.kind == author.kind,
        t.c.name == author.name,
        t.c.version == author.version,
        t.c.run_id == author.run_id,
        t.c.settings_digest == author.settings_digest,
    )
    return connection.execute(found).scalar_one_or_none()


def _insert_author(connection: Connection, author: Author) -> int:
    t = schema.authors
    key = (connection.execute(select(func.max(t.c.id))).scalar() or 0) + 1
    row = {
        "id": key,
        "kind": author.kind,
        "name": author.name,
        "version": author.version,
        "run_id": author.run_id,
        "settings_digest": author.settings_digest,
    }
    connection.execute(t.insert(), row)
    return key
