"""Values to wire types and back. What comes in is checked at birth: a shape that cannot be is a UsageError in words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from firstpass.errors import UsageError
from firstpass.labels import Box, ImageRef, Labeled, Mask, ObjectId, Point, Polygon, PolygonPart, Shape, Tag, rle
from firstpass.store.desk import Action, StoredAction
from firstpass.store.desk_log import ObjectChange, TagsChange
from firstpass.web import wire
from firstpass.web import wire_pages as pages

if TYPE_CHECKING:
    from firstpass.labels.shapes import Ring
    from firstpass.store.leases import Lease
    from firstpass.web.jobs import JobState


def shape_out(shape: Shape) -> wire.Shape:
    """A shape for the wire."""
    if isinstance(shape, Box):
        return wire.BoxShape(type="box", xyxy_px=shape.xyxy_px)
    if isinstance(shape, Polygon):
        parts = [wire.PolygonPart(outer=list(p.outer), holes=[list(h) for h in p.holes]) for p in shape.parts]
        return wire.PolygonShape(type="polygon", parts=parts)
    if isinstance(shape, Mask):
        return mask_out(shape)
    return wire.PointShape(type="point", xy_px=(shape.x, shape.y))


def mask_out(mask: Mask) -> wire.MaskShape:
    """A mask for the wire."""
    return wire.MaskShape(type="mask", height_px=mask.height_px, width_px=mask.width_px, counts=mask.counts)


def shape_in(shape: wire.Shape) -> Shape:
    """A shape from the wire. Raises UsageError for one that cannot be: inverted, too far away, a mask whose runs do not fit."""
    try:
        if isinstance(shape, wire.BoxShape):
            return Box(*shape.xyxy_px)
        if isinstance(shape, wire.PolygonShape):
            return Polygon(tuple(PolygonPart(_ring(p.outer), tuple(_ring(h) for h in p.holes)) for p in shape.parts))
        if isinstance(shape, wire.MaskShape):
            return rle.from_compressed(shape.counts, shape.height_px, shape.width_px)
        return Point(*shape.xy_px)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _ring(points: list[wire.Xy]) -> Ring:
    return tuple((x, y) for x, y in points)


def object_out(obj: Labeled) -> wire.DeskObject:
    """An object for the wire."""
    return wire.DeskObject(
        id=obj.id, class_name=obj.class_name, shape=shape_out(obj.shape), score=obj.score, text=obj.text,
        attributes=dict(obj.attributes),
    )  # fmt: skip


def object_in(obj: wire.DeskObject) -> Labeled:
    """An object from the wire. Raises UsageError."""
    return Labeled(ObjectId(obj.id), obj.class_name, shape_in(obj.shape), obj.score, obj.text, dict(obj.attributes))


def tag_out(tag: Tag) -> wire.Tag:
    """A tag for the wire."""
    return wire.Tag(name=tag.name, kind=tag.kind, text=tag.text, score=tag.score, attributes=dict(tag.attributes))


def tag_in(tag: wire.Tag) -> Tag:
    """A tag from the wire."""
    return Tag(tag.name, tag.kind, tag.text, tag.score, dict(tag.attributes))


def head_out(ref: ImageRef, key: int) -> wire.ImageHead:
    """An image for the wire."""
    return wire.ImageHead(key=key, name=ref.name, width_px=ref.width_px, height_px=ref.height_px)


def action_in(action: wire.Action) -> Action:
    """An action from the wire. Raises UsageError for an impossible shape, a time without a zone, or two ids in one change."""
    if action.at.tzinfo is None:
        raise UsageError("an action's time needs a time zone")
    changes: list[ObjectChange] = []
    for change in action.changes:
        sides = [object_in(side) if side else None for side in (change.before, change.after)]
        if any(side is not None and side.id != change.object_id for side in sides):
            raise UsageError(f"the change of object {change.object_id} speaks of another object")
        changes.append(ObjectChange(ObjectId(change.object_id), sides[0], sides[1]))
    tags = None
    if action.tags is not None:
        tags = TagsChange(tuple(map(tag_in, action.tags.before)), tuple(map(tag_in, action.tags.after)))
    return Action(action.id, action.kind, tuple(changes), tags, action.seconds, action.at)


_KINDS = frozenset({"draw", "accept", "adjust", "relabel", "delete", "undo", "redo", "import"})


def history_out(actions: Iterable[StoredAction]) -> list[wire.HistoryItem]:
    """Stored actions for the wire; submits, skips and flags are no part of what can be undone and are left out."""
    return [_history_item(stored) for stored in actions if stored.action.kind in _KINDS]


def _history_item(stored: StoredAction) -> wire.HistoryItem:
    action = stored.action
    changes = [
        wire.ObjectChange(
            object_id=change.object_id,
            before=object_out(change.before) if change.before else None,
            after=object_out(change.after) if change.after else None,
        )
        for change in action.changes
    ]
    tags = None
    if action.tags is not None:
        tags = wire.TagsChange(before=[tag_out(t) for t in action.tags.before], after=[tag_out(t) for t in action.tags.after])
    return wire.HistoryItem.model_validate(
        {"id": action.id, "kind": action.kind, "changes": changes, "tags": tags, "author": stored.author_name, "at": action.at}
    )


def lease_out(lease: Lease) -> wire.Lease:
    """A lease for the wire; of the holder only the name is told."""
    return wire.Lease(holder=holder_name(lease.holder), until=lease.until, mine=lease.mine)


def holder_name(holder: str) -> str:
    """The person in a lease's holder, which is "person:session"."""
    return holder.rpartition(":")[0] or holder


def finite(value: float) -> float | None:
    """The number, or None for one that JSON does not have."""
    return value if math.isfinite(value) else None


def job_out(job: JobState) -> pages.Job:
    """A job for the wire."""
    return pages.Job(
        id=job.id,
        verb=job.verb,
        status=job.status,
        share=job.share,
        words=job.words,
        started_at=job.started_at,
        seconds_left=job.seconds_left,
        result=job.result,
        problems=[pages.JobProblem(**problem) for problem in job.problems],
    )
