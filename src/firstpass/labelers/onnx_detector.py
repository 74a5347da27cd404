"""Runs any detector that is an ONNX file: YOLOX, YOLOv5, YOLOv8, DETR and RT-DETR, FastestDet, or one with NMS inside.

What the model wants to be fed and how its answer is read stands in its card (:mod:`firstpass.labelers._detector_card`); without
one, YOLO exports are recognized by their shapes. See docs/how-to/onnx-detector.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import Problem, UsageError
from firstpass.labelers.base import Ask, Gives, LabelerSpec, Reply, Settings
from firstpass.labels import Box, Labeled, ObjectId
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.labelers._detector_card import Card
    from firstpass.labelers._detector_decode import Candidates, Frame
    from firstpass.labelers._detector_input import Fit
    from firstpass.labelers._detector_session import Session

SPEC = LabelerSpec(
    name="onnx-detector",
    summary="Any object detector that is an ONNX file, described by a small card: YOLO families, DETR, FastestDet.",
    cues=frozenset(),
    gives=frozenset({Gives.BOX}),
    settings={
        "model": "path of the .onnx file, or of a folder with one (needed)",
        "card": "path of its card, or a table (beside the model: model.toml or model.json)",
        "names": "the model's class names, a list; replaces the card's (none)",
        "classes": "table of the model's class = the project's class, where names and phrases do not tell (none)",
        "confidence": "least score that is given, 0..1 (0.1)",
        "nms_iou": "of two boxes of a class that overlap more, the lower-scored goes, 0..1 (0.5)",
        "max_detections": "most boxes per image (300)",
        "threads": "onnxruntime's threads within one operator; 0 = one per core (0)",
        "providers": 'onnxruntime\'s execution providers, a list (["CPUExecutionProvider"])',
    },
    reference="docs/how-to/onnx-detector.md",
)
_LEAST_SIDE_PX = 1e-3


@dataclass(frozen=True, slots=True)
class Options:
    """The checked settings."""

    confidence: float
    nms_iou: float
    max_detections: int


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """An opened model with all that is known about it."""

    session: Session
    card: Card
    names: tuple[str, ...]
    size_wh: tuple[int, int]
    input_name: str
    dtype: str
    batch: int | None
    outputs: tuple[str, ...]
    table: dict[str, str] = field(default_factory=dict[str, str])


class OnnxDetector:
    """The opened detector."""

    def __init__(self, model: Model, options: Options) -> None:
        self._model, self._options = model, options
        self._mapped: tuple[tuple[Any, ...], tuple[str, ...]] | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises MissingWeights for a model that is not there, UsageError for one that cannot be opened or misfits its card."""
        confidence = _share(settings, "confidence", 0.1)
        options = Options(confidence, _share(settings, "nms_iou", 0.5), _whole(settings, "max_detections", 300, 1))
        return cls(_open_model(settings, _whole(settings, "threads", 0, 0)), options)

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """One reply per image. An answer that is not finite is that image's problem. Raises UsageError when no class fits."""
        mapped = self._map(ask)
        replies: list[Reply] = []
        step = self._model.batch or max(len(images), 1)
        for start in range(0, len(images), step):
            replies += self._batch(images[start : start + step], mapped)
        return replies

    def _map(self, ask: Ask) -> tuple[str, ...]:
        from firstpass.labelers._detector_classes import class_map

        if self._mapped is None or self._mapped[0] != ask.classes:
            aliases = self._model.card.aliases
            self._mapped = (ask.classes, class_map(self._model.names, ask.classes, self._model.table, aliases))
        return self._mapped[1]

    def _batch(self, images: Sequence[Image], mapped: tuple[str, ...]) -> list[Reply]:
        from firstpass.labelers._detector_decode import Frame
        from firstpass.labelers._detector_input import make_input

        model = self._model
        pictures = [image.rgb for image in images]
        batch, fits = make_input(pictures, model.size_wh, model.card, model.dtype)
        if model.batch is not None and len(pictures) < model.batch:
            batch = np.concatenate([batch, np.repeat(batch[-1:], model.batch - len(pictures), axis=0)])
        answers = model.session.run(model.input_name, batch, model.outputs)
        frame = Frame(model.card, model.size_wh, self._options.confidence)
        out: list[Reply] = []
        for i, (image, fit) in enumerate(zip(images, fits, strict=True)):
            own = [_of_image(answer, i, len(batch)) for answer in answers]
            if not all(np.isfinite(answer).all() for answer in own):
                what = "the detector's answer holds values that are not finite numbers (NaN or infinity)"
                out.append(Reply(problem=Problem(image.ref.name, what, remedy="Check its card's scale, mean and std")))
                continue
            out.append(Reply(objects=self._read(own, frame, fit, mapped)))
        return out

    def _read(self, answers: list[NDArray[np.float32]], frame: Frame, fit: Fit, mapped: tuple[str, ...]) -> tuple[Labeled, ...]:
        from firstpass.labelers._detector_decode import DECODERS, WrongShape

        _check_class_count(self._model.card, answers, self._model.names)
        try:
            found = DECODERS[self._model.card.decode](answers, frame)
        except WrongShape as error:
            raise UsageError(f"labeler onnx-detector: decode {self._model.card.decode!r} {error}") from error
        return _objects(self._wanted(found, fit, mapped), mapped)

    def _wanted(self, found: Candidates, fit: Fit, mapped: tuple[str, ...]) -> Candidates:
        """The candidates of wanted classes, in pixels of the image, duplicates removed, the best first."""
        from firstpass.labelers._detector_decode import Candidates, suppress

        if found.class_ids.size and int(found.class_ids.max()) >= len(mapped):
            gave = f"the model gave class number {int(found.class_ids.max())}"
            raise UsageError(f"labeler onnx-detector: {gave}, but its card names {len(mapped)} classes")
        wanted = np.asarray([bool(name) for name in mapped], np.bool_)
        found = found.take(np.flatnonzero(wanted[found.class_ids]))
        if self._model.card.suppresses:
            firsts: dict[str, int] = {}
            group = np.asarray([firsts.setdefault(name, i) for i, name in enumerate(mapped)], np.int64)
            found = suppress(found, self._options.nms_iou, self._options.max_detections, group[found.class_ids])
        else:
            found = found.take(np.argsort(-found.scores, kind="stable")[: self._options.max_detections])
        xyxy = fit.to_image(found.xyxy)
        sides = xyxy[:, 2:] - xyxy[:, :2]
        inside = Candidates(xyxy, found.scores, found.class_ids)
        return inside.take(np.flatnonzero((sides > _LEAST_SIDE_PX).all(axis=1)))


PLUGIN = OnnxDetector


def _objects(found: Candidates, mapped: tuple[str, ...]) -> tuple[Labeled, ...]:
    scores: list[float] = np.clip(found.scores.astype(np.float64), 0, 1).tolist()
    boxes: list[list[float]] = found.xyxy.astype(np.float64).tolist()
    names = [mapped[int(k)] for k in found.class_ids]
    rows = zip(names, boxes, scores, strict=True)
    return tuple(Labeled(ObjectId(""), name, Box(*box), score) for name, box, score in rows)


def _of_image(answer: NDArray[Any], place: int, batch: int) -> NDArray[np.float32]:
    """One image's share of an output. An output (n, 7) of all images begins each row with the image's number."""
    if answer.ndim == 2 and answer.shape[1] == 7:
        return answer[answer[:, 0] == place][:, [1, 2, 3, 4, 6, 5]].astype(np.float32)
    if answer.ndim < 1 or answer.shape[0] != batch:
        raise UsageError(f"labeler onnx-detector: an output of shape {list(answer.shape)} for a batch of {batch}")
    return answer[place].astype(np.float32, copy=False)


def _check_class_count(card: Card, answers: list[NDArray[np.float32]], names: tuple[str, ...]) -> None:
    from firstpass.labelers._detector_decode import class_count

    count = class_count(card, answers)
    if count is not None and count != len(names):
        raise UsageError(f"labeler onnx-detector: the model has {count} classes, but {len(names)} names are given")


def _open_model(settings: Settings, threads: int) -> Model:
    from firstpass.labelers._detector_card import find_card, read_names
    from firstpass.labelers._detector_classes import check_table
    from firstpass.labelers._detector_guess import guess_card, input_size, metadata_names
    from firstpass.labelers._detector_session import Session, find_model

    path = find_model(settings.get("model"))
    given = _texts(settings, "names", ())
    found = find_card(path, settings.get("card"))
    session = Session(path, threads, _texts(settings, "providers", ("CPUExecutionProvider",)))
    card, folder = found if found is not None else (guess_card(session, str(path), given), path.parent)
    names = given or read_names(card, folder) or tuple(metadata_names(session.metadata).values())
    if not names:
        raise UsageError(f"{path}: its class names are unknown; give names or names_file in the card, or the setting names")
    ports = [p for p in session.inputs if not card.input or p.name == card.input]
    if len(ports) != 1:
        seen = ", ".join(p.name for p in session.inputs)
        raise UsageError(f"{path}: the card must name the image's input; the model has: {seen}")
    size = input_size(ports[0], card.layout, card.size)
    if size is None:
        raise UsageError(f"{path}: takes any size of input; the card must say which: size = [640, 640]")
    known = [p.name for p in session.outputs]
    for name in card.outputs:
        if name not in known:
            raise UsageError(f"{path}: the card's output {name!r} is not in the model; it has: {', '.join(known)}")
    model = Model(
        session, card, names, size, ports[0].name, ports[0].dtype, ports[0].shape[0], card.outputs or tuple(known),
        check_table(settings.get("classes"), names),
    )  # fmt: skip
    _check_declared(model)
    return model


def _check_declared(model: Model) -> None:
    """The number of classes against the outputs' declared shapes, where they are declared."""
    declared = {p.name: p.shape for p in model.session.outputs}
    shapes = [declared[name][1:] for name in model.outputs]
    if all(shape and None not in shape for shape in shapes):
        blanks = [np.broadcast_to(np.float32(0), [d or 0 for d in shape]) for shape in shapes]
        _check_class_count(model.card, blanks, model.names)


def _share(settings: Settings, name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1 or math.isnan(value):
        raise UsageError(f"labeler onnx-detector, setting {name}: needs a number in 0..1, but got {value!r}")
    return float(value)


def _whole(settings: Settings, name: str, default: int, least: int) -> int:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 100_000:
        raise UsageError(f"labeler onnx-detector, setting {name}: needs a whole number from {least}, but got {value!r}")
    return value


def _texts(settings: Settings, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value: object = settings.get(name, default)
    texts = cast(Sequence[object], value) if isinstance(value, list | tuple) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(f"labeler onnx-detector, setting {name}: needs a list of texts, but got {value!r}")
    return tuple(str(text) for text in texts)
