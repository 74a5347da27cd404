"""Opening an image at the desk: what the experts last said, else the newest first pass at the thresholds, else nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, overload

from firstpass.labels import ImageRef, Labeled
from firstpass.labels.validate import check_object
from firstpass.metrics.evidence import show
from firstpass.project import REVIEW_LAYER, Project
from firstpass.store.desk import WorkingCopy
from firstpass.store.desk_log import StoredAction


@dataclass(frozen=True, slots=True)
class OpenImage:
    """An image on the desk. hidden: proposals below their class's threshold. proposed_by: the labeler in words, "" = none.

    why: why this image is asked for. history: everything done to it, oldest first. refused: what came too late, unsettled.
    """

    ref: ImageRef
    key: int
    copy: WorkingCopy
    hidden: tuple[Labeled, ...]
    proposed_by: str
    why: str
    metadata: Mapping[str, str]
    history: tuple[StoredAction, ...]
    refused: tuple[StoredAction, ...]


class Begun(NamedTuple):
    """What an untouched image begins as, the proposals hidden, and who proposed, in words."""

    copy: WorkingCopy
    hidden: tuple[Labeled, ...]
    proposed_by: str


def proposals_layer(project: Project, layer: str | None = None) -> str:
    """The first pass shown: the named layer, else the newest prelabel layer, else "". Raises UsageError for an unknown one."""
    if layer is not None:
        return project.layers.get(layer).name
    return project.store.layers.newest("prelabel") or ""


def open_image(project: Project, ref: ImageRef, *, layer: str | None = None) -> OpenImage:
    """The image as it stands on the desk, with everything an expert may ask about it."""
    copy, hidden, proposed_by = begin(project, ref, layer)
    desk = project.store.desk
    stored = desk.get([ref.name]).get(ref.name)
    queued = project.store.queue.get(ref.name)
    history = tuple(desk.actions(ref.name))
    if stored is not None:
        touched = {change.object_id for action in history for change in action.action.changes}
        here = {obj.id for obj in stored.objects} | touched
        hidden = tuple(obj for obj in hidden if obj.id not in here)
    return OpenImage(
        ref,
        project.images.keys([ref.name])[ref.name],
        stored or copy,
        hidden,
        proposed_by,
        queued.why if queued else "",
        project.images.metadata([ref.name]).get(ref.name, {}),
        history,
        tuple(desk.refused(ref.name)),
    )


def begin(project: Project, ref: ImageRef, layer: str | None = None) -> Begun:
    """What the image begins as while nobody has touched it. Boxes that reach outside it are clipped, as `act` does."""
    name = proposals_layer(project, layer)
    proposed = project.layers.get(name).get(ref.name) if name else None
    reviewed = project.reviewed.get(ref.name)
    who = f"{proposed.author.name} {proposed.author.version}".strip() if proposed else ""
    if reviewed is not None:
        objects = tuple(trimmed(obj, ref) for obj in reviewed.objects)
        return Begun(WorkingCopy(ref.name, 0, "submitted", objects, reviewed.tags, REVIEW_LAYER), (), who)
    if proposed is None:
        return Begun(WorkingCopy(ref.name, base_layer=name), (), who)
    thresholds = project.labeler.thresholds
    seen = show(proposed, thresholds, float("inf") if thresholds else 0.0)
    known = [trimmed(obj, ref) for obj in proposed.objects if obj.class_name in project.ontology]
    ids = {obj.id for obj in seen.objects}
    shown, hidden = tuple(o for o in known if o.id in ids), tuple(o for o in known if o.id not in ids)
    return Begun(WorkingCopy(ref.name, 0, "open", shown, seen.tags, name), hidden, who)


@overload
def trimmed(obj: Labeled, ref: ImageRef) -> Labeled: ...
@overload
def trimmed(obj: None, ref: ImageRef) -> None: ...
@overload
def trimmed(obj: Labeled | None, ref: ImageRef) -> Labeled | None: ...
def trimmed(obj: Labeled | None, ref: ImageRef) -> Labeled | None:
    """The object, a box clipped to the image where that can be: so that one that was clipped is known again by its old self."""
    return None if obj is None else check_object(obj, ref, ref.name)[0] or obj
