"""Seconds of human work, the currency of the house: what each action costs, and the simulated expert who pays it.

The table is DESIGN section 7; every figure names its source. A project replaces figures with its own measured times in
``[costs]`` of its ``firstpass.toml``.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from firstpass.errors import UsageError
from firstpass.labels import Labeled, LabeledImage, Mask, Point, Polygon, Shape, Tag
from firstpass.metrics import match

ACCEPT_IOU = 0.8  # DESIGN section 7: from here on an expert leaves the shape as it is
KEY_S, MENTAL_S = 0.28, 1.35  # keystroke-level model (Card, Moran, Newell, 1980): one key press; one act of thinking
DIGIT_KEYS = 9  # classes that have a key of their own in the review desk


class Action(StrEnum):
    """What an expert does, one priced action each."""

    DRAW_BOX = "draw box"
    DRAW_MASK = "draw mask"
    DRAW_POINT = "draw point"
    VERIFY = "verify"
    ADJUST = "adjust"
    CORRECT_MASK = "correct mask"
    CHANGE_CLASS = "change class"
    DELETE = "delete"
    VERIFY_TAG = "verify tag"
    REJECT_TAG = "reject tag"
    CHOOSE_TAG = "choose tag"


def choose_tag_s(class_count: int) -> float:
    """Seconds to name an image's class among `class_count` by keyboard, from the keystroke-level model.

    Think (1.35 s), then one key of 0.28 s where each class has its digit (up to 9); else open the palette, type letters until
    the name is alone, press Enter. A letter of a class name tells about 3.3 bits, so it leaves a tenth: ceil(log10 n)
    letters. For 81 classes 1.35 + 4 × 0.28 = 2.47 s. Time spent looking for the right name is left out, which makes every
    saving smaller.
    """
    if class_count <= DIGIT_KEYS:
        return MENTAL_S + KEY_S
    return MENTAL_S + KEY_S * (2 + math.ceil(math.log10(class_count)))


@dataclass(frozen=True, slots=True)
class CostTable:
    """Seconds per action. Raises ValueError unless every figure is finite and not negative."""

    draw_box_s: float = 7.0
    """Draw a box by extreme clicking: Papadopoulos et al., ICCV 2017. The classical way takes 25.5 s: Su et al., 2012."""
    verify_s: float = 1.7
    """Verify a proposed shape: Papadopoulos et al., CVPR 2016 (1.6 to 1.8 s). For masks no figure is published; the same is
    taken.
    """
    adjust_s: float = 4.5
    """Adjust a box (about one and a half corners): keystroke-level model, no published figure."""
    delete_s: float = 2.8
    """Point at a proposal and delete it by key: keystroke-level model."""
    change_class_s: float = 2.8
    """Point at a proposal and press the class's key: keystroke-level model."""
    draw_mask_s: float = 79.2
    """Draw a mask as a polygon: Lin et al., 2014 (COCO); Bearman et al., ECCV 2016."""
    correct_mask_s: float = 14.0
    """Correct a proposed mask with clicks: Kirillov et al., SAM, 2023 (assisted-manual phase, 34 s falling to 14 s)."""
    draw_point_s: float = 2.4
    """Click on an object: Bearman et al., ECCV 2016 (first instance of a class)."""
    tag_yes_no_s: float = 1.0
    """Say yes or no to one image-level class: Bearman et al., ECCV 2016. Verifying and rejecting a proposed tag are that
    answer.
    """
    choose_tag_s: float = choose_tag_s(DIGIT_KEYS)
    """Choose an image-level class without a proposal: keystroke-level model, see :func:`choose_tag_s`; `with_classes` sets
    it.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
                raise ValueError(f"{f.name} must be seconds, finite and not negative, but got {value!r}")

    @classmethod
    def from_mapping(cls, overrides: Mapping[str, Any]) -> CostTable:
        """The defaults with some figures replaced. Raises UsageError for an unknown name or a value that is no time."""
        known = [f.name for f in fields(cls)]
        for name in overrides:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3) or known
                raise UsageError(f"no cost is called {name!r}; did you mean: {', '.join(near)}?")
        try:
            return cls(**overrides)
        except (TypeError, ValueError) as error:
            raise UsageError(str(error)) from error

    def with_draw_box(self, seconds: float) -> CostTable:
        """The same table with another price for drawing a box: both 7.0 and 25.5 are always reported."""
        return replace(self, draw_box_s=seconds)

    def with_classes(self, class_count: int) -> CostTable:
        """The same table with the price of choosing an image-level class among `class_count`; a measured price is kept."""
        if self.choose_tag_s != choose_tag_s(DIGIT_KEYS):
            return self
        return replace(self, choose_tag_s=choose_tag_s(class_count))

    def price_s(self, action: Action) -> float:
        """Seconds of one action."""
        return float(getattr(self, _PRICE_OF[action]))

    def drawing(self, shape: Shape) -> Action:
        """The action that makes this shape from nothing."""
        match shape:
            case Mask() | Polygon():
                return Action.DRAW_MASK
            case Point():
                return Action.DRAW_POINT
            case _:
                return Action.DRAW_BOX

    def taking_over(self, proposed: Labeled, truth: Labeled, iou: float) -> tuple[Action, ...]:
        """The actions that turn a matched proposal into a right label.

        Right class and IoU of 0.8 or more: verify. Less: adjust, or correct a mask by clicks. A wrong class: change it, and
        adjust below 0.8. A box where the truth is a mask is not half a mask: the mask is drawn, the box vanishes with that.
        """
        area_wanted = isinstance(truth.shape, Mask | Polygon)
        if area_wanted and not isinstance(proposed.shape, Mask | Polygon):
            return (Action.DRAW_MASK,)
        mend = Action.CORRECT_MASK if area_wanted else Action.ADJUST
        right, close = proposed.class_name == truth.class_name, iou >= ACCEPT_IOU
        if right:
            return (Action.VERIFY,) if close else (mend,)
        return (Action.CHANGE_CLASS,) if close else (Action.CHANGE_CLASS, mend)

    def seconds_of(self, actions: Mapping[Action, int]) -> float:
        """Seconds of counted actions."""
        return math.fsum(self.price_s(action) * count for action, count in actions.items())


_PRICE_OF: Mapping[Action, str] = {
    Action.DRAW_BOX: "draw_box_s",
    Action.DRAW_MASK: "draw_mask_s",
    Action.DRAW_POINT: "draw_point_s",
    Action.VERIFY: "verify_s",
    Action.ADJUST: "adjust_s",
    Action.CORRECT_MASK: "correct_mask_s",
    Action.CHANGE_CLASS: "change_class_s",
    Action.DELETE: "delete_s",
    Action.VERIFY_TAG: "tag_yes_no_s",
    Action.REJECT_TAG: "tag_yes_no_s",
    Action.CHOOSE_TAG: "choose_tag_s",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one thing. before = None: it was not there; after = None: it is gone. seconds: what the action cost."""

    action: Action
    before: Labeled | Tag | None
    after: Labeled | Tag | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What the expert did to one image.

    actions: how often each. seconds: their sum. baseline_seconds: drawing and choosing everything by hand. final, tags: the
    labels afterwards, without scores; an accepted shape stays as proposed and a corrected one keeps the proposal's id. steps:
    in order.
    """

    actions: Mapping[Action, int]
    seconds: float
    baseline_seconds: float
    final: tuple[Labeled, ...]
    tags: tuple[Tag, ...]
    steps: tuple[Step, ...]


def expert(proposed: LabeledImage | None, truth: LabeledImage, costs: CostTable) -> Correction:
    """The simulated expert (DESIGN section 7): makes the truth out of the proposals, each action at its price.

    Proposals and truth are matched greedily by IoU of 0.5 or more, whatever their classes. A matched proposal is verified,
    adjusted or given its right class; an unmatched one deleted; a missed truth drawn. Crowd objects of the truth are asked
    for by nobody and proposals that lie in them cost nothing (as COCO does). Class tags: right = verified, wrong = rejected,
    missing = chosen. None or no proposals: everything is drawn, seconds = baseline_seconds. Captions and answers are no part
    of it.
    """
    asked = [o for o in truth.objects if not match.is_crowd(o)]
    crowd = [o.shape for o in truth.objects if match.is_crowd(o)]
    offered = list(proposed.objects) if proposed is not None else []
    size = (truth.image.height_px, truth.image.width_px)
    steps = _object_steps(offered, asked, crowd, size, costs)
    offered_tags = class_tags(proposed.tags) if proposed is not None else []
    true_tags = class_tags(truth.tags)
    steps += _tag_steps(offered_tags, true_tags, costs)
    actions = Counter(step.action for step in steps)
    baseline = Counter(costs.drawing(o.shape) for o in asked)
    baseline[Action.CHOOSE_TAG] = len(true_tags)
    tags = tuple(s.after for s in steps if isinstance(s.after, Tag))
    by_hand, spent = costs.seconds_of(baseline), costs.seconds_of(actions)
    return Correction(dict(actions), spent, by_hand, _final_objects(steps), tags, tuple(steps))


def draw_all(truth: LabeledImage, costs: CostTable) -> Correction:
    """The manual baseline: the expert without a first pass."""
    return expert(None, truth, costs)


def _object_steps(
    offered: Sequence[Labeled], asked: Sequence[Labeled], crowd: Sequence[Shape], size: tuple[int, int], costs: CostTable
) -> list[Step]:
    found = match.match_objects(offered, asked, *size)
    steps: list[Step] = []
    for i, j, iou in found.pairs:
        steps += _take_over(offered[i], asked[j], iou, costs)
    extra = [offered[i] for i in found.extra]
    in_crowd = match.covered([o.shape for o in extra], crowd, *size) >= match.MATCH_IOU if extra and crowd else None
    for k, obj in enumerate(extra):
        if in_crowd is None or not in_crowd[k].any():
            steps.append(Step(Action.DELETE, obj, None, costs.delete_s))
    for j in found.missed:
        action = costs.drawing(asked[j].shape)
        steps.append(Step(action, None, replace(asked[j], score=None), costs.price_s(action)))
    return steps


def _take_over(proposed: Labeled, truth: Labeled, iou: float, costs: CostTable) -> list[Step]:
    now: Labeled = proposed
    steps: list[Step] = []
    for action in costs.taking_over(proposed, truth, iou):
        class_name = truth.class_name if action in (Action.CHANGE_CLASS, Action.DRAW_MASK) else now.class_name
        shape = truth.shape if action in (Action.ADJUST, Action.CORRECT_MASK, Action.DRAW_MASK) else now.shape
        after = replace(now, class_name=class_name, shape=shape, score=None)
        steps.append(Step(action, now, after, costs.price_s(action)))
        now = after
    return steps


def _tag_steps(offered: Sequence[Tag], true: Sequence[Tag], costs: CostTable) -> list[Step]:
    wanted = {tag.name: tag for tag in true}
    steps: list[Step] = []
    for tag in offered:
        if tag.name in wanted:
            steps.append(Step(Action.VERIFY_TAG, tag, replace(tag, score=None), costs.price_s(Action.VERIFY_TAG)))
        else:
            steps.append(Step(Action.REJECT_TAG, tag, None, costs.price_s(Action.REJECT_TAG)))
    seen = {tag.name for tag in offered}
    missed = [tag for name, tag in wanted.items() if name not in seen]
    return steps + [Step(Action.CHOOSE_TAG, None, replace(t, score=None), costs.price_s(Action.CHOOSE_TAG)) for t in missed]


def class_tags(tags: Sequence[Tag]) -> list[Tag]:
    """The tags that name a class, each name once."""
    return list({tag.name: tag for tag in tags if tag.kind == "class"}.values())


def _final_objects(steps: Sequence[Step]) -> tuple[Labeled, ...]:
    """What stands at the end: every result that no later step took up again."""
    taken = {id(s.before) for s in steps if s.before is not None}
    return tuple(s.after for s in steps if isinstance(s.after, Labeled) and id(s.after) not in taken)
