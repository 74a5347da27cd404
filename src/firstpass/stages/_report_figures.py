"""The numbers of the report, from the store: what there is, what it cost, what it saved, which classes are weak."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from firstpass.labels import LabeledImage
from firstpass.metrics import detection_scores
from firstpass.metrics.effort import Action, CostTable
from firstpass.metrics.evidence import show
from firstpass.stages import _report_experts

if TYPE_CHECKING:
    from firstpass.project import Project

ENOUGH_IMAGES = 5  # fewer reviewed images say nothing about seconds saved
ENOUGH_OBJECTS = 10  # fewer objects of a class say nothing about it
WEAK_F1 = 0.6


def collect(project: Project, costs: CostTable) -> dict[str, Any]:
    """Images, layers, effort by action and by expert, seconds, saved share and its interval (None = not enough data yet),
    classes, advice.
    """
    costs = costs.with_classes(len(project.ontology))
    layers = [
        {"name": i.name, "kind": i.kind, "author": i.author.name, "images": i.images, "objects": i.objects}
        for i in project.store.layers.all()
    ]
    measured = project.store.effort.seconds_by_image(simulated=False)
    timed = measured or project.store.effort.seconds_by_image(simulated=True)
    actions: Counter[str] = Counter()
    for total in project.store.effort.totals():
        if total.simulated != bool(measured):
            actions[total.action] += total.count
    reviews = _report_experts.go_through(project, timed, costs)
    seconds, baseline = sum(reviews.spent_s), sum(reviews.baseline_s)
    reviewed = len(project.reviewed)
    enough = len(reviews.spent_s) >= ENOUGH_IMAGES and seconds > 0 and baseline > 0
    classes = _classes(project)
    return {
        "images": project.store.images.count(),
        "reviewed": reviewed,
        "objects": sum(project.reviewed.counts().values()),
        "layers": layers,
        "actions": [{"action": a, "count": n, "seconds_each": _price(costs, a)} for a, n in actions.most_common()],
        "seconds": seconds,
        "baseline_seconds": baseline,
        "saved_fraction": 1 - seconds / baseline if enough else None,
        "saved_interval": _report_experts.saved_interval(reviews.spent_s, reviews.baseline_s) if enough else None,
        "interval_needs_images": _report_experts.ENOUGH_FOR_INTERVAL,
        "timed_images": len(reviews.spent_s),
        "experts": _report_experts.rows(project, reviews),
        "simulated": bool(timed) and not measured,
        "draw_box_s": costs.draw_box_s,
        "classes": classes,
        "advice": _advice(project, classes),
    }


def _price(costs: CostTable, action: str) -> float | None:
    return costs.price_s(Action(action)) if action in set(Action) else None


def newest_first_pass(project: Project) -> str | None:
    """The prelabel layer made last, if any."""
    found = [info for info in project.store.layers.all() if info.kind == "prelabel" and info.images]
    return max(found, key=lambda info: info.created_at).name if found else None


def _classes(project: Project) -> list[dict[str, Any]]:
    """Per class: reviewed objects, and how the newest first pass compares with the review, on images corrected from it.

    Other reviewed images may be those it learned from: they would flatter it.
    """
    counts = project.reviewed.counts()
    layer = newest_first_pass(project)
    per_class: dict[str, detection_scores.Scores] = {}
    if layer is not None and len(project.reviewed):
        thresholds = project.labeler.thresholds
        default = float("inf") if thresholds else 0.0
        proposed = {
            p.image.name: show(p, thresholds, default) for p in project.layers.get(layer).read(project.reviewed.looked())
        }
        pairs = [(proposed[r.image.name], r) for r in project.reviewed if r.image.name in proposed and _from(project, r, layer)]
        per_class = dict(detection_scores.object_scores(pairs).per_class)
    rows: list[dict[str, Any]] = []
    for name in project.ontology.names:
        scores = per_class.get(name)
        threshold = project.labeler.thresholds.get(name)
        silent = threshold is not None and threshold > 1
        rows.append(
            {
                "class": name,
                "objects": counts.get(name, 0),
                "proposed_f1": None if scores is None or scores.f1 != scores.f1 or silent else round(scores.f1, 3),
                "shown_from": "silent" if silent else threshold,
            }
        )
    return rows


def _from(project: Project, reviewed: LabeledImage, layer: str) -> bool:
    return any(edit.layer == layer for edit in project.store.edits.of_image(reviewed.image.name))


def _advice(project: Project, classes: list[dict[str, Any]]) -> list[str]:
    """What to do next, in words."""
    words: list[str] = []
    rare = [row["class"] for row in classes if row["objects"] < ENOUGH_OBJECTS]
    if rare and len(project.reviewed):
        words.append(f"Too few objects to learn from: {', '.join(rare[:12])}. Label images that show them next.")
    weak = [row["class"] for row in classes if row["proposed_f1"] is not None and row["proposed_f1"] < WEAK_F1]
    if weak:
        words.append(f"The first pass is weak on {', '.join(weak[:12])}: review these with care, then train again.")
    silent = [row["class"] for row in classes if row["shown_from"] == "silent"]
    if silent:
        words.append(f"Not proposed, since it would cost more than it saves: {', '.join(silent[:12])}.")
    left = project.store.images.count() - len(project.reviewed)
    if left and len(project.reviewed):
        words.append(f"{left:,} images are not reviewed yet: firstpass train, prelabel, select, review.")
    if not len(project.reviewed):
        words.append("Nothing is reviewed yet: firstpass select chooses the first images.")
    return words
