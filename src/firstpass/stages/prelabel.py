"""The first pass: a labeler over every image not yet looked at, committed as it goes, resumable, one broken image at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firstpass import registry
from firstpass.engines import driver, local
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import Problem, UsageError
from firstpass.labelers.base import Cue, ask_for
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Image
from firstpass.project import Project


@dataclass(frozen=True, slots=True)
class PrelabelReport:
    """layer: where the proposals are. images, objects: written now. already: looked at before. stopped: early, resumable."""

    layer: str
    labeler: str
    images: int
    objects: int
    already: int
    seconds: float
    images_per_s: float
    stopped: bool
    problems: tuple[Problem, ...] = ()


def prelabel(
    project: Project,
    labeler: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    layer: str | None = None,
    names: Sequence[str] | None = None,
    batch_size: int = 8,
    decode_threads: int = 2,
    progress: Callable[[local.EngineProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> PrelabelReport:
    """Runs a labeler over the project's images (or the named ones) that its layer has not looked at.

    labeler, settings: None = the project's own choice (firstpass.toml). layer: None = named after labeler and settings, so that
    another recipe writes beside, never over. Raises UsageError, MissingExtra, MissingWeights, LabelerBroke.
    """
    name = labeler or project.labeler.name
    if not name:
        raise UsageError("the project has no labeler yet: name one with --labeler, or let `firstpass trial` choose")
    chosen = _resolved(project, (settings or {}) if labeler else (settings or project.labeler.settings))
    if Cue.METADATA in registry.find("labelers", name).spec.cues:
        chosen = {**project.config.rules, **chosen}
    opened, spec = open_labeler(name, chosen)
    ask = ask_for(project.ontology, spec.gives)
    author = driver.author_of(spec, chosen, ask)
    target = project.store.layers.create(layer or f"{spec.name}-{author.settings_digest[:8]}", author, "prelabel")
    done = target.looked()
    wanted = None if names is None else frozenset(names)
    refs = [r for r in project.store.images.all() if r.name not in done and (wanted is None or r.name in wanted)]
    run_id = project.store.runs.start("prelabel", {"labeler": spec.name, "layer": target.name, "settings": dict(chosen)})
    images, objects = 0, 0

    def sink(batch: Sequence[LabeledImage]) -> None:
        nonlocal images, objects
        written = target.write(batch)
        images, objects = images + written.images, objects + written.objects

    def load(ref: ImageRef) -> Image | Problem:
        return project.image(ref, verify=True)

    status = "failed"
    try:
        report = local.run(
            opened, spec, refs, load, ask, sink, author=author, batch_size=batch_size, decode_threads=decode_threads,
            progress=progress, stop=stop, metadata=project.store.images.metadata,
        )  # fmt: skip
        status = "stopped" if report.stopped else "done"
    finally:
        project.store.runs.finish(run_id, status, {"images": images, "objects": objects})
    rate = images / report.seconds if report.seconds > 0 else 0.0
    already = len(done) if wanted is None else len(done & wanted)
    stopped, problems = report.stopped, report.problems
    return PrelabelReport(target.name, spec.name, images, objects, already, report.seconds, rate, stopped, problems)


def _resolved(project: Project, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with ``model`` as a full path where it names something inside the project."""
    model = settings.get("model")
    if isinstance(model, str) and (project.path / model).exists():
        return {**settings, "model": str(project.path / model)}
    return dict(settings)
