"""The objects of a look in one block of bytes beside it, instead of a row each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from firstpass.store.blocks import extra_of, join_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PAGE = 2_000  # looks moved at a time

key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
looks = sa.table("looks", sa.column("id", key), sa.column("block", sa.LargeBinary))
objects = sa.table(
    "objects",
    sa.column("look_id", key),
    sa.column("place", sa.Integer),
    sa.column("object_id", sa.Text),
    sa.column("class_id", key),
    sa.column("score", sa.Double),
    sa.column("x1", sa.Double),
    sa.column("y1", sa.Double),
    sa.column("x2", sa.Double),
    sa.column("y2", sa.Double),
    sa.column("geometry", sa.LargeBinary),
    sa.column("details", sa.Text),
)


def upgrade() -> None:
    """Moves the objects page by page in the caller's one transaction: killed half way, the data base is as it was."""
    op.add_column("looks", sa.Column("block", sa.LargeBinary))
    connection = op.get_bind()
    fill = looks.update().where(looks.c.id == sa.bindparam("look")).values(block=sa.bindparam("data"))
    for page in _pages(connection):
        connection.execute(fill, [{"look": look, "data": data} for look, data in _blocks(page)])
    op.drop_table("objects")


def _pages(connection: sa.Connection) -> Iterator[list[Any]]:
    """The rows of PAGE looks at a time, by look and place."""
    after = -1
    while True:
        query = sa.select(looks.c.id).where(looks.c.id > after).order_by(looks.c.id).limit(PAGE)
        keys = list(connection.execute(query).scalars())
        if not keys:
            return
        within = objects.c.look_id.between(keys[0], keys[-1])
        query = sa.select(*objects.c).where(within).order_by(objects.c.look_id, objects.c.place)
        result: Any = connection.execute(query)
        rows = list(result)
        if rows:
            yield rows
        after = keys[-1]


def _blocks(rows: list[Any]) -> Iterator[tuple[int, bytes]]:
    groups = [(look, list(group)) for look, group in groupby(rows, itemgetter(0))]
    extras = [
        b"".join(extra_of(place, row[9], row[10]) for place, row in enumerate(group) if row[9:] != (None, None))
        for _, group in groups
    ]
    blocks = join_columns(
        [len(group) for _, group in groups],
        np.asarray([row[3] for row in rows], np.int64),
        np.asarray([np.nan if row[4] is None else row[4] for row in rows], np.float64),
        np.asarray([tuple(row[5:9]) for row in rows], np.float64),
        [[row[2] for row in group] for _, group in groups],
        extras,
    )
    return zip([look for look, _ in groups], blocks, strict=True)
