"""The one place that knows which data base is behind: connecting, transactions, locks, upserts, and what its errors mean.

SQLite: write-ahead log, foreign keys on, `BEGIN IMMEDIATE` for writers, so that a writer either has the data base or waits for
the busy timeout. PostgreSQL: the same, with an advisory lock in place of the file's. Every room above writes through
:meth:`Database.writing` and reads through :meth:`Database.reading`, and sees only `StoreError`s.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from sqlalchemy import Column, Connection, Dialect, Engine, Executable, Select, Table, bindparam, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from firstpass.errors import MissingExtra, StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreReadOnly, UsageError

CACHE_KIB = 32_768  # pages SQLite keeps in memory per connection
IN_ROOM = 500  # values in one IN list
ADVISORY_LOCK = 0x66697273  # any fixed number: "firs"
WRITES = "firstpass_writes"

_ADVICE: dict[type[StoreError], str] = {
    StoreBusy: "another process is writing to it. Wait for it to finish and try again; nothing was lost",
    StoreReadOnly: "it cannot be written. Check the owner and permissions of the file and its folder; reading still works",
    StoreFull: "the disk is full. Make room and start again; everything that was committed is safe",
    StoreCorrupt: "the file is damaged. Restore the last backup (firstpass restore), or keep the file and ask for help",
}
_SQLITE_CODES: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_READONLY: StoreReadOnly,
    sqlite3.SQLITE_PERM: StoreReadOnly,
    sqlite3.SQLITE_CANTOPEN: StoreReadOnly,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
}
_POSTGRES_STATES: dict[str, type[StoreError]] = {
    "55P03": StoreBusy,
    "40P01": StoreBusy,
    "25006": StoreReadOnly,
    "42501": StoreReadOnly,
    "53100": StoreFull,
    "XX001": StoreCorrupt,
    "XX002": StoreCorrupt,
}


def store_error(error: BaseException, where: str) -> StoreError:
    """The StoreError that a driver's error means, with advice in its text."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = _SQLITE_CODES.get(code & 0xFF) if isinstance(code, int) else None
    kind = kind or _POSTGRES_STATES.get(str(getattr(error, "sqlstate", "")))
    if kind is None:
        return StoreError(f"{where}: {error}")
    return kind(f"{where}: {_ADVICE[kind]} ({error})")


class Database:
    """A data base: a pool of connections for readers, and one writer at a time in this process and among processes.

    read_only: the file or its folder cannot be written; reads work, writes raise StoreReadOnly.
    """

    _writer_locks: ClassVar[dict[str, threading.Lock]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, engine: Engine, where: str, busy_timeout_s: float, read_only: bool = False) -> None:
        self.engine = engine
        self.where = where
        self.busy_timeout_s = busy_timeout_s
        self.read_only = read_only
        self.is_sqlite = engine.dialect.name == "sqlite"
        with self._guard:
            self._lock = self._writer_locks.setdefault(where, threading.Lock())
        event.listen(engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection that sees one state of the data base. Raises StoreError."""
        with self._translating(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Generator[Connection]:
        """One transaction, committed whole at the end or not at all.

        durable: what is committed survives a power cut, not only a killed process (slower; for what people did by hand).
        Raises StoreBusy after the busy timeout, StoreReadOnly, StoreFull, and UsageError for text that is not Unicode.
        """
        if self.read_only:
            raise StoreReadOnly(f"{self.where}: {_ADVICE[StoreReadOnly]}")
        if not self._lock.acquire(timeout=self.busy_timeout_s):
            raise StoreBusy(f"{self.where}: another thread has been writing to it for {self.busy_timeout_s:g} s. Try again")
        try:
            with self._translating(), self.engine.connect() as connection:
                connection = connection.execution_options(**{WRITES: True})
                if self.is_sqlite:
                    _pragma(connection, "synchronous", "FULL" if durable else "NORMAL")
                with connection.begin():
                    if not self.is_sqlite:
                        wait_ms = int(self.busy_timeout_s * 1000)
                        connection.execute(text(f"SET LOCAL lock_timeout = {wait_ms}"))
                        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                    yield connection
        finally:
            self._lock.release()

    def close(self) -> None:
        """Closes every connection; SQLite folds its write-ahead log into the file."""
        self.engine.dispose()

    @contextmanager
    def _translating(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            raise store_error(error.orig or error, self.where) from error
        except sqlite3.Error as error:
            raise store_error(error, self.where) from error
        except UnicodeEncodeError as error:
            bad = error.object[max(0, error.start - 20) : error.end + 20]
            raise UsageError(f"{bad!a} is not valid Unicode text and cannot be stored; rename it") from error


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        immediate = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _pragma(connection: Connection, name: str, value: str) -> None:
    raw: Any = connection.connection.dbapi_connection
    raw.execute(f"PRAGMA {name}={value}")


def sqlite_path(url: str) -> Path | None:
    """The file behind a ``sqlite:///…`` URL; None for another data base. Raises UsageError for what is no URL, or in memory."""
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if parsed.database in (None, "", ":memory:"):
        raise UsageError(f"{url}: a project's data base must be a file, for example sqlite:////home/me/shelf/firstpass.db")
    return Path(str(parsed.database)).absolute()


def connect(url: str, busy_timeout_s: float, *, create: bool) -> Database:
    """Opens the data base file or server, without looking at its tables.

    Where an SQLite file or its folder cannot be written, it is opened for reading only. Raises UsageError for a missing file
    (unless create) or a bad URL, MissingExtra without psycopg, StoreReadOnly, StoreCorrupt, StoreBusy.
    """
    path = sqlite_path(url)
    if path is None:
        return _connect_server(url, busy_timeout_s)
    if not path.exists() and not create:
        raise UsageError(f"{path}: there is no such data base. Make one with: firstpass init {path.parent} --images FOLDER")
    if create and not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder to put the data base into")
    database = _sqlite(path, "mode=rwc" if create else "mode=rw", busy_timeout_s)
    try:
        _probe(database)
        return database
    except StoreReadOnly as error:
        database.close()
        if not path.exists():
            raise
        return _read_only(path, busy_timeout_s, error)
    except StoreError:
        database.close()
        raise


def _probe(database: Database) -> None:
    with database.reading() as connection:
        connection.execute(text("SELECT count(*) FROM sqlite_master"))


def _read_only(path: Path, busy_timeout_s: float, why: StoreReadOnly) -> Database:
    log = path.with_name(path.name + "-wal")
    pending = log.exists() and log.stat().st_size > 0  # rows that are only in the log: immutable would not see them
    database = _sqlite(path, "mode=ro" if pending else "mode=ro&immutable=1", busy_timeout_s, read_only=True)
    try:
        _probe(database)
        return database
    except StoreError:
        database.close()
        raise StoreReadOnly(f"{why}; it cannot be read in place either: copy {path.name}* to a folder you own") from why


def _sqlite(path: Path, mode: str, busy_timeout_s: float, read_only: bool = False) -> Database:
    uri = f"file:{quote(str(path))}?{mode}"

    def open_file() -> sqlite3.Connection:
        raw = sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
        for pragma in ("foreign_keys=ON", "synchronous=NORMAL", f"cache_size=-{CACHE_KIB}", "temp_store=MEMORY"):
            raw.execute(f"PRAGMA {pragma}")
        return raw

    engine = create_engine("sqlite://", creator=open_file, poolclass=QueuePool, pool_size=4, max_overflow=-1)
    return Database(engine, str(path), busy_timeout_s, read_only)


def _connect_server(url: str, busy_timeout_s: float) -> Database:
    parsed = _parse(url)
    where = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() != "postgresql":
        raise UsageError(f"{where}: Firstpass keeps its data in SQLite (a file name) or PostgreSQL (postgresql+psycopg://…)")
    try:
        engine = create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtra("a PostgreSQL data base", str(error.name), "postgres") from error
    except NoSuchModuleError as error:
        raise UsageError(f"{where}: {error}; use postgresql+psycopg://…") from error
    return Database(engine, where, busy_timeout_s)


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise UsageError(f"{url!r} is no data base URL; expected sqlite:///FILE or postgresql+psycopg://…") from error


def prepare_empty(database: Database) -> None:
    """Turns the write-ahead log on, which an SQLite file then keeps for good. Cannot happen inside a transaction."""
    if database.is_sqlite:
        with database.engine.connect() as connection:
            try:
                _pragma(connection, "journal_mode", "WAL")
            except sqlite3.Error as error:
                raise store_error(error, database.where) from error


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, add: Sequence[str] = ()) -> None:
    """Inserts rows; where the primary key is taken, replaces the other columns, or adds to those in `add`."""
    if not rows:
        return
    statement = _upsert_of(connection.dialect.name, table)
    keys = [column.name for column in table.primary_key.columns]
    new = statement.excluded
    others = [column.name for column in table.columns if column.name not in keys]
    values = {name: table.c[name] + new[name] if name in add else new[name] for name in others}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def _upsert_of(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def plain_rows(connection: Connection, statement: Executable, size: int = 10_000) -> Generator[list[tuple[Any, ...]]]:
    """The rows of a query as the driver's own tuples, in lists of `size`: for millions of rows, which as SQLAlchemy's Row cost
    twice as much. The columns must be of types that need no conversion (numbers, text, bytes).
    """
    result = connection.execute(statement)
    cursor: Any = result.cursor
    while rows := cursor.fetchmany(size):
        yield rows
    result.close()


def rows_in(
    connection: Connection, query: Select[*tuple[Any, ...]], column: Column[Any], values: Sequence[Any], **more: Any
) -> list[tuple[Any, ...]]:
    """The rows of a query whose column is one of at most IN_ROOM values, as the driver's own tuples.

    For the same question a thousand times: SQLAlchemy would write the list of values into the statement each time. The query is
    a constant, compiled once; more: values of its parameters. Columns as in `plain_rows`.
    """
    if not values:
        return []
    text, order = _in_text(connection.dialect, query, column)
    filled = [*values, *[values[-1]] * (IN_ROOM - len(values))]
    parameters = more | {f"in_{i}": value for i, value in enumerate(filled)}
    result = connection.exec_driver_sql(text, tuple(parameters[name] for name in order) if order else parameters)
    cursor: Any = result.cursor
    rows = cursor.fetchall()
    result.close()
    return rows


@cache
def _in_text(dialect: Dialect, query: Select[*tuple[Any, ...]], column: Column[Any]) -> tuple[str, tuple[str, ...]]:
    room = [bindparam(f"in_{i}", type_=column.type) for i in range(IN_ROOM)]
    compiled = query.where(column.in_(room)).compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())


def insert_many(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Inserts rows given as tuples in the order of the table's columns, by the driver's own executemany.

    For a million rows: SQLAlchemy would spend as long on each row's parameters as SQLite on storing it. Values go to the driver
    as they are, so the columns must be of types that need no conversion (numbers, text, bytes).
    """
    if not rows:
        return
    statement, keys = _insert_text(connection.dialect, table)
    connection.exec_driver_sql(statement, [dict(zip(keys, row, strict=True)) for row in rows] if keys else list(rows))


@cache
def _insert_text(dialect: Dialect, table: Table) -> tuple[str, tuple[str, ...]]:
    compiled = table.insert().compile(dialect=dialect)
    return str(compiled), () if compiled.positional else tuple(column.name for column in table.columns)


def integrity(connection: Connection) -> list[str]:
    """What the data base itself says is damaged, one line each; [] when sound. PostgreSQL checks itself and gives []."""
    if connection.dialect.name != "sqlite":
        return []
    lines = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(20)"))]
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(20)
    lost = [f"a row of {row[0]} points to a missing row of {row[2]}" for row in broken]
    return [line for line in lines if line != "ok"] + lost
