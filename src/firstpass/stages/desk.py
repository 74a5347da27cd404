"""The review desk's work, without its screen: opening an image, doing an action to it, submitting it, what comes next.

An image starts from what the experts last said, else from the newest first pass at the project's thresholds, else empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from firstpass.errors import UsageError
from firstpass.labels import Author, GuideExample, ImageRef, Labeled
from firstpass.labels.validate import check_object
from firstpass.metrics.effort import Action as EffortAction
from firstpass.project import Project
from firstpass.stages._desk_grid import Decision, Decisions, GridItem, GridPage, decide, grid_page, undo_decisions
from firstpass.stages._desk_guide import GuideNow, guide, guide_history, save_guide
from firstpass.stages._desk_home import HomeFigures, Next, Saved, home
from firstpass.stages._desk_open import OpenImage, begin, open_image, proposals_layer, trimmed
from firstpass.stages._desk_queue import ItemState, QueueItem, QueuePage, queue_page
from firstpass.store import Effort
from firstpass.store.desk import Conflict, WorkingCopy
from firstpass.store.desk_log import Action, StoredAction
from firstpass.store.guide import GuideConflict, GuidePage, GuideVersion

__all__ = [
    "Action", "Conflict", "Decision", "Decisions", "EffortEntry", "GridItem", "GridPage", "GuideConflict", "GuideExample",
    "GuideNow", "GuidePage", "GuideVersion", "HomeFigures", "ItemState", "Next", "OpenImage", "QueueItem", "QueuePage", "Saved",
    "StoredAction", "WorkingCopy", "act", "decide", "flag", "grid_page", "guide", "guide_history", "home", "open_image",
    "proposals_layer", "queue_page", "reopen", "save_guide", "skip", "submit", "undo_decisions",
]  # fmt: skip

MOST_SECONDS = 3600.0  # of one action; more is a clock gone wrong


@dataclass(frozen=True, slots=True)
class EffortEntry:
    """Active seconds of one kind of action on one image."""

    action: str
    count: int
    seconds: float


def act(
    project: Project, ref: ImageRef, action: Action, *, expected_version: int, author: Author, layer: str | None = None
) -> WorkingCopy | Conflict:
    """Does the action, on what `open_image` shows where nobody has touched the image yet. Boxes reaching outside are clipped.

    Raises UsageError for a shape outside the image, without area or of another size, an unknown class, an id that does not fit
    its objects, or seconds that no clock shows.
    """
    if action.seconds is not None and not 0 <= action.seconds <= MOST_SECONDS:
        raise UsageError(f"seconds must lie in 0..{MOST_SECONDS:g}, but got {action.seconds:g}")
    changes = tuple(
        replace(change, before=trimmed(change.before, ref), after=_checked(project, ref, change.after))
        for change in action.changes
    )
    for change in changes:
        for obj in (change.before, change.after):
            if obj is not None and obj.id != change.object_id:
                raise UsageError(f"the change of object {change.object_id!r} speaks of another one, {obj.id!r}")
    start = begin(project, ref, layer).copy
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
    for number, entry in enumerate(effort):
        if entry.action not in known:
            raise UsageError(f"{entry.action!r} is no kind of work; one of: {', '.join(sorted(known))}")
        if not (0 <= entry.seconds <= 10 * MOST_SECONDS and 0 <= entry.count <= 100_000):
            raise UsageError(f"{entry.action}: {entry.count} times in {entry.seconds:g} s cannot be")
        entries.append(Effort(f"{action_id}:{number}", ref.name, author.name, entry.action, entry.count, entry.seconds, at))
    start = begin(project, ref, layer).copy
    return project.store.desk.submit(
        ref, action_id=action_id, expected_version=expected_version, author=author, start=start, effort=entries,
        layer_key=project.reviewed.ensure(),
    )  # fmt: skip


def skip(
    project: Project, ref: ImageRef, reason: str, *, action_id: str, expected_version: int, author: Author,
    layer: str | None = None,
) -> WorkingCopy | Conflict:  # fmt: skip
    """Leaves the image out, with the reason; it can be opened again."""
    start = begin(project, ref, layer).copy
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, status="skipped",
        reason=reason,
    )  # fmt: skip


def flag(
    project: Project, ref: ImageRef, note: str, *, action_id: str, expected_version: int, author: Author,
    layer: str | None = None,
) -> WorkingCopy | Conflict:  # fmt: skip
    """Puts a note for a colleague on the image; "" takes it off."""
    start = begin(project, ref, layer).copy
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, flag=note
    )


def reopen(
    project: Project, ref: ImageRef, *, action_id: str, expected_version: int, author: Author, layer: str | None = None
) -> WorkingCopy | Conflict:
    """Opens a submitted or skipped image again; what was submitted stays until it is submitted anew."""
    start = begin(project, ref, layer).copy
    return project.store.desk.mark(
        ref.name, action_id=action_id, expected_version=expected_version, author=author, start=start, status="open"
    )
