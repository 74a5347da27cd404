"""Images where the first pass expects most corrections: doubtful proposals, objects likely missed, rare classes first.

An image's worth is the expected number of wrong decisions, the sum of 2p(1-p) over its proposals (p = calibrated score), each
weighed by how rarely its class was labeled, plus the objects it seems to lack beside its like. The batch is built one by one:
each pick lowers the worth of images that look like it, and of the classes it is expected to hold.
Uncertainty sampling: Lewis and Gale, 1994; summed over detections: Brust et al., "Active learning for deep object
detection", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstpass.strategies import _vectors, _worth
from firstpass.strategies.base import Choice, Pool, StrategySpec

SPEC = StrategySpec(
    "uncertainty",
    "most corrections expected: doubtful proposals, rare classes, no near-duplicates",
    needs_proposals=True,
    needs_embeddings=True,
    reference="https://arxiv.org/abs/1809.09875",
)
MISSED = 0.15  # of the objects an image has fewer than the median image, the share counted as missed
DUPLICATE = 0.02  # what is left of an image's worth beside its exact double
NEAR = 0.25  # images closer than this share of the typical squared distance count as alike


@dataclass(slots=True)
class _Batch:
    """What the greedy choice keeps: expected objects chosen per class, and the distance to the nearest image taken."""

    extra: NDArray[np.float64]
    nearest: NDArray[np.float32]
    near_squared: float

    def novelty(self) -> NDArray[np.float64]:
        if self.near_squared <= 0:
            return np.ones(len(self.nearest), np.float64)
        return np.clip(self.nearest / self.near_squared, DUPLICATE, 1.0).astype(np.float64)


class Uncertainty:
    """Expected corrections, balanced over classes, spread over unlike images."""

    def choose(self, pool: Pool, count: int, rng: np.random.Generator) -> Sequence[Choice]:
        """At most `count` distinct images, most corrections expected first. Images not looked at count as the median one.

        Without proposals at all every image is worth the same, and likeness alone (or chance) decides. Raises ValueError for
        embeddings that do not fit the pool.
        """
        n = len(pool.images)
        wanted = min(max(0, count), n)
        if wanted == 0:
            return []
        worth = _worth.worth_of(pool)
        missed = _missed(worth)
        vectors = _vectors.unit(pool.embeddings, n)
        batch = _start(pool, worth, vectors, rng)
        tie = rng.random(n) * 1e-9
        free = np.ones(n, np.bool_)
        choices: list[Choice] = []
        for _ in range(wanted):
            weights = _worth.class_weights(worth.class_names, pool.labeled_counts, batch.extra)
            values = _values(worth, weights, missed)
            place = int(np.argmax(np.where(free, values * batch.novelty() + tie, -np.inf)))
            choices.append(
                Choice(place, float(values[place] * batch.novelty()[place]), _why(pool, place, missed[place], weights, worth))
            )
            free[place] = False
            batch.extra += worth.seen[[place], :].toarray().ravel()
            if vectors is not None:
                squared = _vectors.squared_to(vectors, vectors[place : place + 1])[:, 0]
                batch.nearest = np.minimum(batch.nearest, squared)
        return choices


def _start(pool: Pool, worth: _worth.Worth, vectors: _vectors.Vectors | None, rng: np.random.Generator) -> _Batch:
    extra = np.zeros(worth.seen.shape[1], np.float64)
    if vectors is None:
        return _Batch(extra, np.full(len(pool.images), np.inf, np.float32), 0.0)
    labeled = _vectors.labeled_like(vectors, pool.labeled_embeddings)
    return _Batch(extra, _vectors.squared_to_nearest(vectors, labeled), NEAR * _vectors.typical_squared(vectors, rng))


def _missed(worth: _worth.Worth) -> NDArray[np.float64]:
    """Objects each looked-at image is thought to lack, (n,): MISSED of what it has fewer than the median image."""
    found = worth.found()
    if not worth.looked.any():
        return np.zeros_like(found)
    usual = float(np.median(found[worth.looked]))
    return np.where(worth.looked, MISSED * np.clip(usual - found, 0.0, None), 0.0)


def _values(worth: _worth.Worth, weights: NDArray[np.float64], missed: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.asarray(worth.doubt @ weights, np.float64) + missed
    if not worth.looked.any():
        return np.ones_like(values)
    values[~worth.looked] = np.median(values[worth.looked])
    return np.maximum(values, 1e-6)


def _why(pool: Pool, place: int, missed: float, weights: NDArray[np.float64], worth: _worth.Worth) -> str:
    proposal = pool.proposals[place]
    if proposal is None:
        return "the first pass has not looked at it"
    said = [words] if (words := _worth.in_words(proposal)) else []
    seen: NDArray[np.float64] = worth.seen[[place], :].toarray().ravel()
    rare = [name for i, name in enumerate(worth.class_names) if seen[i] > 0.3 and weights[i] > 1.5]
    if pool.labeled_counts is not None and rare:
        rarest = max(rare, key=lambda name: float(weights[worth.class_names.index(name)]))
        said.append(f"may show {rarest}, rarely labeled so far")
    if missed > MISSED:
        said.append(f"fewer objects found than usual ({seen.sum():.0f})")
    return "; ".join(said) or "the first pass is sure here; chosen to fill the batch"


PLUGIN = Uncertainty()
