"""The ONNX detector on real models and images: average precision above a floor, and equal to a second, independent decode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from firstpass.engines.driver import label_checked
from firstpass.engines.open_labeler import open_labeler
from firstpass.labelers.base import Ask, AskedClass, Task
from firstpass.labels import Box, ImageRef
from firstpass.labels.geometry import iou_matrix
from firstpass.media.image import Image

SHARED = Path(__file__).parents[3].parent / "shared"
DATA, WEIGHTS = SHARED / "data" / "coco_tiny", SHARED / "weights"
YOLOX, FASTEST = WEIGHTS / "yolox_nano" / "yolox_nano.onnx", WEIGHTS / "fastestdet" / "FastestDet.onnx"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not (DATA / "coco.json").is_file() or not YOLOX.is_file() or not FASTEST.is_file(),
        reason="needs ../shared/data/coco_tiny and ../shared/weights beside the checkout",
    ),
]

FASTEST_CARD = {
    "title": "FastestDet", "license": "BSD-3-Clause", "size": [352, 352], "color": "bgr", "scale": 1 / 255, "resize": "stretch",
    "decode": "fastestdet", "names_file": str(FASTEST.with_name("coco.names")),
}  # fmt: skip
YOLOX_CARD = {
    "title": "YOLOX-nano", "license": "Apache-2.0", "size": [416, 416], "color": "bgr", "scale": 1.0,
    "resize": "letterbox-top-left", "pad": 114, "decode": "yolox", "names_file": str(FASTEST.with_name("coco.names")),
}  # fmt: skip
LEAST, IOU = 0.05, 0.45
Rows = list[tuple[int, float, tuple[float, float, float, float]]]  # class number, score, box


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return json.loads((DATA / "coco.json").read_text())


def names_of(truth: dict[str, Any]) -> list[str]:
    return [c["name"] for c in truth["categories"]]


def pictures(truth: dict[str, Any], count: int) -> list[tuple[dict[str, Any], Image]]:
    out = []
    for entry in truth["images"][:count]:
        bgr = cv2.imread(str(DATA / entry["file_name"]), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        rgb.setflags(write=False)
        out.append((entry, Image(ImageRef("", "", entry["file_name"], rgb.shape[1], rgb.shape[0]), rgb)))
    return out


def answers(settings: dict[str, Any], truth: dict[str, Any], count: int = 48, batch: int = 8) -> dict[int, Rows]:
    names = names_of(truth)
    ask = Ask(Task.DETECT, tuple(AskedClass(n) for n in names))
    labeler, spec = open_labeler("onnx-detector", {"confidence": LEAST, "nms_iou": IOU, "threads": 1, **settings})
    pairs = pictures(truth, count)
    out: dict[int, Rows] = {}
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        for (entry, _), reply in zip(part, label_checked(labeler, spec, [i for _, i in part], ask), strict=True):
            assert reply.problem is None
            boxes = [o.shape for o in reply.objects]
            assert all(isinstance(b, Box) for b in boxes)
            found = [(names.index(o.class_name), o.score or 0.0, o.shape.xyxy_px) for o in reply.objects]  # type: ignore[union-attr]
            out[entry["id"]] = found
    return out


def average_precision(found: dict[int, Rows], truth: dict[str, Any]) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    ids = [c["id"] for c in truth["categories"]]
    rows = [
        {"image_id": k, "category_id": ids[c], "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for k, items in found.items() for c, score, (x1, y1, x2, y2) in items
    ]  # fmt: skip
    coco = COCO(str(DATA / "coco.json"))
    evaluation = COCOeval(coco, coco.loadRes(rows), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


def greedy(rows: Rows) -> Rows:
    """Class-wise suppression by its plain definition, on boxes as the model gives them, before they are clipped."""
    kept: Rows = []
    for row in sorted(rows, key=lambda r: -r[1]):
        rivals = [k[2] for k in kept if k[0] == row[0]]
        if not rivals or float(iou_matrix(np.asarray([row[2]]), np.asarray(rivals)).max()) <= IOU:
            kept.append(row)
    return kept


def session_of(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def plain_yolox(rgb: NDArray[np.uint8], session: Any) -> Rows:
    """YOLOX-nano read cell by cell, in loops, as its paper says."""
    height, width = rgb.shape[:2]
    ratio = min(416 / width, 416 / height)
    small = cv2.resize(rgb[..., ::-1], (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((416, 416, 3), 114, np.float32)
    canvas[: small.shape[0], : small.shape[1]] = small
    (rows,) = session.run(None, {"images": canvas.transpose(2, 0, 1)[None].copy()})[0]
    out: Rows = []
    place = 0
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                row = rows[place].astype(np.float64)
                place += 1
                k = int(row[5:].argmax())
                score = float(row[4] * row[5 + k])
                if score < LEAST:
                    continue
                cx, cy, w, h = (row[0] + x) * stride, (row[1] + y) * stride, np.exp(row[2]) * stride, np.exp(row[3]) * stride
                out.append((k, score, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)))
    return [(k, score, box_in(box, ratio, ratio, width, height)) for k, score, box in greedy(out)]


def plain_fastest(rgb: NDArray[np.uint8], session: Any) -> Rows:
    """FastestDet read cell by cell, in loops."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb[..., ::-1], (352, 352), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    maps = session.run(None, {"input.1": small.transpose(2, 0, 1)[None].copy()})[0][0].astype(np.float64)
    out: Rows = []
    for y in range(22):
        for x in range(22):
            cell = maps[:, y, x]
            k = int(cell[5:].argmax())
            score = float(max(cell[0], 0) ** 0.6 * max(cell[5 + k], 0) ** 0.4)
            if score < LEAST:
                continue
            cx, cy = (x + np.tanh(cell[1])) / 22, (y + np.tanh(cell[2])) / 22
            w, h = 1 / (1 + np.exp(-cell[3])), 1 / (1 + np.exp(-cell[4]))
            out.append((k, score, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)))
    return [(k, score, box_in(box, 1 / width, 1 / height, width, height)) for k, score, box in greedy(out)]


def box_in(xyxy: Any, scale_x: float, scale_y: float, width: int, height: int) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(v) for v in xyxy)
    xs = [min(max(v / scale_x, 0.0), float(width)) for v in (x1, x2)]
    ys = [min(max(v / scale_y, 0.0), float(height)) for v in (y1, y2)]
    return (xs[0], ys[0], xs[1], ys[1])


def compare(found: dict[int, Rows], plain: dict[int, Rows]) -> None:
    assert sum(map(len, plain.values())) > 100
    for key, expected in plain.items():
        got = found[key]
        assert [r[0] for r in got] == [r[0] for r in expected], key
        assert [r[1] for r in got] == pytest.approx([r[1] for r in expected], abs=1e-4), key
        assert np.asarray([r[2] for r in got]) == pytest.approx(np.asarray([r[2] for r in expected]), abs=0.05), key


def test_yolox_nano_equals_a_plain_decode(truth: dict[str, Any]) -> None:
    session = session_of(YOLOX)
    plain = {entry["id"]: plain_yolox(image.rgb, session) for entry, image in pictures(truth, 12)}
    compare(answers({"model": str(YOLOX), "card": YOLOX_CARD}, truth, 12), plain)


def test_fastestdet_equals_a_plain_decode(truth: dict[str, Any]) -> None:
    session = session_of(FASTEST)
    plain = {entry["id"]: plain_fastest(image.rgb, session) for entry, image in pictures(truth, 12)}
    compare(answers({"model": str(FASTEST), "card": FASTEST_CARD}, truth, 12), plain)


def test_yolox_nano_without_a_card_is_recognized(truth: dict[str, Any]) -> None:
    assert answers({"model": str(YOLOX)}, truth, 4) == answers({"model": str(YOLOX), "card": YOLOX_CARD}, truth, 4)


@pytest.mark.parametrize(
    ("settings", "floor"),
    [({"model": str(YOLOX)}, 0.29), ({"model": str(FASTEST), "card": FASTEST_CARD}, 0.17)],
    ids=["yolox-nano", "fastestdet"],
)
def test_average_precision(settings: dict[str, Any], floor: float, truth: dict[str, Any]) -> None:
    assert average_precision(answers({**settings, "confidence": 0.01}, truth), truth) > floor
