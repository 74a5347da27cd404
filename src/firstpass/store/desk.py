"""What lies on the review desk: a working copy per image, versioned, and every action that made it.

An action is there whole or not at all, survives a power cut once acknowledged, and sending it twice changes nothing. One that
comes too late (another tab or person was faster) is refused and kept, so that nothing a person did is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, select, update

from firstpass.labels import Author, ImageRef, Labeled, LabeledImage, ObjectId, Tag
from firstpass.store import schema
from firstpass.store.codec import now, pack_objects, pack_tags, pack_time, unpack_objects, unpack_tags, unpack_time
from firstpass.store.connect import Database, rows_in, upsert
from firstpass.store.desk_log import Action, StoredAction, known, log, read_log
from firstpass.store.edits import Edit, insert_edits
from firstpass.store.effort import Effort, insert_effort
from firstpass.store.images import chunks, image_keys
from firstpass.store.names import Names, all_authors
from firstpass.store.write import write_chunk

DeskStatus = Literal["open", "submitted", "skipped"]
_w, _i = schema.working_copies, schema.images
_COPIES = select(_i.c.name, *(c for c in _w.c if c.name != "image_id")).join_from(_w, _i)
_STATES = select(_i.c.name, _w.c.status, _w.c.flag, _w.c.version).join_from(_w, _i)
_KEYED = select(_w.c.image_id, *(c for c in _w.c if c.name != "image_id")).where(_w.c.image_id == bindparam("image"))


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """An image as it stands on the desk. version: 0 = never touched. flag: a note for a colleague, "" = none. reason: a skip's.

    base_layer: the first pass that it started from, "" = none. author_name: who touched it last.
    """

    image_name: str
    version: int = 0
    status: DeskStatus = "open"
    objects: tuple[Labeled, ...] = ()
    tags: tuple[Tag, ...] = ()
    base_layer: str = ""
    author_name: str = ""
    flag: str = ""
    reason: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Refused: the image is not as the action took it to be. current: how it is. why: in words. The action is kept."""

    current: WorkingCopy
    why: str


class Desk:
    """The working copies of a project."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database, self._names = database, names

    def get(self, names: Iterable[str]) -> dict[str, WorkingCopy]:
        """The working copies of these images; an image never touched is not in it."""
        found: dict[str, WorkingCopy] = {}
        with self._database.reading() as connection:
            authors = all_authors(connection)
            for part in chunks(names):
                for name, *row in rows_in(connection, _COPIES, _i.c.name, part):
                    found[name] = _copy(name, row, authors)
        return found

    def states(self, names: Iterable[str] | None = None) -> dict[str, tuple[DeskStatus, str, int]]:
        """Status, flag and version of these images (None = of all), without their objects; never touched ones are not in it."""
        with self._database.reading() as connection:
            if names is None:
                rows = [tuple(row) for row in connection.execute(_STATES)]
            else:
                rows = [row for part in chunks(names) for row in rows_in(connection, _STATES, _i.c.name, part)]
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def counts(self) -> dict[str, int]:
        """How many images are "open" (touched, not submitted), "submitted", "skipped", "flagged"."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_w.c.status, func.count()).group_by(_w.c.status)).all()
            flagged = connection.execute(select(func.count()).select_from(_w).where(_w.c.flag != "")).scalar_one()
        found = {"open": 0, "submitted": 0, "skipped": 0} | {status: int(n) for status, n in rows}
        return found | {"flagged": flagged}

    def apply(
        self, image_name: str, action: Action, *, expected_version: int, author: Author, start: WorkingCopy
    ) -> WorkingCopy | Conflict:
        """Does the action to the image's working copy, begun as `start` where there is none yet.

        Sent again (by id): the copy as it is. Another version, or an object that is not as `before` says: a Conflict, and the
        action is kept as refused. Raises UsageError for an unknown image or a time without a zone, StoreError.
        """
        with self._names.writing(durable=True) as connection:
            image = image_keys(connection, [image_name])[image_name]
            current = self._current(connection, image, image_name) or start
            if (done := known(connection, action.id, image)) is not None:
                return current if done else Conflict(current, "this action was refused before")
            why = "" if current.version == expected_version else "someone else changed this image meanwhile"
            objects = () if why else _changed(current.objects, action)
            if objects is None:
                why = "an object is not as it was when you changed it"
            author_id = self._names.author_key(connection, author)
            if why or objects is None:
                log(connection, image, action, author_id, None)
                return Conflict(current, why)
            tags = action.tags.after if action.tags else current.tags
            after = replace(current, version=current.version + 1, objects=objects, tags=tags, status="open", reason="")
            log(connection, image, action, author_id, after.version)
            insert_edits(connection, self._names, _edits(image_name, action, author))
            return self._keep(connection, image, after, author, author_id)

    def submit(
        self,
        ref: ImageRef,
        *,
        action_id: str,
        expected_version: int,
        author: Author,
        start: WorkingCopy,
        effort: Sequence[Effort] = (),
        layer_key: int,
    ) -> WorkingCopy | Conflict:
        """Makes the copy the image's look in the review layer, logs the effort and marks it submitted: all in one.

        Sent again (by id): the copy as it is. Another version: a Conflict. Scores of what was kept are dropped: it is no guess
        any more.
        """
        mark = Action(action_id, "submit", at=datetime.now(UTC))
        with self._names.writing(durable=True) as connection:
            step = self._step(connection, ref.name, mark, expected_version, author, start)
            if isinstance(step, (WorkingCopy, Conflict)):
                return step
            image, current, author_id = step
            final = tuple(replace(obj, score=None) for obj in current.objects)
            tags = tuple(replace(tag, score=None) for tag in current.tags)
            write_chunk(connection, self._names, layer_key, [LabeledImage(ref, author, final, tags)])
            insert_effort(connection, effort)
            after = replace(current, version=current.version + 1, status="submitted", reason="")
            log(connection, image, mark, author_id, after.version)
            return self._keep(connection, image, after, author, author_id)

    def mark(
        self,
        image_name: str,
        *,
        action_id: str,
        expected_version: int,
        author: Author,
        start: WorkingCopy,
        status: DeskStatus | None = None,
        reason: str = "",
        flag: str | None = None,
    ) -> WorkingCopy | Conflict:
        """Sets status (and the reason of a skip) or flag; None leaves it. Sent again: no change. Other version: a Conflict."""
        kind = "flag" if flag is not None else "skip" if status == "skipped" else "reopen"
        mark = Action(action_id, kind, at=datetime.now(UTC), words=reason if flag is None else flag)
        with self._names.writing(durable=True) as connection:
            step = self._step(connection, image_name, mark, expected_version, author, start)
            if isinstance(step, (WorkingCopy, Conflict)):
                return step
            image, current, author_id = step
            after = replace(
                current,
                version=current.version + 1,
                status=status or current.status,
                reason=reason if status else current.reason,
                flag=current.flag if flag is None else flag,
            )
            log(connection, image, mark, author_id, after.version)
            return self._keep(connection, image, after, author, author_id)

    def actions(self, image_name: str) -> list[StoredAction]:
        """Everything that was done to the image's copy, oldest first: the material of undo."""
        return [action for action in self._log(image_name) if action.version_after is not None]

    def images_of_actions(self, prefix: str) -> list[str]:
        """The images on which something was done under an id that begins so; in order of name."""
        t = schema.desk_actions
        query = select(_i.c.name).distinct().join_from(t, _i, t.c.image_id == _i.c.id).order_by(_i.c.name)
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(t.c.id >= prefix, t.c.id < end, t.c.version_after.is_not(None)))
            return list(rows.scalars())

    def refused(self, image_name: str) -> list[StoredAction]:
        """What was refused and nobody has looked at yet, oldest first."""
        return [action for action in self._log(image_name) if action.version_after is None and not action.settled]

    def settle(self, image_name: str, action_id: str) -> bool:
        """Marks a refused action as looked at; whether there was one to mark."""
        t = schema.desk_actions
        with self._database.writing(durable=True) as connection:
            image = image_keys(connection, [image_name])[image_name]
            hit = (t.c.id == action_id, t.c.image_id == image, t.c.version_after.is_(None), t.c.settled.is_(False))
            return connection.execute(update(t).where(*hit).values(settled=True)).rowcount > 0

    def _log(self, image_name: str) -> list[StoredAction]:
        with self._database.reading() as connection:
            return read_log(connection, image_name)

    def _current(self, connection: Connection, image: int, name: str) -> WorkingCopy | None:
        row = connection.execute(_KEYED, {"image": image}).one_or_none()
        return None if row is None else _copy(name, row[1:], all_authors(connection))

    def _step(
        self, connection: Connection, name: str, mark: Action, expected: int, author: Author, start: WorkingCopy
    ) -> tuple[int, WorkingCopy, int] | WorkingCopy | Conflict:
        """The image's key, its copy and the author's key; or the answer already, when it was done before or must be refused."""
        image = image_keys(connection, [name])[name]
        current = self._current(connection, image, name) or start
        if (done := known(connection, mark.id, image)) is not None:
            return current if done else Conflict(current, "this was refused before")
        author_id = self._names.author_key(connection, author)
        if current.version != expected:
            log(connection, image, mark, author_id, None)
            return Conflict(current, "someone else changed this image meanwhile")
        return image, current, author_id

    def _keep(self, connection: Connection, image: int, copy: WorkingCopy, author: Author, author_id: int) -> WorkingCopy:
        at = now()
        row = {
            "image_id": image,
            "version": copy.version,
            "status": copy.status,
            "objects": pack_objects(copy.objects),
            "tags": pack_tags(copy.tags),
            "base_layer": copy.base_layer,
            "author_id": author_id,
            "flag": copy.flag,
            "reason": copy.reason,
            "updated_at": at,
        }
        upsert(connection, _w, [row])
        return replace(copy, author_name=author.name, updated_at=unpack_time(at))


def _changed(objects: tuple[Labeled, ...], action: Action) -> tuple[Labeled, ...] | None:
    """The objects after the action, changed ones in their places, new ones last; None when one is not as `before` says."""
    after: dict[ObjectId, Labeled | None] = {obj.id: obj for obj in objects}
    for change in action.changes:
        if after.get(change.object_id) != change.before:
            return None
        after[change.object_id] = change.after
    return tuple(obj for obj in after.values() if obj is not None)


def _edits(image_name: str, action: Action, author: Author) -> list[Edit]:
    share = action.seconds / len(action.changes) if action.seconds is not None and action.changes else None
    origin: Any = action.kind
    return [
        Edit(
            f"{action.id}:{n}", image_name, "review", change.object_id, change.before, change.after, author, action.at, origin,
            share,
        )
        for n, change in enumerate(action.changes)
    ]  # fmt: skip


def _copy(name: str, row: Sequence[Any], authors: dict[int, Author]) -> WorkingCopy:
    version, status, objects, tags, base_layer, author_id, flag, reason, at = row
    return WorkingCopy(
        name, version, status, unpack_objects(objects), unpack_tags(tags), base_layer, authors[author_id].name, flag, reason,
        unpack_time(at),
    )  # fmt: skip


__all__ = ["Action", "Conflict", "Desk", "DeskStatus", "StoredAction", "WorkingCopy", "pack_time"]
