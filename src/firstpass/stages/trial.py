"""Which labeler, asked how, costs the experts the fewest seconds? A grid of candidates on a sample whose truth is known.

Each model looks at each image once; thresholds are chosen afterwards, per class, on images other than those they are judged
on. The winner is called only when the difference to the second is surer than chance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from firstpass.errors import FirstpassError, Problem, UsageError
from firstpass.labelers.base import Budget, Progress
from firstpass.labels import LabeledImage, Ontology
from firstpass.metrics import bootstrap
from firstpass.metrics.effort import CostTable, draw_all
from firstpass.stages import _trial_answers, _trial_judge
from firstpass.stages._plain import plain
from firstpass.stages._trial_prompts import Prompts, read_prompts
from firstpass.stages._truth import Kind, Shapes, Truth, asked, kind_of, ontology_of, price_lists, spec_of, truths_of

if TYPE_CHECKING:
    from firstpass.project import Project

__all__ = ["BY_HAND", "Candidate", "TrialResult", "TrialRow", "grid", "read_prompts", "trial", "use"]

BY_HAND = "draw everything by hand"
SMALLEST = 3  # images; fewer say nothing


@dataclass(frozen=True, slots=True)
class Candidate:
    """A labeler with settings, asked with `prompts` (class → phrases; a class not named keeps its own). name: "" = made from
    these.
    """

    labeler: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompts: Prompts = field(default_factory=dict[str, tuple[str, ...]])
    name: str = ""

    @property
    def title(self) -> str:
        """The name, or labeler and settings."""
        return self.name or " ".join([self.labeler, *(f"{k}={v}" for k, v in self.settings.items())])


def grid(
    labelers: Sequence[str], settings: Sequence[Mapping[str, Any]] = ({},), prompts: Mapping[str, Prompts] | None = None
) -> list[Candidate]:
    """Every labeler with every settings table and every prompt variant; variants only for labelers that take words."""
    found: list[Candidate] = []
    for labeler in labelers:
        takes_words = "text" in spec_of(labeler).cues
        for chosen in settings:
            for variant, phrases in (prompts or {}).items() if takes_words else ():
                title = Candidate(labeler, chosen).title
                found.append(Candidate(labeler, chosen, phrases, f"{title} · {variant}"))
            if not takes_words or not prompts:
                found.append(Candidate(labeler, chosen))
    return found


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One candidate. seconds_per_image: expected expert time, at cross-fitted thresholds, with its 95 % interval over images.

    saved_fraction: share of drawing time saved, by price list ("7.0", "25.5", "mask", "tag"). ap, ap50: of all proposals;
    precision, recall, f1: of those shown, at IoU 0.5; calibration_error: of the raw scores; all 0..1, NaN where there is
    none. ms_per_image: of labeling alone. thresholds: what `use` writes (inf = silent). failed: why there are no figures,
    else "".
    """

    name: str
    labeler: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompts: Prompts = field(default_factory=dict[str, tuple[str, ...]])
    seconds_per_image: float = np.nan
    interval: tuple[float, float] = (np.nan, np.nan)
    saved_fraction: Mapping[str, float] = field(default_factory=dict[str, float])
    ap: float = np.nan
    ap50: float = np.nan
    precision: float = np.nan
    recall: float = np.nan
    f1: float = np.nan
    calibration_error: float = np.nan
    ms_per_image: float = np.nan
    proposals: int = 0
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])
    failed: str = ""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """rows: best first, by hand among them, failed ones last. winner: the row's name when it is sure, else "". verdict: in
    words.

    images: in the sample; kind: what the truth asks for. problems: images that a candidate could not look at.
    """

    rows: tuple[TrialRow, ...]
    winner: str
    verdict: str
    images: int
    kind: str
    seed: int
    problems: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``: NaN and infinity become None."""
        return cast("dict[str, Any]", plain(self))

    def to_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Header and rows of the leaderboard as text."""
        keys = list(dict.fromkeys(key for row in self.rows for key in row.saved_fraction))
        saved = [f"saved at {key} s" if key[0].isdigit() else "saved" for key in keys]
        header = ("candidate", "s/image", "95 %", *saved, "AP50", "P", "R", "F1", "ms/image")
        return header, [_cells(row, keys) for row in self.rows]


def _cells(row: TrialRow, keys: Sequence[str]) -> tuple[str, ...]:
    if row.failed:
        return (row.name, "failed: " + row.failed.splitlines()[0], *[""] * (len(keys) + 6))

    def text(value: float, form: str) -> str:
        return "–" if np.isnan(value) else format(value, form)

    low, high = row.interval
    return (
        row.name,
        text(row.seconds_per_image, ".1f"),
        f"{low:.1f}–{high:.1f}",
        *(text(row.saved_fraction.get(key, np.nan), ".0%") for key in keys),
        *(text(v, ".2f") for v in (row.ap50, row.precision, row.recall, row.f1)),
        text(row.ms_per_image, ".0f"),
    )


def trial(
    project: Project,
    candidates: Sequence[Candidate],
    *,
    truth: Truth,
    sample: int = 50,
    seed: int = 0,
    costs: CostTable | None = None,
    shapes: Shapes = "truth",
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> TrialResult:
    """Measure every candidate on a stratified sample of the images that `truth` has labels for (a layer, or name → labels).

    A candidate that fails (missing weights, a broken plug-in, wrong settings) becomes a row that says why; the others go on.
    One that learns is judged only by answers about images it had not learned from. Raises UsageError without candidates or
    with fewer than 3 images. Same seed, same result but for the times.
    """
    if not candidates:
        raise UsageError("a trial needs at least one candidate: name labelers with --labeler")
    truths = truths_of(truth, shapes)
    if len(truths) < SMALLEST:
        raise UsageError(f"a trial needs the truth of at least {SMALLEST} images, but got {len(truths)}: label some first")
    truths = _trial_judge.stratified(truths, max(sample, SMALLEST), seed)
    kind = kind_of(truths.values())
    ontology = ontology_of(project.ontology, truths.values())
    table = (costs or CostTable.from_mapping(project.config.costs)).with_classes(len(ontology))
    prices = price_lists(kind, table)
    board = _Board(project, truths, ontology, kind, prices, seed, budget or Budget(seed=seed))
    for number, candidate in enumerate(candidates):

        def tell(what: str, share: float, number: int = number) -> None:
            if progress:
                progress(what, (number + share) / len(candidates))

        board.add(candidate, tell)
    return board.result()


@dataclass(slots=True, eq=False)
class _Board:
    """The leaderboard while it fills. spent_s: row name → seconds per image of the sample, at the project's own prices."""

    project: Project
    truths: Mapping[str, LabeledImage]
    ontology: Ontology
    kind: Kind
    prices: Mapping[str, CostTable]
    seed: int
    budget: Budget
    rows: list[TrialRow] = field(default_factory=list[TrialRow])
    spent_s: dict[str, _trial_judge.Floats] = field(default_factory=dict[str, _trial_judge.Floats])
    problems: dict[str, Problem] = field(default_factory=dict[str, Problem])

    def add(self, candidate: Candidate, tell: Progress) -> None:
        """Ask one candidate and write its row; a failure is a row too."""
        name = _unique(candidate.title, [row.name for row in self.rows])
        try:
            answers = self._answers(candidate, tell)
        except FirstpassError as error:
            self.rows.append(TrialRow(name, candidate.labeler, candidate.settings, candidate.prompts, failed=str(error)))
            return
        self.problems.update(answers.problems)
        judged = _trial_judge.judge(answers.said, self.truths, self.ontology, self.prices, self.seed)
        self.spent_s[name] = next(iter(judged.spent_s.values()))
        self.rows.append(_row(name, candidate, judged, answers.seconds_per_image, self.seed))

    def _answers(self, candidate: Candidate, tell: Progress) -> _trial_answers.Answers:
        spec = spec_of(candidate.labeler)
        ask = asked(spec, self.ontology, self.kind, candidate.prompts)
        if not spec.learns or candidate.settings.get("model"):
            return _trial_answers.ask_all(self.project, spec, candidate.settings, ask, self.truths, tell)
        with tempfile.TemporaryDirectory(prefix="firstpass-trial-") as folder:
            place = Path(folder)
            return _trial_answers.ask_learner(
                self.project, spec, candidate.settings, ask, self.truths, place, self.budget, tell
            )

    def result(self) -> TrialResult:
        """Sorted, with drawing by hand among the rows, and the verdict."""
        own = next(iter(self.prices.values()))
        by_hand = np.asarray([draw_all(truth, own).seconds for truth in self.truths.values()], np.float64)
        spent = {**self.spent_s, BY_HAND: by_hand}
        interval = _trial_judge.mean_interval(by_hand, self.seed)
        nothing = dict.fromkeys(self.prices, 0.0)
        hand_row = TrialRow(BY_HAND, seconds_per_image=float(by_hand.mean()), interval=interval, saved_fraction=nothing)
        good = [row for row in self.rows if not row.failed]
        rows = sorted([hand_row, *good], key=lambda row: row.seconds_per_image)
        winner, verdict = _verdict(rows, spent, self.seed)
        rows += [row for row in self.rows if row.failed]
        return TrialResult(tuple(rows), winner, verdict, len(self.truths), self.kind, self.seed, tuple(self.problems.values()))


def _unique(name: str, taken: Sequence[str]) -> str:
    number = 2
    while (unique := name if number == 2 else f"{name} ({number - 1})") in taken:
        number += 1
    return unique


def _row(name: str, candidate: Candidate, judged: _trial_judge.Judgement, seconds: float, seed: int) -> TrialRow:
    spent = next(iter(judged.spent_s.values()))
    saved = {key: _saved(judged.spent_s[key], judged.baseline_s[key]) for key in judged.spent_s}
    return TrialRow(
        name, candidate.labeler, candidate.settings, candidate.prompts,
        float(spent.mean()), _trial_judge.mean_interval(spent, seed), saved,
        judged.ap, judged.ap50, judged.scores.precision, judged.scores.recall, judged.scores.f1,
        judged.calibration_error, seconds * 1000, judged.proposals,
        {class_name: choice.threshold for class_name, choice in judged.choices.items()},
    )  # fmt: skip


def _saved(spent: _trial_judge.Floats, baseline: _trial_judge.Floats) -> float:
    return float(1 - spent.sum() / baseline.sum()) if baseline.sum() else np.nan


def _verdict(rows: Sequence[TrialRow], spent: Mapping[str, _trial_judge.Floats], seed: int) -> tuple[str, str]:
    """The winner's name or "", and why. Paired over images: both candidates saw the same ones."""
    if len(rows) < 2:
        return "", "no candidate gave an answer; see the reasons in the table"
    best, second = rows[0].name, rows[1].name
    less = spent[second] - spent[best]
    got = bootstrap.mean_interval(less, seed=seed)
    if got.low > 0:
        return best, f"{best} costs {got.value:.1f} s per image less than {second} (95 %: {got.low:.1f} to {got.high:.1f} s)"
    close = [r.name for r in rows[1:] if bootstrap.mean_interval(spent[r.name] - spent[best], seed=seed).low <= 0]
    names = ", ".join([best, *close])
    if got.value <= 0 and float(less.std()) == 0:
        return "", f"too close to call: {names} cost the same"
    needed = int(np.ceil((1.96 * float(less.std()) / got.value) ** 2)) if got.value > 0 else 0
    more = f"; about {needed} images would tell" if len(less) < needed < 10_000 else ""
    return (
        "",
        f"too close to call: {names} (difference {got.value:.1f} s per image, 95 %: {got.low:.1f} to {got.high:.1f} s){more}",
    )


def use(project: Project, result: TrialResult, name: str = "") -> TrialRow:
    """Make a candidate the project's labeler, with its settings, thresholds and, where it was asked with prompts of its own,
    these as the classes' phrases. name: "" = the winner, which must be sure. Classes that only the truth has are left out.

    Raises UsageError when there is no sure winner, no such row, it is drawing by hand, or it failed; and for a labeler that
    learns, which has to be trained first (`firstpass train`), since a trial keeps no model.
    """
    wanted = name or result.winner
    if not wanted:
        raise UsageError(f"no candidate won: {result.verdict}. Name the one to use")
    row = next((r for r in result.rows if r.name == wanted), None)
    if row is None:
        raise UsageError(f"no candidate is called {wanted!r}; there are: {', '.join(r.name for r in result.rows)}")
    if row.failed or row.name == BY_HAND:
        reason = row.failed or "no labeler's first pass is surely better than none"
        raise UsageError(f"{wanted!r} cannot be the project's labeler: {reason}")
    if spec_of(row.labeler).learns and not row.settings.get("model"):
        raise UsageError(f"{row.labeler} learns, and a trial keeps no model: run `firstpass train --labeler {row.labeler}`")
    from firstpass.project import LabelerChoice

    thresholds = {name: threshold for name, threshold in row.thresholds.items() if name in project.ontology}
    phrases = {name: words for name, words in row.prompts.items() if name in project.ontology}
    project.set_labeler(LabelerChoice(row.labeler, dict(row.settings), thresholds), phrases)
    return row
