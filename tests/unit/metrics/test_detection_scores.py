"""Precision, recall, F1."""

import math

import pytest

from firstpass.labels import Box, Tag
from firstpass.metrics.detection_scores import object_scores, tag_scores


def test_counts_by_hand(make):
    truth = make.image([make.obj(make.box(0)), make.obj(make.box(20)), make.obj(make.box(40), "dog")])
    offered = make.image([make.obj(Box(0, 0, 10, 8)), make.obj(make.box(20), "dog"), make.obj(make.box(80), "cat")])
    got = object_scores([(offered, truth)])
    assert (got.hits, got.false, got.missed) == (1, 2, 2)
    assert got.precision == got.recall == got.f1 == pytest.approx(1 / 3)
    assert got.mean_iou == pytest.approx(0.8)
    assert got.per_class["dog"].recall == 0
    assert got.per_class["cat"].f1 == pytest.approx(0.5)


def test_crowds_are_left_out(make):
    truth = make.image([make.obj(make.box(0, side=50), crowd=True)])
    got = object_scores([(make.image([make.obj(make.box(3)), make.obj(make.box(80))]), truth)])
    assert (got.hits, got.false, got.missed) == (0, 1, 0)


def test_nothing_at_all_has_no_score(make):
    got = object_scores([(None, make.image())])
    assert math.isnan(got.f1)
    assert math.isnan(got.mean_iou)
    assert not got.per_class


def test_tags_by_name(make):
    got = tag_scores([(make.image(tags=[Tag("tea"), Tag("rice")]), make.image(tags=[Tag("tea"), Tag("milk")]))])
    assert (got.hits, got.false, got.missed) == (1, 1, 1)
