"""Images unlike those already labeled and unlike each other, so that a batch covers the whole set.

k-means++ seeding (Arthur and Vassilvitskii, 2007) with a few candidates per step, of which the one that leaves least
uncovered is taken; what is labeled already counts as covered. Where a first pass is there, images with rarely labeled classes
weigh more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firstpass.strategies import _vectors, _worth
from firstpass.strategies.base import Choice, Pool, StrategySpec

SPEC = StrategySpec(
    "diversity",
    "covers the whole set: unlike what is labeled, unlike each other, rare classes included",
    needs_embeddings=True,
    reference="https://doi.org/10.5555/1283383.1283494",
)
SAME_SQUARED = 1e-8  # closer than this is the same picture


class Diversity:
    """Coverage by k-means++ seeding on embeddings; on the first pass's class counts where there are no embeddings."""

    def choose(self, pool: Pool, count: int, rng: np.random.Generator) -> Sequence[Choice]:
        """At most `count` distinct images. Without embeddings and without a first pass: drawn at random, and the `why` says so.

        Raises ValueError for embeddings that do not fit the pool.
        """
        n = len(pool.images)
        wanted = min(max(0, count), n)
        if wanted == 0:
            return []
        vectors, labeled, blind = _space(pool)
        if vectors is None:
            order = rng.permutation(n)[:wanted]
            return [
                Choice(int(i), 1.0 - rank / wanted, "drawn at random: no embeddings to compare by")
                for rank, i in enumerate(order)
            ]
        weights, rare = _rarity(pool)
        nearest = _vectors.squared_to_nearest(vectors, labeled)
        known = bool(np.isfinite(nearest).all())
        typical = _vectors.typical_squared(vectors, rng)
        picked, gaps = _cover(vectors, weights, nearest, wanted, rng)
        groups = _group_sizes(vectors, picked, labeled)
        choices: list[Choice] = []
        for rank, (place, gap) in enumerate(zip(picked, gaps, strict=True)):
            why = _why(gap, typical, known, groups[rank], rare[place], blind)
            choices.append(Choice(place, 1.0 - rank / wanted, why))
        return choices


def _space(pool: Pool) -> tuple[_vectors.Vectors | None, _vectors.Vectors | None, bool]:
    """Vectors of pool and labeled images, and whether they stand for content only (no embeddings: class counts instead)."""
    vectors = _vectors.unit(pool.embeddings, len(pool.images))
    if vectors is not None:
        return vectors, _vectors.labeled_like(vectors, pool.labeled_embeddings), False
    worth = _worth.worth_of(pool)
    if not worth.looked.any() or not worth.seen.nnz:
        return None, None, True
    counts = np.log1p(worth.seen.toarray()).astype(np.float32)
    return counts / max(float(np.linalg.norm(counts, axis=1).max()), 1e-6), None, True


def _rarity(pool: Pool) -> tuple[NDArray[np.float64], list[str]]:
    """Weight per image (1 = ordinary, up to 4) and the rare class that raised it ("" = none)."""
    worth = _worth.worth_of(pool)
    weights, rare = np.ones(len(pool.images)), [""] * len(pool.images)
    if not pool.labeled_counts or not worth.seen.nnz:
        return weights, rare
    per_class = _worth.class_weights(worth.class_names, pool.labeled_counts, np.zeros(len(worth.class_names)))
    found = worth.seen.tocoo()
    for row, column, chance in zip(*found.coords, found.data, strict=True):
        value = 1 + (per_class[column] - 1) * min(float(chance), 1.0)
        if value > max(weights[row], 1.3):
            weights[row], rare[row] = value, worth.class_names[column]
    return weights, rare


def _cover(
    vectors: _vectors.Vectors, weights: NDArray[np.float64], nearest: NDArray[np.float32], wanted: int, rng: np.random.Generator
) -> tuple[list[int], list[float]]:
    """Greedy k-means++: the places picked, and the squared distance of each to what was covered before (inf = nothing)."""
    tries = 2 + int(np.log(wanted + 1))
    nearest = nearest.copy()
    free = np.ones(len(vectors), np.bool_)
    picked: list[int] = []
    gaps: list[float] = []
    for _ in range(wanted):
        need = np.where(np.isfinite(nearest), nearest, 1.0).astype(np.float64) * weights * free
        need[nearest < SAME_SQUARED] = 0.0
        total = need.sum()
        chances = need / total if total > 0 else free / free.sum()
        size = min(tries, int((chances > 0).sum()))
        drawn = rng.choice(len(vectors), size, replace=False, p=chances)
        after = np.minimum(nearest[:, None], _vectors.squared_to(vectors, vectors[drawn]))
        best = int(np.argmin((after * weights[:, None]).sum(axis=0)))
        place = int(drawn[best])
        picked.append(place)
        gaps.append(float(nearest[place]))
        nearest, free[place] = after[:, best], False
    return picked, gaps


def _group_sizes(vectors: _vectors.Vectors, picked: list[int], labeled: _vectors.Vectors | None) -> NDArray[np.int64]:
    """How many images of the pool are nearest to each pick, itself included, and nearer to it than to anything labeled."""
    covered = _vectors.squared_to_nearest(vectors, labeled)
    to_picks = _vectors.squared_to(vectors, vectors[picked])
    own, nearest = to_picks.argmin(axis=1), to_picks.min(axis=1)
    return np.bincount(own[nearest <= covered], minlength=len(picked))


def _why(gap: float, typical: float, known: bool, group: int, rare: str, blind: bool) -> str:
    said: list[str] = []
    if gap < SAME_SQUARED:
        said.append("looks like one already chosen; nothing newer is left")
    elif known and gap > typical:
        said.append("unlike anything labeled so far")
    elif known:
        said.append("covers a part of the set with few labels")
    elif blind:
        said.append("another mix of classes, by the first pass")
    else:
        said.append("another part of the set")
    if group > 1 and gap >= SAME_SQUARED:
        said.append(f"stands for {group} similar images")
    if rare:
        said.append(f"may show {rare}, rarely labeled so far")
    return "; ".join(said)


PLUGIN = Diversity()
