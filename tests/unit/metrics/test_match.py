"""Overlap and greedy matching."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firstpass.labels import Box, Point, geometry
from firstpass.metrics import match


def test_mask_overlap_equals_the_plain_computation(make):
    rng = np.random.default_rng(0)
    a = [make.mask(int(x), int(y)) for x, y in rng.integers(0, 80, (12, 2))] + [make.box(5)]
    b = [make.mask(int(x), int(y), 15) for x, y in rng.integers(0, 80, (9, 2))] + [make.box(9)]
    assert np.array_equal(match.overlaps(a, b, 100, 100), geometry.shape_iou_matrix(a, b, 100, 100))


def test_empty_sides_and_points(make):
    assert match.overlaps([], [make.mask(0)], 100, 100).shape == (0, 1)
    assert match.overlaps([make.mask(0)], [], 100, 100).shape == (1, 0)
    assert match.overlaps([Point(1, 1)], [Point(1, 1)], 100, 100).tolist() == [[0.0]]
    assert match.greedy(np.zeros((0, 3))).missed == (0, 1, 2)


def test_best_overlap_is_taken_first_even_if_the_other_truth_then_stays_alone():
    found = match.greedy(np.asarray([[0.9, 0.8], [0.85, 0.0]]))
    assert found.pairs == ((0, 0, 0.9),)
    assert (found.extra, found.missed) == ((1,), (1,))


def test_equal_overlap_goes_by_class_then_score():
    ious = np.asarray([[0.7], [0.7], [0.7]])
    alike = np.asarray([[False], [True], [True]])
    assert match.greedy(ious, 0.5, alike, np.asarray([0.9, 0.1, 0.2])).pairs[0][0] == 2
    assert match.greedy(ious, 0.5, None, np.asarray([0.2, np.nan, 0.9])).pairs[0][0] == 2
    assert match.greedy(ious).pairs[0][0] == 0


def test_by_class_forbids_the_wrong_class(make):
    a, b = [make.obj(make.box(0), "dog")], [make.obj(make.box(0), "cat")]
    assert len(match.match_objects(a, b, 100, 100).pairs) == 1
    assert not match.match_objects(a, b, 100, 100, by_class=True).pairs


def test_covered_is_a_share_of_the_shape(make):
    got = match.covered([Box(0, 0, 10, 10), Box(0, 0, 0, 5)], [Box(5, 0, 100, 100)], 100, 100)
    assert got.tolist() == [[0.5], [0.0]]


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_matching_is_one_to_one_and_leaves_no_pair_behind(n, m, seed):
    ious = np.random.default_rng(seed).integers(0, 11, (n, m)) / 10
    found = match.greedy(ious)
    rows, columns = [i for i, _, _ in found.pairs], [j for _, j, _ in found.pairs]
    assert sorted([*rows, *found.extra]) == list(range(n))
    assert sorted([*columns, *found.missed]) == list(range(m))
    assert all(ious[i, j] == iou >= 0.5 for i, j, iou in found.pairs)
    assert not any(ious[i, j] >= 0.5 for i in found.extra for j in found.missed)
