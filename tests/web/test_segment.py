"""A click or a box becomes a mask of the image's size."""

import pytest
from _client import API, error_of, keys, post

from firstpass.labels import Mask, rle


def ask(desk, **body):
    return post(desk, f"/images/{keys(desk)[0]}/segment", body)


def test_the_labelers_that_can_be_asked_are_told(desk):
    assert "click-mask" in desk.get(API + "/project").json()["promptable"]


@pytest.mark.parametrize(
    "cue", [{"clicks": [{"x": 20, "y": 30, "positive": True}]}, {"box_xyxy_px": [2, 2, 60, 70]}], ids=["click", "box"]
)
def test_a_cue_gives_a_mask_of_the_images_size(desk, cue):
    answer = ask(desk, **cue)
    assert answer.status_code == 200, answer.text
    shape = answer.json()["shape"]
    mask = rle.decode(Mask(shape["height_px"], shape["width_px"], shape["counts"]))
    assert mask.shape == (72, 96)
    assert mask[30, 20]
    assert answer.json()["milliseconds"] >= 0


@pytest.mark.parametrize(
    "cue",
    [
        {},
        {"clicks": [{"x": 20, "y": 30, "positive": False}]},
        {"clicks": [{"x": 2000, "y": 30}]},
        {"clicks": [{"x": -1, "y": 30}]},
        {"box_xyxy_px": [5, 5, 5, 9]},
        {"box_xyxy_px": [0, 0, 97, 9]},
        {"clicks": [{"x": 2, "y": 3}], "labeler": "fake"},
        {"clicks": [{"x": 2, "y": 3}], "labeler": "../../x"},
        {"clicks": [{"x": 2, "y": 3}] * 500},
    ],
    ids=lambda cue: str(cue)[:60],
)
def test_a_cue_that_cannot_be_is_refused(desk, cue):
    assert error_of(ask(desk, **cue), 422)["what"]
