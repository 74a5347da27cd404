"""Fitting: rows for every stage, k-fold models for honest proposals, and the final models.

Every later stage learns from maps that its image's own labels did not shape: the images are split into folds, and an image's
maps come from the pixel model fitted without its fold (stacked generalization, Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_boxes import clip_boxes, pairwise_iou
from firstpass.labelers._forest_candidates import Candidates, ClassSizes, Sampler, generate, make_sampler
from firstpass.labelers._forest_features import GridSpec, feature_maps
from firstpass.labelers._forest_masks import point_features, point_targets
from firstpass.labelers._forest_pixels import Truth, image_maps, jitter_image, pixel_targets, sample_rows
from firstpass.labelers._forest_second import (
    Kept,
    Scored,
    Suppression,
    box_deltas,
    keep_best,
    scoring_input,
    scoring_targets,
)
from firstpass.labelers._forest_trees import TreeBank, TreeSettings, grow

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]
Rows: TypeAlias = tuple[F32, ...]
Progress: TypeAlias = Callable[[str, float], None]
Load: TypeAlias = Callable[[int], tuple[U8, Truth]]
T = TypeVar("T")

MAX_FOLDS = 3
PIXEL_TREES = 16
PIXEL_ROWS = 30_000
REFINER_OBJECTS_PER_IMAGE = 100
REFINER_CANDIDATES_PER_IMAGE = 300
MASK_OBJECTS_PER_IMAGE = 24


@dataclass(frozen=True, slots=True)
class Setup:
    """What the stages share: class slots' sizes, the grid, suppression, whether masks are learned, and the work limits."""

    sizes: tuple[ClassSizes, ...]
    spec: GridSpec
    rule: Suppression
    with_masks: bool
    effort: float
    threads: int
    seed: int

    def rng(self, stage: int, index: int = 0) -> np.random.Generator:
        """Return the random generator of one image in one stage."""
        return np.random.default_rng([self.seed, stage, index])


@dataclass(frozen=True, slots=True)
class Stages:
    """The learned trees of all stages; masker is None for box-only data."""

    pixels: TreeBank
    refiner: TreeBank
    scorer: TreeBank
    masker: TreeBank | None


@dataclass(frozen=True, slots=True)
class Trained:
    """Final stages, and for the images in ``honest`` (indices) what fold models kept of them, in the same order."""

    stages: Stages
    honest: I64
    kept: tuple[Kept, ...]


def train(load: Load, n_images: int, setup: Setup, progress: Progress) -> Trained | None:
    """Return the trained stages, or None where the labeled images give no candidate to learn from.

    load: gives an image and its truth in class slots, any number of times; called by this thread only.
    """
    folds = _folds(n_images, setup)
    progress("features", 0.0)
    rows = _per_image(load, range(n_images), lambda i, example: _pixel_rows(example, i, n_images, setup), setup.threads)
    progress("pixel forest", 0.25)
    n_folds = int(folds.max()) + 1
    partial = [_grow_pixels([r for r, f in zip(rows, folds, strict=True) if f != fold], setup) for fold in range(n_folds)]
    pixels = _grow_pixels(rows, setup)
    if pixels is None:
        return None
    del rows
    progress("candidates", 0.5)
    honest = _honest_images(n_images, setup)

    def look(i: int, example: tuple[U8, Truth]) -> tuple[Sampler, Truth]:
        maps = image_maps(example[0], setup.spec, (partial[int(folds[i])] or pixels,), len(setup.sizes))
        return make_sampler(maps, setup.sizes), example[1]

    looked = _per_image(load, honest.tolist(), look, setup.threads)
    samplers, truths = [sampler for sampler, _ in looked], [truth for _, truth in looked]
    return _train_second(pixels, honest, folds[honest], samplers, truths, setup, progress)


def _per_image(load: Load, images: Sequence[int], work: Callable[[int, tuple[U8, Truth]], T], threads: int) -> list[T]:
    """Return what ``work`` makes of every image, in their order, a few images in memory at a time."""
    done: list[T] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for start in range(0, len(images), 2 * max(1, threads)):
            some = images[start : start + 2 * max(1, threads)]
            done += pool.map(work, some, [load(i) for i in some])
    return done


def _folds(n_images: int, setup: Setup) -> I64:
    """Return each image's fold; one fold only where there is a single image."""
    n_folds = min(n_images, MAX_FOLDS)
    order = setup.rng(0).permutation(n_images)
    folds = np.empty(n_images, dtype=np.int64)
    folds[order] = np.arange(n_images) % max(n_folds, 1)
    return folds


def _honest_images(n_images: int, setup: Setup) -> I64:
    limit = max(16, int(64 * setup.effort))
    return np.sort(setup.rng(1).permutation(n_images)[:limit])


def _pixel_rows(example: tuple[U8, Truth], index: int, n_images: int, setup: Setup) -> Rows:
    """Return sampled (features, targets, weights) of one image and its jittered copies."""
    rng = setup.rng(2, index)
    n_slots = len(setup.sizes)
    copies = 3 if n_images <= 25 else 2 if n_images <= 80 else 1
    outputs = 2 * n_slots + 1
    budget = setup.effort * PIXEL_ROWS * min(1.0, 12 / outputs) / n_images / copies
    parts: list[Rows] = []
    for copy in range(copies):
        rgb, truth = example if copy == 0 else jitter_image(*example, rng)
        maps, shape = feature_maps(rgb, setup.spec)
        parts.append(sample_rows(maps, pixel_targets(truth, n_slots, shape), n_slots, max(20, int(budget)), rng))
    return _join(parts)


def _join(parts: Sequence[Rows]) -> Rows:
    return tuple(np.concatenate([part[k] for part in parts]) for k in range(len(parts[0])))


def _grow_pixels(rows: Sequence[Rows], setup: Setup) -> TreeBank | None:
    if not rows:
        return None
    features, targets, weights = _join(rows)
    if len(features) == 0:
        return None
    return grow(features, targets, weights, TreeSettings(PIXEL_TREES, 16, 8, 0.4, setup.threads), setup.seed)


def _train_second(
    pixels: TreeBank,
    honest: I64,
    folds: I64,
    samplers: Sequence[Sampler],
    truths: Sequence[Truth],
    setup: Setup,
    progress: Progress,
) -> Trained | None:
    """Fit refiner, scorer and masker on honest maps, once per fold and once on everything."""
    found = [generate(sampler.maps, setup.sizes) for sampler in samplers]
    at = range(len(samplers))
    fits = _FoldFits(folds, setup)
    rows = [_refiner_rows(samplers[i], found[i], truths[i], setup.rng(3, i)) for i in at]
    refiners = fits.grow(rows, TreeSettings(32, 14, 3, 0.25, setup.threads), int(6000 * setup.effort))
    if refiners is None:
        return None
    progress("scores", 0.65)
    scored = [scoring_input(samplers[i], refiners[int(folds[i])], found[i]) for i in at]
    score_rows: list[Rows] = [(s.features, scoring_targets(s, t)) for s, t in zip(scored, truths, strict=True)]
    scorers = fits.grow(score_rows, TreeSettings(48, 14, 4, 0.2, setup.threads), int(6000 * setup.effort))
    if scorers is None:
        return None
    maskers: list[TreeBank] | None = None
    if setup.with_masks:
        progress("masks", 0.8)
        mask_rows = [_mask_rows(samplers[i], scored[i], truths[i], setup.rng(4, i)) for i in at]
        maskers = fits.grow(mask_rows, TreeSettings(16, 16, 8, 0.4, setup.threads), int(30_000 * setup.effort))
    progress("proposals", 0.9)

    def keep(i: int) -> Kept:
        fold = int(folds[i])
        return keep_best(samplers[i], scored[i], scorers[fold], setup.rule, None if maskers is None else maskers[fold])

    with ThreadPoolExecutor(max(1, setup.threads)) as pool:
        kept = list(pool.map(keep, at))
    stages = Stages(pixels, refiners[-1], scorers[-1], None if maskers is None else maskers[-1])
    return Trained(stages, honest, tuple(kept))


@dataclass(frozen=True, slots=True)
class _FoldFits:
    """Grows one tree bank per fold (without the fold's images) and a last one on everything."""

    folds: I64
    setup: Setup

    def grow(self, rows: Sequence[Rows | None], settings: TreeSettings, limit: int) -> list[TreeBank] | None:
        """Return n_folds + 1 banks, or None when there is no row at all; a fold without rows gets the last bank."""
        whole = self._one([r for r in rows if r is not None], settings, limit)
        if whole is None:
            return None
        banks: list[TreeBank] = []
        n_folds = int(self.folds.max()) + 1
        for fold in range(n_folds):
            part = [r for r, f in zip(rows, self.folds.tolist(), strict=True) if r is not None and f != fold]
            banks.append(self._one(part, settings, limit) or whole)
        return [*banks, whole]

    def _one(self, rows: Sequence[Rows], settings: TreeSettings, limit: int) -> TreeBank | None:
        if sum(len(r[0]) for r in rows) == 0:
            return None
        features, targets = _join(rows)
        if len(features) > limit:
            pick = np.sort(self.setup.rng(5).permutation(len(features))[:limit])
            features, targets = features[pick], targets[pick]
        return grow(features, targets, None, settings, self.setup.seed)


def _refiner_rows(sampler: Sampler, found: Candidates, truth: Truth, rng: np.random.Generator) -> Rows | None:
    """Return (features, corrections) for shifted truth boxes and for candidates near a truth."""
    n = len(truth.slots)
    if n == 0:
        return None
    copies = max(2, min(16, 200 // n + 1))
    picked = rng.permutation(n)[:REFINER_OBJECTS_PER_IMAGE]
    boxes = _shake(np.repeat(truth.xyxy_px[picked], copies, axis=0), 0.13, 0.22, rng)
    slots, goal = np.repeat(truth.slots[picked], copies), np.repeat(truth.xyxy_px[picked], copies, axis=0)
    iou = pairwise_iou(found.xyxy_px, truth.xyxy_px)
    iou = np.where(found.slots[:, None] == truth.slots[None], iou, 0)
    near = np.sort(rng.permutation(np.flatnonzero(iou.max(axis=1) > 0.3))[:REFINER_CANDIDATES_PER_IMAGE])
    boxes = np.concatenate([boxes, found.xyxy_px[near]])
    boxes = clip_boxes(boxes, sampler.maps.height_px, sampler.maps.width_px)
    slots = np.concatenate([slots, found.slots[near]])
    goal = np.concatenate([goal, truth.xyxy_px[iou[near].argmax(axis=1)]])
    return sampler.features(slots, boxes), box_deltas(boxes, goal)


def _shake(xyxy_px: F32, shift: float, stretch: float, rng: np.random.Generator) -> F32:
    """Return boxes moved by normal shifts (share of the side) and stretched by log-normal factors."""
    sides = np.maximum(xyxy_px[:, 2:] - xyxy_px[:, :2], 1.0)
    center = (xyxy_px[:, :2] + xyxy_px[:, 2:]) / 2 + rng.normal(0, shift, (len(xyxy_px), 2)) * sides
    half = sides * np.exp(rng.normal(0, stretch, (len(xyxy_px), 2))) / 2
    return np.concatenate([center - half, center + half], axis=1).astype(np.float32)


def _mask_rows(sampler: Sampler, scored: Scored, truth: Truth, rng: np.random.Generator) -> Rows | None:
    """Return (point features, membership) for shifted truth boxes and refined candidates near a truth with a mask."""
    parts: list[Rows] = []
    iou = pairwise_iou(scored.xyxy_px, truth.xyxy_px)
    for j in [int(k) for k in rng.permutation(len(truth.masks))[:MASK_OBJECTS_PER_IMAGE]]:
        mask = truth.masks[j]
        if mask is None:
            continue
        own = truth.xyxy_px[j : j + 1]
        near = np.flatnonzero((iou[:, j] > 0.5) & (scored.slots == truth.slots[j]))[:4]
        boxes = np.concatenate([_shake(np.repeat(own, 3, axis=0), 0.08, 0.12, rng), scored.xyxy_px[near]])
        features = point_features(sampler, np.full(len(boxes), truth.slots[j]), boxes)
        inside = point_targets(mask, truth.xyxy_px[j], boxes)
        pick = rng.random(inside.shape) < 0.12
        parts.append((features[pick], inside[pick][:, None]))
    return _join(parts) if parts else None
