"""The review desk: working copies, what was done to them, and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """New tables only; nothing that is there is touched."""
    op.create_table(
        "working_copies",
        sa.Column("image_id", key, sa.ForeignKey("images.id"), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("objects", sa.Text, nullable=False),
        sa.Column("tags", sa.Text),
        sa.Column("base_layer", sa.Text, nullable=False),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
    )
    op.create_index("working_copy_status", "working_copies", ["status"])
    op.create_table(
        "desk_actions",
        sa.Column("seq", key, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("image_id", key, sa.ForeignKey("images.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("tags", sa.Text),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("version_after", sa.Integer),
        sa.Column("settled", sa.Boolean, nullable=False),
    )
    op.create_index("ix_desk_actions_image_id", "desk_actions", ["image_id"])
    op.create_table(
        "leases",
        sa.Column("image_id", key, sa.ForeignKey("images.id"), primary_key=True, autoincrement=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
    )
