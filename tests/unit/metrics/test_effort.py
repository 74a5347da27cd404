"""The price of each action, and what the simulated expert does."""

import math

import numpy as np
import pytest

from firstpass.errors import UsageError
from firstpass.labels import Box, Tag
from firstpass.metrics.effort import Action, CostTable, choose_tag_s, draw_all, expert

COSTS = CostTable()


def test_figures_are_those_of_the_design():
    assert (COSTS.draw_box_s, COSTS.verify_s, COSTS.adjust_s, COSTS.delete_s) == (7.0, 1.7, 4.5, 2.8)
    assert (COSTS.change_class_s, COSTS.draw_mask_s, COSTS.correct_mask_s, COSTS.tag_yes_no_s) == (2.8, 79.2, 14.0, 1.0)
    assert COSTS.with_draw_box(25.5).draw_box_s == 25.5


def test_a_proposal_pays_from_a_third_on():
    p = COSTS.delete_s / (COSTS.delete_s + COSTS.draw_box_s - COSTS.verify_s)
    assert p == pytest.approx(0.35, abs=0.005)


def test_choosing_among_81_classes_takes_two_letters():
    assert choose_tag_s(81) == pytest.approx(1.35 + 4 * 0.28)
    assert choose_tag_s(9) == pytest.approx(1.63)
    assert COSTS.with_classes(81).choose_tag_s == pytest.approx(2.47)
    assert CostTable(choose_tag_s=9).with_classes(81).choose_tag_s == 9


def test_unknown_cost_names_the_near_one():
    with pytest.raises(UsageError, match="draw_box_s"):
        CostTable.from_mapping({"draw_box": 3})
    with pytest.raises(UsageError, match="not negative"):
        CostTable.from_mapping({"draw_box_s": -3})
    with pytest.raises(UsageError, match="seconds"):
        CostTable.from_mapping({"draw_box_s": "fast"})
    assert CostTable.from_mapping({"draw_box_s": 3}).draw_box_s == 3


def test_each_outcome_has_its_action(make):
    truth = make.image(
        [make.obj(make.box(x), name) for x, name in [(0, "cat"), (20, "cat"), (40, "cat"), (60, "cat"), (80, "cat")]]
    )
    offered = make.image(
        [
            make.obj(make.box(0), "cat", 0.9, key="right"),
            make.obj(Box(20, 0, 30, 7), "cat", 0.9, key="loose"),
            make.obj(make.box(40), "dog", 0.9, key="wrong"),
            make.obj(Box(60, 0, 70, 7), "dog", 0.9, key="both"),
            make.obj(make.box(0, 50), "cat", 0.9, key="false"),
        ]
    )
    done = expert(offered, truth, COSTS)
    assert done.actions == {
        Action.VERIFY: 1, Action.ADJUST: 2, Action.CHANGE_CLASS: 2, Action.DELETE: 1, Action.DRAW_BOX: 1,
    }  # fmt: skip
    assert done.seconds == pytest.approx(1.7 + 4.5 * 2 + 2.8 * 2 + 2.8 + 7.0)
    assert done.baseline_seconds == 35
    assert {o.id: o.shape for o in done.final if o.id} == {
        "right": make.box(0), "loose": make.box(20), "wrong": make.box(40), "both": make.box(60),
    }  # fmt: skip
    assert {o.class_name for o in done.final} == {"cat"}
    assert {o.score for o in done.final} == {None}
    assert math.fsum(s.seconds for s in done.steps) == pytest.approx(done.seconds)


def test_accepted_shape_stays_as_proposed(make):
    near = Box(0, 0, 10, 9)
    done = expert(make.image([make.obj(near, score=0.5)]), make.image([make.obj(make.box(0))]), COSTS)
    assert done.final[0].shape == near


def test_iou_of_exactly_eight_tenths_is_verified_and_five_tenths_matched(make):
    truth = make.image([make.obj(Box(0, 0, 10, 10))])
    assert expert(make.image([make.obj(Box(0, 0, 10, 8))]), truth, COSTS).actions == {Action.VERIFY: 1}
    assert expert(make.image([make.obj(Box(0, 0, 10, 5))]), truth, COSTS).actions == {Action.ADJUST: 1}
    assert expert(make.image([make.obj(Box(0, 0, 10, 4.9))]), truth, COSTS).actions == {Action.DELETE: 1, Action.DRAW_BOX: 1}


def test_duplicate_is_deleted_and_the_better_one_kept(make):
    truth = make.image([make.obj(make.box(0))])
    offered = make.image([make.obj(Box(0, 0, 10, 7), score=0.9, key="a"), make.obj(make.box(0), score=0.1, key="b")])
    done = expert(offered, truth, COSTS)
    assert done.actions == {Action.VERIFY: 1, Action.DELETE: 1}
    assert [o.id for o in done.final] == ["b"]


def test_equal_overlap_goes_to_the_right_class(make):
    offered = make.image([make.obj(make.box(0), "dog", 0.9), make.obj(make.box(0), "cat", 0.1)])
    done = expert(offered, make.image([make.obj(make.box(0))]), COSTS)
    assert done.actions == {Action.VERIFY: 1, Action.DELETE: 1}


def test_masks_have_their_own_prices(make):
    truth = make.image([make.obj(make.mask(0)), make.obj(make.mask(30)), make.obj(make.mask(60))])
    offered = make.image([make.obj(make.mask(0), score=1), make.obj(make.mask(32), score=1)])
    done = expert(offered, truth, COSTS)
    assert done.actions == {Action.VERIFY: 1, Action.CORRECT_MASK: 1, Action.DRAW_MASK: 1}
    assert done.seconds == pytest.approx(1.7 + 14 + 79.2)
    assert done.baseline_seconds == pytest.approx(3 * 79.2)


def test_box_for_a_mask_saves_nothing_and_costs_nothing(make):
    done = expert(make.image([make.obj(make.box(0), score=1)]), make.image([make.obj(make.mask(0))]), COSTS)
    assert done.actions == {Action.DRAW_MASK: 1}
    assert done.seconds == done.baseline_seconds
    assert done.final[0].shape == make.mask(0)


def test_crowds_are_asked_of_nobody(make):
    crowd = make.obj(make.box(0, side=50), crowd=True)
    offered = make.image([make.obj(make.box(5), score=1), make.obj(make.box(80), score=1)])
    done = expert(offered, make.image([crowd]), COSTS)
    assert done.actions == {Action.DELETE: 1}
    assert done.baseline_seconds == 0
    assert not done.final


def test_crowd_masks_are_measured_by_pixels(make):
    crowd = make.obj(make.mask(0, side=50), crowd=True)
    done = expert(make.image([make.obj(make.mask(5), score=1), make.obj(make.mask(46), score=1)]), make.image([crowd]), COSTS)
    assert done.actions == {Action.DELETE: 1}


def test_tags_are_verified_rejected_and_chosen(make):
    costs = COSTS.with_classes(81)
    truth = make.image(tags=[Tag("tea"), Tag("milk"), Tag("a shelf", "caption", "a shelf")])
    done = expert(make.image(tags=[Tag("tea", score=0.9), Tag("rice", score=0.4)]), truth, costs)
    assert done.actions == {Action.VERIFY_TAG: 1, Action.REJECT_TAG: 1, Action.CHOOSE_TAG: 1}
    assert done.seconds == pytest.approx(1 + 1 + 2.47)
    assert done.baseline_seconds == pytest.approx(2 * 2.47)
    assert {t.name for t in done.tags} == {"tea", "milk"}


def test_without_proposals_all_is_drawn(make):
    rng = np.random.default_rng(0)
    for k in range(20):
        _, truth = make.random_pair(rng, str(k), ["cat", "dog"])
        done = draw_all(truth, COSTS)
        assert done.seconds == done.baseline_seconds
        assert done.seconds == expert(make.image(), truth, COSTS).seconds


def test_final_labels_hold_every_truth_once(make):
    rng = np.random.default_rng(1)
    for k in range(50):
        offered, truth = make.random_pair(rng, str(k), ["cat", "dog"])
        done = expert(offered, truth, COSTS)
        wanted = sorted(o.class_name for o in truth.objects if o.attributes.get("iscrowd") != "1")
        assert sorted(o.class_name for o in done.final) == wanted
