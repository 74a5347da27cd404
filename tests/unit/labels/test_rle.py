import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as oracle

from firstpass.labels import Mask, Polygon, PolygonPart, rle

bitmaps = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(bitmaps)
def test_decode_undoes_encode(bitmap):
    assert (rle.decode(rle.encode(bitmap)) == bitmap).all()


@given(bitmaps)
def test_runs_undo_from_counts_and_fill_the_image(bitmap):
    mask = rle.encode(bitmap)
    runs = rle.runs_of(mask.counts)
    assert runs.sum() == bitmap.size
    assert rle.from_counts(runs.tolist(), *bitmap.shape) == mask
    assert rle.area_px(mask) == bitmap.sum()


def test_long_runs_of_a_large_image_survive():
    bitmap = np.zeros((3000, 4000), bool)
    bitmap[10:2900, 5:3990] = True
    mask = rle.encode(bitmap)
    assert rle.runs_of(mask.counts).sum() == bitmap.size


@given(st.text(max_size=12))
def test_a_foreign_string_is_refused_or_fills_the_image(text):
    try:
        mask = rle.from_compressed(text, 5, 7)
    except ValueError:
        return
    assert rle.runs_of(mask.counts).sum() == 35


def test_runs_that_do_not_fill_the_image_are_refused():
    with pytest.raises(ValueError, match="runs cover 9 pixels, but the image has 5x2"):
        rle.from_counts([4, 5], 2, 5)
    with pytest.raises(ValueError, match="runs cover 12 pixels"):
        rle.from_compressed(rle.encode(np.ones((3, 4), bool)).counts, 4, 4)


def test_bounds_are_tight_and_zero_for_an_empty_mask():
    bitmap = np.zeros((9, 11), bool)
    assert rle.bounding_xyxy(rle.encode(bitmap)) == (0, 0, 0, 0)
    bitmap[2:5, 3:8] = True
    assert rle.bounding_xyxy(rle.encode(bitmap)) == (3, 2, 8, 5)


def test_iou_of_masks_by_pixels():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    a[:, :2], b[:, 1:3] = True, True
    assert rle.iou_matrix([rle.encode(a)], [rle.encode(a), rle.encode(b)])[0] == pytest.approx([1.0, 1 / 3])
    assert rle.iou_matrix([], [rle.encode(a)]).shape == (0, 1)


def test_a_hole_is_cut_out_and_parts_join():
    square = ((0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0))
    hole = ((2.0, 2.0), (6.0, 2.0), (6.0, 6.0), (2.0, 6.0))
    other = tuple((x + 10, y) for x, y in square)
    mask = rle.from_polygon(Polygon((PolygonPart(square, (hole,)), PolygonPart(other))), 10, 20)
    assert rle.area_px(mask) == 64 - 16 + 64
    assert not rle.decode(mask)[3, 3]
    plain = rle.from_polygon(Polygon((PolygonPart(square),)), 10, 20)
    flat = [[v for xy in square for v in xy]]
    assert plain.counts.encode() == oracle.merge(oracle.frPyObjects(flat, 10, 20))["counts"]


def test_a_mask_without_size_is_refused():
    with pytest.raises(ValueError, match="at least 1x1"):
        Mask(0, 4, "")
