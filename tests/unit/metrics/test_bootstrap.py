"""Intervals cover as often as they say."""

import numpy as np
import pytest

from firstpass.metrics.bootstrap import mean_interval, ratio_interval, weights


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [0.5 in mean_interval(rng.random(60), confidence=0.9, rounds=300, seed=k) for k in range(300)]
    assert 0.84 <= np.mean(covered) <= 0.95


def test_ratio_weighs_images_by_their_size():
    got = ratio_interval(np.asarray([10.0, 0.0]), np.asarray([90.0, 10.0]))
    assert got.value == pytest.approx(0.1)
    assert got.low == 0.0
    assert got.high == pytest.approx(10 / 90)


def test_seed_fixes_the_interval_whatever_the_size():
    values = np.random.default_rng(1).random(9000)
    assert mean_interval(values, rounds=1000, seed=3) == mean_interval(values, rounds=1000, seed=3)


def test_nothing_gives_nan_and_one_image_a_point():
    assert np.isnan(mean_interval(np.zeros(0)).low)
    assert np.isnan(ratio_interval(np.ones(3), np.zeros(3)).value)
    one = mean_interval(np.asarray([2.0]))
    assert (one.low, one.high) == (2.0, 2.0)
    with pytest.raises(ValueError, match="one value per image"):
        ratio_interval(np.ones(2), np.ones(3))


def test_weights_keep_the_count():
    w = weights(7, 50, np.random.default_rng(0))
    assert w.shape == (50, 7)
    assert (w.sum(axis=1) == 7).all()
    assert weights(0, 5, np.random.default_rng(0)).shape == (5, 0)
