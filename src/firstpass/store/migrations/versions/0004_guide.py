"""The labeling guide's versions, and the words (a flag's note, a skip's reason) of what was done on the desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A new table, and a column that is empty for what is there."""
    op.add_column("desk_actions", sa.Column("words", sa.Text))
    op.create_table(
        "guides",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("classes", sa.Text, nullable=False),
        sa.Column("author_id", key, sa.ForeignKey("authors.id"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
