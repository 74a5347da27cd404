"""A stretch of the queue with what the desk knows of each image, without reading the whole of it: for 100,000 images too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, literal, not_, or_, select

from firstpass.labels import ImageRef
from firstpass.store import schema
from firstpass.store.connect import Database
from firstpass.store.desk import DeskStatus

_i, _q, _w, _lo, _la = schema.images, schema.queue, schema.working_copies, schema.looks, schema.layers


@dataclass(frozen=True, slots=True)
class Frame:
    """One image. key: its number. status, flag: of its working copy, None and "" = never touched. looked: is reviewed."""

    key: int
    ref: ImageRef
    why: str
    strategy: str
    status: DeskStatus | None
    flag: str
    looked: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames in their order, of `total`, of which `done` are submitted."""

    frames: tuple[Frame, ...]
    total: int
    done: int


class Film:
    """The queue, or all images by name where nothing is queued."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stretch(self, review: str, around: str | None, before: int, after: int) -> Stretch:
        """The images around the named one (None = the first that is not done, else the first at all).

        review: the layer whose looks count as done. An image named that is not queued comes first, before those around the
        first not done. No images: an empty stretch.
        """
        with self._database.reading() as connection:
            queued = connection.execute(select(_q.c.image_id).limit(1)).first() is not None
            reel = _Reel(connection, queued, review)
            center = reel.center(_i.c.name == around) if around is not None else None
            extra: Sequence[Any] = reel.outside(around) if around is not None and center is None else ()
            center = center or reel.center(reel.is_waiting, first=True) or reel.center(None, first=True)
            rows = [] if center is None else [*reel.earlier(center, before), *reel.later(center, after + 1)]
            return Stretch(tuple(_frame(row) for row in [*extra, *rows]), reel.total(), reel.done())


class _Reel:
    """The queries on one order of images."""

    def __init__(self, connection: Connection, queued: bool, review: str) -> None:
        self._connection, self._queued = connection, queued
        layer = select(_la.c.id).where(_la.c.name == review).scalar_subquery()
        self._looked = exists().where(_lo.c.image_id == _i.c.id, _lo.c.layer_id == layer, schema.IS_CURRENT).correlate(_i)
        self._reviewed = select(func.count()).select_from(_lo).where(_lo.c.layer_id == layer, schema.IS_CURRENT)
        untouched = and_(_w.c.image_id.is_(None), not_(self._looked))
        self.is_waiting = or_(_w.c.status == "open", untouched)

    def _from(self, query: Select[*tuple[Any, ...]], queued: bool) -> Select[*tuple[Any, ...]]:
        joined = _i.outerjoin(_w, _w.c.image_id == _i.c.id)
        return query.select_from(_q.join(joined, _q.c.image_id == _i.c.id) if queued else joined)

    def _frames(self, queued: bool) -> Select[*tuple[Any, ...]]:
        words = (_q.c.why, _q.c.strategy) if queued else (literal(""), literal(""))
        parts = (_i.c.id, _i.c.digest, _i.c.uri, _i.c.name, _i.c.width_px, _i.c.height_px, *words)
        return self._from(select(*parts, _w.c.status, _w.c.flag, self._looked), queued)

    def center(self, condition: Any, first: bool = False) -> tuple[Any, ...] | None:
        """The place of the first image that meets the condition: what its order goes by."""
        place = (_q.c.priority, _q.c.seq) if self._queued else (_i.c.name,)
        query = self._from(select(*place), self._queued)
        query = query if condition is None else query.where(condition)
        row = self._connection.execute(query.order_by(*self._order()).limit(1) if first else query).first()
        return None if row is None else tuple(row)

    def _order(self) -> tuple[Any, ...]:
        return (_q.c.priority.desc(), _q.c.seq) if self._queued else (_i.c.name,)

    def earlier(self, center: tuple[Any, ...], count: int) -> Sequence[Any]:
        """The frames before the place, nearest last."""
        if self._queued:
            priority, seq = center
            where = or_(_q.c.priority > priority, and_(_q.c.priority == priority, _q.c.seq < seq))
            order = (_q.c.priority, _q.c.seq.desc())
        else:
            where, order = _i.c.name < center[0], (_i.c.name.desc(),)
        query = self._frames(self._queued).where(where).order_by(*order).limit(count)
        return self._connection.execute(query).all()[::-1]

    def later(self, center: tuple[Any, ...], count: int) -> Sequence[Any]:
        """The frames from the place on."""
        if self._queued:
            priority, seq = center
            where = or_(_q.c.priority < priority, and_(_q.c.priority == priority, _q.c.seq >= seq))
        else:
            where = _i.c.name >= center[0]
        query = self._frames(self._queued).where(where).order_by(*self._order()).limit(count)
        return self._connection.execute(query).all()

    def outside(self, name: str) -> Sequence[Any]:
        """The frame of an image that is not queued; [] when there is no such image."""
        return self._connection.execute(self._frames(False).where(_i.c.name == name)).all()

    def total(self) -> int:
        """How many images there are in this order."""
        return self._connection.execute(select(func.count()).select_from(_q if self._queued else _i)).scalar_one()

    def done(self) -> int:
        """How many of them are submitted."""
        if self._queued:
            submitted = or_(_w.c.status == "submitted", and_(_w.c.image_id.is_(None), self._looked))
            return self._connection.execute(self._from(select(func.count()), True).where(submitted)).scalar_one()
        back = select(func.count()).select_from(_w.join(_i, _w.c.image_id == _i.c.id))
        back = back.where(_w.c.status != "submitted", self._looked)
        return self._connection.execute(self._reviewed).scalar_one() - self._connection.execute(back).scalar_one()


def _frame(row: Sequence[Any]) -> Frame:
    key, digest, uri, name, width_px, height_px, why, strategy, status, flag, looked = row
    return Frame(key, ImageRef(digest, uri, name, width_px, height_px), why, strategy, status, flag or "", bool(looked))
