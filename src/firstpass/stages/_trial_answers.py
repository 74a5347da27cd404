"""Gets every candidate's answers to the sample, each model asked once per image; one that learns answers only what it did not
learn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstpass.engines import driver, learn, local
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import FirstpassError, Problem
from firstpass.labelers.base import Ask, Budget, Labeler, LabelerSpec, Reply, Settings, TrainingExample
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.project import Project

FOLDS = 4
TIMED_IMAGES = 8  # of a learner, whose held-out answers tell no time
Tell = Callable[[str, float], None]


@dataclass(slots=True, eq=False)
class Answers:
    """By image name what was said; seconds per image of labeling, decoding aside (median over batches, NaN = unknown)."""

    said: dict[str, LabeledImage] = field(default_factory=dict[str, LabeledImage])
    problems: dict[str, Problem] = field(default_factory=dict[str, Problem])
    seconds_per_image: float = float("nan")


class _Timed:
    """A labeler with a watch."""

    def __init__(self, labeler: Labeler) -> None:
        self._labeler = labeler
        self.seconds: list[float] = []

    @classmethod
    def open(cls, settings: Settings) -> _Timed:
        raise NotImplementedError("wraps an opened labeler")

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        start = time.perf_counter()
        replies = self._labeler.label(images, ask)
        self.seconds.append((time.perf_counter() - start) / max(len(images), 1))
        return replies


def ask_all(
    project: Project, spec: LabelerSpec, settings: Mapping[str, Any], ask: Ask, truths: Mapping[str, LabeledImage], tell: Tell
) -> Answers:
    """A labeler that is ready: every image once."""
    answers = Answers()
    _run(project, *open_labeler(spec.name, settings), [t.image for t in truths.values()], ask, settings, answers, tell)
    return answers


def ask_learner(
    project: Project,
    spec: LabelerSpec,
    settings: Mapping[str, Any],
    ask: Ask,
    truths: Mapping[str, LabeledImage],
    folder: Path,
    budget: Budget,
    tell: Tell,
) -> Answers:
    """A labeler that learns: its own held-out answers where one fit on the whole sample gives them for all, else fold by
    fold.
    """
    answers = Answers()
    readable = {name: t for name, t in truths.items() if _readable(project, t.image, answers)}
    fitted = _fit(project, spec, settings, ask, list(readable.values()), folder / "all", budget)
    author = driver.author_of(spec, settings, ask)
    held = {h.image.name: driver.to_labeled(h.reply, h.image, author) for h in fitted if h.reply.problem is None}
    opened = learn.open_artifact(folder / "all", settings)
    timing = Answers()
    _run(project, *opened, [t.image for t in list(readable.values())[:TIMED_IMAGES]], ask, settings, timing, _quiet)
    answers.seconds_per_image = timing.seconds_per_image
    if readable.keys() <= held.keys():
        answers.said = {name: held[name] for name in readable}
        tell(f"{spec.name}: held-out answers", 1.0)
        return answers
    names = np.random.default_rng(budget.seed).permutation(sorted(readable)).tolist()
    folds = min(FOLDS, len(names))
    for k in range(folds if folds > 1 else 0):
        out = set(names[k::folds])
        _fit(project, spec, settings, ask, [t for n, t in readable.items() if n not in out], folder / f"fold-{k}", budget)
        opened = learn.open_artifact(folder / f"fold-{k}", settings)
        speed = answers.seconds_per_image
        _run(project, *opened, [readable[n].image for n in sorted(out)], ask, settings, answers, _quiet)
        answers.seconds_per_image = speed
        tell(f"{spec.name}: fold {k + 1} of {folds}", (k + 1) / folds)
    return answers


def _quiet(_what: str, _share: float) -> None:
    return None


def _fit(
    project: Project, spec: LabelerSpec, settings: Mapping[str, Any], ask: Ask, labeled: Sequence[LabeledImage], folder: Path,
    budget: Budget,
) -> tuple[Any, ...]:  # fmt: skip
    examples = [TrainingExample(item, partial(_load, project, item.image)) for item in labeled]
    return learn.fit(spec.name, settings, examples, ask, folder, budget).out_of_sample


def _run(
    project: Project, labeler: Labeler, spec: LabelerSpec, refs: Sequence[ImageRef], ask: Ask, settings: Mapping[str, Any],
    answers: Answers, tell: Tell,
) -> None:  # fmt: skip
    timed = _Timed(labeler)

    def sink(batch: Sequence[LabeledImage]) -> None:
        answers.said.update({item.image.name: item for item in batch})

    def load(ref: ImageRef) -> Image | Problem:
        return project.image(ref, verify=True)

    def progress(now: local.EngineProgress) -> None:
        tell(f"{spec.name}: {now.done} of {now.total} images", now.done / max(now.total, 1))

    metadata = None if spec.needs_pixels else project.store.images.metadata
    author = driver.author_of(spec, settings, ask)
    report = local.run(timed, spec, refs, load, ask, sink, author=author, metadata=metadata, progress=progress)
    answers.problems.update({problem.where: problem for problem in report.problems})
    if timed.seconds:
        answers.seconds_per_image = float(np.median(timed.seconds))


def _readable(project: Project, ref: ImageRef, answers: Answers) -> bool:
    image = project.image(ref, max_side_px=64, verify=True)
    if isinstance(image, Problem):
        answers.problems[ref.name] = image
        return False
    return True


def _load(project: Project, ref: ImageRef) -> Image:
    image = project.image(ref)
    if isinstance(image, Problem):
        raise FirstpassError(str(image))
    return image
