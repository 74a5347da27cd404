"""The outline of a mask, and the listing of folders, as the folder formats use them."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from firstpass.errors import Problem
from firstpass.formats._outline import outer_polygon, outline, single_ring
from firstpass.formats._walk import walk
from firstpass.labels import geometry, rle

TEXTS = frozenset((".txt",))
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(MASKS)
def test_filled_outline_is_the_mask_with_its_holes_filled(pixels):
    mask = rle.encode(pixels)
    polygon, _ = outer_polygon(mask)
    if polygon is None:
        assert not pixels.any()
        return
    filled = rle.decode(rle.from_polygon(polygon, *pixels.shape))
    assert filled[pixels].all()
    if not outline(mask).holes:
        assert (filled == pixels).all()
        assert geometry.area_px(polygon) == pixels.sum()
    assert geometry.bounds(polygon) == geometry.bounds(mask)


@given(MASKS)
def test_rings_are_four_connected_pieces_largest_first(pixels):
    from scipy import ndimage

    rings = outline(rle.encode(pixels)).outers
    areas = [geometry.ring_area_px(ring) for ring in rings]
    assert areas == sorted(areas, reverse=True)
    _, pieces = ndimage.label(pixels)
    assert len(rings) == pieces


def test_what_a_single_ring_leaves_out_is_said(ring_mask):
    ring, left_out = single_ring(ring_mask[0])
    assert ring is not None
    assert left_out == "1 smaller part left out, holes filled"
    assert single_ring(rle.encode(np.zeros((5, 5), bool))) == (None, "the mask is empty")


def test_walk_is_sorted_recursive_and_passes_over_hidden(put):
    folder = put({"b.txt": "", "a/z.TXT": "", "a/b/c.txt": "", ".git/x.txt": "", ".h.txt": "", "d.jpg": ""})
    assert list(walk(folder, TEXTS)) == ["b.txt", "a/z.TXT", "a/b/c.txt"]


def test_walk_ends_in_a_symlink_loop(put):
    folder = put({"a/x.txt": ""})
    try:
        (folder / "a/up").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    found = list(walk(folder, TEXTS))
    assert [f for f in found if isinstance(f, str)] == ["a/x.txt"]
    assert [f.where for f in found if isinstance(f, Problem)] == ["a/up"]


def test_walk_follows_a_link_to_elsewhere(put):
    folder = put({"elsewhere/x.txt": "", "set/y.txt": ""})
    (folder / "set/more").symlink_to(folder / "elsewhere", target_is_directory=True)
    assert list(walk(folder / "set", TEXTS)) == ["y.txt", "more/x.txt"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every folder")
def test_walk_tells_of_a_folder_it_may_not_read(put):
    folder = put({"a/x.txt": "", "b/y.txt": ""})
    (folder / "a").chmod(0)
    found = list(walk(folder, TEXTS))
    (folder / "a").chmod(0o755)
    assert "b/y.txt" in found
    assert [f.severity for f in found if isinstance(f, Problem)] == ["error"]
