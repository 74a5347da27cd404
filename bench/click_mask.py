"""IoU of click-mask with the truth after 1, 3 and 5 clicks and from a box, and ms a cue, beside GrabCut from the box.

The first click is where the truth is deepest (its distance transform's maximum), each next one where the largest wrong region
is; the box is the truth's, each edge moved by up to 5 % of the side. Objects are a seeded draw from every second image of a
set: the score inside click-mask was fitted on the other images. GrabCut is OpenCV's, five rounds from the box on the full
picture. "first" is the first cue on a picture that was not seen before, its preparation included; "next" the clicks after it.
    python -m bench.click_mask [--objects 80] [--seed 0] [--cpu] [--sets dsb2018 …]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench._data import DATA
from firstpass.labelers.base import Ask, Click, ImageCues, Task
from firstpass.labelers.click_mask import ClickMask
from firstpass.labels import ImageRef, Mask, rle
from firstpass.media.image import Image

Binary = NDArray[np.uint8]
Clock = Callable[[], float]
CLICKS = 5


def objects(folder: Path, count: int, seed: int) -> Iterator[tuple[Path, Binary]]:
    """A draw of truth masks of at least 50 px from every second image."""
    from pycocotools import mask as coco

    sheet = json.loads((folder / "coco.json").read_text(encoding="utf-8"))
    images = {image["id"]: image for image in sheet["images"]}
    held_out = set(sorted(images)[1::2])
    rows = [a for a in sheet["annotations"] if a["image_id"] in held_out and not a.get("iscrowd") and a.get("segmentation")]
    left = count
    for k in np.random.default_rng(seed).permutation(len(rows)):
        image, shape = images[rows[k]["image_id"]], rows[k]["segmentation"]
        if isinstance(shape, list):
            shape = coco.merge(coco.frPyObjects(shape, image["height"], image["width"]))
        elif isinstance(shape["counts"], list):
            shape = coco.frPyObjects(shape, image["height"], image["width"])
        mask = coco.decode(shape)
        if mask.sum() >= 50:
            left -= 1
            yield folder / image["file_name"], mask
        if not left:
            return


def deepest(mask: Binary) -> tuple[float, float]:
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def next_click(mask: Binary, truth: Binary) -> Click | None:
    wrong = mask ^ truth
    if not wrong.any():
        return None
    _, labels, figures, _ = cv2.connectedComponentsWithStats(wrong, connectivity=4)
    region = (labels == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    x, y = deepest(region)
    return Click(x, y, bool(truth[int(y), int(x)]))


def iou(a: Binary, b: Binary) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def shaken_box(truth: Binary, random: np.random.Generator) -> tuple[float, float, float, float]:
    ys, xs = np.nonzero(truth)
    box = np.asarray([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], float)
    sides = np.tile(box[2:] - box[:2], 2)
    limit = np.tile(np.asarray(truth.shape[::-1], float), 2)
    x1, y1, x2, y2 = np.clip(box + random.uniform(-0.05, 0.05, 4) * sides, 0, limit).tolist()
    return x1, y1, x2, y2


def grabcut(rgb: Binary, box: tuple[float, float, float, float]) -> Binary:
    x1, y1, x2, y2 = (round(v) for v in box)
    trimap: Any = np.zeros(rgb.shape[:2], np.uint8)
    cv2.setRNGSeed(0)
    place = (x1, y1, max(x2 - x1, 1), max(y2 - y1, 1))
    cv2.grabCut(rgb[..., ::-1].copy(), trimap, place, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    return (trimap & 1).astype(np.uint8)


class Session:
    """The labeler on one picture, with a clock."""

    def __init__(self, labeler: ClickMask, image: Image, clock: Clock) -> None:
        self.labeler, self.image, self.clock = labeler, image, clock

    def ask(self, **cues: Any) -> tuple[Binary, float]:
        start = self.clock()
        reply = self.labeler.label([self.image], Ask(Task.SEGMENT, (), {self.image.ref.digest: ImageCues(**cues)}))[0]
        spent = (self.clock() - start) * 1000
        shape = reply.objects[0].shape if reply.objects else None
        if not isinstance(shape, Mask):
            return np.zeros(self.image.rgb.shape[:2], np.uint8), spent
        return rle.decode(shape).astype(np.uint8), spent


def measure(folder: Path, count: int, seed: int, clock: Clock) -> tuple[dict[str, float], dict[str, list[float]]]:
    ious: dict[str, list[float]] = {k: [] for k in ("1", "3", "5", "box", "grabcut")}
    times: dict[str, list[float]] = {k: [] for k in ("first", "next", "box", "grabcut")}
    random = np.random.default_rng(seed)
    labeler = ClickMask.open({})
    for n, (path, truth) in enumerate(objects(folder, count, seed)):
        rgb = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        ref = ImageRef(f"{n:032x}", path.name, path.name, rgb.shape[1], rgb.shape[0])
        session = Session(labeler, Image(ref, rgb), clock)
        clicks = (Click(*deepest(truth)),)
        for k in range(1, CLICKS + 1):
            mask, spent = session.ask(clicks=clicks)
            times["first" if k == 1 else "next"].append(spent)
            if str(k) in ious:
                ious[str(k)].append(iou(mask, truth))
            more = next_click(mask, truth)
            clicks = (*clicks, more) if more is not None else clicks
        box = shaken_box(truth, random)
        mask, spent = session.ask(boxes_xyxy_px=(box,))
        ious["box"].append(iou(mask, truth))
        times["box"].append(spent)
        start = clock()
        ious["grabcut"].append(iou(grabcut(rgb, box), truth))
        times["grabcut"].append((clock() - start) * 1000)
    return {k: float(np.mean(v)) for k, v in ious.items()}, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", action="store_true", help="the process's CPU time instead of wall time: for a busy machine")
    parser.add_argument("--sets", nargs="+", default=["dsb2018", "magnetic_tile", "coco_tiny"])
    asked = parser.parse_args()
    sets = [DATA / name for name in asked.sets if (DATA / name / "coco.json").is_file()]
    if not sets:
        print("the labeled data sets are not beside the checkout: set FIRSTPASS_DATA to their folder")
        return
    print(f"{asked.objects} objects a set, seed {asked.seed}; mean IoU, and {'CPU' if asked.cpu else 'wall'} ms as p50/p95")
    heads = ("1 click", "3 clicks", "5 clicks", "box", "GrabCut box")
    clocks = ("first click", "next click", "box", "GrabCut box")
    print(f"{'':14}" + "".join(f"{h:>12}" for h in heads) + "".join(f"{h + ' ms':>16}" for h in clocks))
    for folder in sets:
        ious, times = measure(folder, asked.objects, asked.seed, time.process_time if asked.cpu else time.perf_counter)
        spans = [f"{np.percentile(v, 50):.0f}/{np.percentile(v, 95):.0f}" for v in times.values()]
        print(
            f"{folder.name:14}" + "".join(f"{v:12.3f}" for v in ious.values()) + "".join(f"{s:>16}" for s in spans), flush=True
        )


if __name__ == "__main__":
    main()
