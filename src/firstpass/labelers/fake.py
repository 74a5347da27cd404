"""A labeler without a model: made-up boxes from the image's digest, or the truth with controlled noise (`truth` setting).

Ships in the product so that the whole loop runs on a laptop without weights or network, in tests, docs and the demo. The same
image and settings always give the same answer; each kind of noise has its own random numbers per object, so turning one up
leaves the others where they were. Two fakes with different `seed` disagree about the same underlying objects.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import Problem, UsageError
from firstpass.labelers.base import Ask, Gives, LabelerSpec, Reply, Settings, Task
from firstpass.labels import Box, ImageRef, Labeled, ObjectId, Point, Polygon, PolygonPart, Shape, Tag
from firstpass.media.image import Image

SPEC = LabelerSpec(
    name="fake",
    summary="Made-up objects, or the truth with noise: for tests, docs and the demo; needs no model.",
    cues=frozenset(),
    gives=frozenset({Gives.BOX, Gives.MASK, Gives.POINT, Gives.TAG, Gives.TEXT}),
    needs_pixels=False,
    settings={
        "seed": "whole number; another seed makes other mistakes about the same objects (0)",
        "objects": "made-up objects per image; an image has 0 to twice as many (3)",
        "jitter": "how far each edge moves: standard deviation as a share of the box's side (0.03)",
        "jitter_px": "the same in pixels, added to it (0)",
        "miss_rate": "share of objects left out (0.1)",
        "swap_rate": "share of objects given another class (0.05)",
        "false_positives": "invented objects per image, on average (0.3)",
        "score_quality": "0 = scores say nothing, 1 = right ones score above 0.5 and wrong ones below (0.8)",
        "truth": "JSON file {image name: [[class, x1, y1, x2, y2], …]} to answer with noise, not made-up objects (none)",
        "delay_ms": "time taken per image, as a slow model would (0)",
    },
)

_RATES = ("miss_rate", "swap_rate", "score_quality")
_DEFAULTS: Mapping[str, float] = {
    "seed": 0, "objects": 3, "jitter": 0.03, "jitter_px": 0, "miss_rate": 0.1, "swap_rate": 0.05,
    "false_positives": 0.3, "score_quality": 0.8, "delay_ms": 0,
}  # fmt: skip
_NO_CLASSES = ("object",)
_RIGHT_IOU = 0.5  # a proposal this close to its object counts as right when it is scored

TruthBox = tuple[str, float, float, float, float]
Truth = Mapping[str, tuple[TruthBox, ...]]


@dataclass(frozen=True, slots=True)
class _Proposal:
    class_name: str
    xyxy: tuple[float, float, float, float]
    score: float


class Fake:
    """The opened fake."""

    def __init__(self, numbers: Mapping[str, float], truth: Truth | None) -> None:
        self._set = numbers
        self._truth = truth

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises UsageError for a value out of range or a truth file that cannot be read."""
        numbers = {name: _number(settings, name, default) for name, default in _DEFAULTS.items()}
        path = settings.get("truth")
        return cls(numbers, None if path in (None, "") else load_truth(Path(str(path))))

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """Boxes for DETECT, ellipses for SEGMENT, centers for POINT, class tags for TAG, else one text per image."""
        return [self._one(image.ref, ask) for image in images]

    def _one(self, ref: ImageRef, ask: Ask) -> Reply:
        if self._set["delay_ms"]:
            time.sleep(self._set["delay_ms"] / 1000)
        if self._truth is not None and ref.name not in self._truth:
            return Reply(problem=Problem(ref.name, "has no entry in the truth file", remedy="Add it, with [] for no objects"))
        names = tuple(c.name for c in ask.classes) or self._own_names()
        found = self._propose(ref, names)
        if ask.task in (Task.DETECT, Task.SEGMENT, Task.POINT):
            return Reply(objects=tuple(_object(p, ask.task) for p in found))
        if ask.task is Task.OCR:
            read = [Labeled(ObjectId(""), p.class_name, Box(*p.xyxy), p.score, f"text {i}") for i, p in enumerate(found)]
            return Reply(objects=tuple(read))
        if ask.task is Task.TAG:
            best = {p.class_name: p for p in sorted(found, key=lambda p: p.score)}
            return Reply(tags=tuple(Tag(name, score=p.score) for name, p in sorted(best.items())))
        text = ", ".join(sorted(p.class_name for p in found)) or "nothing"
        kind = "caption" if ask.task is Task.CAPTION else "answer"
        return Reply(tags=(Tag(ask.question if kind == "answer" else "", kind, text, 0.5),))

    def _own_names(self) -> tuple[str, ...]:
        if self._truth is None:
            return _NO_CLASSES
        return tuple(sorted({box[0] for boxes in self._truth.values() for box in boxes})) or _NO_CLASSES

    def _propose(self, ref: ImageRef, names: tuple[str, ...]) -> list[_Proposal]:
        if ref.width_px < 1 or ref.height_px < 1:
            return []
        truth = self._made_up(ref, names) if self._truth is None else [t for t in self._truth[ref.name] if t[0] in names]
        noise = _random(ref, "noise", int(self._set["seed"]))
        draws = noise.random((len(truth), 4))
        moves = noise.standard_normal((len(truth), 4))
        seen = [i for i in range(len(truth)) if draws[i, 0] >= self._set["miss_rate"]]
        found = [self._noisy(truth[i], names, draws[i], moves[i], ref) for i in seen]
        return found + self._invented(ref, names)

    def _noisy(
        self, box: TruthBox, names: tuple[str, ...], draw: NDArray[np.float64], move: NDArray[np.float64], ref: ImageRef
    ) -> _Proposal:
        name, true = box[0], np.asarray(box[1:], np.float64)
        sides = np.tile(true[2:] - true[:2], 2)
        edges = _inside(true + move * (self._set["jitter"] * sides + self._set["jitter_px"]), ref)
        others = [n for n in names if n != name]
        swapped = bool(others) and draw[1] < self._set["swap_rate"]
        if swapped:
            name = others[int(draw[2] * len(others))]
        right = not swapped and _iou(true, np.asarray(edges)) >= _RIGHT_IOU
        return _Proposal(name, edges, self._score(right, float(draw[3])))

    def _invented(self, ref: ImageRef, names: tuple[str, ...]) -> list[_Proposal]:
        random = _random(ref, "invented", int(self._set["seed"]))
        count = int(random.poisson(self._set["false_positives"]))
        boxes = _random_boxes(random, count, ref)
        draws = random.random((count, 2))
        picked = [names[int(draw * len(names))] for draw in draws[:, 0]]
        return [_Proposal(picked[i], boxes[i], self._score(False, float(draws[i, 1]))) for i in range(count)]

    def _score(self, right: bool, draw: float) -> float:
        told = 0.5 + 0.5 * draw if right else 0.5 * draw
        quality = self._set["score_quality"]
        return round(quality * told + (1 - quality) * draw, 4)

    def _made_up(self, ref: ImageRef, names: tuple[str, ...]) -> list[TruthBox]:
        random = _random(ref, "world", 0)
        count = int(random.integers(0, 2 * int(self._set["objects"]) + 1))
        boxes, classes = _random_boxes(random, count, ref), random.random(count)
        return [(names[int(classes[i] * len(names))], *boxes[i]) for i in range(count)]


PLUGIN = Fake


def load_truth(path: Path) -> Truth:
    """The truth file. Raises UsageError naming image and entry."""
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"labeler fake, setting truth: {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"labeler fake, setting truth: {path} must hold {{image name: [[class, x1, y1, x2, y2], …]}}")
    return {str(name): _boxes(path, name, boxes) for name, boxes in cast(dict[str, Any], content).items()}


def _boxes(path: Path, name: str, boxes: Any) -> tuple[TruthBox, ...]:
    out: list[TruthBox] = []
    for i, entry in enumerate(boxes if isinstance(boxes, list) else [boxes]):  # pyright: ignore[reportUnknownArgumentType]
        try:
            class_name, x1, y1, x2, y2 = entry
            box = Box(float(x1), float(y1), float(x2), float(y2))
        except (TypeError, ValueError) as error:
            raise UsageError(f"{path}: image {name}, entry {i}: needs [class, x1, y1, x2, y2], but got {entry!r}") from error
        out.append((str(class_name), *box.xyxy_px))
    return tuple(out)


def _number(settings: Settings, name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise UsageError(f"labeler fake, setting {name}: needs a number from 0, but got {value!r}")
    if name in _RATES and value > 1:
        raise UsageError(f"labeler fake, setting {name}: needs a share in 0..1, but got {value!r}")
    return float(value)


def _random(ref: ImageRef, stream: str, seed: int) -> np.random.Generator:
    text = f"{ref.digest or ref.name}\x1f{stream}\x1f{seed}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


def _random_boxes(random: np.random.Generator, count: int, ref: ImageRef) -> list[tuple[float, float, float, float]]:
    draw = random.random((count, 4))
    size = np.asarray([ref.width_px, ref.height_px], np.float64)
    sides = (0.08 + 0.32 * draw[:, :2]) * size
    corners = draw[:, 2:] * (size - sides)
    return [_inside(row, ref) for row in np.concatenate([corners, corners + sides], axis=1)]


def _inside(edges: NDArray[np.float64], ref: ImageRef) -> tuple[float, float, float, float]:
    """The box cut to the image, its edges in order, at least 1 px wide and high; to a hundredth of a pixel."""

    def side(a: float, b: float, size: float) -> tuple[float, float]:
        low, high = sorted((min(max(a, 0.0), size), min(max(b, 0.0), size)))
        low = min(low, size - 1)
        return round(low, 2), round(max(high, low + 1), 2)

    x1, x2 = side(float(edges[0]), float(edges[2]), float(ref.width_px))
    y1, y2 = side(float(edges[1]), float(edges[3]), float(ref.height_px))
    return (x1, y1, x2, y2)


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    inter = float(np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inter
    return inter / union if union > 0 else 0.0


def _object(proposal: _Proposal, task: Task) -> Labeled:
    box = Box(*proposal.xyxy)
    shape: Shape = box
    if task is Task.POINT:
        shape = Point((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2)
    if task is Task.SEGMENT:
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        xs = (box.x1 + box.x2) / 2 + np.cos(turn) * box.width_px / 2
        ys = (box.y1 + box.y2) / 2 + np.sin(turn) * box.height_px / 2
        shape = Polygon((PolygonPart(tuple(zip(xs.tolist(), ys.tolist(), strict=True))),))
    return Labeled(ObjectId(""), proposal.class_name, shape, proposal.score)
