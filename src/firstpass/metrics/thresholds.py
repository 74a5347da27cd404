"""Which proposals to show: per class the score from which on showing saves seconds, or silence where that is not certain
enough.

The sweep is exact: every score that occurs is tried, at the expert's own prices. It maximises the cumulated saving, which is
what thresholding an isotonic calibration of the gain at zero would do, so no calibration has to be fitted first. What makes
it safe:

- *honest*: a class's saving is estimated by leaving out one image at a time, the threshold chosen on the others; -
*cautious*: a class is shown only when the lower confidence bound (bootstrap over images) of that saving is above the price of
one
  more false proposal; otherwise its threshold is infinite;
- *borrowing*: a class with few proposals borrows the worth of up to three from the other classes (empirical Bayes shrinkage;
Efron and
  Morris, 1975), so that with 80 rare classes a good labeler is not silenced for want of examples, nor a bad one believed by
  luck.

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
BORROWED = 3.0  # proposals' worth of evidence from other classes, when there are many of those
HALF_AT = 3.0  # with this many other classes, half of it
FAIR_SHARE = 20.0  # a class lends with the weight of at most this many proposals, so that a frequent one does not speak for all
MAX_STEPS = 256  # scores tried per class; above that, quantiles
MIN_IMAGES = 3  # fewer are no evidence: the bootstrap knows nothing of what it has not seen
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
    lending = np.minimum(counts, FAIR_SHARE)
    choices: dict[str, ThresholdChoice] = {}
    for k, name in enumerate(names):
        others = lending.copy()
        others[k] = 0
        lenders = int((others > 0).sum())
        worth = BORROWED * lenders / (lenders + HALF_AT)
        per_proposal = np.divide(others, counts, out=np.zeros(len(names)), where=counts > 0) * worth / max(others.sum(), 1.0)
        own = flat.label == k
        scores = np.concatenate((flat.score[own], flat.score[others[flat.label] > 0] if counts[k] == 0 else np.zeros(0)))
        steps = _steps(scores)
        own_s = _saved_from(flat, own.astype(np.float64), steps, drawn.shape[1])
        lent_s = _saved_from(flat, per_proposal[flat.label], steps, drawn.shape[1])
        choices[name] = _decide(name, steps, own_s, lent_s, drawn, caution_s, confidence, int(counts[k]))
    return choices


def _steps(scores: Floats) -> Floats:
    """The thresholds to try, falling, infinite first; a finite one is a score that occurs."""
    levels = np.unique(scores)[::-1]
    if len(levels) > MAX_STEPS:
        levels = levels[np.linspace(0, len(levels) - 1, MAX_STEPS).round().astype(np.int64)]
    return np.concatenate(([np.inf], levels))


def _saved_from(flat: _Flat, weight: Floats, steps: Floats, images: int) -> Floats:
    """float64 (images, steps): seconds saved in each image when everything from that score on is shown, each proposal
    weighted.
    """
    out = np.zeros((images, len(steps) + 1))
    used = np.flatnonzero(weight)
    column = len(steps) - np.searchsorted(steps[::-1], flat.score[used], side="right")
    np.add.at(out, (flat.image[used], np.minimum(column, len(steps))), flat.gain[used] * weight[used])
    return np.cumsum(out[:, : len(steps)], axis=1)


def _decide(
    name: str, steps: Floats, own_s: Floats, lent_s: Floats, drawn: Floats, caution_s: float, confidence: float, count: int
) -> ThresholdChoice:
    saved = own_s + lent_s
    total = saved.sum(axis=0)
    images = len(saved)
    best = int(np.argmax(total))
    silent = ThresholdChoice(name, np.inf, 0.0, (0.0, 0.0), count)
    if images < MIN_IMAGES or best == 0:
        return silent
    left_out = np.argmax(total[None, :] - saved, axis=1)
    rows = np.arange(images)
    sums = drawn @ saved[rows, left_out]
    own = own_s[rows, left_out]
    if np.quantile(sums, 1 - confidence) <= caution_s:
        return silent
    low, high = np.quantile(drawn @ own / images, [1 - confidence, confidence])
    return ThresholdChoice(name, _between(steps, best), float(own.mean()), (float(low), float(high)), count)


def _between(steps: Floats, best: int) -> float:
    """Half way to the next lower score; everything, when even the lowest seen pays."""
    return float((steps[best] + steps[best + 1]) / 2) if best + 1 < len(steps) else 0.0
