"""The whole session from zero labels with a simulated expert: what the first pass saves, in seconds, and how good the labels
get.

The first batch is drawn by hand. Then again and again: learn from all labels so far, choose what to label next, propose, show
what is sure to save time, let the simulated expert (:mod:`firstpass.metrics.effort`) correct it, and count. Nothing is
written into the project. Both prices of drawing a box run over the same fits and proposals, each with its own thresholds.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from firstpass import registry
from firstpass.errors import Problem
from firstpass.labelers.base import Budget, Progress
from firstpass.labels import ImageRef, LabeledImage, Mask, Ontology, Polygon
from firstpass.metrics import average_precision, bootstrap, detection_scores
from firstpass.metrics.effort import CostTable
from firstpass.metrics.evidence import weigh
from firstpass.stages._plain import plain
from firstpass.stages._simulate_ledger import Beliefs, Ledger
from firstpass.stages._simulate_machine import Machine
from firstpass.stages._truth import EMBEDDED, Shapes, asked, kind_of, ontology_of, price_lists, spec_of, truths_of
from firstpass.strategies.base import Pool, Strategy

if TYPE_CHECKING:
    from firstpass.project import Project

GROWTH = 2.0  # learn again when the labels have grown by this
PAGE = 5  # images between two looks at the thresholds, at least; a quarter of what is labeled when that is more


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Where the session stands after a batch, at the project's prices.

    labeled: images so far. seconds, baseline_seconds, saved_fraction: so far; batch_saved_fraction: of this batch alone. ap,
    ap50: of all that the labeler proposed on this batch, before correction, whatever was shown (0..1; None without scores or
    proposals). proposals, shown: made and shown on this batch. silent_classes: held back at the end of it. machine_seconds:
    so far.
    """

    labeled: int
    seconds: float
    baseline_seconds: float
    saved_fraction: float
    batch_saved_fraction: float
    ap: float | None
    ap50: float | None
    proposals: int
    shown: int
    silent_classes: int
    machine_seconds: float


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """A finished session.

    saved_fraction: share of the manual time saved, by price of a box ("7.0", "25.5"), or "mask", "tag", "point";
    saved_interval: 95 %, bootstrap over images. seconds, baseline_seconds, actions, per_class, labels_f1_50: at the project's
    own prices; seconds_by_price: all. labels_f1_50: the final labels against the truth. machine_seconds: the computer's time,
    by kind in machine. curve: per batch.
    """

    labeler: str
    strategy: str
    seed: int
    images: int
    saved_fraction: Mapping[str, float]
    saved_interval: Mapping[str, tuple[float, float]]
    seconds_by_price: Mapping[str, float]
    labels_f1_50: float
    seconds: float
    baseline_seconds: float
    machine_seconds: float
    machine: Mapping[str, float]
    fits: int
    actions: Mapping[str, int]
    per_class: Mapping[str, Mapping[str, float]]
    curve: tuple[CurvePoint, ...]
    problems: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``: NaN and infinity become None."""
        return cast("dict[str, Any]", plain(self))


def simulate(
    project: Project,
    truth: Iterable[LabeledImage] | Mapping[str, LabeledImage],
    *,
    labeler: str = "",
    settings: Mapping[str, Any] | None = None,
    strategy: str = "random",
    first: int = 5,
    seed: int = 0,
    costs: CostTable | None = None,
    shapes: Shapes = "truth",
    progress: Progress | None = None,
    budget: Budget | None = None,
) -> SimulationResult:
    """Label every image of `truth` in a simulated session that starts with no labels.

    truth: a layer, or image name → labels. labeler: "" = the embedded default for that kind of labels. first: images drawn
    by hand before the first fit. shapes "box": the truth's masks count as their boxes. costs: None = the
    project's ``[costs]``. A labeler that does not learn runs the same way without fits; it shows proposals as soon as the
    corrected images prove them. Same seed, same session. Raises UsageError for an empty truth or a labeler that cannot
    give what the truth asks for, UnknownPlugin, MissingExtra, MissingWeights, LabelerBroke.
    """
    truths = truths_of(truth, shapes)
    kind = kind_of(truths.values())
    ontology = ontology_of(project.ontology, truths.values())
    table = costs or CostTable.from_mapping(project.config.costs)
    ledgers = [Ledger(key, prices) for key, prices in price_lists(kind, table.with_classes(len(ontology))).items()]
    spec = spec_of(labeler or EMBEDDED[kind])
    registry.find("strategies", strategy)
    with tempfile.TemporaryDirectory(prefix="firstpass-simulate-") as folder:
        done = 0.0

        def tell(what: str) -> None:
            if progress:
                progress(what, done)

        machine = Machine(
            project,
            spec.name,
            settings or {},
            spec,
            asked(spec, ontology, kind),
            Path(folder),
            budget or Budget(seed=seed),
            tell,
        )
        session = _Session(machine, truths, ledgers, ontology.names, strategy, first, seed)
        while session.pool:
            session.batch()
            done = 1 - len(session.pool) / len(truths)
            tell(f"{len(truths) - len(session.pool)} of {len(truths)} images labeled")
        return _result(session, machine, strategy, seed)


@dataclass(slots=True, eq=False)
class _Session:
    """The state between batches. pool: images not yet labeled. said: the newest proposals, by image."""

    machine: Machine
    truths: Mapping[str, LabeledImage]
    ledgers: Sequence[Ledger]
    class_names: tuple[str, ...]
    strategy: str
    first: int
    seed: int
    pool: list[str] = field(default_factory=list[str])
    beliefs: Beliefs = field(default_factory=Beliefs)
    said: dict[str, LabeledImage] = field(default_factory=dict[str, LabeledImage])
    curve: list[CurvePoint] = field(default_factory=list[CurvePoint])
    vectors: NDArray[np.float32] | None = None
    batches: int = 0

    def __post_init__(self) -> None:
        self.pool = sorted(self.truths)
        if registry.find("strategies", self.strategy).spec.needs_embeddings:
            self.vectors = self.machine.vectors([self.truths[name].image for name in self.pool])

    def batch(self) -> None:
        """Learn, choose, and label the images until the next fit."""
        labeled = len(self.truths) - len(self.pool)
        by_hand = labeled == 0 and self.machine.learns
        size = self.first if labeled == 0 else max(1, round(labeled * (GROWTH - 1)))
        if labeled and self.machine.learns:
            self._learn()
        names = self._choose(size)
        if not by_hand:
            self.said.update(self.machine.propose([self.truths[n].image for n in names if n not in self.said]))
        before = [(len(book.spent_s), book.saved_s) for book in self.ledgers]
        shown = sum(figures.shown for figures in self.ledgers[0].classes.values())
        for page in self._pages(names):
            self._label(page, by_hand)
        self.batches += 1
        self._note(names, before[0], shown)

    def _learn(self) -> None:
        held_out = self.machine.fit(list(self.ledgers[0].finals.values()))
        finals = self.ledgers[0].finals
        self.beliefs.held_out = {said.image.name: weigh(said, finals[said.image.name]) for said in held_out}
        self.beliefs.fresh = {}
        self.said = {}
        for book in self.ledgers:
            book.refit()

    def _choose(self, count: int) -> list[str]:
        plugin = registry.find("strategies", self.strategy)
        if plugin.spec.needs_proposals and self.machine.ready:
            self.said.update(self.machine.propose([self.truths[n].image for n in self.pool if n not in self.said]))
        places = {name: i for i, name in enumerate(sorted(self.truths))}
        labeled = [name for name in places if name not in set(self.pool)]
        counts = Counter(o.class_name for final in self.ledgers[0].finals.values() for o in final.objects)

        def rows(names: Sequence[str]) -> NDArray[np.float32] | None:
            return None if self.vectors is None or not names else self.vectors[[places[n] for n in names]]

        images: list[ImageRef] = [self.truths[name].image for name in self.pool]
        said = [self.said.get(name) for name in self.pool]
        pool = Pool(images, said, self.class_names, rows(self.pool), rows(labeled), dict(counts))
        with self.machine.timed("choose"):
            rng = np.random.default_rng([self.seed, self.batches])
            choices = cast(Strategy, plugin.factory).choose(pool, min(count, len(self.pool)), rng)
        return [self.pool[choice.index] for choice in choices]

    def _pages(self, names: Sequence[str]) -> Iterable[list[str]]:
        start = 0
        while start < len(names):
            size = max(PAGE, (len(self.ledgers[0].spent_s)) // 4)
            yield list(names[start : start + size])
            start += size

    def _label(self, page: Sequence[str], by_hand: bool) -> None:
        """Set the thresholds, correct the page's images, and keep what it taught."""
        if not by_hand:
            with self.machine.timed("thresholds"):
                for book in self.ledgers:
                    book.decide(self.beliefs, self.class_names, self.seed + len(book.spent_s))
        for name in page:
            said = None if by_hand else self.said.get(name)
            for book in self.ledgers:
                book.correct(said, self.truths[name])
            if said is not None:
                self.beliefs.fresh[name] = self.beliefs.met[name] = weigh(said, self.ledgers[0].finals[name])
        taken = set(page)
        self.pool = [name for name in self.pool if name not in taken]

    def _note(self, names: Sequence[str], before: tuple[int, float], shown: int) -> None:
        book = self.ledgers[0]
        baseline = sum(book.baseline_s[before[0] :])
        said = [(self.said.get(name), self.truths[name]) for name in names]
        scores = _ap(said, Ontology.of(self.class_names))
        self.curve.append(
            CurvePoint(
                labeled=len(book.spent_s),
                seconds=sum(book.spent_s),
                baseline_seconds=sum(book.baseline_s),
                saved_fraction=book.saved_fraction,
                batch_saved_fraction=(book.saved_s - before[1]) / baseline if baseline else 0.0,
                ap=scores[0],
                ap50=scores[1],
                proposals=sum(len(p.objects) + len(p.tags) for p, _ in said if p is not None),
                shown=sum(figures.shown for figures in book.classes.values()) - shown,
                silent_classes=sum(np.isinf(book.thresholds.get(name, np.inf)) for name in self.class_names),
                machine_seconds=sum(self.machine.seconds.values()),
            )
        )


def _ap(pairs: Sequence[tuple[LabeledImage | None, LabeledImage]], ontology: Ontology) -> tuple[float | None, float | None]:
    offered = [o for said, _ in pairs if said is not None for o in said.objects]
    if not offered or any(o.score is None for o in offered):
        return None, None
    areas = any(isinstance(o.shape, Mask | Polygon) for _, truth in pairs for o in truth.objects)
    got = average_precision.ap(pairs, ontology, "segm" if areas else "bbox")
    return (got.ap, got.ap50) if got.ap == got.ap else (None, None)


def _result(session: _Session, machine: Machine, strategy: str, seed: int) -> SimulationResult:
    book = session.ledgers[0]
    pairs = [(book.finals[name], truth) for name, truth in session.truths.items()]
    tags = all(not truth.objects for truth in session.truths.values())
    scores = detection_scores.tag_scores(pairs) if tags else detection_scores.object_scores(pairs)
    intervals: dict[str, tuple[float, float]] = {}
    for each in session.ledgers:
        spent, baseline = np.asarray(each.spent_s), np.asarray(each.baseline_s)
        got = bootstrap.ratio_interval(baseline - spent, baseline, seed=seed)
        intervals[each.key] = (got.low, got.high)
    per_class = {
        name: {"true": c.true, "shown": c.shown, "right": c.right, "threshold": c.threshold,
               "f1_50": scores.per_class[name].f1 if name in scores.per_class else float("nan")}
        for name, c in sorted(book.classes.items())
    }  # fmt: skip
    return SimulationResult(
        labeler=machine.spec.name,
        strategy=strategy,
        seed=seed,
        images=len(session.truths),
        saved_fraction={each.key: each.saved_fraction for each in session.ledgers},
        saved_interval=intervals,
        seconds_by_price={each.key: sum(each.spent_s) for each in session.ledgers},
        labels_f1_50=scores.f1,
        seconds=sum(book.spent_s),
        baseline_seconds=sum(book.baseline_s),
        machine_seconds=sum(machine.seconds.values()),
        machine=machine.seconds,
        fits=machine.fits,
        actions={str(action): count for action, count in book.actions.items()},
        per_class=per_class,
        curve=tuple(session.curve),
        problems=tuple(machine.problems.values()),
    )
