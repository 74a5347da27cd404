"""The few-shot classifier: a shrunk discriminant space, class means and nearest examples in it, and calibrated scores.

Pictures are brought into a space where the spread within classes is round (linear discriminant analysis with a shrunk pooled
covariance, Friedman 1989). A class is as far as the mean of its examples, corrected for how few they are, blended half and half
with its nearest example (prototypes, Snell et al. 2017; nearest neighbor, Cover and Hart 1967). Distances become probabilities
by a temperature and a logistic curve fitted to held-out answers (Guo et al. 2017; Platt 1999).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
NEAREST_SHARE = 0.5  # how much the nearest example counts beside the mean; 0.3..0.7 are alike on the grocery photographs
MAX_EXAMPLES = 400  # per class kept for the nearest-example part
PRIOR = 0.5  # how much the number of examples speaks for a class; the nearest example favors large classes already
STRANGE = 1.2  # times as far as 95 of 100 held-out examples lie from their own class: taken for something never seen
FOLDS = 20
SURE = (0.002, 0.998)  # scores never claim more


@dataclass(frozen=True, slots=True)
class Calibration:
    """From distances to scores. temperature: per unit of distance. slope, offset: of the logistic curve on the log odds.

    limit: how far "something never seen" is taken to be from every picture; classes farther than that lose to it.
    """

    temperature: float = 1.0
    slope: float = 1.0
    offset: float = 0.0
    limit: float = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A learned classifier of c classes from n examples. space: (d, r). points: (n, r), the examples in it.

    members: bool (n, c + 1); the last column marks examples that have no class at all. exclusive: each image has at most one.
    """

    class_names: tuple[str, ...]
    exclusive: bool
    space: NDArray[np.float32]
    points: NDArray[np.float32]
    members: NDArray[np.bool_]
    calibration: Calibration = Calibration()


def learn(vectors: Matrix, members: NDArray[np.bool_], class_names: tuple[str, ...], exclusive: bool) -> Model:
    """(n, d) pictures and their classes, (n, c + 1) -> an uncalibrated model. n = 0 or c = 0 gives one that knows nothing."""
    if not len(vectors) or not class_names:
        empty = np.zeros((vectors.shape[1] if vectors.ndim == 2 else 0, 0), np.float32)
        return Model(class_names, exclusive, empty, np.zeros((0, 0), np.float32), members[:0])
    space = _space(vectors, _groups(members))
    return Model(class_names, exclusive, space, (vectors @ space).astype(np.float32), members)


def _groups(members: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Examples with the same classes form one group, (n,)."""
    return np.unique(members, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _space(vectors: Matrix, groups: NDArray[np.int64]) -> NDArray[np.float32]:
    """Whitens the spread within groups, (d, r); shrunk to a sphere the more, the fewer examples there are.

    With fewer examples than numbers, r = n: directions no example has say nothing about classes.
    """
    n = len(vectors)
    basis = np.linalg.qr(vectors.T)[0] if n < vectors.shape[1] else np.eye(vectors.shape[1])
    vectors = vectors @ basis
    sums = np.zeros((groups.max() + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    sizes = np.bincount(groups)[:, None]
    inner = vectors - (sums / sizes)[groups]
    freedom = n - len(sizes)
    total = float(((vectors - vectors.mean(axis=0)) ** 2).sum() / n) or 1.0
    within = float((inner**2).sum())
    sphere = (within + 5.0 * total) / (freedom + 10.0) / vectors.shape[1]  # as if ten more examples had half the total spread
    shrink = 0.55 + 0.4 * float(np.exp(-freedom / 60))
    covariance = (1 - shrink) * inner.T @ inner / max(1, freedom) + shrink * sphere * np.eye(vectors.shape[1])
    values, axes = np.linalg.eigh(covariance)
    return (basis @ (axes / np.sqrt(np.maximum(values, 1e-12)))).astype(np.float32)


def distances(model: Model, vectors: Matrix) -> tuple[Matrix, Matrix]:
    """(m, d) -> distance to each class and to what is not of it, both (m, c + 1); infinite where there is no example."""
    here = (vectors @ model.space).astype(np.float64)
    points = model.points.astype(np.float64)
    squared = np.clip((here**2).sum(axis=1)[:, None] + (points**2).sum(axis=1)[None] - 2 * here @ points.T, 0, None)
    near, far = np.full((len(here), model.members.shape[1]), np.inf), np.full((len(here), model.members.shape[1]), np.inf)
    for column in range(model.members.shape[1]):
        inside = model.members[:, column]
        near[:, column] = _blend(here, points, squared, inside)
        if not model.exclusive:
            far[:, column] = _blend(here, points, squared, ~inside)
    return near, far


def _blend(here: Matrix, points: Matrix, squared: Matrix, inside: NDArray[np.bool_]) -> Matrix:
    count = int(inside.sum())
    if count == 0:
        return np.full(len(here), np.inf)
    mean = points[inside].mean(axis=0)
    to_mean = ((here - mean) ** 2).sum(axis=1) * count / (count + 1)
    kept = np.flatnonzero(inside)[:: max(1, -(-count // MAX_EXAMPLES))]
    return (1 - NEAREST_SHARE) * to_mean + NEAREST_SHARE * squared[:, kept].min(axis=1) / 2


def log_odds(
    near: Matrix, far: Matrix, examples: NDArray[Any], exclusive: bool, temperature: float, limit: float = np.inf
) -> Matrix:
    """Log odds of each class, (m, c), before the logistic curve; -infinity for a class without examples.

    examples: how many each class had, (c + 1,) or per row (m, c + 1).
    """
    counts = np.maximum(np.asarray(examples, np.float64), 0.5)
    if exclusive:
        logits = np.where(np.isfinite(near), -temperature * near + PRIOR * np.log(counts), -np.inf)
        if np.isfinite(limit):
            logits = np.concatenate([logits[:, :-1], np.maximum(logits[:, -1:], -temperature * limit)], axis=1)
        top = logits.max(axis=1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        weights = np.exp(logits - top)
        sums = weights.sum(axis=1, keepdims=True)
        p = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)[:, :-1]
        odds = np.log(np.clip(p, 1e-9, 1)) - np.log(np.clip(1 - p, 1e-9, 1))
        return np.where(np.isfinite(near[:, :-1]), odds, -np.inf)
    total = max(1.0, float(counts.max()))
    gap = np.where(np.isfinite(far), far, near + 10 / temperature) - np.where(np.isfinite(near), near, 0.0)
    if np.isfinite(limit):
        gap = gap - np.where(np.isfinite(near), np.maximum(near - limit, 0.0), 0.0)
    odds = temperature * gap + np.log(counts / np.maximum(total - counts, 0.5))
    return np.where(np.isfinite(near), odds, -np.inf)[:, :-1]


def scores(model: Model, vectors: Matrix) -> Matrix:
    """(m, d) -> calibrated probability of each class, (m, c); 0 for a class without examples."""
    if not len(model.points) or not len(vectors):
        return np.zeros((len(vectors), len(model.class_names)))
    near, far = distances(model, vectors)
    calibration = model.calibration
    counts = model.members.sum(axis=0)
    odds = log_odds(near, far, counts, model.exclusive, calibration.temperature, calibration.limit)
    return curve(odds, calibration)


def curve(odds: Matrix, calibration: Calibration) -> Matrix:
    """Log odds -> scores by the logistic curve; exactly 0 where the log odds are -infinity."""
    known = np.isfinite(odds)
    straight = calibration.slope * np.where(known, odds, 0.0) + calibration.offset
    return np.where(known, np.clip(1 / (1 + np.exp(-np.clip(straight, -30, 30))), *SURE), 0.0)


def folds_of(members: NDArray[np.bool_], twins: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Which fold holds out each example, (n,): at most FOLDS, classes spread evenly, twins (the same file) together."""
    n = len(members)
    count = min(FOLDS, max(2, n))
    order = np.random.default_rng(seed).permutation(n)
    order = order[np.argsort(_groups(members)[order], kind="stable")]
    fold = np.zeros(n, np.int64)
    fold[order] = np.arange(n) % count
    first = np.full(twins.max() + 1 if n else 0, -1, np.int64)
    for place in range(n):
        if first[twins[place]] < 0:
            first[twins[place]] = fold[place]
    return first[twins] if n else fold


def held_out(vectors: Matrix, model: Model, folds: NDArray[np.int64]) -> tuple[Matrix, Matrix, NDArray[np.int64]]:
    """Distances of every example under a model that never saw its fold, (n, c + 1) twice, and that model's class counts."""
    near = np.full(model.members.shape, np.inf)
    far = np.full(model.members.shape, np.inf)
    counts = np.zeros(model.members.shape, np.int64)
    for fold in np.unique(folds):
        out = folds == fold
        part = learn(vectors[~out], model.members[~out], model.class_names, model.exclusive)
        if len(part.points):
            near[out], far[out] = distances(part, vectors[out])
        counts[out] = part.members.sum(axis=0)
    return near, far, counts


def calibrate(model: Model, vectors: Matrix, folds: NDArray[np.int64]) -> tuple[Model, Matrix]:
    """The model with honest scores, and the held-out scores of its own examples, (n, c).

    A class whose only example is held out counts as an error, as a class not met before would: the share of such classes is
    the best guess at how often a new image is of an unknown class (Good and Turing).
    """
    if len(vectors) < 2 or not model.class_names:
        return model, np.zeros((len(vectors), len(model.class_names)))
    near, far, counts = held_out(vectors, model, folds)
    finite = near[np.isfinite(near)]
    unit = float(np.median(finite)) if finite.size else 1.0
    truth = model.members[:, :-1]
    own = near[model.members & np.isfinite(near)]
    limit = STRANGE * float(np.quantile(own, 0.95)) if own.size >= 8 else np.inf
    best: tuple[float, float] = (np.inf, 1.0 / max(unit, 1e-9))
    for temperature in np.geomspace(0.2, 60, 24) / max(unit, 1e-9):
        loss = _loss(log_odds(near, far, counts, model.exclusive, float(temperature), limit), truth, model.exclusive)
        best = min(best, (loss, float(temperature)))
    odds = log_odds(near, far, counts, model.exclusive, best[1], limit)
    told, right = _claims(odds, truth, model.exclusive)
    slope, offset = fit_curve(told, right)
    calibration = Calibration(best[1], slope, offset, limit)
    return replace(model, calibration=calibration), curve(odds, calibration)


def _loss(odds: Matrix, truth: NDArray[np.bool_], exclusive: bool) -> float:
    """Mean negative log likelihood of the truth, of examples whose class was met (exclusive) or of all answers."""
    known = np.isfinite(odds)
    p = 1 / (1 + np.exp(-np.clip(np.where(known, odds, -30), -30, 30)))
    if exclusive:
        met = (truth & known).any(axis=1)
        chance = (p * truth).sum(axis=1)[met]
        return float(-np.log(np.clip(chance, 1e-6, 1)).mean()) if met.any() else np.inf
    wrong = np.where(truth, 1 - p, p)[known]
    return float(-np.log(np.clip(1 - wrong, 1e-6, 1)).mean()) if wrong.size else np.inf


def _claims(odds: Matrix, truth: NDArray[np.bool_], exclusive: bool) -> tuple[Matrix, NDArray[np.bool_]]:
    """What was claimed with which log odds, and whether rightly: the best class per image, or every class of every image."""
    if not exclusive:
        known = np.isfinite(odds)
        return odds[known], truth[known]
    rows = np.flatnonzero(np.isfinite(odds).any(axis=1))
    best = odds[rows].argmax(axis=1)
    return odds[rows, best], truth[rows, best]


def fit_curve(odds: Matrix, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logistic curve, drawn to 1 and 0 while there are few answers; the slope never below 0.05."""
    from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

    solver: Any = optimize

    if not len(odds):
        return 1.0, -1.0
    x = np.clip(odds, -20, 20)
    sign = np.where(right, 1.0, -1.0)

    def loss(params: NDArray[Any]) -> float:
        slope, offset = float(params[0]), float(params[1])
        fit = np.logaddexp(0, -sign * (slope * x + offset)).sum()
        return float(fit + 2 * (slope - 1) ** 2 + offset**2 / 8)

    found: Any = solver.minimize(loss, np.asarray([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 5), (-8, 8)])
    return float(found.x[0]), float(found.x[1])
