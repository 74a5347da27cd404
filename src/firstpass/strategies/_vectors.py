"""Distances between embeddings, for choosing images that differ: unit length, squared Euclidean, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
CHUNK = 4096


def unit(vectors: NDArray[Any] | None, count: int | None = None) -> Vectors | None:
    """(n, d) rows scaled to unit length, not-a-numbers and zero rows as zeros; None for None or for no row.

    Raises ValueError unless it is 2D and has `count` rows, where given.
    """
    if vectors is None:
        return None
    if vectors.ndim != 2 or (count is not None and len(vectors) != count):
        rows = "n" if count is None else count
        raise ValueError(f"embeddings must have shape ({rows}, d), but got {vectors.shape}")
    if 0 in vectors.shape:
        return None
    clean = np.nan_to_num(np.asarray(vectors, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    return np.divide(clean, lengths, out=np.zeros_like(clean), where=lengths > 1e-12)


def labeled_like(vectors: Vectors, labeled: NDArray[Any] | None) -> Vectors | None:
    """The labeled images' embeddings at unit length, None for none. Raises ValueError when their length is another."""
    out = unit(labeled)
    if out is not None and out.shape[1] != vectors.shape[1]:
        raise ValueError(f"labeled embeddings have {out.shape[1]} numbers each, but those of the pool {vectors.shape[1]}")
    return out


def squared_to(vectors: Vectors, centers: Vectors) -> NDArray[np.float32]:
    """(n, d), (m, d) -> (n, m) squared distances, 0..4 for unit rows."""
    inner = vectors @ centers.T
    ends = np.einsum("ij,ij->i", vectors, vectors)[:, None] + np.einsum("ij,ij->i", centers, centers)[None, :]
    return np.clip(ends - 2 * inner, 0.0, None).astype(np.float32)


def squared_to_nearest(vectors: Vectors, centers: Vectors | None) -> NDArray[np.float32]:
    """(n, d), (m, d) -> (n,) squared distance to the nearest center; infinity where there is none."""
    best = np.full(len(vectors), np.inf, np.float32)
    for start in range(0, 0 if centers is None else len(centers), CHUNK):
        assert centers is not None
        block = centers[start : start + CHUNK]
        for row in range(0, len(vectors), CHUNK):
            part = squared_to(vectors[row : row + CHUNK], block).min(axis=1)
            best[row : row + CHUNK] = np.minimum(best[row : row + CHUNK], part)
    return best


def typical_squared(vectors: Vectors, rng: np.random.Generator, sample: int = 256) -> float:
    """The median squared distance between two different images of a sample; 0 for fewer than two."""
    if len(vectors) < 2:
        return 0.0
    some = vectors[rng.choice(len(vectors), min(sample, len(vectors)), replace=False)]
    return float(np.median(squared_to(some, some)[np.triu_indices(len(some), 1)]))
