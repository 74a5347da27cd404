"""What the pixel forest takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_calibration import Calibrator
from firstpass.labelers._forest_candidates import ClassSizes
from firstpass.labelers._forest_features import GridSpec
from firstpass.labelers._forest_pixels import Mask
from firstpass.labelers._forest_second import Suppression
from firstpass.labelers._forest_training import Stages

F32: TypeAlias = NDArray[np.float32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Example:
    """One labeled image.

    rgb: uint8 (h, w, 3), h and w >= 1. class_ids: int64 (n,) in 0..n_classes-1. xyxy_px: float32 (n, 4) with x1 > x0, y1 > y0.
    masks: per object None or a bool array, either of the image's size or a crop whose top-left pixel is
    (floor(x0), floor(y0)) of its box (clipped at 0). Crops keep 200 images x 50 objects light.
    An image without objects is a labeled image with nothing on it, and teaches background.
    """

    rgb: U8
    class_ids: I64
    xyxy_px: F32
    masks: tuple[Mask | None, ...]


ExampleSource: TypeAlias = Example | Callable[[], Example]


@dataclass(frozen=True, slots=True)
class Proposals:
    """Proposals of one image, best first.

    class_ids: int64 (n,); xyxy_px: float32 (n, 4) inside the image; scores: float32 (n,) P(right class and IoU >= 0.5);
    good_scores: float32 (n,) P(right class and IoU >= 0.8), never above scores; masks: None for box-only models, else one
    bool crop per proposal whose top-left pixel is (floor(x0), floor(y0)).
    """

    class_ids: I64
    xyxy_px: F32
    scores: F32
    good_scores: F32
    masks: tuple[Mask, ...] | None


def no_proposals(with_masks: bool) -> Proposals:
    """Return an empty set of proposals."""
    none = np.zeros(0, dtype=np.float32)
    return Proposals(np.zeros(0, np.int64), np.zeros((0, 4), np.float32), none, none.copy(), () if with_masks else None)


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything needed to propose; class_of_slot int64 (n_slots,) names the modeled classes."""

    class_of_slot: I64
    sizes: tuple[ClassSizes, ...]
    spec: GridSpec
    rule: Suppression
    stages: Stages
    match: Calibrator
    good: Calibrator


@dataclass(frozen=True, slots=True)
class OutOfSample:
    """Proposals of fold models for labeled images that those models did not see.

    images: int64 (m,) indices into the examples given to ``fit``; proposals: one per image, same order.
    """

    images: I64
    proposals: tuple[Proposals, ...]


def nothing_held_out() -> OutOfSample:
    """Return an out-of-sample record without any image."""
    return OutOfSample(np.zeros(0, dtype=np.int64), ())
