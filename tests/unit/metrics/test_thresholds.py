"""What is shown, and what is held back."""

import numpy as np
import pytest

from firstpass.labels import Tag
from firstpass.metrics import evidence
from firstpass.metrics.effort import CostTable, expert
from firstpass.metrics.thresholds import choose, choose_thresholds

COSTS = CostTable()


def scored_set(make, rng, images, right_above, per_image=4, name="cat", spread=1.0):
    """Truth of per_image objects; proposals at true places when their score is above `right_above`, elsewhere below."""
    pairs = []
    for k in range(images):
        truth, offered = [], []
        for i in range(per_image):
            truth.append(make.obj(make.box(20 * i, 0), name))
            score = float(rng.random()) * spread
            y = 0 if score >= right_above else 60
            offered.append(make.obj(make.box(20 * i, y), name, score))
        pairs.append((make.image(offered, name=str(k)), make.image(truth, name=str(k))))
    return pairs


def single(make, k, name, score, right):
    """One image with one object and one proposal, on it or elsewhere."""
    offered = make.obj(make.box(0, 0 if right else 60), name, score)
    return make.image([offered], name=str(k)), make.image([make.obj(make.box(0), name)], name=str(k))


@pytest.mark.parametrize("draw", [7.0, 25.5])
def test_weighed_seconds_are_the_experts(make, draw):
    rng = np.random.default_rng(3)
    costs = COSTS.with_draw_box(draw).with_classes(20)
    for k in range(150):
        offered, truth = make.random_pair(rng, str(k), ["cat", "dog"], masks=k % 3 == 0)
        tagged = evidence.replace(truth, tags=(Tag("tea"), Tag("rice")))
        offered = evidence.replace(offered, tags=(Tag("tea", score=0.5), Tag("milk", score=0.2)))
        limits = {"cat": float(rng.random()), "dog": float(rng.random()), "tea": 0.4, "milk": 0.3}
        e = evidence.weigh(offered, tagged)
        done = expert(evidence.show(offered, limits), tagged, costs)
        assert e.saved_s(costs, e.shown(limits)) == pytest.approx(done.baseline_seconds - done.seconds)
        assert e.baseline_s(costs) == pytest.approx(done.baseline_seconds)


def test_threshold_lies_where_proposals_turn_right(make):
    pairs = scored_set(make, np.random.default_rng(0), 60, 0.6)
    choice = choose_thresholds(pairs, COSTS)["cat"]
    assert choice.threshold == pytest.approx(0.6, abs=0.02)
    assert choice.interval[0] <= choice.saving_s_per_image <= choice.interval[1]
    assert choice.saving_s_per_image == pytest.approx(4 * 0.4 * 5.3, rel=0.15)
    assert choice.n == 240


def test_dearer_drawing_shows_more(make):
    rng = np.random.default_rng(1)
    scores = rng.random(80)
    pairs = [single(make, k, "cat", float(score), rng.random() < score) for k, score in enumerate(scores)]
    cheap, dear = (choose_thresholds(pairs, COSTS.with_draw_box(d))["cat"].threshold for d in (7.0, 25.5))
    assert dear < cheap < 0.6


def test_useless_proposals_are_silenced(make):
    for seed in range(10):
        pairs = scored_set(make, np.random.default_rng(seed), 20, 2.0)
        choice = choose_thresholds(pairs, COSTS)["cat"]
        assert choice.silent
        assert choice.saving_s_per_image == 0


def test_noise_rarely_passes_and_loses_little(make):
    """Right one time in five whatever the score: never worth showing, and chance must not make it seem so."""
    passed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        pairs = []
        for k in range(15):
            offered = [make.obj(make.box(20 * i, 0 if rng.random() < 0.2 else 60), score=float(rng.random())) for i in range(4)]
            truth = [make.obj(make.box(20 * i)) for i in range(4)]
            pairs.append((make.image(offered, name=str(k)), make.image(truth, name=str(k))))
        passed += not choose_thresholds(pairs, COSTS, seed=seed)["cat"].silent
    assert passed <= 8


def test_one_lucky_image_is_no_proof(make):
    pairs = scored_set(make, np.random.default_rng(0), 1, 0.0)
    assert choose_thresholds(pairs, COSTS)["cat"].silent


def test_no_evidence_no_proposal(make):
    assert choose([], COSTS, ["cat"])["cat"].silent
    truth = make.image([make.obj(make.box(0))])
    assert choose_thresholds([(None, truth)], COSTS, ["cat"])["cat"].silent


def test_rare_classes_borrow_from_the_others(make):
    """Forty classes, two right proposals each: alone none could be believed, together yes. One always wrong cannot."""
    pairs = [single(make, k, f"class{k % 40:02}", 0.9, True) for k in range(80)]
    pairs += [single(make, k, "class99", 0.9, False) for k in range(80, 87)]
    choices = choose_thresholds(pairs, COSTS, ["never seen"])
    shown = {n for n, c in choices.items() if not c.silent}
    assert "class99" not in shown
    assert len(shown) == 41
    assert "never seen" in shown
    assert all(c.silent for c in choose_thresholds(pairs[:2], COSTS).values())


def test_a_bad_class_among_good_ones_is_silenced(make):
    rng = np.random.default_rng(0)
    good = scored_set(make, rng, 30, 0.2, name="RBC")
    bad = scored_set(make, rng, 30, 2.0, per_image=1, name="Platelets")
    pairs = [
        (evidence.replace(a, objects=a.objects + c.objects), evidence.replace(b, objects=b.objects + d.objects))
        for (a, b), (c, d) in zip(good, bad, strict=True)
    ]
    choices = choose_thresholds(pairs, COSTS)
    assert not choices["RBC"].silent
    assert choices["Platelets"].silent


def test_wrong_class_on_a_free_truth_still_saves(make):
    pairs = [
        (make.image([make.obj(make.box(0), "dog", 0.9)], name=str(k)), make.image([make.obj(make.box(0), "cat")], name=str(k)))
        for k in range(20)
    ]
    e = evidence.weigh(*pairs[0])
    assert e.saved_s(COSTS, np.asarray([True])) == pytest.approx(7.0 - 2.8)


def test_unscored_proposals_are_all_or_nothing(make):
    pairs = [
        (make.image([make.obj(make.box(0))], name=str(k)), make.image([make.obj(make.box(0))], name=str(k))) for k in range(9)
    ]
    assert choose_thresholds(pairs, COSTS)["cat"].threshold == 0
    assert len(evidence.show(pairs[0][0], {"cat": 1.0}).objects) == 1
    assert len(evidence.show(pairs[0][0], {"cat": np.inf}).objects) == 0


def test_tags_are_weighed_too(make):
    costs = COSTS.with_classes(81)
    pairs = []
    for k in range(40):
        score = (k % 10) / 10
        name = "tea" if score >= 0.5 else "milk"
        pairs.append((make.image(tags=[Tag("tea", score=score)], name=str(k)), make.image(tags=[Tag(name)], name=str(k))))
    choice = choose_thresholds(pairs, costs)["tea"]
    assert choice.threshold == pytest.approx(0.45)
    assert choice.saving_s_per_image == pytest.approx(0.5 * 1.47)


def test_same_seed_same_choice(make):
    pairs = scored_set(make, np.random.default_rng(0), 12, 0.5)
    assert choose_thresholds(pairs, COSTS, seed=4) == choose_thresholds(pairs, COSTS, seed=4)


def test_hits_are_right_class_and_first_come(make):
    truth = make.image([make.obj(make.box(0))], [Tag("tea")])
    offered = make.image(
        [make.obj(make.box(0), score=0.5), make.obj(make.box(0), score=0.9), make.obj(make.box(0), "dog", 1.0)], [Tag("tea")]
    )
    assert evidence.weigh(offered, truth).hits().tolist() == [False, True, False, True]
