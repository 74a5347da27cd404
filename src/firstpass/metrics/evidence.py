"""What one image tells about a labeler: every proposal, what it met in the truth, and what taking it over saves.

Matching and mask overlap are computed once per image; thresholds, cost tables and resamples then only add numbers up. The
sums are those of the simulated expert (:func:`firstpass.metrics.effort.expert`), to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import LabeledImage
from firstpass.metrics import match
from firstpass.metrics.effort import Action, CostTable, class_tags

Floats = NDArray[np.float64]
Thresholds = Mapping[str, float]

_WAYS: tuple[tuple[Action, ...], ...] = (
    (Action.VERIFY,),
    (Action.ADJUST,),
    (Action.CORRECT_MASK,),
    (Action.CHANGE_CLASS,),
    (Action.CHANGE_CLASS, Action.ADJUST),
    (Action.CHANGE_CLASS, Action.CORRECT_MASK),
    (Action.DRAW_MASK,),
    (Action.DRAW_POINT,),
)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """n proposed objects and t proposed class tags of one image, against m true objects.

    class_names: of objects, then tags (n + t). scores: float64 (n + t), 1.0 where the labeler gives none. ious: float32 (n,
    m). same_class: bool (n, m). ways: int8 (n, m), place in the list of ways to take a proposal over, -1 below IoU 0.5.
    in_crowd: bool (n,), costs nothing unmatched. drawing: per truth the action that makes it by hand. tag_right: bool (t,).
    tags_true: how many.
    """

    image_name: str
    class_names: tuple[str, ...]
    scores: Floats
    ious: NDArray[np.float32]
    same_class: NDArray[np.bool_]
    ways: NDArray[np.int8]
    in_crowd: NDArray[np.bool_]
    drawing: tuple[Action, ...]
    tag_right: NDArray[np.bool_]
    tags_true: int

    def __len__(self) -> int:
        return len(self.class_names)

    def baseline_s(self, costs: CostTable) -> float:
        """Seconds by hand."""
        return sum(costs.price_s(a) for a in self.drawing) + self.tags_true * costs.choose_tag_s

    def shown(self, thresholds: Thresholds, default: float = np.inf) -> NDArray[np.bool_]:
        """bool (n + t): the proposals at or above their class's threshold; `default` for a class without one."""
        limits = np.asarray([thresholds.get(name, default) for name in self.class_names], np.float64)
        return self.scores >= limits

    def saved_s(self, costs: CostTable, shown: NDArray[np.bool_]) -> float:
        """Seconds saved against drawing by hand when only the `shown` proposals (bool (n + t)) are offered: exactly the
        expert's.
        """
        n = len(self.in_crowd)
        rows = np.flatnonzero(shown[:n])
        found = match.greedy(self.ious[rows], match.MATCH_IOU, self.same_class[rows], self.scores[rows])
        gains = self._gains(costs)
        saved = sum(float(gains[rows[i], j]) for i, j, _ in found.pairs)
        saved -= sum(costs.delete_s for i in found.extra if not self.in_crowd[rows[i]])
        return saved + float(self._tag_gains(costs)[shown[n:]].sum())

    def marginal_s(self, costs: CostTable, active: NDArray[np.bool_] | None) -> Floats:
        """float64 (n + t): what each proposal adds when proposals are offered one by one, best score first.

        active None: each class alone, and a proposal counts only on truth of its own class. Else (bool (n + t)) the active
        ones come first, and the others are weighed by what those leave.
        """
        n, m = self.ious.shape
        alone = active is None
        tags = self._tag_gains(costs)
        out = np.concatenate((np.where(self.in_crowd, 0.0, -costs.delete_s), tags))
        usable = (self.ways >= 0) & (self.same_class if alone else True)
        if not m or not usable.any():
            return out
        gains = self._gains(costs)
        later = np.zeros(n, np.bool_) if active is None else np.logical_not(active[:n])
        free = np.ones(m, np.bool_)
        keys: list[Floats] = [
            -self.scores[:n],
            later.astype(np.float64),
        ]  # the last counts first; equal scores keep their order
        for i in np.lexsort(keys):
            places = np.flatnonzero(usable[i] & free)
            if len(places):
                j = places[np.argmax(self.ious[i, places])]
                out[i] = gains[i, j]
                free[j] = False
        return out

    def hits(self) -> NDArray[np.bool_]:
        """bool (n + t): right class on a truth that no better scored proposal of the class took, or the right tag."""
        probe = CostTable(draw_box_s=2, draw_mask_s=2, draw_point_s=2, verify_s=0, adjust_s=0, correct_mask_s=0, delete_s=1)
        n = len(self.in_crowd)
        return np.concatenate((self.marginal_s(probe, None)[:n] > 0, self.tag_right))

    def _gains(self, costs: CostTable) -> Floats:
        """float64 (n, m): drawing less taking over, where `ways` allows it."""
        by_hand = np.asarray([costs.price_s(a) for a in self.drawing], np.float64)
        taken = np.asarray([sum(costs.price_s(a) for a in way) for way in _WAYS], np.float64)
        return by_hand[None, :] - taken[self.ways]

    def _tag_gains(self, costs: CostTable) -> Floats:
        right = costs.choose_tag_s - costs.price_s(Action.VERIFY_TAG)
        return np.where(self.tag_right, right, -costs.price_s(Action.REJECT_TAG))


def weigh(proposed: LabeledImage | None, truth: LabeledImage) -> Evidence:
    """The evidence of one image. proposed None = nothing proposed. Crowd objects are handled as in the simulated expert."""
    offered = list(proposed.objects) if proposed is not None else []
    tags = class_tags(proposed.tags) if proposed is not None else []
    asked = [o for o in truth.objects if not match.is_crowd(o)]
    crowd = [o.shape for o in truth.objects if match.is_crowd(o)]
    size = (truth.image.height_px, truth.image.width_px)
    ious = match.overlaps([o.shape for o in offered], [o.shape for o in asked], *size)
    costs = CostTable()
    ways = np.full(ious.shape, -1, np.int8)
    for i, j in np.argwhere(ious >= match.MATCH_IOU):
        ways[i, j] = _WAYS.index(costs.taking_over(offered[int(i)], asked[int(j)], float(ious[i, j])))
    same = [[a.class_name == b.class_name for b in asked] for a in offered]
    inside = np.zeros(len(offered), np.bool_)
    if crowd and offered:
        inside = np.max(match.covered([o.shape for o in offered], crowd, *size), axis=1) >= match.MATCH_IOU
    true_names = {t.name for t in class_tags(truth.tags)}
    return Evidence(
        truth.image.name,
        (*(o.class_name for o in offered), *(t.name for t in tags)),
        np.asarray([1.0 if o.score is None else o.score for o in (*offered, *tags)], np.float64),
        ious,
        np.asarray(same, np.bool_).reshape(ious.shape),
        ways,
        np.asarray(inside, np.bool_),
        tuple(costs.drawing(o.shape) for o in asked),
        np.asarray([t.name in true_names for t in tags], np.bool_),
        len(true_names),
    )


def weigh_all(pairs: Iterable[tuple[LabeledImage | None, LabeledImage]]) -> list[Evidence]:
    """The evidence of every pair, in order."""
    return [weigh(proposed, truth) for proposed, truth in pairs]


def show(labeled: LabeledImage, thresholds: Thresholds, default: float = np.inf) -> LabeledImage:
    """The labeled image with only the objects and class tags at or above their class's threshold (`default` where it has none).

    A missing score counts as 1.0: shown unless the class is silent (infinite). Captions and answers stay.
    """

    def passes(name: str, score: float | None) -> bool:
        return (1.0 if score is None else score) >= thresholds.get(name, default)

    objects = tuple(o for o in labeled.objects if passes(o.class_name, o.score))
    tags = tuple(t for t in labeled.tags if t.kind != "class" or passes(t.name, t.score))
    return replace(labeled, objects=objects, tags=tags)


def class_names_of(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The classes proposed anywhere, in alphabetical order."""
    return tuple(sorted({name for e in evidence for name in e.class_names}))
