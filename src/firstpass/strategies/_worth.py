"""What a first pass says about an image, as numbers for choosing: expected corrections and expected objects per class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import LabeledImage
from firstpass.strategies.base import Pool

UNSCORED = 0.75  # a proposal without a score counts as three times right out of four: neither trusted nor doubted
DOUBTFUL = (0.15, 0.85)  # scores between are called uncertain in words


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """n images, c classes. doubt, seen: scipy sparse (n, c): expected corrections 2p(1-p) and expected objects p, summed per
    class. looked: bool (n,), False = the first pass has not looked. class_names: the c names, those of the pool first.
    """

    doubt: Any
    seen: Any
    looked: NDArray[np.bool_]
    class_names: tuple[str, ...]

    def found(self) -> NDArray[np.float64]:
        """Expected objects per image, (n,)."""
        return np.asarray(self.seen.sum(axis=1), np.float64).ravel()


def guesses(proposal: LabeledImage) -> Iterator[tuple[str, float]]:
    """Class name and probability of everything the first pass proposed: objects, and tags that are classes."""
    for item in proposal.objects:
        yield item.class_name, UNSCORED if item.score is None else item.score
    for tag in proposal.tags:
        if tag.kind == "class":
            yield tag.name, UNSCORED if tag.score is None else tag.score


def worth_of(pool: Pool) -> Worth:
    """The pool's proposals as numbers. A proposal of a class the pool does not name gets a column of its own."""
    from scipy.sparse import csr_array  # pyright: ignore[reportMissingTypeStubs]

    places = {name: i for i, name in enumerate(dict.fromkeys(pool.class_names))}
    rows: list[int] = []
    columns: list[int] = []
    chances: list[float] = []
    for row, proposal in enumerate(pool.proposals):
        for name, chance in guesses(proposal) if proposal is not None else ():
            rows.append(row)
            columns.append(places.setdefault(name, len(places)))
            chances.append(chance)
    shape = (len(pool.images), max(1, len(places)))
    p = np.asarray(chances, np.float64)
    where = (np.asarray(rows, np.int64), np.asarray(columns, np.int64))
    looked = np.asarray([proposal is not None for proposal in pool.proposals], np.bool_)
    return Worth(csr_array((2 * p * (1 - p), where), shape), csr_array((p, where), shape), looked, tuple(places))


def class_weights(class_names: Sequence[str], counts: dict[str, int] | None, extra: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much one object of each class is worth, (c,), 1 on average classes, up to 4 for a class never labeled, down to 0.5.

    The weight is the square root of mean count over the class's own (add-half smoothed), so that no class rules alone.
    counts: objects labeled so far; None = nothing known. extra: expected objects in what is already chosen, (c,).
    """
    if not class_names:
        return np.ones(max(1, len(extra)), np.float64)
    known = np.asarray([(counts or {}).get(name, 0) for name in class_names], np.float64)
    total = known + extra
    mean = max(total.mean(), 1.0)
    return np.clip(np.sqrt(mean / (total + 0.5)), 0.5, 4.0)


def in_words(proposal: LabeledImage, limit: int = 2) -> str:
    """The uncertain proposals, counted by class: ``3 uncertain Platelets, 1 uncertain WBC``; "" when there is none."""
    counts: dict[str, int] = {}
    for name, chance in guesses(proposal):
        if DOUBTFUL[0] < chance < DOUBTFUL[1]:
            counts[name] = counts.get(name, 0) + 1
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = ", ".join(f"{count} uncertain {name}" for name, count in most[:limit])
    rest = sum(count for _, count in most[limit:])
    return f"{words} and {rest} of other classes" if rest else words
