"""The strategy contract: which images to label next, and why.

One file each, with ``SPEC = StrategySpec(...)`` and ``PLUGIN = an object``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import ImageRef, LabeledImage


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """name, one line for people; whether it wants the first pass's proposals or embeddings; reference."""

    name: str
    summary: str
    needs_proposals: bool = False
    needs_embeddings: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """What may be chosen from.

    images: the n candidates, not yet reviewed. proposals: per candidate the first pass, None = not looked at.
    embeddings: float32 (n, d) or None. labeled_embeddings: (m, d) of the images already reviewed, or None.
    labeled_counts: class → objects reviewed.
    """

    images: Sequence[ImageRef]
    proposals: Sequence[LabeledImage | None]
    class_names: Sequence[str]
    embeddings: NDArray[np.float32] | None = None
    labeled_embeddings: NDArray[np.float32] | None = None
    labeled_counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen image: its place in the pool, how much it is wanted (higher = sooner), and why, in words for the expert."""

    index: int
    priority: float
    why: str


class Strategy(Protocol):
    """A plug-in's PLUGIN: an object without state."""

    def choose(self, pool: Pool, count: int, rng: np.random.Generator) -> Sequence[Choice]:
        """At most `count` distinct choices, most wanted first; fewer when the pool is smaller; none of an empty pool."""
        ...
