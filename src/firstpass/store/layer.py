"""One layer: what its author says about each image. Append-only: a later look at an image supersedes the earlier one."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select

from firstpass.errors import StoreCorrupt, UsageError
from firstpass.labels import Author, ImageRef, LabeledImage
from firstpass.store import schema
from firstpass.store.blocks import RESTORE, BlockError, Objects, unpack_blocks
from firstpass.store.codec import unpack_tags
from firstpass.store.connect import Database, plain_rows
from firstpass.store.images import chunks
from firstpass.store.names import Names, all_authors, all_classes
from firstpass.store.table import ObjectTable, Wanted, read_table
from firstpass.store.write import WrittenRows, write_chunk

PAGE = 500  # looks per read


class Layer:
    """One layer of the store: iterate over it for its current :class:`LabeledImage` values, in order of image name.

    name, kind ("import", "prelabel", "review", "truth"), author: who made it (in a review layer each row has its own author).
    """

    def __init__(
        self, database: Database, names: Names, key: int, name: str, author: Author, kind: Any,
        make: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        """make: makes the layer and gives its key, at the first write of one that is not there yet (key 0 until then)."""
        self._database, self._names, self._key, self._make = database, names, key, make
        self.name, self.author, self.kind = name, author, kind

    def write(self, items: Iterable[LabeledImage], *, chunk: int = 500) -> WrittenRows:
        """Appends looks, in short transactions of `chunk` images; each is there whole or not at all, even after a kill.

        Items may come from a generator; no lock is held while waiting for it. A later look at the same image supersedes.
        The image is stored by its name, which must be registered. Raises UsageError for an unknown image (its chunk is not
        written), StoreError.
        """
        if chunk < 1:
            raise UsageError(f"chunk must be at least 1, but got {chunk}")
        self.ensure()
        images = objects = 0
        source = iter(items)
        while batch := list(islice(source, chunk)):
            try:
                with self._names.writing(durable=self.kind == "review") as connection:
                    written = write_chunk(connection, self._names, self._key, batch)
            except BlockError as error:
                raise StoreCorrupt(f"{self._where}: an earlier look at one of these images is damaged. {RESTORE}") from error
            images, objects = images + written.images, objects + written.objects
        return WrittenRows(images, objects)

    def ensure(self) -> int:
        """Makes the layer where it only awaits its first write; its key in the data base."""
        if self._make is not None:
            self._key, self._make = self._make(), None
        return self._key

    def get(self, name: str) -> LabeledImage | None:
        """What the layer says about the image now; None when it has not looked at it."""
        return next(self.read([name]), None)

    def read(self, names: Iterable[str]) -> Iterator[LabeledImage]:
        """The current looks at these images, in the order given; images not looked at are passed over. Bounded memory."""
        i, lo = schema.images, schema.looks
        for part in chunks(names, PAGE):
            query = select(i.c.name, lo.c.id).join_from(lo, i).where(lo.c.layer_id == self._key, schema.IS_CURRENT)
            with self._database.reading() as connection:
                found = dict(connection.execute(query.where(i.c.name.in_(part))).all())
                looks = read_looks(connection, [found[name] for name in part if name in found], self._where)
            yield from looks

    def history(self, name: str) -> list[LabeledImage]:
        """Every look at the image, oldest first, the current one last; [] when there is none."""
        i, lo = schema.images, schema.looks
        query = select(lo.c.id).join_from(lo, i).where(i.c.name == name, lo.c.layer_id == self._key).order_by(lo.c.id)
        with self._database.reading() as connection:
            return list(read_looks(connection, [row[0] for row in connection.execute(query)], self._where))

    def looked(self) -> frozenset[str]:
        """The names of the images looked at, those where nothing was found included."""
        i, lo = schema.images, schema.looks
        query = select(i.c.name).join_from(lo, i).where(lo.c.layer_id == self._key, schema.IS_CURRENT)
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def mark(self) -> int:
        """Grows with every look that is written; 0 while there is none."""
        lo = schema.looks
        query = select(func.max(lo.c.id)).where(lo.c.layer_id == self._key, schema.IS_CURRENT)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one() or 0

    def since(self, mark: int) -> tuple[int, list[str]]:
        """The images looked at after a mark (0 = from the beginning), and the mark to ask from next time."""
        i, lo = schema.images, schema.looks
        query = select(lo.c.id, i.c.name).join_from(lo, i).where(lo.c.id > mark, lo.c.layer_id == self._key, schema.IS_CURRENT)
        with self._database.reading() as connection:
            rows = connection.execute(query).fetchall()
        return max([mark, *(int(row[0]) for row in rows)]), [str(row[1]) for row in rows]

    def counts(self) -> dict[str, int]:
        """Objects per class in the current looks, most frequent first; classes without any are left out."""
        c, co = schema.classes, schema.layer_counts
        query = select(c.c.name, co.c.objects).join_from(co, c).where(co.c.layer_id == self._key, co.c.objects > 0)
        with self._database.reading() as connection:
            return {name: int(n) for name, n in connection.execute(query.order_by(co.c.objects.desc(), c.c.name))}

    def table(
        self,
        *,
        class_names: Iterable[str] | None = None,
        min_score: float | None = None,
        max_score: float | None = None,
        limit: int | None = None,
    ) -> ObjectTable:
        """The current objects as arrays, by image name and place: all, or those of some classes and scores (ends included).

        A bound on the score leaves out objects without one. limit: the first so many. No object: arrays of length 0.
        Raises StoreCorrupt.
        """
        names = None if class_names is None else list(class_names)
        with self._database.reading() as connection:
            return read_table(connection, self._key, Wanted(names, min_score, max_score, limit), self._where)

    def __iter__(self) -> Iterator[LabeledImage]:
        i, lo = schema.images, schema.looks
        query = select(lo.c.id).join_from(lo, i).where(lo.c.layer_id == self._key, schema.IS_CURRENT).order_by(i.c.name)
        with self._database.reading() as connection:
            keys = array("q", connection.execute(query).scalars())  # looks never change, so pages may be read one by one
        for first in range(0, len(keys), PAGE):
            with self._database.reading() as connection:
                looks = read_looks(connection, keys[first : first + PAGE], self._where)
            yield from looks

    def __len__(self) -> int:
        t = schema.looks
        query = select(func.count()).select_from(t).where(t.c.layer_id == self._key, schema.IS_CURRENT)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one()

    @property
    def _where(self) -> str:
        return f"{self._database.where}: layer {self.name}"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __repr__(self) -> str:
        objects = sum(self.counts().values())
        return f"<Layer {self.name!r} ({self.kind} by {self.author.name}): {len(self):,} images, {objects:,} objects>"


def read_looks(connection: Connection, keys: Sequence[int], where: str) -> Iterator[LabeledImage]:
    """The looks of these keys, in the order given. All are fetched at once; a damaged one is told when its turn comes.

    where: the layer, in words. The values are made after the connection is given back. Raises StoreCorrupt.
    """
    i, lo = schema.images, schema.looks
    wanted = list(keys)
    parts = (lo.c.id, lo.c.author_id, lo.c.tags, lo.c.block, i.c.digest, i.c.uri, i.c.name, i.c.width_px, i.c.height_px)
    query = select(*parts).join_from(lo, i).where(lo.c.id.in_(wanted))
    rows = {row[0]: row for part in plain_rows(connection, query) for row in part}
    authors, classes = all_authors(connection), all_classes(connection)

    def values() -> Iterator[LabeledImage]:
        found = _objects([rows[key][3] for key in wanted], classes)
        for key in wanted:
            _, author, tags, block, *ref = rows[key]
            objects = next(found) if block is not None else ()
            if isinstance(objects, BlockError):
                raise StoreCorrupt(f"{where}, image {ref[2]}: its objects are damaged: {objects}. {RESTORE}") from objects
            yield LabeledImage(ImageRef(*ref), authors[author], objects, unpack_tags(tags))

    return values()


def _objects(blocks: Sequence[bytes | None], classes: Mapping[int, str]) -> Iterator[Objects | BlockError]:
    """The objects of each block that is there: all at once where they are sound, else one by one."""
    there = [block for block in blocks if block is not None]
    try:
        yield from unpack_blocks(there).looks(classes)
    except BlockError:
        for block in there:
            try:
                (objects,) = unpack_blocks([block]).looks(classes)
            except BlockError as error:
                yield error
            else:
                yield objects
