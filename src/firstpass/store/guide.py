"""The labeling guide as the experts have written it: every version stays, none is written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from firstpass.labels import Author, GuideExample
from firstpass.store import schema
from firstpass.store.codec import dump, load, now, unpack_time
from firstpass.store.connect import Database
from firstpass.store.names import Names, all_authors

_g = schema.guides
_ALL = select(_g.c.version, _g.c.classes, _g.c.author_id, _g.c.at, _g.c.note)


@dataclass(frozen=True, slots=True)
class GuidePage:
    """What the guide says about one class."""

    guide: str
    examples: tuple[GuideExample, ...] = ()


@dataclass(frozen=True, slots=True)
class GuideVersion:
    """The guide at one time. version: from 1. classes: the pages by class name. note: what was changed, in words."""

    version: int
    classes: Mapping[str, GuidePage]
    author: Author
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class GuideConflict:
    """Refused: someone saved another version meanwhile. current: that one; None = there is none yet."""

    current: GuideVersion | None


class Guide:
    """The versions of the labeling guide."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database, self._names = database, names

    def current(self) -> GuideVersion | None:
        """The newest version; None where nobody has written one yet (then firstpass.toml is the guide)."""
        with self._database.reading() as connection:
            return _newest(connection)

    def history(self) -> list[GuideVersion]:
        """Every version, oldest first; [] when there is none."""
        with self._database.reading() as connection:
            authors = all_authors(connection)
            return [_version(row, authors) for row in connection.execute(_ALL.order_by(_g.c.version))]

    def save(
        self, classes: Mapping[str, GuidePage], *, expected_version: int, author: Author, note: str = ""
    ) -> GuideVersion | GuideConflict:
        """Makes the next version, which survives a power cut. expected_version: the one it was made from, 0 = none.

        Another version by now: a GuideConflict and nothing is written, unless that one says the same: it is the answer then, so
        that sending it again does no harm.
        """
        with self._names.writing(durable=True) as connection:
            newest = _newest(connection)
            if (newest.version if newest else 0) != expected_version:
                return newest if newest and newest.classes == classes and newest.author == author else GuideConflict(newest)
            at = now()
            row = {
                "version": expected_version + 1,
                "classes": dump({name: _packed(page) for name, page in classes.items()}),
                "author_id": self._names.author_key(connection, author),
                "at": at,
                "note": note,
            }
            connection.execute(_g.insert(), row)
        return GuideVersion(expected_version + 1, dict(classes), author, unpack_time(at), note)


def _newest(connection: Connection) -> GuideVersion | None:
    row = connection.execute(_ALL.order_by(_g.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _version(row, all_authors(connection))


def _version(row: Sequence[Any], authors: Mapping[int, Author]) -> GuideVersion:
    pages = {name: _unpacked(page) for name, page in load(row[1]).items()}
    return GuideVersion(row[0], pages, authors[row[2]], unpack_time(row[3]), row[4])


def _packed(page: GuidePage) -> dict[str, Any]:
    examples = [
        [e.image_name, None if e.xyxy_px is None else [float(v) for v in e.xyxy_px], e.note, e.counter] for e in page.examples
    ]
    return {"guide": page.guide, "examples": examples}


def _unpacked(row: Mapping[str, Any]) -> GuidePage:
    examples = tuple(
        GuideExample(name, note, None if box is None else (box[0], box[1], box[2], box[3]), counter)
        for name, box, note, counter in row["examples"]
    )
    return GuidePage(row["guide"], examples)
