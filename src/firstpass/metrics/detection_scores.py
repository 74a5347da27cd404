"""Precision, recall and F1 of labels as they stand (no ranking by score): matched per class at IoU 0.5, counted over all
images.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from firstpass.labels import Labeled, LabeledImage
from firstpass.metrics import match
from firstpass.metrics.effort import class_tags


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts and what follows from them. hits: right class and IoU high enough (a tag: right name).

    precision, recall and f1 are in 0..1, and NaN where nothing was proposed, nothing was true, or neither. mean_iou: of the
    hits, NaN without any or for tags. per_class: the same for each class seen.
    """

    hits: int
    false: int
    missed: int
    mean_iou: float = math.nan
    per_class: Mapping[str, Scores] = field(default_factory=dict[str, "Scores"])

    @property
    def precision(self) -> float:
        """hits / proposed."""
        return _share(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float:
        """hits / true."""
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """2 hits / (proposed + true)."""
        return _share(2 * self.hits, 2 * self.hits + self.false + self.missed)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def object_scores(pairs: Iterable[tuple[LabeledImage | None, LabeledImage]], min_iou: float = match.MATCH_IOU) -> Scores:
    """Scores of proposed against true objects. Crowd objects are left out, with the unmatched proposals that lie in them."""
    hits, false, missed = Counter[str](), Counter[str](), Counter[str]()
    sums: dict[str, float] = {}
    for proposed, truth in pairs:
        size = (truth.image.height_px, truth.image.width_px)
        offered: Sequence[Labeled] = proposed.objects if proposed is not None else ()
        asked = [o for o in truth.objects if not match.is_crowd(o)]
        crowd = [o.shape for o in truth.objects if match.is_crowd(o)]
        found = match.match_objects(offered, asked, *size, min_iou=min_iou, by_class=True)
        for _, j, iou in found.pairs:
            name = asked[j].class_name
            hits[name] += 1
            sums[name] = sums.get(name, 0.0) + iou
        extra = [offered[i] for i in found.extra]
        inside = match.covered([o.shape for o in extra], crowd, *size) >= min_iou
        false.update(o.class_name for k, o in enumerate(extra) if not inside[k].any())
        missed.update(asked[j].class_name for j in found.missed)
    return _scores(hits, false, missed, sums)


def tag_scores(pairs: Iterable[tuple[LabeledImage | None, LabeledImage]]) -> Scores:
    """Scores of proposed against true class tags."""
    hits, false, missed = Counter[str](), Counter[str](), Counter[str]()
    for proposed, truth in pairs:
        offered = {t.name for t in class_tags(proposed.tags)} if proposed is not None else set[str]()
        true = {t.name for t in class_tags(truth.tags)}
        hits.update(offered & true)
        false.update(offered - true)
        missed.update(true - offered)
    return _scores(hits, false, missed, {})


def _scores(hits: Counter[str], false: Counter[str], missed: Counter[str], iou_sums: Mapping[str, float]) -> Scores:
    per_class = {
        name: Scores(hits[name], false[name], missed[name], iou_sums[name] / hits[name] if iou_sums.get(name) else math.nan)
        for name in sorted(set(hits) | set(false) | set(missed))
    }
    total = math.fsum(iou_sums.values())
    mean_iou = total / hits.total() if total else math.nan
    return Scores(hits.total(), false.total(), missed.total(), mean_iou, per_class)
