"""The expected IoU of a candidate with what a person meant: a quadratic form of its figures, fitted by ridge regression.

Fitted on every other image of dsb2018, magnetic_tile and COCO (bench/click_mask.py measures on the other images).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._click_features import Candidate
from firstpass.labelers._click_weights import BOX, CHANGE, FIRST

_KINDS = ("color", "edge", "ring", "cut", "ellipse", "box", "disk", "again")


def terms(candidate: Candidate, more: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The products of all pairs of figures (the first of which is 1), then one 0/1 for each kind of candidate."""
    figures = candidate.features if more is None else np.concatenate([candidate.features, more])
    left, right = np.triu_indices(len(figures))
    return np.concatenate([figures[left] * figures[right], [float(candidate.kind == kind) for kind in _KINDS]])


def score(candidate: Candidate) -> float:
    """The expected IoU for a candidate around a click, about 0..1."""
    return float(terms(candidate) @ FIRST)


def score_in_box(candidate: Candidate, fit: NDArray[np.float64]) -> float:
    """The expected IoU for a candidate in a box. fit: how it fills the box, see `_click_box.fit`."""
    return float(terms(candidate, fit) @ BOX)


def score_change(candidate: Candidate, figures: NDArray[np.float64]) -> float:
    """The expected gain in IoU of adding or taking away a candidate. figures: see `_click_mend.changes`."""
    return float(terms(candidate, figures) @ CHANGE)
