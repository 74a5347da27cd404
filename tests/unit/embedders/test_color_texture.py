"""What color-texture sees."""

import numpy as np
import pytest

from firstpass.embedders import color_texture
from firstpass.media.features import LENGTH, features


def solid(color, size=(60, 80)):
    return np.full((*size, 3), color, np.uint8)


def stripes(vertical, period=8):
    line = (np.arange(96) // (period // 2) % 2 * 255).astype(np.uint8)
    plane = np.tile(line, (96, 1))
    return np.repeat((plane if vertical else plane.T)[:, :, None], 3, axis=2)


def nearer(query, a, b):
    q, x, y = features([query, a, b])
    return float(q @ x) > float(q @ y)


def test_like_colors_lie_near():
    assert nearer(solid((200, 30, 30)), solid((180, 40, 20)), solid((30, 30, 200)))


def test_edge_direction_is_seen():
    assert nearer(stripes(vertical=True), stripes(vertical=True, period=12), stripes(vertical=False))


def test_layout_is_seen():
    top, bottom = solid((0, 0, 0)), solid((0, 0, 0))
    top[:20], bottom[40:] = 255, 255
    like = top.copy()
    like[:18] = 240
    assert nearer(top, like, bottom)


def test_size_hardly_matters():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 12, 3), np.uint8)
    a, b = features([np.kron(small, np.ones((16, 16, 1), np.uint8)), np.kron(small, np.ones((8, 8, 1), np.uint8))])
    assert a @ b > 0.98


def test_gray_planes_are_welcome_and_others_refused():
    gray = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
    assert np.array_equal(features([gray]), features([np.repeat(gray[:, :, None], 3, axis=2)]))
    for bad in (np.zeros((0, 5, 3), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(ValueError, match="a picture must be uint8"):
            features([bad])


def test_declared_length_is_true():
    assert color_texture.PLUGIN.open({}).embed([solid((1, 2, 3))]).shape == (1, LENGTH)
