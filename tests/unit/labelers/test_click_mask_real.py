"""click-mask on real nuclei: IoU after one click, after three, and from a box stays above a floor."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from firstpass.labelers.base import Ask, Click, ImageCues, Task
from firstpass.labelers.click_mask import ClickMask
from firstpass.labels import ImageRef, Mask, rle
from firstpass.media.image import Image

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "dsb2018"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (DATA / "coco.json").is_file(), reason="needs ../shared/data/dsb2018 beside the checkout"),
]


def objects(count: int) -> list[tuple[Image, np.ndarray]]:
    """One truth mask of at least 100 px for each of the first images of odd place."""
    sheet = json.loads((DATA / "coco.json").read_text(encoding="utf-8"))
    out = []
    for image in sorted(sheet["images"], key=lambda i: i["id"])[1::2]:
        rows = [a for a in sheet["annotations"] if a["image_id"] == image["id"] and a["area"] >= 100]
        if rows and len(out) < count:
            rgb = np.ascontiguousarray(cv2.imread(str(DATA / image["file_name"]))[..., ::-1])
            shape = rows[len(rows) // 2]["segmentation"]
            truth = rle.decode(rle.from_counts(shape["counts"], *shape["size"])).astype(np.uint8)
            out.append((Image(ImageRef(str(image["id"]), "a", "a", rgb.shape[1], rgb.shape[0]), rgb), truth))
    return out


def deepest(mask: np.ndarray) -> tuple[float, float]:
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return x + 0.5, y + 0.5


def masked(labeler: ClickMask, image: Image, cues: ImageCues) -> np.ndarray:
    [found] = labeler.label([image], Ask(Task.SEGMENT, (), {image.ref.digest: cues}))[0].objects
    assert isinstance(found.shape, Mask)
    return rle.decode(found.shape).astype(np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_floors() -> None:
    labeler = ClickMask.open({})
    one, three, boxed = [], [], []
    for image, truth in objects(15):
        clicks: tuple[Click, ...] = (Click(*deepest(truth)),)
        mask = masked(labeler, image, ImageCues(clicks))
        one.append(iou(mask, truth))
        for _ in range(2):
            if np.array_equal(mask, truth):
                break
            _, labels, figures, _ = cv2.connectedComponentsWithStats(mask ^ truth, connectivity=4)
            x, y = deepest((labels == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8))
            clicks = (*clicks, Click(x, y, bool(truth[int(y), int(x)])))
            mask = masked(labeler, image, ImageCues(clicks))
        three.append(iou(mask, truth))
        ys, xs = np.nonzero(truth)
        boxed.append(iou(masked(labeler, image, ImageCues((), ((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1),))), truth))
    assert np.mean(one) > 0.6
    assert np.mean(three) > 0.7
    assert np.mean(boxed) > 0.75
