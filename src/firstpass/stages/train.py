"""Trains a labeler that learns on the reviewed images, and sets thresholds from what it says of images held out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from firstpass import registry
from firstpass.engines import driver, learn
from firstpass.errors import FirstpassError, Problem, UsageError
from firstpass.labelers.base import Artifact, Budget, TrainingExample, ask_for
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Image
from firstpass.metrics.effort import CostTable
from firstpass.metrics.thresholds import ThresholdChoice, choose_thresholds
from firstpass.project import LabelerChoice, Project

DEFAULT_LABELER = "pixel-forest"


@dataclass(frozen=True, slots=True)
class TrainReport:
    """model: the artifact's folder, relative to the project. thresholds: per class; inf = silent: its proposals would cost more
    than they save. saving_s_per_image: what the held-out answers promise, at the project's costs.
    """

    labeler: str
    model: str
    examples: int
    objects: int
    thresholds: tuple[ThresholdChoice, ...]
    saving_s_per_image: float
    problems: tuple[Problem, ...] = ()


def train(
    project: Project,
    labeler: str = DEFAULT_LABELER,
    settings: Mapping[str, Any] | None = None,
    *,
    layer: str | None = None,
    budget: Budget | None = None,
    use: bool = True,
    progress: Callable[[str, float], None] | None = None,
) -> TrainReport:
    """Fits the labeler on a layer (None = the reviewed labels) into ``models/``, and makes it the project's labeler.

    use: False leaves the project's choice as it is. Raises UsageError when there is nothing to learn from or the labeler does
    not learn, MissingExtra, LabelerBroke. Images that cannot be read are problems; the rest is learned from.
    """
    source = project.layers.get(layer) if layer else project.reviewed
    examples: list[TrainingExample] = []
    problems: list[Problem] = []
    for labeled in source:
        probed = project.image(labeled.image, max_side_px=64, verify=True)
        if isinstance(probed, Problem):
            problems.append(probed)
        else:
            examples.append(TrainingExample(labeled, partial(_load, project, labeled.image)))
    if not examples:
        hint = "review some images first: firstpass select, then firstpass review"
        raise UsageError(f"layer {source.name} has no image to learn from; {hint}")
    spec = registry.find("labelers", labeler).spec
    ask = ask_for(project.ontology, spec.gives)
    folder = _new_folder(project, spec.name)
    run_id = project.store.runs.start("train", {"labeler": spec.name, "layer": source.name, "model": folder.name})
    status = "failed"
    try:
        artifact = learn.fit(labeler, settings or {}, examples, ask, folder, budget, progress)
        thresholds = _thresholds(project, artifact, [e.labeled for e in examples])
        if use:
            _use(project, artifact, thresholds)
        status = "done"
    finally:
        project.store.runs.finish(run_id, status, {"examples": len(examples)})
    objects = sum(len(e.labeled.objects) for e in examples)
    saving = sum(choice.saving_s_per_image for choice in thresholds if not choice.silent)
    model = str(artifact.folder.relative_to(project.path))
    return TrainReport(spec.name, model, len(examples), objects, thresholds, saving, tuple(problems))


def _load(project: Project, ref: ImageRef) -> Image:
    image = project.image(ref)
    if isinstance(image, Problem):
        raise FirstpassError(str(image))
    return image


def _new_folder(project: Project, name: str) -> Path:
    tails = [p.name.rsplit("-", 1)[1] for p in project.models_path.glob(f"{name}-*")]
    numbers = [int(tail) for tail in tails if tail.isdigit()]
    return project.models_path / f"{name}-{max(numbers, default=0) + 1}"


def _thresholds(project: Project, artifact: Artifact, labeled: list[LabeledImage]) -> tuple[ThresholdChoice, ...]:
    """From the held-out answers; without any, everything is silent until the next review gives evidence."""
    costs = CostTable.from_mapping(project.config.costs).with_classes(len(project.ontology))
    truths = {item.image.name: item for item in labeled}
    author = labeled[0].author
    pairs = [
        (driver.to_labeled(held.reply, held.image, author), truths[held.image.name])
        for held in artifact.out_of_sample
        if held.image.name in truths
    ]
    chosen = choose_thresholds(pairs, costs, project.ontology.names)
    return tuple(chosen[name] for name in sorted(chosen))


def _use(project: Project, artifact: Artifact, thresholds: tuple[ThresholdChoice, ...]) -> None:
    settings = {"model": str(artifact.folder.relative_to(project.path))}
    project.set_labeler(LabelerChoice(artifact.labeler, settings, {c.class_name: c.threshold for c in thresholds}))


def remove_model(project: Project, model: str) -> None:
    """Deletes a trained model's folder. Raises UsageError for one that the project uses or that is not below ``models/``."""
    folder = (project.path / model).resolve()
    if folder.parent != project.models_path.resolve() or not folder.is_dir():
        raise UsageError(f"{model} is no model of this project; they are in {project.models_path}")
    if project.labeler.settings.get("model") == str(folder.relative_to(project.path.resolve())):
        raise UsageError(f"{model} is the project's labeler: choose another first")
    shutil.rmtree(folder)
