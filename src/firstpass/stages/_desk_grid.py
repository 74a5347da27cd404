"""The grid: many small pieces of one class at a time, to be accepted, deleted or given another class; undone as one.

Listed are the guesses on images not yet submitted: objects of the first pass at the project's thresholds, and in images touched
at the desk those of the working copy that still have a score. Accepting takes the score away: it is no guess any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from threading import Lock
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np

from firstpass.errors import UsageError
from firstpass.labels import Author, ImageRef, Labeled, ObjectId
from firstpass.project import Project
from firstpass.stages._desk_open import begin, proposals_layer
from firstpass.store import Origin, Store
from firstpass.store.desk import Conflict, WorkingCopy
from firstpass.store.desk_log import Action, ObjectChange

Decided = Literal["accept", "delete", "relabel"]
Order = Literal["uncertain", "certain"]
_ORIGIN: dict[Decided, Origin] = {"accept": "accept", "delete": "delete", "relabel": "relabel"}
MOST_KEPT = 4  # classes whose guesses are remembered
TRIES = 3  # of one image, when someone else changes other objects of it meanwhile


@dataclass(frozen=True, slots=True)
class GridItem:
    """One object to judge. version: of its image's working copy, 0 = never touched."""

    ref: ImageRef
    key: int
    version: int
    object: Labeled


@dataclass(frozen=True, slots=True)
class GridPage:
    """Items in order. cursor: of the next page, "" = there is none. total: how many there are of the class."""

    items: tuple[GridItem, ...]
    cursor: str
    total: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What is said about one object as it was at `version` of its image. class_name: the new one, for "relabel"."""

    image_name: str
    version: int
    object_id: ObjectId
    decision: Decided
    class_name: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """done: how many objects were decided (or taken back). conflicts: images left alone because they had changed."""

    done: int
    conflicts: tuple[str, ...]


def grid_page(
    project: Project,
    class_name: str,
    *,
    order: Order = "uncertain",
    cursor: str = "",
    limit: int = 48,
    layer: str | None = None,
) -> GridPage:
    """A page of the class's guesses, least certain first; those without a score are the most certain.

    The cursor names the last item shown, so what is decided meanwhile moves nothing. Raises UsageError for an unknown class, a
    cursor that is none, or a limit outside 1..500.
    """
    if class_name not in project.ontology:
        raise UsageError(f"class {class_name!r} is not in the project; one of: {', '.join(project.ontology.names[:10])}")
    if not 1 <= limit <= 500:
        raise UsageError(f"limit must be 1..500, but got {limit}")
    found = _guesses(project, class_name, layer)
    sign = 1 if order == "uncertain" else -1
    found.sort(key=lambda guess: (sign * guess[0], guess[1], guess[2]))
    rest = found
    if cursor:
        last = _parse(cursor)
        place = (sign * last[0], last[1], last[2])
        rest = [guess for guess in found if (sign * guess[0], guess[1], guess[2]) > place]
    shown = rest[:limit]
    more = len(rest) > len(shown)
    return GridPage(_items(project, shown, layer), _cursor(shown[-1]) if more else "", len(found))


Guess = tuple[float, str, str]  # certainty, image name, object id


def _guesses(project: Project, class_name: str, layer: str | None) -> list[Guess]:
    states = project.store.desk.states()
    name = proposals_layer(project, layer)
    limit = project.labeler.thresholds.get(class_name, float("inf") if project.labeler.thresholds else 0.0)
    found: list[Guess] = []
    if name and isfinite(limit):
        passed, least = project.reviewed.looked() | states.keys(), float(np.float32(limit))  # scores are kept as float32
        found = [guess for guess in _proposed(project, name, class_name) if guess[0] >= least and guess[1] not in passed]
    for image, copy in project.store.desk.get([n for n, state in states.items() if state[0] == "open"]).items():
        found += [
            (float(obj.score), image, obj.id) for obj in copy.objects if obj.class_name == class_name and obj.score is not None
        ]
    return found


_tables: WeakKeyDictionary[Store, dict[tuple[str, str], tuple[int, list[Guess]]]] = WeakKeyDictionary()
_lock = Lock()


def _proposed(project: Project, name: str, class_name: str) -> list[Guess]:
    """All of the class in the first pass; kept until the first pass grows, for reading a million objects takes a second."""
    layer = project.layers.get(name)
    mark = layer.mark()
    with _lock:
        kept = _tables.setdefault(project.store, {})
        last, found = kept.pop((name, class_name), (-1, []))
        if last != mark:
            table = layer.table(class_names=[class_name])
            scores = np.where(np.isnan(table.scores), np.float32(1.0), table.scores).tolist()
            found = list(zip(scores, table.image_names.tolist(), table.object_ids.tolist(), strict=True))
        kept[name, class_name] = (mark, found)
        while len(kept) > MOST_KEPT:
            kept.pop(next(iter(kept)))
        return found


def _items(project: Project, shown: Sequence[Guess], layer: str | None) -> tuple[GridItem, ...]:
    names = {guess[1] for guess in shown}
    copies, refs = project.store.desk.get(names), project.images.refs(names)
    items: list[GridItem] = []
    for _, name, object_id in shown:
        key, ref = refs[name]
        if name not in copies:
            copies[name] = begin(project, ref, layer).copy
        obj = next((o for o in copies[name].objects if o.id == object_id), None)
        if obj is not None:
            items.append(GridItem(ref, key, copies[name].version, obj))
    return tuple(items)


def _cursor(guess: Guess) -> str:
    return f"{guess[0]!r}\t{guess[1]}\t{guess[2]}"


def _parse(cursor: str) -> Guess:
    parts = cursor.split("\t")
    try:
        return float(parts[0]), "\t".join(parts[1:-1]), parts[-1]
    except ValueError as error:
        raise UsageError(f"{cursor!r} is no cursor of the grid; take the one that came with the last page") from error


def decide(
    project: Project, decisions: Sequence[Decision], *, author: Author, action_id: str, layer: str | None = None
) -> Decisions:
    """Applies the decisions to the working copies, one action per image, undone as one by `undo_decisions`.

    An image is left alone, and named in conflicts, when one of its objects was changed since the version that the decision
    speaks of; changes of its other objects do no harm. Sent again (by action_id): what was done stays done once. Raises
    UsageError for an unknown image or class, and for two decisions on one object; nothing is written then.
    """
    by_image: dict[str, dict[ObjectId, Decision]] = {}
    for decision in decisions:
        if decision.decision == "relabel" and decision.class_name not in project.ontology:
            raise UsageError(f"class {decision.class_name!r} is not in the project")
        if by_image.setdefault(decision.image_name, {}).setdefault(decision.object_id, decision) is not decision:
            raise UsageError(f"two decisions on object {decision.object_id!r}")
    refs = project.images.refs(by_image)
    for name in by_image:
        if name not in refs:
            raise UsageError(f"image {name!r} is not in the project")
    done, conflicts = 0, list[str]()
    for name, wanted in by_image.items():
        key, ref = refs[name]
        if _decide(project, ref, list(wanted.values()), author, f"{action_id}:{key}", layer):
            done += len(wanted)
        else:
            conflicts.append(name)
    return Decisions(done, tuple(conflicts))


def _decide(
    project: Project, ref: ImageRef, wanted: Sequence[Decision], author: Author, action_id: str, layer: str | None
) -> bool:
    desk = project.store.desk
    first_id = action_id
    kinds = {decision.decision for decision in wanted}
    kind: Origin = _ORIGIN[wanted[0].decision] if len(kinds) == 1 else "accept"
    for _ in range(TRIES):
        start = begin(project, ref, layer).copy
        copy = desk.get([ref.name]).get(ref.name, start)
        log = desk.actions(ref.name)
        if any(stored.action.id.rstrip("+") == first_id for stored in log):
            return True
        changes: list[ObjectChange] = []
        objects = {obj.id: obj for obj in copy.objects}
        for decision in wanted:
            later = (a for a in log if a.version_after is not None and a.version_after > decision.version)
            touched = any(c.object_id == decision.object_id for a in later for c in a.action.changes)
            before = objects.get(decision.object_id)
            if before is None or touched or copy.status == "submitted" or decision.version > copy.version:
                return False
            changes.append(ObjectChange(before.id, before, _after(before, decision)))
        made = desk.apply(
            ref.name, Action(action_id, kind, tuple(changes)), expected_version=copy.version, author=author, start=start
        )
        if not isinstance(made, Conflict):
            return True
        desk.settle(ref.name, action_id)  # refused because of other objects: tried again, so nobody need look at it
        action_id += "+"
    return False


def _after(obj: Labeled, decision: Decision) -> Labeled | None:
    if decision.decision == "delete":
        return None
    return replace(obj, score=None, class_name=decision.class_name if decision.decision == "relabel" else obj.class_name)


def undo_decisions(project: Project, action_id: str, *, author: Author) -> Decisions:
    """Takes everything back that `decide` did under this id; sent again it does nothing more.

    An image whose objects were changed since, or that was submitted, is left alone and named in conflicts. Raises UsageError
    when nothing was decided under the id.
    """
    desk = project.store.desk
    images = desk.images_of_actions(f"{action_id}:")
    if not images:
        raise UsageError(f"nothing was decided under {action_id!r}")
    done, conflicts = 0, list[str]()
    for name in images:
        back = f"{action_id}:undo:{name}"
        log = desk.actions(name)
        mine = next((a.action for a in log if a.action.id.startswith(f"{action_id}:") and a.action.kind != "undo"), None)
        if mine is None or any(a.action.id == back for a in log):
            continue
        copy: WorkingCopy | None = desk.get([name]).get(name)
        changes = tuple(ObjectChange(c.object_id, c.after, c.before) for c in mine.changes)
        undone = copy is not None and copy.status != "submitted" and _is_as(copy, changes)
        if copy is not None and undone:
            made = desk.apply(name, Action(back, "undo", changes), expected_version=copy.version, author=author, start=copy)
            undone = not isinstance(made, Conflict)
        done += len(changes) if undone else 0
        conflicts += [] if undone else [name]
    return Decisions(done, tuple(conflicts))


def _is_as(copy: WorkingCopy, changes: Sequence[ObjectChange]) -> bool:
    """Whether the objects are as the changes take them to be."""
    objects = {obj.id: obj for obj in copy.objects}
    return all(objects.get(change.object_id) == change.before for change in changes)
