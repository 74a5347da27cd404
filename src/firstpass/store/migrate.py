"""Brings a data base to the current schema. Alembic is imported only when there is something to migrate."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select

from firstpass.errors import SchemaTooNew, StoreCorrupt, StoreReadOnly
from firstpass.store import schema
from firstpass.store.connect import Database, prepare_empty

SCRIPTS = Path(__file__).parent / "migrations"


def ensure_schema(database: Database, *, create: bool) -> None:
    """Makes the tables of an empty data base (with create), or migrates an older one forward, in one transaction.

    Raises SchemaTooNew for a later version, StoreCorrupt for a data base without Firstpass's tables, StoreReadOnly when an
    older one cannot be written.
    """
    with database.reading() as connection:
        found = revision(connection)
    if found == schema.REVISIONS[-1]:
        return
    if found is not None and found not in schema.REVISIONS:
        raise SchemaTooNew(
            f"{database.where}: schema {found} was written by a later Firstpass; this one knows up to {schema.REVISIONS[-1]}. "
            "Update it: pip install --upgrade firstpass"
        )
    if found is None and not create:
        raise StoreCorrupt(
            f"{database.where}: holds no Firstpass tables (another program's file, or a creation that was cut off). "
            "Restore a backup (firstpass restore), or move the file away and run firstpass init"
        )
    if database.read_only:
        needed = schema.REVISIONS[-1]
        raise StoreReadOnly(f"{database.where}: schema {found} must be brought to {needed}, but the file cannot be written")
    if found is None:
        _create(database)
    else:
        _upgrade(database)


def revision(connection: Connection) -> str | None:
    """The schema version in the data base; None when it holds no Firstpass tables."""
    if not inspect(connection).has_table(schema.version.name):
        return None
    return connection.execute(select(schema.version.c.version_num)).scalar_one_or_none()


def _create(database: Database) -> None:
    prepare_empty(database)
    with database.writing(durable=True) as connection:
        if revision(connection) is not None:  # another process was faster
            return
        others = inspect(connection).get_table_names()
        if others:
            names = ", ".join(sorted(others)[:5])
            raise StoreCorrupt(f"{database.where}: belongs to another program (tables {names}). Choose another file name")
        schema.version_tables.create_all(connection)
        schema.tables.create_all(connection)
        connection.execute(schema.version.insert(), {"version_num": schema.REVISIONS[-1]})


def _upgrade(database: Database) -> None:
    with database.writing(durable=True) as connection:
        run_migrations(connection)


def run_migrations(connection: Connection, target: str = "head") -> None:
    """Runs Alembic's forward migrations on an open connection, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
