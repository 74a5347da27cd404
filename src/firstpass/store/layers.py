"""The layers of a project: which there are, and making one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import exists, func, select

from firstpass.errors import UsageError
from firstpass.labels import Author
from firstpass.store import schema
from firstpass.store.codec import now, unpack_time
from firstpass.store.connect import Database
from firstpass.store.layer import Layer
from firstpass.store.names import Names, all_authors

LayerKind = Literal["import", "prelabel", "review", "truth"]
KINDS: tuple[LayerKind, ...] = ("import", "prelabel", "review", "truth")


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """A layer at a glance: images looked at, objects in their current rows."""

    name: str
    kind: LayerKind
    author: Author
    images: int
    objects: int
    created_at: datetime


class Layers:
    """All layers by name: ``layers["review"]``, ``"review" in layers``, ``for info in layers``."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database, self._names = database, names

    def create(self, name: str, author: Author, kind: LayerKind) -> Layer:
        """A new layer; the one that is there when it has that name, kind and author (another run of the same author counts as
        the same). A review layer is everybody's: it is returned to any author.

        Raises UsageError for an empty name, a kind that is none, or a layer of that name by another author or of another kind.
        """
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is no kind of layer; one of: {', '.join(KINDS)}")
        if not name.strip():
            raise UsageError("a layer needs a name")
        found = self._find(name)
        if found is None:
            self._make(name, author, kind)
        return _same(self.get(name) if found is None else found, author, kind)

    def awaited(self, name: str, author: Author, kind: LayerKind) -> Layer:
        """The layer of that name; where there is none yet, one that reads as empty and is made by its first write.

        So what only reads leaves the data base as it is, and works where it cannot be written. Raises UsageError as `create`.
        """
        found = self._find(name)
        if found is not None:
            return _same(found, author, kind)
        return Layer(self._database, self._names, 0, name, author, kind, lambda: self._make(name, author, kind))

    def _make(self, name: str, author: Author, kind: LayerKind) -> int:
        """Inserts the layer unless one of that name is there by now; its key."""
        t = schema.layers
        with self._names.writing() as connection:
            taken = connection.execute(select(t.c.id).where(t.c.name == name)).scalar_one_or_none()
            if taken is None:
                key = (connection.execute(select(func.max(t.c.id))).scalar() or 0) + 1
                author_id = self._names.author_key(connection, author)
                row = {"id": key, "name": name, "kind": kind, "author_id": author_id, "created_at": now()}
                connection.execute(t.insert(), row)
                return key
        return int(taken)

    def get(self, name: str) -> Layer:
        """The layer of that name. Raises UsageError with the nearest names."""
        found = self._find(name)
        if found is None:
            known = [info.name for info in self.all()]
            near = difflib.get_close_matches(name, known, 3) or known
            hint = f"; did you mean: {', '.join(near)}?" if near else "; there is no layer yet"
            raise UsageError(f"no layer is called {name!r}{hint}")
        return found

    def all(self) -> list[LayerInfo]:
        """Every layer, oldest first; [] when there is none."""
        la, lo, co = schema.layers, schema.looks, schema.layer_counts
        counted = select(func.count()).select_from(lo).where(lo.c.layer_id == la.c.id, schema.IS_CURRENT).correlate(la)
        current = select(la.c.id, counted.scalar_subquery())
        totals = select(co.c.layer_id, func.sum(co.c.objects).label("n")).group_by(co.c.layer_id)
        with self._database.reading() as connection:
            authors = all_authors(connection)
            images = {row[0]: int(row[1]) for row in connection.execute(current)}
            objects = {row[0]: int(row[1]) for row in connection.execute(totals)}
            query = select(la.c.id, la.c.name, la.c.kind, la.c.author_id, la.c.created_at).order_by(la.c.id)
            rows = connection.execute(query).fetchall()
        return [
            LayerInfo(name, kind, authors[author], images.get(key, 0), objects.get(key, 0), unpack_time(at))
            for key, name, kind, author, at in rows
        ]

    def newest(self, kind: LayerKind) -> str | None:
        """The name of the layer of that kind that was made last and has looked at anything; None when there is none."""
        la, lo = schema.layers, schema.looks
        any_look = exists().where(lo.c.layer_id == la.c.id, schema.IS_CURRENT).correlate(la)
        query = select(la.c.name).where(la.c.kind == kind, any_look).order_by(la.c.created_at.desc(), la.c.id).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def __getitem__(self, name: str) -> Layer:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __iter__(self) -> Iterator[LayerInfo]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def __repr__(self) -> str:
        lines = [f"{i.name}: {i.kind} by {i.author.name}, {i.images:,} images, {i.objects:,} objects" for i in self.all()]
        return "\n".join(lines) or "<no layers yet>"

    def _find(self, name: str) -> Layer | None:
        t = schema.layers
        with self._database.reading() as connection:
            row = connection.execute(select(t.c.id, t.c.kind, t.c.author_id).where(t.c.name == name)).one_or_none()
            if row is None:
                return None
            author = all_authors(connection)[row[2]]
        return Layer(self._database, self._names, row[0], name, author, row[1])


def _same(layer: Layer, author: Author, kind: LayerKind) -> Layer:
    if layer.kind != kind:
        raise UsageError(f"layer {layer.name!r} is there already, as {layer.kind} and not {kind}; choose another name")
    mine, theirs = _who(author), _who(layer.author)
    if kind != "review" and mine != theirs:
        raise UsageError(
            f"layer {layer.name!r} belongs to {theirs}, not to {mine}: one layer, one author. Choose another name for the layer"
        )
    return layer


def _who(author: Author) -> str:
    more = [text for text in (author.version, author.settings_digest) if text]
    return f"{author.kind} {author.name}" + (f" ({', '.join(more)})" if more else "")
