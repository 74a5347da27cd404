"""Rules of the forest's parts: box geometry, trees as arrays, calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.ensemble import ExtraTreesRegressor

from firstpass.labelers._forest_boxes import clip_boxes, match_greedy, pairwise_iou, suppress
from firstpass.labelers._forest_calibration import fit_calibrator
from firstpass.labelers._forest_features import MAX_CELLS, GridSpec, grid_shape, image_features
from firstpass.labelers._forest_pixels import Truth, jitter_image
from firstpass.labelers._forest_trees import TreeBank, TreeSettings, grow

SETTINGS = TreeSettings(trees=6, max_depth=6, min_leaf=2, feature_share=0.5, threads=1)
any_boxes = arrays.arrays(
    np.float32, st.tuples(st.integers(0, 8), st.just(4)), elements=st.floats(-1e4, 1e4, width=32) | st.just(np.float32(np.nan))
)


def boxes_from(rng, n):
    low = rng.uniform(0, 80, (n, 2))
    return np.concatenate([low, low + rng.uniform(5, 40, (n, 2))], axis=1).astype(np.float32)


@given(any_boxes, st.integers(1, 300), st.integers(1, 300))
def test_clipped_boxes_lie_inside_and_have_area(boxes, height, width):
    clipped = clip_boxes(boxes, height, width)
    assert np.isfinite(clipped).all()
    assert (clipped[:, :2] >= 0).all()
    assert (clipped[:, 2:] <= [width, height]).all()
    assert (clipped[:, 2:] > clipped[:, :2]).all()


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 99))
def test_iou_is_symmetric_within_bounds_and_one_with_itself(n, m, seed):
    rng = np.random.default_rng(seed)
    first, second = boxes_from(rng, n), boxes_from(rng, m)
    iou = pairwise_iou(first, second)
    assert iou.shape == (n, m)
    assert ((iou >= 0) & (iou <= 1 + 1e-6)).all()
    assert np.array_equal(iou, pairwise_iou(second, first).T)
    assert np.allclose(np.diag(pairwise_iou(first, first)), 1, atol=1e-5)


@given(st.integers(0, 12), st.integers(0, 99))
def test_suppression_leaves_no_pair_too_close_and_keeps_the_best(n, seed):
    rng = np.random.default_rng(seed)
    boxes, scores, ids = boxes_from(rng, n), rng.random(n).astype(np.float32), rng.integers(0, 2, n)
    kept = suppress(boxes, scores, ids, np.array([0.3, 0.5], np.float32), 0.6)
    assert n == 0 or kept[0] == scores.argmax()
    for place, i in enumerate(kept):
        for j in kept[:place]:
            limit = 0.6 if ids[i] != ids[j] else (0.3, 0.5)[ids[i]]
            assert pairwise_iou(boxes[[i]], boxes[[j]])[0, 0] <= limit + 1e-6


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 99))
def test_matching_uses_each_truth_once_and_only_close_ones(n, m, seed):
    rng = np.random.default_rng(seed)
    overlap = rng.random((n, m)).astype(np.float32)
    matched = match_greedy(overlap, rng.random(n).astype(np.float32))
    used = matched[matched >= 0]
    assert len(set(used.tolist())) == len(used)
    assert all(overlap[i, j] >= 0.5 for i, j in enumerate(matched) if j >= 0)


@pytest.mark.parametrize("outputs", [1, 3])
def test_trees_answer_as_scikit_learn_does_and_survive_arrays(outputs):
    rng = np.random.default_rng(0)
    rows = rng.random((300, 5)).astype(np.float32)
    targets = (rows[:, :outputs] * 2 + rows[:, 1:2]).astype(np.float32)
    bank = grow(rows, targets, None, SETTINGS, seed=3)
    same = ExtraTreesRegressor(6, max_depth=6, min_samples_leaf=2, max_features=0.5, random_state=3)
    expected = same.fit(rows, targets[:, 0] if outputs == 1 else targets).predict(rows).reshape(300, outputs)
    assert np.allclose(bank.predict(rows), expected, atol=1e-5)
    again = TreeBank.from_arrays(bank.to_arrays())
    assert np.array_equal(again.predict(rows), bank.predict(rows))
    assert bank.predict(rows[:0]).shape == (0, outputs)


def test_calibration_learns_the_rate_and_the_order():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 1)).astype(np.float32)
    slots = rng.integers(0, 2, 600)
    hits = rng.random(600) < 1 / (1 + np.exp(-2 * x[:, 0]))
    chance = fit_calibrator(x, slots, hits, 2).probability(x, slots)
    assert abs(chance.mean() - hits.mean()) < 0.02
    assert chance[x[:, 0] > 1].mean() > 0.8 > 0.2 > chance[x[:, 0] < -1].mean()


@pytest.mark.parametrize("hit", [True, False])
def test_calibration_on_one_answer_stays_short_of_certain(hit):
    x, slots = np.zeros((4, 1), np.float32), np.zeros(4, np.int64)
    chance = fit_calibrator(x, slots, np.full(4, hit), 1).probability(x, slots)
    assert ((chance > 0.5) == hit).all()
    assert ((chance > 0) & (chance < 1)).all()


def test_calibration_without_rows_knows_nothing():
    model = fit_calibrator(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), np.zeros(0, bool), 1)
    assert model.probability(np.ones((3, 2), np.float32), np.zeros(3, np.int64)).tolist() == [0.5] * 3


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.5, 50))
def test_grids_are_bounded_and_cover_the_image(height, width, cell):
    shape = grid_shape(height, width, GridSpec(cell, (1.0,)))
    assert 1 <= shape.rows * shape.cols <= MAX_CELLS
    assert shape.rows * shape.cell_y_px == pytest.approx(height)
    assert shape.cols * shape.cell_x_px == pytest.approx(width)


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40))
def test_features_are_finite_on_any_shape(height, width):
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    features, shape = image_features(rgb, GridSpec(2.0, (0.7, 1.5, 3.0, 6.0)))
    assert features.shape[:2] == (shape.rows, shape.cols)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@settings(max_examples=30)
@given(st.integers(0, 999))
def test_mirrored_turned_copies_keep_masks_on_their_objects(seed):
    rgb, mask = np.zeros((40, 60, 3), np.uint8), np.ones((12, 20), bool)
    rgb[8:20, 10:30] = 255
    truth = Truth(np.zeros(1, np.int64), np.array([[10, 8, 30, 20]], np.float32), (mask,))
    image, moved = jitter_image(rgb, truth, np.random.default_rng(seed))
    x, y = np.floor(moved.xyxy_px[0, :2]).astype(int)
    full = np.zeros(image.shape[:2], bool)
    crop = moved.masks[0]
    part = full[y : y + crop.shape[0], x : x + crop.shape[1]]
    part[:] = crop[: part.shape[0], : part.shape[1]]
    bright = image.mean(axis=2) > 128
    assert (full & bright).sum() / (full | bright).sum() > 0.85
