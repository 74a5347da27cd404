"""Chooses which images the experts label next, and tells them why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from firstpass import registry
from firstpass.errors import FirstpassError, Problem, StoreReadOnly
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Rgb
from firstpass.project import Project
from firstpass.store import Queued
from firstpass.strategies.base import Pool, Strategy

EMBED_BATCH = 32
THUMB_PX = 256
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class SelectReport:
    """strategy, and the chosen images, most wanted first. pool: how many could be chosen from."""

    strategy: str
    pool: int
    chosen: tuple[Queued, ...]
    problems: tuple[Problem, ...] = ()


def select(
    project: Project,
    strategy: str = "uncertainty",
    count: int = 20,
    *,
    layer: str | None = None,
    embedder: str = "color-texture",
    seed: int = 0,
    preview: bool = False,
    progress: Progress | None = None,
) -> SelectReport:
    """Puts the next `count` images into the review queue, in place of what waits there.

    layer: the first pass to judge by (None = the newest prelabel layer, if any). preview: only say which they would be.
    Raises UnknownPlugin, UsageError, and StoreReadOnly for a project that can only be read, unless it is a preview.
    """
    if project.store.read_only and not preview:
        raise StoreReadOnly(f"{project.path}: the queue cannot be written here; a preview of the choice can be had (--preview)")
    plugin = registry.find("strategies", strategy)
    reviewed = project.reviewed.looked()
    pool_refs = [ref for ref in project.store.images.all() if ref.name not in reviewed]
    proposals = _proposals(project, layer, pool_refs)
    problems: list[Problem] = []
    vectors: dict[str, NDArray[np.float32]] = {}
    if plugin.spec.needs_embeddings:
        labeled_refs = [ref for ref in project.store.images.all() if ref.name in reviewed]
        vectors, problems = embed_images(project, pool_refs + labeled_refs, embedder, progress)
        pool_refs = [ref for ref in pool_refs if ref.name in vectors]
    pool = Pool(
        images=pool_refs,
        proposals=[proposals.get(ref.name) for ref in pool_refs],
        class_names=project.ontology.names,
        embeddings=_stack(vectors, [ref.name for ref in pool_refs]),
        labeled_embeddings=_stack(vectors, [name for name in vectors if name in reviewed]),
        labeled_counts=dict(Counter(project.reviewed.counts())),
    )
    choices = cast("Strategy", plugin.factory).choose(pool, count, np.random.default_rng(seed))
    chosen = tuple(Queued(pool_refs[c.index].name, c.priority, c.why, plugin.name) for c in choices)
    if not preview:
        project.store.queue.clear()
        project.store.queue.put(chosen)
    return SelectReport(plugin.name, len(pool_refs), chosen, tuple(problems))


def _proposals(project: Project, layer: str | None, refs: Sequence[ImageRef]) -> dict[str, LabeledImage]:
    if layer is None:
        first_passes = [info for info in project.store.layers.all() if info.kind == "prelabel"]
        if not first_passes:
            return {}
        layer = max(first_passes, key=lambda info: info.created_at).name
    return {labeled.image.name: labeled for labeled in project.layers.get(layer).read([ref.name for ref in refs])}


def _stack(vectors: dict[str, NDArray[np.float32]], names: Sequence[str]) -> NDArray[np.float32] | None:
    rows = [vectors[name] for name in names if name in vectors]
    return np.stack(rows) if rows else None


def embed_images(
    project: Project, refs: Sequence[ImageRef], embedder: str, progress: Progress | None = None
) -> tuple[dict[str, NDArray[np.float32]], list[Problem]]:
    """Vectors by image name, from the store's cache or computed and kept there. Unreadable images are problems."""
    plugin = registry.find("embedders", embedder)
    kind = f"image:{plugin.name}:{plugin.spec.version}"
    vectors = dict(project.store.vectors.get(kind, [ref.name for ref in refs]))
    todo = [ref for ref in refs if ref.name not in vectors]
    problems: list[Problem] = []
    if not todo:
        return vectors, problems
    opened = plugin.factory.open({})
    for start in range(0, len(todo), EMBED_BATCH):
        pictures: list[Rgb] = []
        names: list[str] = []
        for ref in todo[start : start + EMBED_BATCH]:
            image = project.image(ref, max_side_px=THUMB_PX)
            if isinstance(image, Problem):
                problems.append(image)
                continue
            pictures.append(image.rgb)
            names.append(ref.name)
        if names:
            rows = opened.embed(pictures)
            if rows.shape[0] != len(names):
                raise FirstpassError(f"embedder {plugin.name} gave {rows.shape[0]} vectors for {len(names)} pictures")
            if not project.store.read_only:
                project.store.vectors.put(kind, names, rows)
            vectors |= dict(zip(names, rows, strict=True))
        if progress:
            progress(min(start + EMBED_BATCH, len(todo)), len(todo))
    return vectors, problems
