"""What a score is worth."""

import numpy as np
import pytest

from firstpass.metrics.calibration import calibration_error, fit


def draws(n, seed=0, power=2.0):
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    return scores, rng.random(n) < scores**power


def test_many_examples_find_the_true_curve():
    scores, hits = draws(4000)
    curve = fit(["cat"] * 4000, scores, hits)
    grid = np.linspace(0.05, 0.95, 19)
    assert np.abs(curve.probability(["cat"] * 19, grid) - grid**2).max() < 0.1


def test_calibrated_scores_err_less_out_of_sample():
    for n in (30, 400):
        scores, hits = draws(n, 1)
        fresh, fresh_hits = draws(4000, 2)
        p = fit(["cat"] * n, scores, hits).probability(["cat"] * 4000, fresh)
        assert calibration_error(p, fresh_hits) < calibration_error(fresh, fresh_hits)


def test_nothing_known_leaves_the_score():
    curve = fit([], np.zeros(0), np.zeros(0))
    grid = np.linspace(0.01, 0.99, 50)
    assert curve.probability(["cat"] * 50, grid) == pytest.approx(grid, abs=1e-9)


def test_one_lucky_hit_does_not_make_certain():
    p = fit(["cat"], np.asarray([0.2]), np.asarray([True])).probability(["cat"], np.asarray([0.2]))
    assert 0.2 < p[0] < 0.7


def test_rare_class_leans_on_the_pool_and_a_foreign_one_takes_it():
    scores, hits = draws(2000)
    curve = fit(["cat"] * 2000 + ["emu"], np.append(scores, 0.5), np.append(hits, False))
    emu, cow = curve.probability(["emu", "cow"], np.asarray([0.8, 0.8]))
    assert cow == pytest.approx(0.64, abs=0.08)
    assert 0.3 < emu < cow


def test_curves_rise():
    for n in (5, 20, 49, 50, 300):
        scores, hits = draws(n, n)
        p = fit(["a"] * n, scores, 1 - hits).probability(["a"] * 200, np.linspace(0, 1, 200))
        assert (np.diff(p) >= -1e-12).all()
        assert p.min() >= 0
        assert p.max() <= 1


def test_error_of_nothing_is_nan_and_lengths_must_agree():
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0)))
    assert calibration_error(np.asarray([1.0, 0.0]), np.asarray([1, 0])) == 0
    with pytest.raises(ValueError, match="belong together"):
        fit(["a"], np.zeros(2), np.zeros(2))
