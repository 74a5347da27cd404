"""What is wrong inside a data base, for `firstpass doctor`: values, never a raise for bad content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from firstpass.errors import Problem, StoreCorrupt
from firstpass.store import schema
from firstpass.store.connect import Database, integrity

_RESTORE = "Restore the last backup (firstpass restore)"


def check(database: Database) -> list[Problem]:
    """Damage told by the data base itself, rows that point nowhere, looks and layers whose counts do not fit; [] when sound."""
    where = database.where
    try:
        with database.reading() as connection:
            damage = [Problem(where, line, "a sound data base", _RESTORE) for line in integrity(connection)]
            return damage + list(_looks(connection, where)) + list(_counts(connection, where))
    except StoreCorrupt as error:
        return [Problem(where, str(error), "a sound data base", _RESTORE)]


def _looks(connection: Connection, where: str) -> Iterator[Problem]:
    lo, ob, la = schema.looks, schema.objects, schema.layers
    stored = select(ob.c.look_id, func.count().label("n")).group_by(ob.c.look_id).subquery()
    query = (
        select(la.c.name, func.count())
        .select_from(lo.join(la).outerjoin(stored, stored.c.look_id == lo.c.id))
        .where(lo.c.objects != func.coalesce(stored.c.n, 0))
        .group_by(la.c.name)
    )
    for name, count in connection.execute(query):
        yield Problem(f"{where}: layer {name}", f"{count} looks hold another number of objects than they say", "", _RESTORE)


def _counts(connection: Connection, where: str) -> Iterator[Problem]:
    lo, ob, la, c, co = schema.looks, schema.objects, schema.layers, schema.classes, schema.layer_counts
    layers = dict(connection.execute(select(la.c.id, la.c.name)).all())
    classes = dict(connection.execute(select(c.c.id, c.c.name)).all())
    true: Counter[tuple[int, int]] = Counter()
    query = select(lo.c.layer_id, ob.c.class_id, func.count()).join_from(lo, ob, ob.c.look_id == lo.c.id).where(lo.c.is_current)
    for layer, class_id, count in connection.execute(query.group_by(lo.c.layer_id, ob.c.class_id)):
        true[layer, class_id] = count
    stored = connection.execute(select(co.c.layer_id, co.c.class_id, co.c.objects))
    said = Counter({(row[0], row[1]): int(row[2]) for row in stored})
    for key in sorted(true.keys() | said.keys()):
        if true[key] != said[key]:
            layer, class_name = layers.get(key[0], str(key[0])), classes.get(key[1], str(key[1]))
            what = f"class {class_name}: counted as {said[key]} objects, but there are {true[key]}"
            yield Problem(f"{where}: layer {layer}", what, "", _RESTORE)
