"""The tables, in SQLAlchemy Core types that SQLite and PostgreSQL both have; no SQL text here or in the rooms above.

Written for a layer of a million boxes: integer keys, the objects of a look in one block of bytes beside it (`blocks.py`), and
counts per class kept apart.

A *look* is one author's statement about one image in one layer. Looks are never changed but for `is_current`, which the next
look at the same image takes over. Changing a table means: a new revision in `migrations/versions`, and its name in REVISIONS.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every schema version this Firstpass knows, oldest first; the last one is current."""

Key = BigInteger().with_variant(Integer(), "sqlite")
Name = Text().with_variant(Text(collation="C"), "postgresql")  # by code point, as Python sorts

tables = MetaData()

images = Table(
    "images",
    tables,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("name", Name, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
)

image_metadata = Table(
    "image_metadata",
    tables,
    Column("image_id", Key, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("fields", Text, nullable=False),  # JSON object of strings
)

authors = Table(
    "authors",
    tables,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("settings_digest", Text, nullable=False),
    UniqueConstraint("kind", "name", "version", "run_id", "settings_digest", name="one_author"),
)

classes = Table(
    "classes",
    tables,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("name", Name, nullable=False, unique=True),
)

layers = Table(
    "layers",
    tables,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("name", Name, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("created_at", String(32), nullable=False),
)

looks = Table(
    "looks",
    tables,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("layer_id", Key, ForeignKey("layers.id"), nullable=False),
    Column("image_id", Key, ForeignKey("images.id"), nullable=False),
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    Column("tags", Text),  # JSON list, NULL for none
    Column("block", LargeBinary),  # the objects, NULL for none; see blocks.py
    Index("looks_of_image", "image_id", "layer_id"),
    Index(
        "current_look",
        "layer_id",
        "image_id",
        unique=True,
        sqlite_where=text("is_current"),
        postgresql_where=text("is_current"),
    ),
)

IS_CURRENT = text("looks.is_current")
"""The condition of the index `current_look`, in its own words. What SQLAlchemy makes of the column, ``is_current = 1``, is
another condition to SQLite, and every look would be read instead.
"""

layer_counts = Table(
    "layer_counts",
    tables,
    Column("layer_id", Key, ForeignKey("layers.id"), primary_key=True, autoincrement=False),
    Column("class_id", Key, ForeignKey("classes.id"), primary_key=True, autoincrement=False),
    Column("objects", BigInteger, nullable=False),
)

edits = Table(
    "edits",
    tables,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("image_id", Key, ForeignKey("images.id"), nullable=False, index=True),
    Column("layer", Text, nullable=False),
    Column("object_id", Text, nullable=False, index=True),
    Column("before", Text),  # JSON of the object, NULL = there was none
    Column("after", Text),
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("seconds", Double),
)

effort = Table(
    "effort",
    tables,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("image_id", Key, ForeignKey("images.id"), nullable=False),
    Column("author_name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("at", String(32), nullable=False),
    Column("simulated", Boolean, nullable=False),
)

runs = Table(
    "runs",
    tables,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("settings", Text, nullable=False),
    Column("stats", Text, nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("finished_at", String(32)),
)

queue = Table(
    "queue",
    tables,
    Column("image_id", Key, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("seq", Key, nullable=False),
    Column("priority", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("strategy", Text, nullable=False),
)

vectors = Table(
    "vectors",
    tables,
    Column("kind", Text, primary_key=True),
    Column("image_id", Key, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),  # float32, little endian
)

working_copies = Table(  # what an image looks like on the review desk; becomes a look of the review layer when submitted
    "working_copies",
    tables,
    Column("image_id", Key, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("objects", Text, nullable=False),  # JSON list
    Column("tags", Text),  # JSON list, NULL for none
    Column("base_layer", Text, nullable=False),
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("flag", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", String(32), nullable=False),
    Index("working_copy_status", "status"),
)

desk_actions = Table(  # what people did on the desk, refused ones included: nothing that was sent is ever lost
    "desk_actions",
    tables,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("image_id", Key, ForeignKey("images.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("changes", Text, nullable=False),  # JSON list of [object id, before, after]
    Column("tags", Text),  # JSON list of two tag lists, before and after; NULL = untouched
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("seconds", Double),
    Column("version_after", Integer),  # NULL = refused
    Column("settled", Boolean, nullable=False),
    Column("words", Text),  # a flag's note or a skip's reason, NULL = none
)

guides = Table(  # every version of the labeling guide
    "guides",
    tables,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("classes", Text, nullable=False),  # JSON object of pages
    Column("author_id", Key, ForeignKey("authors.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("note", Text, nullable=False),
)

leases = Table(
    "leases",
    tables,
    Column("image_id", Key, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("until", String(32), nullable=False),
)

meta = Table(
    "meta",
    tables,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

version_tables = MetaData()

version = Table("alembic_version", version_tables, Column("version_num", String(32), primary_key=True))
"""Alembic's own table, declared so that opening a current data base need not import Alembic."""
