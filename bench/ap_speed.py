"""Average precision on a made-up set of the size of COCO val: seconds, and equality with pycocotools.

python -m bench.ap_speed [--images 5000] [--boxes 36000] [--masks]
"""

import argparse
import contextlib
import io
import time

import numpy as np

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Ontology, PolygonPart
from firstpass.labels.shapes import Polygon
from firstpass.metrics.average_precision import _tables, ap

SIDE = 640


def made_up(images: int, boxes: int, classes: int, masks: bool) -> tuple[list[tuple[LabeledImage, LabeledImage]], Ontology]:
    rng = np.random.default_rng(0)
    names = [f"class {k}" for k in range(classes)]
    human, model = Author("human", "truth"), Author("labeler", "model")
    pairs = []

    def labeled(corner: np.ndarray, size: np.ndarray, name: str, score: float | None) -> Labeled:
        (x, y), (w, h) = np.clip(corner, 0, SIDE - 2), size
        shape = Box(float(x), float(y), float(x + w), float(y + h))
        if masks:
            shape = Polygon(
                (PolygonPart(((shape.x1, shape.y1), (shape.x2, shape.y1 + h / 3), (shape.x2, shape.y2), (shape.x1, shape.y2))),)
            )
        return Labeled(ObjectId(""), name, shape, score)

    for k, count in enumerate(rng.multinomial(boxes, np.full(images, 1 / images))):
        ref = ImageRef("", "", f"{k}.jpg", SIDE, SIDE)
        truth, offered = [], []
        for _ in range(count):
            corner, size, name = rng.uniform(0, SIDE - 60, 2), np.exp(rng.uniform(2, 5.5, 2)), str(rng.choice(names))
            truth.append(labeled(corner, size, name, None))
            offered += [
                labeled(corner + rng.normal(0, 0.08, 2) * size, size * np.exp(rng.normal(0, 0.1, 2)), name, float(rng.random()))
                for _ in range(rng.integers(0, 4))
            ]
        pairs.append((LabeledImage(ref, model, tuple(offered)), LabeledImage(ref, human, tuple(truth))))
    return pairs, Ontology.of(names)


def oracle(pairs: list[tuple[LabeledImage, LabeledImage]], ontology: Ontology, iou_type: str) -> tuple[float, float]:
    """pycocotools' AP and its seconds, tables already made."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    images, truths, proposals = _tables(pairs, ontology, iou_type)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        side = COCO()
        categories = [{"id": k + 1, "name": n} for k, n in enumerate(ontology.names)]
        side.dataset = {"images": images, "annotations": truths, "categories": categories}
        side.createIndex()
        evaluation = COCOeval(side, side.loadRes(proposals), iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--boxes", type=int, default=36_000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--masks", action="store_true")
    options = parser.parse_args()
    pairs, ontology = made_up(options.images, options.boxes, options.classes, options.masks)
    iou_type = "segm" if options.masks else "bbox"
    print(
        f"{len(pairs)} images, {sum(len(t.objects) for _, t in pairs)} true, {sum(len(p.objects) for p, _ in pairs)} proposed"
    )
    ap(pairs[:10], ontology, iou_type)
    start = time.perf_counter()
    ours = ap(pairs, ontology, iou_type).ap
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    _tables(pairs, ontology, iou_type)
    tables = time.perf_counter() - start
    theirs, peer_seconds = oracle(pairs, ontology, iou_type)
    print(f"firstpass   {seconds:6.2f} s, of which {tables:.2f} s to make the tables   AP {ours:.9f}")
    print(
        f"pycocotools {peer_seconds:6.2f} s, tables already made        AP {theirs:.9f}   difference {abs(ours - theirs):.1e}"
    )


if __name__ == "__main__":
    main()
