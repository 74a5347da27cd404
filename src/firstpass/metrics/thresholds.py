"""Which proposals to show: from which score on, class by class, showing saves seconds, and silence where that is not sure.

The sweep is exact: every score that occurs is tried, at the expert's own prices. It maximises the cumulated saving, which is
what thresholding an isotonic calibration of the gain at zero would do, so no calibration has to be fitted first. It is safe
because it is

- honest: a class's saving is estimated by leaving out one image at a time, the threshold chosen on the others;
- cautious: a class is shown only when the lower confidence bound (bootstrap over images) of that saving is above the price
  of one more false proposal; otherwise its threshold is infinite;
- borrowing: the mean saving of a class with few proposals is shrunk towards that of the other classes, with the weight of up
  to five proposals (empirical Bayes; Efron and Morris, 1975), so that with 80 rare classes a good labeler is not silenced
  for want of examples, nor a bad one believed by luck.

The evidence must be out of sample: answers about images that the labeler had not learned from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import LabeledImage
from firstpass.metrics import bootstrap
from firstpass.metrics.effort import CostTable
from firstpass.metrics.evidence import Evidence, class_names_of, weigh_all

Floats = NDArray[np.float64]
BORROWED = 5.0  # proposals' worth of evidence from other classes, when there are many of those
HALF_AT = 3.0  # with this many other classes, half of it
FAIR_SHARE = 20.0  # a class lends with the weight of at most this many proposals, so that a frequent one does not speak for all
MAX_STEPS = 256  # scores tried per class; above that, quantiles
POOL_STEPS = 32  # scores of other classes tried besides
MIN_IMAGES = 3  # fewer are no evidence: the bootstrap knows nothing of what it has not seen
LEAST_TAIL_ROUNDS = 2  # a surer bound than this many bootstrap rounds can show is not asked for
PASSES = 2  # rounds of weighing each class given what the others show


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """What was decided for one class.

    threshold: proposals with this score or more are shown, half way between two that occur; 0 = all, inf = silent.
    saving_s_per_image: the left-out estimate of what showing it saves, interval its confidence interval in s per image (both
    of the class's own proposals alone; 0 when silent throughout). n: how many out-of-sample proposals of the class there
    were.
    """

    class_name: str
    threshold: float
    saving_s_per_image: float
    interval: tuple[float, float]
    n: int

    @property
    def silent(self) -> bool:
        """Whether nothing of the class is shown."""
        return self.threshold == np.inf


@dataclass(frozen=True, slots=True, eq=False)
class _Flat:
    """All proposals of all images: image (k,), class (k,), score (k,), gain in seconds (k,)."""

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: Floats
    gain: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """float64 (images, steps) each: seconds saved, and proposals shown, from each step's score on."""

    saved_s: Floats
    shown: Floats


def choose_thresholds(
    pairs: Iterable[tuple[LabeledImage | None, LabeledImage]],
    costs: CostTable,
    class_names: Sequence[str] = (),
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, ThresholdChoice]:
    """Thresholds from (proposed, truth) pairs of images the labeler had not learned from; see :func:`choose`."""
    return choose(weigh_all(pairs), costs, class_names, confidence=confidence, seed=seed)


def choose(
    evidence: Sequence[Evidence],
    costs: CostTable,
    class_names: Sequence[str] = (),
    *,
    confidence: float = 0.95,
    rounds: int = 400,
    seed: int = 0,
) -> dict[str, ThresholdChoice]:
    """One choice for each class in `class_names` and each class proposed anywhere.

    confidence: how sure (one-sided) a saving must be. A class never proposed gets what the others together suggest, if that
    is sure; without any evidence everything is silent. Deterministic for a seed.
    """
    names = tuple(dict.fromkeys((*class_names, *class_names_of(evidence))))
    rng = np.random.default_rng(seed)
    drawn = bootstrap.weights(len(evidence), rounds, rng)
    caution_s = costs.tag_yes_no_s if any(len(e.tag_right) for e in evidence) else costs.delete_s
    flat = _flatten(evidence, costs, names, None)
    choices = _choose_each(flat, names, drawn, caution_s, confidence)
    for _ in range(PASSES - 1):
        limits = {name: c.threshold for name, c in choices.items()}
        flat = _flatten(evidence, costs, names, limits)
        choices = _choose_each(flat, names, drawn, caution_s, confidence)
    return choices


def _flatten(evidence: Sequence[Evidence], costs: CostTable, names: Sequence[str], limits: dict[str, float] | None) -> _Flat:
    place = {name: k for k, name in enumerate(names)}
    sizes = np.asarray([len(e) for e in evidence], np.int64)
    gains = [e.marginal_s(costs, None if limits is None else e.shown(limits)) for e in evidence]
    return _Flat(
        np.repeat(np.arange(len(evidence)), sizes),
        np.asarray([place[name] for e in evidence for name in e.class_names], np.int64),
        np.concatenate([e.scores for e in evidence]) if evidence else np.zeros(0),
        np.concatenate(gains) if gains else np.zeros(0),
    )


def _choose_each(
    flat: _Flat, names: Sequence[str], drawn: Floats, caution_s: float, confidence: float
) -> dict[str, ThresholdChoice]:
    counts = np.bincount(flat.label, minlength=len(names))
    lending = np.minimum(counts, FAIR_SHARE) / np.maximum(counts, 1)
    tried = max(int((counts > 0).sum()), 1)
    sure = 1 - max((1 - confidence) / tried, LEAST_TAIL_ROUNDS / len(drawn))
    images = drawn.shape[1]
    choices: dict[str, ThresholdChoice] = {}
    for k, name in enumerate(names):
        mine = flat.label == k
        lenders = int((counts > 0).sum() - (counts[k] > 0))
        steps = _steps(flat.score[mine], flat.score[~mine])
        own = _curves(flat, mine.astype(np.float64), steps, images)
        pool = _curves(flat, np.where(mine, 0.0, lending[flat.label]), steps, images)
        worth = BORROWED * lenders / (lenders + HALF_AT)
        choices[name] = _decide(name, steps, own, pool, worth, drawn, caution_s, sure)
    return choices


def _steps(own: Floats, others: Floats) -> Floats:
    """The thresholds to try, falling, infinite first: the scores that occur in the class, and some of those that occur
    elsewhere.
    """
    levels: Floats = np.unique(own)
    if len(levels) > MAX_STEPS:
        levels = levels[np.linspace(0, len(levels) - 1, MAX_STEPS).round().astype(np.int64)]
    if len(others):
        levels = np.union1d(levels, np.quantile(others, np.linspace(0, 1, POOL_STEPS), method="lower"))
    return np.concatenate(([np.inf], levels[::-1]))


def _curves(flat: _Flat, weight: Floats, steps: Floats, images: int) -> _Curves:
    """What showing everything from each step on does in each image, each proposal weighted."""
    used = np.flatnonzero(weight)
    column = np.minimum(len(steps) - np.searchsorted(steps[::-1], flat.score[used], side="right"), len(steps))
    place = flat.image[used] * (len(steps) + 1) + column
    size = images * (len(steps) + 1)

    def rising(amount: Floats) -> Floats:
        table = np.bincount(place, weights=amount, minlength=size).astype(np.float64).reshape(images, len(steps) + 1)
        return np.cumsum(table[:, : len(steps)], axis=1)

    return _Curves(rising(flat.gain[used] * weight[used]), rising(weight[used]))


def _worth(own: Floats, own_n: Floats, pool: Floats, pool_n: Floats, worth: float) -> Floats:
    """How good each step is: proposals expected there, times their mean saving, shrunk towards that of the other classes."""
    elsewhere = np.divide(pool, pool_n, out=np.zeros_like(pool), where=pool_n > 0)
    share = pool_n / max(float(pool_n.max()), 1e-12)
    mean = np.divide(own + worth * elsewhere, own_n + worth, out=np.zeros_like(own), where=own_n + worth > 0)
    return (own_n + worth * share) * mean


def _decide(
    name: str, steps: Floats, own: _Curves, pool: _Curves, worth: float, drawn: Floats, caution_s: float, confidence: float
) -> ThresholdChoice:
    own_s, own_n, pool_s, pool_n = (table.sum(axis=0) for table in (own.saved_s, own.shown, pool.saved_s, pool.shown))
    count = round(float(own_n[-1]))
    best = int(np.argmax(_worth(own_s, own_n, pool_s, pool_n, worth)))
    silent = ThresholdChoice(name, np.inf, 0.0, (0.0, 0.0), count)
    images = len(own.shown)
    if images < MIN_IMAGES or best == 0:
        return silent
    without = (own_s - own.saved_s, own_n - own.shown, pool_s - pool.saved_s, pool_n - pool.shown)
    rows, left_out = np.arange(images), np.argmax(_worth(*without, worth), axis=1)
    lent_s, lent_n = (drawn @ table[rows, left_out] for table in (pool.saved_s, pool.shown))
    lent = np.divide(lent_s, lent_n, out=np.zeros_like(lent_s), where=lent_n > 0)
    saved = own.saved_s[rows, left_out]
    if np.quantile(drawn @ saved + worth * lent, 1 - confidence) <= caution_s:
        return silent
    low, high = np.quantile(drawn @ saved / images, [1 - confidence, confidence])
    return ThresholdChoice(name, _between(steps, best), float(saved.mean()), (float(low), float(high)), count)


def _between(steps: Floats, best: int) -> float:
    """Half way to the next lower score; everything, when even the lowest seen pays."""
    return float((steps[best] + steps[best + 1]) / 2) if best + 1 < len(steps) else 0.0
