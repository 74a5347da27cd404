"""click-mask: clicks are obeyed, a box keeps its mask, the same cues give the same mask, and plain things are found."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstpass.engines.driver import check_batch
from firstpass.errors import UsageError
from firstpass.labelers._click_answer import _stray_piece
from firstpass.labelers._click_scene import SceneCache, make_scene
from firstpass.labelers.base import Ask, AskedClass, Click, ImageCues, Task
from firstpass.labelers.click_mask import SPEC, ClickMask
from firstpass.labels import ImageRef, Mask, rle
from firstpass.media.image import Image


def picture(rgb: np.ndarray, digest: str = "d") -> Image:
    rgb = np.ascontiguousarray(rgb, np.uint8)
    rgb.setflags(write=False)
    return Image(ImageRef(digest, "a.png", "a.png", rgb.shape[1], rgb.shape[0]), rgb)


def scene(width: int = 160, height: int = 120, noise: int = 12) -> tuple[Image, np.ndarray, np.ndarray]:
    """A red ellipse and a blue bar on noisy gray, and their masks."""
    random = np.random.default_rng(3)
    rgb = random.integers(110 - noise, 110 + noise, (height, width, 3))
    disk, bar = np.zeros((2, height, width), np.uint8)
    cv2.ellipse(disk, (width // 3, height // 2), (width // 6, height // 5), 20, 0, 360, 1, -1)
    cv2.rectangle(bar, (int(width * 0.7), height // 6), (int(width * 0.85), int(height * 0.8)), 1, -1)
    rgb[disk > 0] += (90, -40, -40)
    rgb[bar > 0] += (-60, -40, 90)
    return picture(rgb), disk, bar


def masks(image: Image, labeler: ClickMask | None = None, **cues: Any) -> list[np.ndarray]:
    labeler = labeler or ClickMask.open({})
    ask = Ask(Task.SEGMENT, (AskedClass("thing"),), {image.ref.digest: ImageCues(**cues)})
    [reply] = check_batch(labeler.label([image], ask), SPEC, [image.ref], ask)
    assert reply.problem is None
    assert all(o.class_name == "thing" and o.score is not None and 0 <= o.score <= 1 for o in reply.objects)
    return [rle.decode(o.shape).astype(np.uint8) for o in reply.objects if isinstance(o.shape, Mask)]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


class TestFindsPlainThings:
    """What stands out is found by one click or one box."""

    @pytest.mark.parametrize("size", [(160, 120), (900, 700)])
    def test_one_click(self, size: tuple[int, int]) -> None:
        image, disk, bar = scene(*size)
        labeler = ClickMask.open({})
        [found] = masks(image, labeler, clicks=(Click(size[0] / 3, size[1] / 2),))
        assert iou(found, disk) > 0.9
        [found] = masks(image, labeler, clicks=(Click(size[0] * 0.77, size[1] * 0.5),))
        assert iou(found, bar) > 0.85

    def test_a_box_with_some_room(self) -> None:
        image, disk, _ = scene()
        ys, xs = np.nonzero(disk)
        box = (xs.min() - 3.0, ys.min() - 3.0, xs.max() + 4.0, ys.max() + 4.0)
        assert iou(masks(image, boxes_xyxy_px=(box,))[0], disk) > 0.9

    def test_a_second_click_adds_the_second_thing(self) -> None:
        image, disk, bar = scene()
        clicks = (Click(53, 60), Click(123, 60))
        assert iou(masks(image, clicks=clicks)[0], disk | bar) > 0.85

    def test_a_negative_click_takes_a_piece_without_a_positive_one(self) -> None:
        mask = np.zeros((20, 40), np.uint8)
        mask[5:15, 5:12] = mask[5:15, 25:35] = 1
        piece = _stray_piece(mask, [Click(8, 8), Click(30, 10, False)])
        assert piece is not None
        assert piece.sum() == 100
        assert _stray_piece(mask, [Click(8, 8), Click(30, 8), Click(30, 10, False)]) is None
        assert _stray_piece(mask, [Click(30, 10, False)]) is None


class TestCues:
    """What is obeyed, what does not count."""

    @settings(max_examples=12, deadline=None)
    @given(
        clicks=st.lists(
            st.builds(Click, st.floats(0, 159.9), st.floats(0, 119.9), st.booleans()), min_size=1, max_size=6,
            unique_by=lambda c: (int(c.x), int(c.y)),
        ),
        box=st.none() | st.just((20.0, 10.0, 90.0, 100.0)),
    )  # fmt: skip
    def test_clicks_are_obeyed(self, clicks: list[Click], box: Any) -> None:
        found = masks(scene()[0], clicks=tuple(clicks), boxes_xyxy_px=() if box is None else (box,))
        if box is None and not any(c.positive for c in clicks):
            assert found == []
        elif any(c.positive for c in clicks):
            assert [bool(found[0][int(c.y), int(c.x)]) for c in clicks] == [c.positive for c in clicks]

    @settings(max_examples=25, deadline=None)
    @given(x=st.floats(-20, 150), y=st.floats(-20, 110), width=st.floats(0.1, 200), height=st.floats(0.1, 200))
    def test_a_box_holds_its_mask(self, x: float, y: float, width: float, height: float) -> None:
        for found in masks(scene()[0], boxes_xyxy_px=((x, y, x + width, y + height),)):
            ys, xs = np.nonzero(found)
            assert x - 1 < xs.min()
            assert xs.max() < x + width + 1
            assert y - 1 < ys.min()
            assert ys.max() < y + height + 1

    def test_nothing_told_gives_nothing(self) -> None:
        image = scene()[0]
        nothing = (
            {},
            {"clicks": (Click(5, 5, False),)},
            {"clicks": (Click(-1, 5), Click(160, 5))},
            {"boxes_xyxy_px": ((3, 3, 3, 9),)},
        )
        for cues in nothing:
            assert masks(image, **cues) == []
        assert ClickMask.open({}).label([image], Ask(Task.SEGMENT))[0].objects == ()

    def test_two_boxes_are_two_objects(self) -> None:
        assert len(masks(scene()[0], boxes_xyxy_px=((20, 20, 90, 100), (100, 10, 150, 110)))) == 2

    def test_cues_that_are_no_positions_are_refused(self) -> None:
        with pytest.raises(UsageError, match="not finite"):
            masks(scene()[0], clicks=(Click(float("inf"), 1),))
        with pytest.raises(UsageError, match="x1 <= x2"):
            masks(scene()[0], boxes_xyxy_px=((9, 0, 3, 4),))

    @pytest.mark.parametrize("name", ["cached_images", "cache_mb"])
    @pytest.mark.parametrize("value", [0, -1, 1.5, True, "4"])
    def test_wrong_settings(self, name: str, value: object) -> None:
        with pytest.raises(UsageError, match=f"setting {name}: needs a whole number from 1"):
            ClickMask.open({name: value})


class TestSteady:
    """The same cues, the same mask, whatever came before; any picture."""

    def test_the_way_does_not_matter(self) -> None:
        image = scene()[0]
        clicks = (Click(53, 60), Click(70, 40), Click(30, 60, False), Click(123, 60))
        warm = ClickMask.open({})
        for k in range(1, 5):
            step = masks(image, warm, clicks=clicks[:k])
        masks(image, warm, boxes_xyxy_px=((3, 3, 60, 60),))
        assert np.array_equal(step[0], masks(image, clicks=clicks)[0])
        assert np.array_equal(step[0], masks(image, warm, clicks=clicks)[0])

    @pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1), (2, 2), (3, 300), (7, 5)])
    @pytest.mark.parametrize("plain", [True, False])
    def test_any_size(self, shape: tuple[int, int], plain: bool) -> None:
        random = np.random.default_rng(1)
        image = picture(np.full((*shape, 3), 90) if plain else random.integers(0, 255, (*shape, 3)))
        x, y = shape[1] / 2, shape[0] / 2
        [found] = masks(image, clicks=(Click(x, y), Click(0, 0), Click(shape[1] - 0.5, shape[0] - 0.5)))
        assert found.shape == shape
        assert found[int(y), int(x)] == found[0, 0] == found[-1, -1] == 1
        [found] = masks(image, boxes_xyxy_px=((0, 0, shape[1], shape[0]),))
        assert found.any()

    def test_the_image_is_not_changed(self) -> None:
        image = scene()[0]
        before = image.rgb.copy()
        masks(image, clicks=(Click(53, 60), Click(30, 60, False)))
        assert np.array_equal(before, image.rgb)


class TestCache:
    """Bounded in number and bytes; one always stays; another picture is never taken for it."""

    def test_number_and_bytes(self) -> None:
        rgb = np.zeros((100, 100, 3), np.uint8)
        cache = SceneCache(3, 10**9)
        for key in range(5):
            cache.get(key, rgb)
        assert len(cache) == 3
        small = SceneCache(3, 1)
        small.get(1, rgb)
        small.get(2, rgb)
        assert len(small) == 1
        assert small.get(None, rgb) is not small.get(None, rgb)

    def test_the_last_used_stays(self) -> None:
        rgb = np.zeros((10, 10, 3), np.uint8)
        cache = SceneCache(2, 10**9)
        first = cache.get(1, rgb)
        cache.get(2, rgb)
        assert cache.get(1, rgb) is first
        cache.get(3, rgb)
        assert cache.get(1, rgb) is first

    def test_a_picture_without_digest_is_not_remembered(self) -> None:
        labeler = ClickMask.open({})
        image, disk, _ = scene()
        nameless = picture(image.rgb, "")
        assert masks(nameless, labeler, clicks=(Click(53, 60),))[0].sum() > 0
        other = picture(np.roll(image.rgb, 60, axis=1), "")
        assert iou(masks(other, labeler, clicks=(Click(113, 60),))[0], np.roll(disk, 60, axis=1)) > 0.85

    def test_the_pyramid_ends_small(self) -> None:
        levels = make_scene(np.zeros((1000, 1500, 3), np.uint8)).levels
        assert [level.shape[:2] for level in levels] == [(1000, 1500), (500, 750), (250, 375), (125, 188)]
