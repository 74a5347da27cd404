"""The log of what people did on the desk, refused actions included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from firstpass.errors import UsageError
from firstpass.labels import Labeled, ObjectId, Tag
from firstpass.store import schema
from firstpass.store.codec import dump, load, pack_object, pack_tags, pack_time, unpack_object, unpack_tags, unpack_time
from firstpass.store.edits import Origin
from firstpass.store.names import all_authors

Kind = Origin | Literal["submit", "skip", "flag", "reopen"]


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object before and after. before None: drawn. after None: deleted."""

    object_id: ObjectId
    before: Labeled | None
    after: Labeled | None


@dataclass(frozen=True, slots=True)
class TagsChange:
    """All tags of the image before and after."""

    before: tuple[Tag, ...]
    after: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person did, whole: to some objects, or to the tags. id: chosen by whoever did it. at: with a time zone.

    words: a flag's note or a skip's reason, "" = none.
    """

    id: str
    kind: Kind
    changes: tuple[ObjectChange, ...] = ()
    tags: TagsChange | None = None
    seconds: float | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    words: str = ""


@dataclass(frozen=True, slots=True)
class StoredAction:
    """An action as it was kept. version_after: the copy's version it made, None = it was refused. settled: looked at since."""

    action: Action
    author_name: str
    version_after: int | None
    settled: bool


def known(connection: Connection, action_id: str, image: int) -> bool | None:
    """None: never seen. True: done. False: refused. Raises UsageError for an id that was used on another image."""
    t = schema.desk_actions
    row = connection.execute(select(t.c.version_after, t.c.image_id).where(t.c.id == action_id)).one_or_none()
    if row is not None and row[1] != image:
        raise UsageError(f"action id {action_id!r} was used on another image; give each action an id of its own")
    return None if row is None else row[0] is not None


def log(connection: Connection, image: int, action: Action, author_id: int, version_after: int | None) -> None:
    """Writes the action down."""
    t = schema.desk_actions
    changes = [[c.object_id, pack_object(c.before), pack_object(c.after)] for c in action.changes]
    row = {
        "seq": (connection.execute(select(func.max(t.c.seq))).scalar() or 0) + 1,
        "id": action.id,
        "image_id": image,
        "kind": action.kind,
        "changes": dump(changes),
        "tags": None if action.tags is None else dump([pack_tags(action.tags.before), pack_tags(action.tags.after)]),
        "author_id": author_id,
        "at": pack_time(action.at),
        "seconds": None if action.seconds is None else float(action.seconds),
        "version_after": version_after,
        "settled": False,
        "words": action.words or None,
    }
    connection.execute(t.insert(), row)


def read_log(connection: Connection, image_name: str) -> list[StoredAction]:
    """All actions on the image, oldest first."""
    t, i = schema.desk_actions, schema.images
    columns = (t.c.id, t.c.kind, t.c.changes, t.c.tags, t.c.seconds, t.c.at, t.c.author_id, t.c.version_after, t.c.settled)
    columns = (*columns, t.c.words)
    query = select(*columns).join_from(t, i, t.c.image_id == i.c.id).where(i.c.name == image_name).order_by(t.c.seq)
    authors = all_authors(connection)
    return [StoredAction(_action(row), authors[row[6]].name, row[7], bool(row[8])) for row in connection.execute(query).all()]


def _action(row: Sequence[Any]) -> Action:
    changes = tuple(
        ObjectChange(ObjectId(key), unpack_object(before), unpack_object(after)) for key, before, after in load(row[2])
    )
    tags = None
    if row[3] is not None:
        before, after = load(row[3])
        tags = TagsChange(unpack_tags(before), unpack_tags(after))
    return Action(row[0], row[1], changes, tags, row[4], unpack_time(row[5]), row[9] or "")
