"""What is wrong inside a data base, for `firstpass doctor`: values, never a raise for bad content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from firstpass.errors import Problem, StoreCorrupt
from firstpass.store import schema
from firstpass.store.blocks import RESTORE, BlockError, unpack_blocks
from firstpass.store.connect import Database, integrity, plain_rows
from firstpass.store.names import all_classes

PAGE, SHOWN = 1_000, 20


def check(database: Database) -> list[Problem]:
    """Damage told by the data base itself, rows that point nowhere, damaged looks, counts that do not fit; [] when sound."""
    where = database.where
    try:
        with database.reading() as connection:
            damage = [Problem(where, line, "a sound data base", RESTORE) for line in integrity(connection)]
            return damage + list(_Blocks(connection, where).problems())
    except StoreCorrupt as error:
        return [Problem(where, str(error), "a sound data base", RESTORE)]


class _Blocks:
    """Goes through every look's block: tells damaged ones (`SHOWN`, then how many), counts the classes of current ones."""

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection, self._where = connection, where
        self._layers = dict(connection.execute(select(schema.layers.c.id, schema.layers.c.name)).all())
        self._classes = all_classes(connection)
        self._counts: Counter[tuple[int, int]] = Counter()
        self._damaged = 0

    def problems(self) -> Iterator[Problem]:
        """Damaged blocks first, then counts that do not fit."""
        i, lo = schema.images, schema.looks
        columns = (lo.c.layer_id, lo.c.is_current, lo.c.objects, lo.c.block, i.c.name)
        for page in plain_rows(self._connection, select(*columns).join_from(lo, i).order_by(lo.c.id), PAGE):
            yield from self._page(page)
        if self._damaged > SHOWN:
            yield Problem(self._where, f"{self._damaged - SHOWN:,} more looks are damaged", "", RESTORE)
        yield from self._wrong_counts()

    def _page(self, page: list[tuple[Any, ...]]) -> Iterator[Problem]:
        rows: list[tuple[Any, ...]] = []
        for row in page:
            if (row[3] is None) == (row[2] == 0):
                rows.append(row)
            else:
                yield from self._bad(row, f"it should hold {row[2]} objects, but has {'none' if row[3] is None else 'some'}")
        rows = [row for row in rows if row[3] is not None]
        while rows:
            try:
                taken = unpack_blocks([row[3] for row in rows])
                taken.looks(self._classes)
            except BlockError as error:
                yield from self._bad(rows.pop(error.place), str(error))
                continue
            for row, found in zip(rows, np.diff(taken.starts).tolist(), strict=True):
                if row[2] != found:
                    yield from self._bad(row, f"it should hold {row[2]} objects, but has {found}")
            owners = np.repeat([row[0] if row[1] else -1 for row in rows], np.diff(taken.starts))
            self._counts.update(zip(owners.tolist(), taken.keys.tolist(), strict=True))
            return

    def _bad(self, row: tuple[Any, ...], what: str) -> Iterator[Problem]:
        self._damaged += 1
        if self._damaged <= SHOWN:
            layer = self._layers.get(row[0], row[0])
            yield Problem(f"{self._where}: layer {layer}, image {row[4]}", f"its objects are damaged: {what}", "", RESTORE)

    def _wrong_counts(self) -> Iterator[Problem]:
        co = schema.layer_counts
        true = Counter({key: count for key, count in self._counts.items() if key[0] >= 0})
        stored = self._connection.execute(select(co.c.layer_id, co.c.class_id, co.c.objects))
        said = Counter({(row[0], row[1]): int(row[2]) for row in stored})
        for key in sorted(true.keys() | said.keys()):
            if true[key] != said[key]:
                layer, class_name = self._layers.get(key[0], str(key[0])), self._classes.get(key[1], str(key[1]))
                what = f"class {class_name}: counted as {said[key]} objects, but there are {true[key]}"
                yield Problem(f"{self._where}: layer {layer}", what, "", RESTORE)
