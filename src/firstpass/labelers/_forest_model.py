"""The pixel forest: learns boxes and masks from a handful of labeled images, on a CPU, with no pretrained weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_assembly import assemble, keep_proposals, to_proposals
from firstpass.labelers._forest_boxes import clip_boxes, pairwise_iou
from firstpass.labelers._forest_candidates import class_sizes
from firstpass.labelers._forest_features import GridSpec
from firstpass.labelers._forest_files import load_parts, save_parts
from firstpass.labelers._forest_pixels import Mask, Truth, crop_origin_px
from firstpass.labelers._forest_second import Suppression
from firstpass.labelers._forest_training import Setup, train
from firstpass.labelers._forest_types import (
    Example,
    ExampleSource,
    Learned,
    OutOfSample,
    Proposals,
    no_proposals,
    nothing_held_out,
)

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]

MAX_SLOTS = 12
MIN_OBJECTS = 3


class Forest:
    """A fitted pixel forest. Make one with :func:`fit` or :meth:`load`."""

    def __init__(self, n_classes: int, learned: Learned | None, out_of_sample: OutOfSample):
        self.n_classes = n_classes
        self.learned = learned
        self.out_of_sample = out_of_sample

    @property
    def with_masks(self) -> bool:
        """Whether predictions carry masks."""
        return self.learned is not None and self.learned.stages.masker is not None

    def predict(self, rgb: U8) -> Proposals:
        """Return all useful proposals for an image uint8 (h, w, 3), best first; none where nothing was learned.

        Raises ValueError for an image without pixels.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise ValueError(f"expected an image (h, w, 3) with pixels, got shape {rgb.shape}")
        if self.learned is None:
            return no_proposals(False)
        return to_proposals(keep_proposals(rgb, self.learned), self.learned)

    def save(self, folder: Path) -> None:
        """Write the model to a folder (made if missing) as npz and JSON; OSError when it cannot be written."""
        save_parts(folder, self.n_classes, self.learned, self.out_of_sample)

    @staticmethod
    def load(folder: Path) -> Forest:
        """Return the model of :meth:`save`, predicting bit for bit the same. Raises OSError, KeyError or ValueError."""
        return Forest(*load_parts(folder))


def fit(
    examples: Sequence[ExampleSource],
    n_classes: int,
    *,
    seed: int = 0,
    time_budget_s: float = 30.0,
    progress: Callable[[str, float], None] | None = None,
    threads: int = 2,
) -> Forest:
    """Return a forest fitted to labeled images.

    examples: images, or callables that load one each (called up to three times, so that the images need not be in memory).
    time_budget_s: scales how many rows and images the stages learn from, by a fixed rule, so that the result depends on the
    seed only; 30 fits 200 images of 640x480 on two cores. progress: called with a stage's name and a share done 0..1.
    Classes with fewer than three objects, and all but the ``MAX_SLOTS`` most frequent, are not modeled. Raises ValueError
    for a class id outside 0..n_classes-1 or misshapen arrays.
    """
    report: Callable[[str, float], None] = progress if progress is not None else _silent
    truths = [_checked_truth(_load(source), n_classes) for source in examples]
    class_of_slot = _modeled_classes(truths, n_classes)
    empty = Forest(n_classes, None, nothing_held_out())
    if len(class_of_slot) == 0:
        return empty
    slot_truths = [_to_slots(truth, class_of_slot, n_classes) for truth in truths]
    areas = [_load_area(source) for source in examples[:: max(1, len(examples) // 20)]]
    setup = _setup(slot_truths, len(class_of_slot), float(np.median(areas)), seed, time_budget_s, threads)

    def load(index: int) -> tuple[U8, Truth]:
        return _load(examples[index]).rgb, slot_truths[index]

    trained = train(load, len(examples), setup, report)
    if trained is None:
        return empty
    learned, out_of_sample = assemble(trained, setup, class_of_slot, truths)
    report("done", 1.0)
    return Forest(n_classes, learned, out_of_sample)


def _silent(stage: str, share: float) -> None:
    del stage, share


def _load(source: ExampleSource) -> Example:
    return source if isinstance(source, Example) else source()


def _load_area(source: ExampleSource) -> int:
    rgb = _load(source).rgb
    return int(rgb.shape[0] * rgb.shape[1])


def _checked_truth(example: Example, n_classes: int) -> Truth:
    """Return the example's objects with crop masks, boxes clipped to the image; ValueError for misshapen input."""
    rgb, ids, boxes = example.rgb, example.class_ids, example.xyxy_px.reshape(-1, 4)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"expected an image (h, w, 3) with pixels, got shape {rgb.shape}")
    if len(ids) != len(boxes) or len(example.masks) != len(boxes):
        raise ValueError("class_ids, xyxy_px and masks must have one entry per object")
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= n_classes):
        raise ValueError(f"class ids must be in 0..{n_classes - 1}")
    height, width = int(rgb.shape[0]), int(rgb.shape[1])
    clipped = clip_boxes(boxes.astype(np.float32), height, width)
    masks = [_crop(m, b, height, width) for m, b in zip(example.masks, clipped, strict=True)]
    return Truth(ids.astype(np.int64), clipped, tuple(masks))


def _crop(mask: Mask | None, box_px: F32, height_px: int, width_px: int) -> Mask | None:
    if mask is None or mask.size == 0:
        return None
    x0, y0 = crop_origin_px(box_px)
    x1, y1 = int(np.ceil(box_px[2])), int(np.ceil(box_px[3]))
    part = mask[y0:y1, x0:x1] if mask.shape == (height_px, width_px) else mask[: y1 - y0, : x1 - x0]
    return part.astype(np.bool_) if part.any() else None


def _modeled_classes(truths: Sequence[Truth], n_classes: int) -> I64:
    """Return the classes with enough objects, most frequent first."""
    counts = np.zeros(n_classes, dtype=np.int64)
    for truth in truths:
        counts += np.bincount(truth.slots, minlength=n_classes)
    order = np.argsort(-counts, kind="stable")
    return np.array([k for k in order.tolist() if counts[k] >= MIN_OBJECTS][:MAX_SLOTS], dtype=np.int64)


def _to_slots(truth: Truth, class_of_slot: I64, n_classes: int) -> Truth:
    """Return the truth limited to modeled classes, classes as slots."""
    slot_of = np.full(n_classes, -1, dtype=np.int64)
    slot_of[class_of_slot] = np.arange(len(class_of_slot))
    keep = slot_of[truth.slots] >= 0
    masks = tuple(m for m, k in zip(truth.masks, keep.tolist(), strict=True) if k)
    return Truth(slot_of[truth.slots][keep], truth.xyxy_px[keep], masks)


def _setup(truths: Sequence[Truth], n_slots: int, area_px: float, seed: int, budget_s: float, threads: int) -> Setup:
    """Choose grid, scales and suppression from the labeled objects."""
    boxes = np.concatenate([t.xyxy_px for t in truths])
    slots = np.concatenate([t.slots for t in truths])
    sizes = tuple(class_sizes(boxes[slots == k]) for k in range(n_slots))
    with_masks = sum(m is not None for t in truths for m in t.masks) >= max(1, len(boxes) // 2)
    sides = [float(np.sqrt(s.prototypes_px[0].prod())) for s in sizes]
    cell = max(1.0, min(sides) / (10.0 if with_masks else 8.0), float(np.sqrt(area_px / 60_000)))
    scales = [0.7, 1.5, 3.0, 6.0]
    while scales[-1] * 2 <= max(sides) / cell / 2.5 and len(scales) < 7:
        scales.append(scales[-1] * 2)
    within = np.array([_truth_overlap(truths, k) for k in range(n_slots)], dtype=np.float32)
    effort = float(np.clip(budget_s / 30.0, 0.2, 2.0))
    return Setup(sizes, GridSpec(cell, tuple(scales)), Suppression(within, 0.6), with_masks, effort, threads, seed)


def _truth_overlap(truths: Sequence[Truth], slot: int) -> float:
    """Return the IoU that only one object in fifty exceeds with its nearest neighbor of the class, within 0.3..0.6."""
    nearest: list[float] = []
    for truth in truths:
        boxes = truth.xyxy_px[truth.slots == slot]
        if len(boxes):
            iou = pairwise_iou(boxes, boxes) - np.eye(len(boxes), dtype=np.float32)
            nearest += iou.max(axis=1).tolist()
    return float(np.clip(np.quantile(nearest, 0.98) + 0.1, 0.3, 0.6)) if nearest else 0.45
