"""The review desk's work, without its screen: opening an image, doing an action to it, submitting it, what comes next.

An image starts from what the experts last said, else from the newest first pass at the project's thresholds, else empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from firstpass.errors import UsageError
from firstpass.labels import Author, GuideExample, ImageRef, Labeled
from firstpass.labels.validate import check_object
from firstpass.metrics.effort import Action as EffortAction
from firstpass.metrics.evidence import show
from firstpass.project import REVIEW_LAYER, Project
from firstpass.stages._desk_guide import GuideNow, guide, guide_history, save_guide
from firstpass.stages._desk_home import HomeFigures, Next, Saved, home
from firstpass.stages._desk_queue import ItemState, QueueItem, QueuePage, queue_page
from firstpass.store import Effort
from firstpass.store.desk import Conflict, WorkingCopy
from firstpass.store.desk_log import Action, StoredAction
from firstpass.store.guide import GuideConflict, GuidePage, GuideVersion

__all__ = [
    "Action", "Conflict", "EffortEntry", "GuideConflict", "GuideExample", "GuideNow", "GuidePage", "GuideVersion",
    "HomeFigures", "ItemState", "Next", "OpenImage", "QueueItem", "QueuePage", "Saved", "StoredAction", "WorkingCopy", "act",
    "flag", "guide", "guide_history", "home", "open_image", "proposals_layer", "queue_page", "reopen", "save_guide", "skip",
    "submit",
]  # fmt: skip

MOST_SECONDS = 3600.0  # of one action; more is a clock gone wrong


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


@dataclass(frozen=True, slots=True)
class EffortEntry:
    """Active seconds of one kind of action on one image."""

    action: str
    count: int
    seconds: float


def proposals_layer(project: Project, layer: str | None = None) -> str:
    """The first pass shown: the named layer, else the newest prelabel layer, else "". Raises UsageError for an unknown one."""
    if layer is not None:
        return project.layers.get(layer).name
    passes = [info for info in project.store.layers.all() if info.kind == "prelabel" and info.images]
    return max(passes, key=lambda info: info.created_at).name if passes else ""


def open_image(project: Project, ref: ImageRef, *, layer: str | None = None) -> OpenImage:
    """The image as it stands on the desk, with everything an expert may ask about it."""
    copy, hidden, proposed_by = _start(project, ref, layer)
    stored = project.store.desk.get([ref.name]).get(ref.name)
    queued = project.store.queue.get(ref.name)
    log = project.store.desk
    if stored is not None and stored.version:
        touched = {change.object_id for action in log.actions(ref.name) for change in action.action.changes}
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
        tuple(log.actions(ref.name)),
        tuple(log.refused(ref.name)),
    )


def _start(project: Project, ref: ImageRef, layer: str | None) -> tuple[WorkingCopy, tuple[Labeled, ...], str]:
    """What the image begins as, the proposals hidden, and who proposed."""
    name = proposals_layer(project, layer)
    proposed = project.layers.get(name).get(ref.name) if name else None
    reviewed = project.reviewed.get(ref.name)
    who = ""
    shown: tuple[Labeled, ...] = ()
    hidden: tuple[Labeled, ...] = ()
    tags = reviewed.tags if reviewed else ()
    if proposed is not None:
        author = proposed.author
        who = f"{author.name} {author.version}".strip()
        thresholds = project.labeler.thresholds
        seen = show(proposed, thresholds, float("inf") if thresholds else 0.0)
        shown = tuple(obj for obj in seen.objects if obj.class_name in project.ontology)
        ids = {obj.id for obj in shown}
        hidden = tuple(obj for obj in proposed.objects if obj.id not in ids and obj.class_name in project.ontology)
        tags = tags or seen.tags
    if reviewed is not None:
        return WorkingCopy(ref.name, 0, "submitted", tuple(reviewed.objects), reviewed.tags, REVIEW_LAYER), (), who
    return WorkingCopy(ref.name, 0, "open", shown, tags, name), hidden, who


def act(
    project: Project, ref: ImageRef, action: Action, *, expected_version: int, author: Author, layer: str | None = None
) -> WorkingCopy | Conflict:
    """Does the action. Raises UsageError for a shape outside the image, without area or of another size, an unknown class, an
    id that does not fit its objects, or seconds that no clock shows. Boxes reaching outside are clipped.
    """
    if action.seconds is not None and not 0 <= action.seconds <= MOST_SECONDS:
        raise UsageError(f"seconds must lie in 0..{MOST_SECONDS:g}, but got {action.seconds:g}")
    changes = tuple(replace(change, after=_checked(project, ref, change.after)) for change in action.changes)
    for change in changes:
        for obj in (change.before, change.after):
            if obj is not None and obj.id != change.object_id:
                raise UsageError(f"the change of object {change.object_id!r} speaks of another one, {obj.id!r}")
    start, _, _ = _start(project, ref, layer)
    return project.store.desk.apply(
        ref.name, replace(action, changes=changes), expected_version=expected_version, author=author, start=start
    )


def _checked(project: Project, ref: ImageRef, obj: Labeled | None) -> Labeled | None:
    if obj is None:
        return None
    if not obj.id:
        raise UsageError("an object needs an id")
    good, problem = check_object(obj, ref, ref.name, project.ontology.names)
    if good is None:
        raise UsageError(str(problem))
    return good


def submit(
    project: Project,
    ref: ImageRef,
    *,
    action_id: str,
    expected_version: int,
    author: Author,
    effort: Sequence[EffortEntry] = (),
    layer: str | None = None,
) -> WorkingCopy | Conflict:
    """Makes the working copy the experts' word on the image. Raises UsageError for effort that no clock shows."""
    known = {str(kind) for kind in EffortAction}
    at = datetime.now(UTC)
    entries: list[Effort] = []
    for entry in effort:
        if entry.action not in known:
            raise UsageError(f"{entry.action!r} is no kind of work; one of: {', '.join(sorted(known))}")
        if not (0 <= entry.seconds <= 10 * MOST_SECONDS and 0 <= entry.count <= 100_000):
            raise UsageError(f"{entry.action}: {entry.count} times in {entry.seconds:g} s cannot be")
        entries.append(
            Effort(f"{action_id}:{entry.action}", ref.name, author.name, entry.action, entry.count, entry.seconds, at)
        )
    start, _, _ = _start(project, ref, layer)
    return project.store.desk.submit(
        ref, action_id=action_id, expected_version=expected_version, author=author, start=start, effort=entries,
        layer_key=project.reviewed.ensure(),
    )  # fmt: skip


def skip(
    project: Project, ref: ImageRef, reason: str, *, action_id: str, expected_version: int, author: Author,
    layer: str | None = None,
) -> WorkingCopy | Conflict:  # fmt: skip
    """Leaves the image out, with the reason; it can be opened again."""
    start, _, _ = _start(project, ref, layer)
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, status="skipped",
        reason=reason,
    )  # fmt: skip


def flag(
    project: Project, ref: ImageRef, note: str, *, action_id: str, expected_version: int, author: Author,
    layer: str | None = None,
) -> WorkingCopy | Conflict:  # fmt: skip
    """Puts a note for a colleague on the image; "" takes it off."""
    start, _, _ = _start(project, ref, layer)
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, flag=note
    )


def reopen(
    project: Project, ref: ImageRef, *, action_id: str, expected_version: int, author: Author, layer: str | None = None
) -> WorkingCopy | Conflict:
    """Opens a submitted or skipped image again; what was submitted stays until it is submitted anew."""
    start, _, _ = _start(project, ref, layer)
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, status="open"
    )
