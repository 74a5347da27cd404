"""The images of a project: which there are, how large, and what is known about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar, overload

from sqlalchemy import Connection, bindparam, func, select

from firstpass.errors import Problem, UsageError
from firstpass.labels import ImageRef
from firstpass.store import schema
from firstpass.store.codec import dump, load
from firstpass.store.connect import IN_ROOM, Database, rows_in, upsert
from firstpass.store.finder import Finder

CHUNK = IN_ROOM
PAGE = 5_000
_T = TypeVar("_T")
_t = schema.images
_KEYS = select(_t.c.name, _t.c.id)
_KEYED_REFS = select(_t.c.id, _t.c.digest, _t.c.uri, _t.c.name, _t.c.width_px, _t.c.height_px)


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to register, and what is known about it (EXIF fields, columns of a table) as text."""

    ref: ImageRef
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Added:
    """How many images were new, known already, or known with another digest, size or place (now updated); and those refused."""

    new: int = 0
    known: int = 0
    changed: int = 0
    problems: tuple[Problem, ...] = ()


class Images:
    """The project's images, in order of name: a sequence of :class:`ImageRef`, read as needed.

    ``images[0]``, ``images[10:20]``, ``images["shelf/1.jpg"]``, ``"shelf/1.jpg" in images``, ``len(images)``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, items: Iterable[NewImage]) -> Added:
        """Registers images by name; one that is known is updated where it differs, metadata are merged; idempotent.

        A name that is empty or not valid Unicode is refused with a Problem; the others are taken. Raises StoreError.
        """
        new = known = changed = 0
        problems: list[Problem] = []
        source = iter(items)
        while chunk := list(islice(source, CHUNK)):
            good = {item.ref.name: item for item in chunk if _is_good(item.ref, problems)}
            known += len(chunk) - len(good)
            with self._database.writing() as connection:
                counts = _add_chunk(connection, good)
            new, known, changed = new + counts[0], known + counts[1], changed + counts[2]
        return Added(new, known - len(problems), changed, tuple(problems))

    def all(self) -> Iterator[ImageRef]:
        """Every image in order of name, page by page: bounded memory, and no lock held in between."""
        t = schema.images
        page = _refs().where(t.c.name > bindparam("after")).order_by(t.c.name).limit(PAGE)
        after = ""
        while True:
            with self._database.reading() as connection:
                rows: Any = connection.execute(page, {"after": after}).fetchall()
            for row in rows:
                yield ImageRef(*row)
            if len(rows) < PAGE:
                return
            after = rows[-1][2]

    def count(self) -> int:
        """How many images there are."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(schema.images)).scalar_one()

    def get(self, name: str) -> ImageRef | None:
        """The image of exactly that name, or None."""
        with self._database.reading() as connection:
            row = connection.execute(_refs().where(schema.images.c.name == name)).one_or_none()
        return None if row is None else ImageRef(*row)

    def key(self, name: str) -> int | None:
        """The image's number in this project, as in the review desk's addresses; None when there is no such image."""
        with self._database.reading() as connection:
            return connection.execute(select(_t.c.id).where(_t.c.name == name)).scalar_one_or_none()

    def keys(self, names: Iterable[str]) -> dict[str, int]:
        """The numbers of these images; unknown ones are not in it."""
        with self._database.reading() as connection:
            return {row[0]: row[1] for part in chunks(names) for row in rows_in(connection, _KEYS, _t.c.name, part)}

    def names(self) -> list[str]:
        """All image names, in order."""
        with self._database.reading() as connection:
            return list(connection.execute(select(_t.c.name).order_by(_t.c.name)).scalars())

    def by_key(self, key: int) -> ImageRef | None:
        """The image of that number; None when there is none."""
        with self._database.reading() as connection:
            row = connection.execute(_KEYED_REFS.where(_t.c.id == key)).one_or_none()
        return None if row is None else ImageRef(*row[1:])

    def by_keys(self, keys: Iterable[int]) -> dict[int, ImageRef]:
        """The images of these numbers; unknown ones are not in it."""
        with self._database.reading() as connection:
            rows = [row for part in chunks(keys) for row in rows_in(connection, _KEYED_REFS, _t.c.id, part)]
        return {row[0]: ImageRef(*row[1:]) for row in rows}

    def refs(self, names: Iterable[str]) -> dict[str, tuple[int, ImageRef]]:
        """Number and ref of these images; unknown ones are not in it."""
        with self._database.reading() as connection:
            rows = [row for part in chunks(names) for row in rows_in(connection, _KEYED_REFS, _t.c.name, part)]
        return {row[3]: (row[0], ImageRef(*row[1:])) for row in rows}

    def finder(self) -> Finder:
        """Finds images by what label files call them; knows the images there are at its first question."""
        return Finder(self.all)

    def metadata(self, names: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
        """What is known about the images, by name; all of them for None. Images without metadata are left out."""
        i, m = schema.images, schema.image_metadata
        query = select(i.c.name, m.c.fields).join_from(m, i)
        with self._database.reading() as connection:
            if names is None:
                return {name: load(fields) for name, fields in connection.execute(query.order_by(i.c.name))}
            found: dict[str, dict[str, str]] = {}
            for chunk in chunks(names):
                found.update((name, load(fields)) for name, fields in connection.execute(query.where(i.c.name.in_(chunk))))
            return found

    def set_metadata(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Merges fields into what is known about each image. Raises UsageError for an unknown image; then nothing changes."""
        with self._database.writing() as connection:
            for chunk in chunks(rows):
                keys = image_keys(connection, chunk)
                _merge_metadata(connection, {keys[name]: rows[name] for name in chunk})

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[ImageRef]:
        return self.all()

    def __contains__(self, item: object) -> bool:
        name = item.name if isinstance(item, ImageRef) else item
        return isinstance(name, str) and self.get(name) is not None

    @overload
    def __getitem__(self, index: int | str) -> ImageRef: ...
    @overload
    def __getitem__(self, index: slice) -> list[ImageRef]: ...
    def __getitem__(self, index: int | str | slice) -> ImageRef | list[ImageRef]:
        if isinstance(index, str):
            found = self.get(index)
            if found is None:
                raise KeyError(index)
            return found
        t = schema.images
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return list(self.all())[index]
            query = _refs().order_by(t.c.name).offset(start).limit(max(0, stop - start))
            with self._database.reading() as connection:
                return [ImageRef(*row) for row in connection.execute(query)]
        at = index if index >= 0 else len(self) + index
        if at >= 0:
            with self._database.reading() as connection:
                row = connection.execute(_refs().order_by(t.c.name).offset(at).limit(1)).one_or_none()
            if row is not None:
                return ImageRef(*row)
        raise IndexError(f"image {index} of {len(self)}")

    def __repr__(self) -> str:
        return f"<{len(self):,} images>"


def chunks(items: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The items in lists of at most `size`, in order; no list for no items."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def image_keys(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The key of each name. Raises UsageError, naming the first that is not registered."""
    t = schema.images
    wanted = dict.fromkeys(names)
    found: dict[str, int] = {}
    for chunk in chunks(wanted):
        found.update(rows_in(connection, _KEYS, t.c.name, chunk))
    if len(found) < len(wanted):
        missing = next(name for name in wanted if name not in found)
        raise UsageError(f"image {missing!r} is not in the project; register it first (firstpass init --images, images.add)")
    return found


def _refs() -> Any:
    t = schema.images
    return select(t.c.digest, t.c.uri, t.c.name, t.c.width_px, t.c.height_px)


def _is_good(ref: ImageRef, problems: list[Problem]) -> bool:
    text = ref.name + ref.uri
    try:
        text.encode()
    except UnicodeEncodeError:
        problems.append(Problem(f"{ref.name!a}", "the name is not valid Unicode", "a UTF-8 name", "Rename the file"))
        return False
    if not ref.name or "\0" in text:
        problems.append(Problem(f"{ref.name!r}", "an image needs a name", "a path relative to the image folder"))
        return False
    return True


def _add_chunk(connection: Connection, items: Mapping[str, NewImage]) -> tuple[int, int, int]:
    t = schema.images
    rows = rows_in(connection, _KEYED_REFS, t.c.name, list(items))
    stored = {row[3]: (row[0], ImageRef(*row[1:])) for row in rows}
    fresh = [name for name in items if name not in stored]
    changed = [name for name, (_, ref) in stored.items() if ref != items[name].ref]
    keys = {name: key for name, (key, _) in stored.items()}
    if fresh:
        first = (connection.execute(select(func.max(t.c.id))).scalar() or 0) + 1
        keys.update((name, first + i) for i, name in enumerate(fresh))
    rows = [_row(keys[name], items[name].ref) for name in fresh + changed]
    upsert(connection, t, rows)
    _merge_metadata(connection, {keys[name]: item.metadata for name, item in items.items() if item.metadata})
    return len(fresh), len(stored) - len(changed), len(changed)


def _row(key: int, ref: ImageRef) -> dict[str, Any]:
    size = {"width_px": int(ref.width_px), "height_px": int(ref.height_px)}
    return {"id": key, "name": ref.name, "digest": ref.digest, "uri": ref.uri, **size}


def _merge_metadata(connection: Connection, rows: Mapping[int, Mapping[str, str]]) -> None:
    t = schema.image_metadata
    stored = {
        row[0]: load(row[1]) for row in connection.execute(select(t.c.image_id, t.c.fields).where(t.c.image_id.in_(list(rows))))
    }
    merged = [
        {"image_id": key, "fields": dump({**stored.get(key, {}), **{str(k): str(v) for k, v in fields.items()}})}
        for key, fields in rows.items()
    ]
    upsert(connection, t, merged)
