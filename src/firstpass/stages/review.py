"""A review by a simulated expert, who knows the truth: for demos, trials of a method, and tests of all behind the review.

It goes the way a person goes: takes the queue, sees the proposals above their class's threshold, corrects them, and leaves
reviewed labels, edits and effort behind; effort is marked as simulated, so that a report never passes it off as measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firstpass.errors import UsageError
from firstpass.labels import Author, Labeled, LabeledImage, stable_id
from firstpass.metrics.effort import Action, Correction, CostTable, Step, expert
from firstpass.metrics.evidence import show
from firstpass.project import Project
from firstpass.store import Edit, Effort, Origin

EXPERT = Author("human", "simulated-expert")
_ORIGIN: dict[Action, Origin] = {
    Action.VERIFY: "accept",
    Action.ADJUST: "adjust",
    Action.CORRECT_MASK: "adjust",
    Action.CHANGE_CLASS: "relabel",
    Action.DELETE: "delete",
}
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """images reviewed; actions by kind; seconds spent, and the seconds that drawing all of it by hand would have taken."""

    images: int
    objects: int
    actions: dict[str, int]
    seconds: float
    baseline_seconds: float

    @property
    def saved_fraction(self) -> float:
        """The share of the baseline that was saved; 0 when there was nothing to do."""
        return 1 - self.seconds / self.baseline_seconds if self.baseline_seconds else 0.0


def simulated_review(
    project: Project,
    truth: str,
    *,
    names: Iterable[str] | None = None,
    proposals: str | None = None,
    costs: CostTable | None = None,
    progress: Progress | None = None,
) -> ReviewReport:
    """Reviews the named images (None = those waiting in the queue) as an expert who corrects towards the layer `truth` would.

    proposals: the prelabel layer shown, at the project's thresholds (None = none: everything is drawn by hand).
    Raises UsageError when the truth layer knows none of the images. Images reviewed before are passed over.
    """
    costs = costs or CostTable.from_mapping(project.config.costs)
    costs = costs.with_classes(len(project.ontology))
    wanted = [q.image_name for q in project.store.queue.pending()] if names is None else list(names)
    done = project.reviewed.looked()
    wanted = [name for name in wanted if name not in done]
    truths = {labeled.image.name: labeled for labeled in project.layers.get(truth).read(wanted)}
    if wanted and not truths:
        raise UsageError(f"layer {truth} has labels for none of the {len(wanted)} images to review")
    shown = _shown(project, proposals, wanted)
    actions: Counter[str] = Counter()
    seconds = baseline = 0.0
    objects = 0
    for number, name in enumerate(name for name in wanted if name in truths):
        correction = expert(shown.get(name), truths[name], costs)
        _keep(project, truths[name], correction, proposals or "")
        actions.update({str(action): count for action, count in correction.actions.items()})
        seconds, baseline = seconds + correction.seconds, baseline + correction.baseline_seconds
        objects += len(correction.final)
        if progress:
            progress(number + 1, len(truths))
    return ReviewReport(len(truths), objects, dict(actions), seconds, baseline)


def _shown(project: Project, proposals: str | None, names: Sequence[str]) -> dict[str, LabeledImage]:
    if proposals is None:
        return {}
    thresholds = project.labeler.thresholds
    default = float("inf") if thresholds else 0.0
    return {p.image.name: show(p, thresholds, default) for p in project.layers.get(proposals).read(names)}


def _keep(project: Project, truth: LabeledImage, correction: Correction, layer: str) -> None:
    """The reviewed labels, the edits that led there and the effort: in this order, so that nothing counts before it is safe."""
    at = datetime.now(UTC)
    name = truth.image.name
    project.reviewed.write([LabeledImage(truth.image, EXPERT, correction.final, correction.tags)])
    edits = [_edit(name, layer, number, step, at) for number, step in enumerate(correction.steps)]
    project.store.edits.append([edit for edit in edits if edit is not None])
    project.store.effort.log(
        Effort(stable_id("effort", name, action), name, EXPERT.name, str(action), count, _price(correction, action), at, True)
        for action, count in correction.actions.items()
    )


def _price(correction: Correction, action: Action) -> float:
    return sum(step.seconds for step in correction.steps if step.action == action)


def _edit(name: str, layer: str, number: int, step: Step, at: datetime) -> Edit | None:
    before = step.before if isinstance(step.before, Labeled) else None
    after = step.after if isinstance(step.after, Labeled) else None
    which = after or before
    if which is None:
        return None
    origin = _ORIGIN.get(step.action, "draw")
    return Edit(
        stable_id("edit", name, number), name, layer or "review", which.id, before, after, EXPERT, at, origin, step.seconds
    )
