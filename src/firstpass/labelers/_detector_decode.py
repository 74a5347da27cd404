"""Reads the answers of detector families: arrays in, boxes in pixels of the input out, vectorised over the candidates.

Each decoder takes the outputs of one image and gives the candidates above the confidence threshold. What each family's numbers
mean is from its paper or reference code: YOLOX (Ge et al., 2021), YOLOv5 and YOLOv8 (their ONNX exports), DETR (Carion et al.,
2020), RT-DETR (Zhao et al., 2023), FastestDet (https://github.com/dog-qiuqiu/FastestDet).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._detector_card import Card

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """n candidates of one image. xyxy float32 (n, 4) in pixels of the input; scores float32 (n,); class_ids int64 (n,)."""

    xyxy: FloatArray
    scores: FloatArray
    class_ids: NDArray[np.int64]

    def take(self, places: NDArray[np.int64]) -> Candidates:
        """Those at the given places, in that order."""
        return Candidates(self.xyxy[places], self.scores[places], self.class_ids[places])


class WrongShape(ValueError):
    """The outputs are not what the card's decode says."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a decoder needs to know beside the outputs. size_wh: of the input, px. least: the confidence threshold."""

    card: Card
    size_wh: tuple[int, int]
    least: float


Decoder = Callable[[Sequence[FloatArray], Frame], Candidates]  # outputs of ONE image, without the batch axis


@lru_cache(maxsize=8)
def grid(size_wh: tuple[int, int], strides: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """The cells of all strides, row by row: corner (n, 2) in cells and stride (n, 1) in pixels."""
    corners: list[NDArray[np.float32]] = []
    steps: list[NDArray[np.float32]] = []
    for stride in strides:
        wide, high = size_wh[0] // stride, size_wh[1] // stride
        ys, xs = np.divmod(np.arange(wide * high), max(wide, 1))
        corners.append(np.stack([xs, ys], axis=1).astype(np.float32))
        steps.append(np.full((wide * high, 1), stride, np.float32))
    return np.concatenate(corners), np.concatenate(steps)


def _xyxy(centers: NDArray[Any], sizes: NDArray[Any]) -> FloatArray:
    half = sizes / 2
    return np.concatenate([centers - half, centers + half], axis=1, dtype=np.float32)


def _one(outputs: Sequence[FloatArray], rank: int, what: str) -> FloatArray:
    if not outputs or outputs[0].ndim != rank:
        seen = ", ".join(str(list(o.shape)) for o in outputs) or "none"
        raise WrongShape(f"needs one output {what} per image, but the model gives {seen}")
    return outputs[0]


def yolox(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """(cells, 5 + classes), undecoded: center offset in cells, log of the size in cells, objectness, class scores."""
    rows = _one(outputs, 2, "[cells, 5 + classes]")
    corners, steps = grid(frame.size_wh, frame.card.strides)
    if len(rows) != len(corners):
        made = f"strides {list(frame.card.strides)} on {frame.size_wh} px make {len(corners)}"
        raise WrongShape(f"gives {len(rows)} rows, but {made}")
    places, ids, scores = _objectness_best(rows, frame.least)
    rows, corners, steps = rows[places], corners[places], steps[places]
    with np.errstate(over="ignore"):
        sizes = np.exp(rows[:, 2:4]) * steps
    return Candidates(_xyxy((rows[:, :2] + corners) * steps, sizes), scores, ids)


def yolov5(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """(n, 5 + classes), decoded: center x, y, width, height in px, objectness, class scores."""
    rows = _one(outputs, 2, "[n, 5 + classes]")
    places, ids, scores = _objectness_best(rows, frame.least)
    return Candidates(_xyxy(rows[places, :2], rows[places, 2:4]), scores, ids)


def yolov8(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """(4 + classes, n), decoded: center x, y, width, height in px, class scores; no objectness."""
    columns = _one(outputs, 2, "[4 + classes, n]")
    best = columns[4:].max(axis=0)
    places = np.flatnonzero(best >= frame.least)
    kept = columns[:, places]
    return Candidates(_xyxy(kept[:2].T, kept[2:4].T), best[places], kept[4:].argmax(axis=0))


def detr(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """logits (queries, classes) and boxes (queries, 4), center and size as shares of the input.

    activation softmax: the last class is "no object" and never given (DETR); sigmoid: none is (Deformable DETR, RT-DETR).
    """
    if len(outputs) < 2:
        raise WrongShape(f"needs two outputs, logits and boxes, but the model gives {len(outputs)}")
    logits, boxes = outputs[0], outputs[1]
    if logits.ndim == 2 and logits.shape[1] == 4 and not frame.card.outputs and boxes.shape[1] != 4:
        logits, boxes = boxes, logits
    if logits.ndim != 2 or boxes.ndim != 2 or boxes.shape[1] != 4 or len(logits) != len(boxes):
        raise WrongShape(f"needs logits [n, classes] and boxes [n, 4], but the model gives {[list(o.shape) for o in outputs]}")
    scores = _softmax(logits)[:, :-1] if frame.card.activation == "softmax" else _sigmoid(logits)
    ids = scores.argmax(axis=1)
    best = np.take_along_axis(scores, ids[:, None], axis=1)[:, 0]
    places = np.flatnonzero(best >= frame.least)
    size = np.asarray(frame.size_wh, np.float32)
    return Candidates(_xyxy(boxes[places, :2] * size, boxes[places, 2:] * size), best[places], ids[places])


def xyxy_score_class(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """(n, 6): left, top, right, bottom, score, class; or three outputs, boxes (n, 4), scores (n,), classes (n,)."""
    if len(outputs) >= 3:
        xyxy, scores, labels = outputs[0], outputs[1].reshape(-1), outputs[2].reshape(-1)
    else:
        rows = _one(outputs, 2, "[n, 6]")
        if rows.shape[1] != 6:
            raise WrongShape(f"needs [n, 6] or three outputs, but the model gives {[list(o.shape) for o in outputs]}")
        xyxy, scores, labels = rows[:, :4], rows[:, 4], rows[:, 5]
    if xyxy.ndim != 2 or xyxy.shape[1] != 4 or not len(xyxy) == len(scores) == len(labels):
        raise WrongShape(f"needs boxes [n, 4], scores [n], classes [n], but the model gives {[list(o.shape) for o in outputs]}")
    places = np.flatnonzero((scores >= frame.least) & (labels >= 0))
    boxes = xyxy[places].astype(np.float32)
    if frame.card.box_units == "normalized":
        boxes = boxes * np.asarray(frame.size_wh * 2, np.float32)
    return Candidates(boxes, scores[places].astype(np.float32), labels[places].astype(np.int64))


def fastestdet(outputs: Sequence[FloatArray], frame: Frame) -> Candidates:
    """(5 + classes, rows, columns): objectness, center offset (tanh, in cells), size (sigmoid, share of the input), classes.

    The score is objectness^0.6 * class^0.4, as its authors have it.
    """
    maps = _one(outputs, 3, "[5 + classes, rows, columns]")
    high, wide = maps.shape[1:]
    cells = maps.reshape(len(maps), -1)
    best = cells[5:].max(axis=0)
    scores = np.maximum(cells[0], 0) ** np.float32(0.6) * np.maximum(best, 0) ** np.float32(0.4)
    places = np.flatnonzero(scores >= frame.least)
    kept = cells[:, places]
    ys, xs = np.divmod(places, wide)
    corners = np.stack([xs, ys], axis=1).astype(np.float32)
    size = np.asarray(frame.size_wh, np.float32)
    centers = (corners + np.tanh(kept[1:3].T)) / np.asarray([wide, high], np.float32) * size
    return Candidates(_xyxy(centers, _sigmoid(kept[3:5].T) * size), scores[places], kept[5:].argmax(axis=0))


DECODERS: Mapping[str, Decoder] = {
    "yolox": yolox, "yolov5": yolov5, "yolov8": yolov8, "detr": detr, "xyxy_score_class": xyxy_score_class,
    "fastestdet": fastestdet,
}  # fmt: skip


def class_count(card: Card, outputs: Sequence[FloatArray]) -> int | None:
    """How many classes the outputs of one image speak of; None when they do not tell."""
    if not outputs:
        return None
    first = outputs[0]
    match card.decode:
        case "yolox" | "yolov5":
            return first.shape[-1] - 5
        case "yolov8":
            return first.shape[0] - 4
        case "fastestdet":
            return first.shape[0] - 5
        case "detr":
            logits = outputs[1] if first.shape[-1] == 4 and not card.outputs and len(outputs) > 1 else first
            return logits.shape[-1] - (card.activation == "softmax")
        case _:
            return None


def _objectness_best(rows: FloatArray, least: float) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Rows of (x, y, w, h, objectness, classes …): which pass, their best class, and objectness times its score."""
    likely = np.flatnonzero(rows[:, 4] >= least)  # class scores are at most 1, so the others cannot pass
    classes = rows[likely, 5:]
    ids = classes.argmax(axis=1)
    scores = rows[likely, 4] * np.take_along_axis(classes, ids[:, None], axis=1)[:, 0]
    passed = scores >= least
    return likely[passed], ids[passed], scores[passed]


def _sigmoid(values: FloatArray) -> FloatArray:
    return (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32)


def _softmax(values: FloatArray) -> FloatArray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def suppress(found: Candidates, iou: float, limit: int, groups: NDArray[np.int64]) -> Candidates:
    """Greedy non-maximum suppression within each group: of two that overlap by more than `iou`, the lower-scored goes.

    groups: int (n,), e.g. class ids. limit: at most so many are kept, the best first; ties in score keep their order.
    """
    order = np.argsort(-found.scores, kind="stable")
    boxes = found.xyxy[order].astype(np.float64)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    kinds = groups[order]
    alive = np.ones(len(order), np.bool_)
    kept: list[int] = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(i)
        if len(kept) >= limit:
            break
        rest = np.flatnonzero(alive[i + 1 :] & (kinds[i + 1 :] == kinds[i])) + i + 1
        if rest.size == 0:
            continue
        low, high = np.maximum(boxes[rest, :2], boxes[i, :2]), np.minimum(boxes[rest, 2:], boxes[i, 2:])
        inter = np.prod(np.clip(high - low, 0, None), axis=1)
        union = areas[rest] + areas[i] - inter
        alive[rest[inter > iou * union]] = False
    return found.take(order[np.asarray(kept, np.int64)])
