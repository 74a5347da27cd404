"""The store of a project: one data base, its rooms, and how to open it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from firstpass.errors import Problem
from firstpass.store.check import check
from firstpass.store.connect import Database, connect
from firstpass.store.desk import Desk
from firstpass.store.edits import Edits
from firstpass.store.effort import EffortLog
from firstpass.store.film import Film
from firstpass.store.guide import Guide
from firstpass.store.images import Images
from firstpass.store.layers import Layers
from firstpass.store.leases import Leases
from firstpass.store.meta import Meta
from firstpass.store.migrate import ensure_schema
from firstpass.store.names import Names
from firstpass.store.queue import Queue
from firstpass.store.runs import Runs
from firstpass.store.vectors import Vectors


class Store:
    """A project's data base. Threads may share one; processes may each open their own: readers are free, writers take turns.

    images, layers, edits, effort, runs, queue, vectors, meta, desk, film, leases, guide: what is in it. url: where it
    is. read_only: writes are refused.
    """

    def __init__(self, database: Database, url: str) -> None:
        names = Names(database)
        self._database = database
        self.url = url
        self.images = Images(database)
        self.layers = Layers(database, names)
        self.edits = Edits(database, names)
        self.effort = EffortLog(database)
        self.runs = Runs(database)
        self.queue = Queue(database)
        self.vectors = Vectors(database)
        self.meta = Meta(database)
        self.desk = Desk(database, names)
        self.film = Film(database)
        self.leases = Leases(database)
        self.guide = Guide(database, names)

    @classmethod
    def open(cls, url: str, *, create: bool = False, busy_timeout_s: float = 10.0) -> Self:
        """Opens ``sqlite:///…/firstpass.db`` or ``postgresql+psycopg://…``, migrated forward where its schema is older.

        create: make the data base and its tables where there are none. A file that cannot be written is opened for reading.
        Raises UsageError (no such file, no such URL), StoreBusy, StoreReadOnly, StoreFull, StoreCorrupt, SchemaTooNew.
        """
        database = connect(url, busy_timeout_s, create=create)
        try:
            ensure_schema(database, create=create)
        except BaseException:
            database.close()
            raise
        return cls(database, url)

    @property
    def read_only(self) -> bool:
        """Whether the data base could only be opened for reading."""
        return self._database.read_only

    def check(self) -> list[Problem]:
        """What is wrong inside; [] when sound. Reads every row: seconds for a million objects."""
        return check(self._database)

    def close(self) -> None:
        """Closes every connection. A closed store may not be used again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self._database.where}: {len(self.images):,} images, {len(self.layers)} layers>"
