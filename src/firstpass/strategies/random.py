"""Draws images at random: the honest baseline, and the right choice for a sample that stands for the whole set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firstpass.strategies.base import Choice, Pool, StrategySpec

SPEC = StrategySpec("random", "an unbiased sample: every image has the same chance")


class Random:
    """Every image has the same chance."""

    def choose(self, pool: Pool, count: int, rng: np.random.Generator) -> Sequence[Choice]:
        """At most `count` distinct images in random order; none of an empty pool."""
        order = rng.permutation(len(pool.images))[: max(0, count)]
        return [Choice(int(place), 1.0 - rank / len(order), "drawn at random") for rank, place in enumerate(order)]


PLUGIN = Random()
