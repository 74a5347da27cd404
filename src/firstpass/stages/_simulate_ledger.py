"""The books of a simulated session: what one price list makes of the same proposals, and which of them it dares to show.

Thresholds come from held-out answers and from how earlier pages really fared (prequential evidence; Dawid, 1984). Three
brakes keep a first pass from costing more than drawing: a class is shown only when its saving is sure enough, and surer while
little has been saved; the sum over all classes must be sure too, by the exact expert; and a class that lost time since the
last fit is silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firstpass.labels import LabeledImage, Tag
from firstpass.metrics import bootstrap
from firstpass.metrics.effort import Action, Correction, CostTable, expert
from firstpass.metrics.evidence import Evidence, show
from firstpass.metrics.thresholds import choose

SURE, BOLD = 0.95, 0.65  # confidence asked of a saving: while nothing is saved yet, and once losses can be borne
CUSHION_IMAGES = 5.0  # "can be borne": this many images' worth of drawing is already saved
FRESH_MIN = 3  # proposals of a class since the last fit from which its losses count
ROUNDS = 400
KEPT = (Action.VERIFY, Action.ADJUST, Action.CORRECT_MASK, Action.VERIFY_TAG)  # the proposal's class was right


@dataclass(slots=True)
class ClassFigures:
    """One class so far: true objects or tags, proposals shown, of these kept with the class they had, and the threshold now."""

    true: int = 0
    shown: int = 0
    right: int = 0
    threshold: float = np.inf


@dataclass(slots=True, eq=False)
class Beliefs:
    """What is known about the labeler, by image. met: how proposals really fared, whichever model made them; held_out:
    answers about its own examples, of the model now in use; fresh: the part of `met` that this model made.
    """

    met: dict[str, Evidence] = field(default_factory=dict[str, Evidence])
    held_out: dict[str, Evidence] = field(default_factory=dict[str, Evidence])
    fresh: dict[str, Evidence] = field(default_factory=dict[str, Evidence])


@dataclass(slots=True, eq=False)
class Ledger:
    """One price list's session. spent_s, baseline_s: per image corrected, in order. finals: the labels that came out, by
    image.
    """

    key: str
    costs: CostTable
    thresholds: dict[str, float] = field(default_factory=dict[str, float])
    spent_s: list[float] = field(default_factory=list[float])
    baseline_s: list[float] = field(default_factory=list[float])
    actions: Counter[Action] = field(default_factory=Counter[Action])
    finals: dict[str, LabeledImage] = field(default_factory=dict[str, LabeledImage])
    classes: dict[str, ClassFigures] = field(default_factory=dict[str, ClassFigures])
    believes: bool = True
    _since: tuple[int, float] = (0, 0.0)

    @property
    def saved_s(self) -> float:
        """Seconds saved so far; negative when the first pass cost more."""
        return sum(self.baseline_s) - sum(self.spent_s)

    @property
    def saved_fraction(self) -> float:
        """The share of the baseline saved so far; 0 while there is no baseline."""
        baseline = sum(self.baseline_s)
        return self.saved_s / baseline if baseline > 0 else 0.0

    def confidence(self) -> float:
        """How sure a saving must be now: the more is saved already, the more can be dared."""
        baseline = sum(self.baseline_s)
        if baseline <= 0:
            return SURE
        cushion = self.saved_s / (CUSHION_IMAGES * baseline / len(self.baseline_s))
        return SURE - (SURE - BOLD) * min(max(cushion, 0.0), 1.0)

    def refit(self) -> None:
        """A new model comes. Held-out answers are believed unless what was shown on their word since the last fit lost time."""
        shown, saved = sum(c.shown for c in self.classes.values()), self.saved_s
        if shown > self._since[0]:
            self.believes = saved >= self._since[1]
        self._since = (shown, saved)

    def decide(self, evidence: Beliefs, class_names: Sequence[str], seed: int) -> None:
        """Set the thresholds for the next page."""
        sure = self.confidence()
        fresh = list(evidence.fresh.values())
        known = list((evidence.met | (evidence.held_out if self.believes else {}) | evidence.fresh).values())
        choices = choose(known, self.costs, class_names, confidence=sure, rounds=ROUNDS, seed=seed)
        limits = {name: choice.threshold for name, choice in choices.items()}
        for name in _losers(fresh, self.costs, limits):
            limits[name] = np.inf
        if not _pays(known, self.costs, limits, sure, seed):
            limits = dict.fromkeys(limits, np.inf)
        self.thresholds = limits
        for name, limit in limits.items():
            self.classes.setdefault(name, ClassFigures()).threshold = limit

    def correct(self, proposed: LabeledImage | None, truth: LabeledImage) -> Correction:
        """Show what passes the thresholds, let the expert correct it, and write it down. proposed None = drawn by hand."""
        shown = None if proposed is None else show(proposed, self.thresholds)
        done = expert(shown, truth, self.costs)
        self.spent_s.append(done.seconds)
        self.baseline_s.append(done.baseline_seconds)
        self.actions.update(done.actions)
        self.finals[truth.image.name] = LabeledImage(truth.image, truth.author, done.final, done.tags)
        self._count(shown, done)
        return done

    def _count(self, shown: LabeledImage | None, done: Correction) -> None:
        things: list[str] = [o.class_name for o in done.final] + [t.name for t in done.tags]
        for name in things:
            self.classes.setdefault(name, ClassFigures()).true += 1
        if shown is None:
            return
        offered = [o.class_name for o in shown.objects] + [t.name for t in shown.tags if t.kind == "class"]
        for name in offered:
            self.classes.setdefault(name, ClassFigures()).shown += 1
        for step in done.steps:
            before = step.before
            if before is not None and step.action in KEPT:
                self.classes[before.name if isinstance(before, Tag) else before.class_name].right += 1


def _losers(fresh: Sequence[Evidence], costs: CostTable, limits: Mapping[str, float]) -> set[str]:
    """The classes whose proposals, as they would be shown now, lost time on the fresh evidence."""
    sums: Counter[str] = Counter()
    gained: dict[str, float] = {}
    for item in fresh:
        shown = item.shown(limits)
        gains = item.marginal_s(costs, shown)
        for k in np.flatnonzero(shown).tolist():
            name = item.class_names[k]
            sums[name] += 1
            gained[name] = gained.get(name, 0.0) + float(gains[k])
    return {name for name, count in sums.items() if count >= FRESH_MIN and gained[name] < 0}


def _pays(evidence: Sequence[Evidence], costs: CostTable, limits: Mapping[str, float], sure: float, seed: int) -> bool:
    """Whether all classes together save, by the exact expert, at that confidence."""
    if all(np.isinf(limit) for limit in limits.values()):
        return True
    saved = np.asarray([e.saved_s(costs, e.shown(limits)) for e in evidence], np.float64)
    drawn = bootstrap.weights(len(saved), ROUNDS, np.random.default_rng(seed))
    return bool(np.quantile(drawn @ saved, 1 - sure) > 0)
