"""What a candidate's answers are worth: expert seconds per image at thresholds chosen on other images, and the usual scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import LabeledImage, Mask, Ontology, Polygon
from firstpass.metrics import average_precision, bootstrap, calibration, detection_scores
from firstpass.metrics.effort import CostTable, expert
from firstpass.metrics.evidence import show, weigh
from firstpass.metrics.thresholds import ThresholdChoice, choose

FOLDS = 10
CONFIDENCE = 0.9  # how sure a class's saving must be before its proposals are shown
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """spent_s, baseline_s: price list → float64 (images,), seconds per image, in the sample's order. choices: from all images.

    ap, ap50: 0..1 or NaN (unscored, or tags). scores: of what was shown. calibration_error: of the raw scores, NaN without.
    """

    spent_s: Mapping[str, Floats]
    baseline_s: Mapping[str, Floats]
    choices: Mapping[str, ThresholdChoice]
    ap: float
    ap50: float
    scores: detection_scores.Scores
    calibration_error: float
    proposals: int


def judge(
    said: Mapping[str, LabeledImage],
    truths: Mapping[str, LabeledImage],
    ontology: Ontology,
    prices: Mapping[str, CostTable],
    seed: int,
) -> Judgement:
    """Thresholds are cross-fitted: for each tenth of the images they come from the other nine, so the seconds are honest.

    An image without an answer is drawn by hand. The first price list is the project's own.
    """
    pairs = [(said.get(name), truth) for name, truth in truths.items()]
    evidence = [weigh(p, t) for p, t in pairs]
    own = next(iter(prices))
    spent: dict[str, Floats] = {}
    baseline: dict[str, Floats] = {}
    shown_pairs = list(pairs)
    fold_of = np.random.default_rng(seed).permutation(len(pairs)) % min(FOLDS, max(len(pairs), 1))
    for key, costs in prices.items():
        spent[key] = np.zeros(len(pairs))
        baseline[key] = np.asarray([e.baseline_s(costs) for e in evidence], np.float64)
        for fold in np.unique(fold_of):
            rest = [e for e, f in zip(evidence, fold_of, strict=True) if f != fold]
            choices = choose(rest, costs, ontology.names, confidence=CONFIDENCE, seed=seed)
            limits = {name: c.threshold for name, c in choices.items()}
            for i in np.flatnonzero(fold_of == fold).tolist():
                proposed, truth = pairs[i]
                shown = None if proposed is None else show(proposed, limits)
                spent[key][i] = expert(shown, truth, costs).seconds
                if key == own:
                    shown_pairs[i] = (shown, truth)
    tags = all(not t.objects for t in truths.values())
    scores = detection_scores.tag_scores(shown_pairs) if tags else detection_scores.object_scores(shown_pairs)
    ap, ap50 = _ap(pairs, ontology)
    scored = all(x.score is not None for p, _ in pairs if p is not None for x in (*p.objects, *p.tags))
    hits = np.concatenate([e.hits() for e in evidence]) if evidence else np.zeros(0)
    raw = np.concatenate([e.scores for e in evidence]) if evidence else np.zeros(0)
    error = calibration.calibration_error(raw, hits) if scored else float("nan")
    final = choose(evidence, prices[own], ontology.names, confidence=CONFIDENCE, seed=seed)
    return Judgement(spent, baseline, final, ap, ap50, scores, error, len(raw))


def _ap(pairs: Sequence[tuple[LabeledImage | None, LabeledImage]], ontology: Ontology) -> tuple[float, float]:
    offered = [o for p, _ in pairs if p is not None for o in p.objects]
    if any(o.score is None for o in offered) or not any(t.objects for _, t in pairs):
        return float("nan"), float("nan")
    areas = any(isinstance(o.shape, Mask | Polygon) for _, t in pairs for o in t.objects)
    got = average_precision.ap(pairs, ontology, "segm" if areas else "bbox")
    return got.ap, got.ap50


def stratified(truths: Mapping[str, LabeledImage], count: int, seed: int) -> dict[str, LabeledImage]:
    """A sample of at most `count` images that has each class in its share, rare ones at least once where that is possible.

    Each image belongs to the rarest class it holds (none: to the empty ones); every group gives in proportion, by largest
    remainder.
    """
    if count >= len(truths):
        return dict(sorted(truths.items()))
    holding: dict[str, list[str]] = {}
    for name, truth in sorted(truths.items()):
        for label in {o.class_name for o in truth.objects} | {t.name for t in truth.tags}:
            holding.setdefault(label, []).append(name)
    groups: dict[str, list[str]] = {}
    for name, truth in sorted(truths.items()):
        labels = sorted({o.class_name for o in truth.objects} | {t.name for t in truth.tags})
        groups.setdefault(min(labels, key=lambda c: len(holding[c])) if labels else "", []).append(name)
    rng = np.random.default_rng(seed)
    order = sorted(groups, key=lambda g: (len(groups[g]), g))
    shares = {g: count * len(groups[g]) / len(truths) for g in order}
    takes = {g: int(shares[g]) for g in order}
    for g in sorted(order, key=lambda g: (takes[g] > 0, -(shares[g] - takes[g]), g)):
        if sum(takes.values()) < count:
            takes[g] += 1
    picked = [groups[g][int(i)] for g in order for i in rng.permutation(len(groups[g]))[: takes[g]]]
    return {name: truths[name] for name in sorted(picked)}


def mean_interval(values: Floats, seed: int) -> tuple[float, float]:
    """95 % interval of the mean over images; bootstrap."""
    got = bootstrap.mean_interval(values, seed=seed)
    return (got.low, got.high)
