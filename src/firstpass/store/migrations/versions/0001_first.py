"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes all tables and indexes."""
    _images()
    _layers()
    _work()
    _rest()
    _indexes()


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("name", name, nullable=False, unique=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
    )
    op.create_table(
        "image_metadata",
        sa.Column("image_id", key, sa.ForeignKey("images.id"), primary_key=True, autoincrement=False),
        sa.Column("fields", sa.Text, nullable=False),
    )
    op.create_table(
        "authors",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("settings_digest", sa.Text, nullable=False),
        sa.UniqueConstraint("kind", "name", "version", "run_id", "settings_digest", name="one_author"),
    )
    op.create_table(
        "classes",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("name", name, nullable=False, unique=True),
    )


def _layers() -> None:
    op.create_table(
        "layers",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("name", name, nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "looks",
        sa.Column("id", key, primary_key=True, autoincrement=False),
        sa.Column("layer_id", key, sa.ForeignKey("layers.id"), nullable=False),
        sa.Column("image_id", key, sa.ForeignKey("images.id"), nullable=False),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("is_current", sa.Boolean, nullable=False),
        sa.Column("objects", sa.Integer, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("tags", sa.Text),
    )
    op.create_table(
        "objects",
        sa.Column("look_id", key, sa.ForeignKey("looks.id"), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("class_id", key, sa.ForeignKey("classes.id"), nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("x1", sa.Double, nullable=False),
        sa.Column("y1", sa.Double, nullable=False),
        sa.Column("x2", sa.Double, nullable=False),
        sa.Column("y2", sa.Double, nullable=False),
        sa.Column("geometry", sa.LargeBinary),
        sa.Column("details", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "layer_counts",
        sa.Column("layer_id", key, sa.ForeignKey("layers.id"), primary_key=True, autoincrement=False),
        sa.Column("class_id", key, sa.ForeignKey("classes.id"), primary_key=True, autoincrement=False),
        sa.Column("objects", sa.BigInteger, nullable=False),
    )


def _work() -> None:
    op.create_table(
        "edits",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("image_id", key, sa.ForeignKey("images.id"), nullable=False),
        sa.Column("layer", sa.Text, nullable=False),
        sa.Column("object_id", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Double),
    )
    op.create_table(
        "effort",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("image_id", key, sa.ForeignKey("images.id"), nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
    )


def _rest() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("stats", sa.Text, nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("finished_at", sa.String(32)),
    )
    op.create_table(
        "queue",
        sa.Column("image_id", key, sa.ForeignKey("images.id"), primary_key=True, autoincrement=False),
        sa.Column("seq", key, nullable=False),
        sa.Column("priority", sa.Double, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
    )
    op.create_table(
        "vectors",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("image_id", key, sa.ForeignKey("images.id"), primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _indexes() -> None:
    op.create_index("ix_edits_image_id", "edits", ["image_id"])
    op.create_index("ix_edits_object_id", "edits", ["object_id"])
    op.create_index("looks_of_image", "looks", ["image_id", "layer_id"])
    where = sa.text("is_current")
    op.create_index("current_look", "looks", ["layer_id", "image_id"], unique=True, sqlite_where=where, postgresql_where=where)
