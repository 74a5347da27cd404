"""Forward migrations give the same tables as a new data base, and happen whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from firstpass.errors import StoreError
from firstpass.store import Store, migrate, schema
from firstpass.store.connect import connect, prepare_empty

NEXT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "next", "0004", None, None
def upgrade():
    op.add_column("meta", sa.Column("note", sa.Text()))
"""


def tables_of(url: str) -> dict[str, object]:
    database = connect(url, 1.0, create=False)
    with database.reading() as connection:
        look = inspect(connection)
        found: dict[str, object] = {}
        for name in look.get_table_names():
            columns = [(c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in look.get_columns(name)]
            keys = sorted((k["constrained_columns"], k["referred_table"]) for k in look.get_foreign_keys(name))
            uniques = sorted(u["column_names"] for u in look.get_unique_constraints(name))
            query = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY name"
            rows = connection.exec_driver_sql(query, (name,)).fetchall()
            sql = [row[2] if row[0] == "index" else "WITHOUT ROWID" in row[2] for row in rows]
            found[name] = (columns, keys, uniques, sql)
    database.close()
    return found


def migrated(url: str, target: str) -> None:
    database = connect(url, 1.0, create=True)
    prepare_empty(database)
    with database.writing() as connection:
        migrate.run_migrations(connection, target)
    database.close()


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The next Firstpass: one migration more."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    for file in ("env.py", *(f"versions/{path.name}" for path in (migrate.SCRIPTS / "versions").glob("0*.py"))):
        (scripts / file).write_text((migrate.SCRIPTS / file).read_text())
    (scripts / "versions" / "next.py").write_text(NEXT)
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "next"))
    return scripts


def test_migrating_from_nothing_equals_a_new_data_base(tmp_path: Path) -> None:
    new, old = (f"sqlite:///{tmp_path / name}" for name in ("new.db", "old.db"))
    Store.open(new, create=True).close()
    migrated(old, "head")
    assert tables_of(old) == tables_of(new)
    with Store.open(old) as store:
        assert store.check() == []


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(reversed([s.revision for s in scripts.walk_revisions()])) == schema.REVISIONS
    assert scripts.get_heads() == [schema.REVISIONS[-1]]


def test_an_older_data_base_is_brought_forward_with_its_rows(url: str, store: Store, newer: Path) -> None:
    store.meta.set("k", "v")
    store.close()
    with Store.open(url) as opened:
        assert opened.meta.get("k") == "v"
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("next",)]
        assert raw.execute("SELECT note FROM meta").fetchall() == [(None,)]
    raw.close()


def test_a_migration_that_fails_leaves_the_old_schema(url: str, store: Store, newer: Path) -> None:
    store.meta.set("k", "v")
    store.close()
    script = newer / "versions" / "next.py"
    script.write_text(NEXT + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    with pytest.raises(StoreError, match="nowhere"):
        Store.open(url)
    script.write_text(NEXT)
    with Store.open(url) as opened:
        assert opened.meta.get("k") == "v"
