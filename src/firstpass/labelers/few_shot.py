"""Learns image classes from a few tagged images and proposes tags with honest scores; no weights needed.

Pictures become color and texture vectors (or those of an ONNX backbone of yours, which knows more); how classes are learned
from them and how scores are made honest is in ``_few_shot_model``. Examples of which none has more than one class tag teach
that classes exclude each other; otherwise each class is judged by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import MissingWeights, Problem, UsageError
from firstpass.labelers.base import (
    Artifact,
    Ask,
    Budget,
    Cue,
    Gives,
    LabelerSpec,
    OutOfSample,
    Progress,
    Reply,
    Settings,
    TrainingExample,
)  # fmt: skip
from firstpass.labels import ImageRef, Tag
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.labelers._few_shot_features import Source
    from firstpass.labelers._few_shot_model import Model

MODEL_FILE, CARD_FILE = "few_shot.npz", "card.json"
TOP_MOST = 20
LEAST_SCORE = 0.01  # of a class judged by itself; less is not worth a line

SPEC = LabelerSpec(
    name="few-shot",
    summary="Learns image classes from a few tagged images; no weights, no network",
    cues=frozenset({Cue.EXAMPLES}),
    gives=frozenset({Gives.TAG}),
    scored=True,
    learns=True,
    settings={
        "model": "folder of a trained few-shot model (made by `firstpass train`); no default",
        "onnx_model": "path of an ONNX image backbone to see with (default: color and texture, no file needed)",
        "top": "most tags proposed per image where classes exclude each other (default 1)",
    },
    version="1",
    reference="Friedman 1989 (shrunk discriminants); Snell et al., NeurIPS 2017 (prototypes); Platt 1999 (calibration)",
)


class FewShot:
    """An opened few-shot model."""

    def __init__(self, model: Model, source: Source, top: int) -> None:
        self._model, self._source, self._top = model, source, top

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises UsageError without `model`; MissingWeights when it, or the backbone it was trained with, is not there."""
        top = _top(settings)
        if not settings.get("model"):
            raise UsageError("few-shot has learned nothing yet: run `firstpass train`, or name a model with --set model=FOLDER")
        from firstpass.labelers._few_shot_features import open_source

        folder = Path(str(settings["model"])).expanduser()
        model, card = _load(folder)
        onnx_model = str(settings.get("onnx_model") or card.get("onnx_model") or "")
        source = open_source(onnx_model)
        if source.kind != card.get("features"):
            raise UsageError(
                f"{folder}: was trained on {card.get('features')} vectors, but these would be {source.kind}; "
                "set onnx_model to the same file, or train again"
            )
        return cls(model, source, top)

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """Tags of the asked classes, most likely first; none without examples. A picture without pixels is a problem."""
        seen = [image for image in images if image.rgb.size]
        replies = iter(_replies(self._model, _scores(self._model, self._source, seen), ask.class_names, self._top))
        return [next(replies) if image.rgb.size else _unseen(image.ref) for image in images]

    @classmethod
    def fit(
        cls,
        examples: Iterable[TrainingExample],
        ask: Ask,
        folder: Path,
        budget: Budget,
        progress: Progress | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Artifact:
        """Learns from the examples' class tags; an image without tags teaches what none of the classes looks like."""
        from firstpass.labelers import _few_shot_model as math
        from firstpass.labelers._few_shot_features import open_source

        chosen = settings or {}
        top, onnx_model = _top(chosen), str(chosen.get("onnx_model") or "")
        source = open_source(onnx_model)
        refs, tags, vectors = _see(examples, source, progress)
        asked = [c.name for c in ask.classes] or sorted({name for names in tags for name in names})
        names = tuple(name for name in asked if any(name in own for own in tags))
        members = _members(tags, names)
        exclusive = bool((members[:, :-1].sum(axis=1) <= 1).all())
        model = math.learn(vectors, members, names, exclusive)
        twins = np.unique([ref.digest or ref.name for ref in refs], return_inverse=True)[1].astype(np.int64)
        model, held_out = math.calibrate(model, vectors, math.folds_of(members, twins, budget.seed))
        if progress:
            progress("calibrating", 1.0)
        _save(folder, model, source.kind, onnx_model)
        known = ask.class_names or frozenset(names)
        replies = _replies(model, held_out, known, top) if len(refs) > 1 else []
        outs = tuple(OutOfSample(ref, reply) for ref, reply in zip(refs, replies, strict=False))
        notes = {"examples": len(refs), "classes": list(names), "exclusive": exclusive, "features": source.kind}
        return Artifact(folder, SPEC.name, outs, notes)


def _see(
    examples: Iterable[TrainingExample], source: Source, progress: Progress | None
) -> tuple[list[ImageRef], list[frozenset[str]], NDArray[np.float64]]:
    """Each example's image, class tags and vector; one picture in memory at a time, those without pixels left out."""
    given = list(examples)
    refs: list[ImageRef] = []
    tags: list[frozenset[str]] = []
    rows: list[NDArray[np.float32]] = []
    for place, example in enumerate(given):
        image = example.load()
        if image.rgb.size:
            refs.append(example.labeled.image)
            tags.append(frozenset(tag.name for tag in example.labeled.tags if tag.kind == "class"))
            rows.append(source.vectors([image.rgb])[0])
        if progress:
            progress("looking at the examples", 0.9 * (place + 1) / len(given))
    vectors = np.stack(rows) if rows else np.zeros((0, source.length), np.float32)
    return refs, tags, vectors.astype(np.float64)


def _members(tags: Sequence[frozenset[str]], names: Sequence[str]) -> NDArray[np.bool_]:
    """(n, c + 1): which example has which class; the last column, none."""
    has = np.asarray([[name in own for name in names] for own in tags], np.bool_).reshape(len(tags), len(names))
    return np.concatenate([has, ~has.any(axis=1, keepdims=True)], axis=1)


def _scores(model: Model, source: Source, images: Sequence[Image]) -> NDArray[np.float64]:
    from firstpass.labelers import _few_shot_model as math

    if not images or not len(model.points):
        return np.zeros((len(images), len(model.class_names)))
    return math.scores(model, source.vectors([image.rgb for image in images]).astype(np.float64))


def _replies(model: Model, scores: NDArray[np.float64], asked: frozenset[str], top: int) -> list[Reply]:
    keep = np.asarray([name in asked for name in model.class_names], np.bool_)
    out: list[Reply] = []
    for row in scores:
        shown = np.where(keep, row, 0.0) if keep.size else row
        order = [int(i) for i in np.argsort(-shown, kind="stable") if shown[i] > (0 if model.exclusive else LEAST_SCORE)]
        if model.exclusive:
            order = order[:top]
        out.append(Reply(tags=tuple(Tag(model.class_names[i], score=round(float(shown[i]), 6)) for i in order)))
    return out


def _unseen(ref: ImageRef) -> Reply:
    return Reply(problem=Problem(ref.name, "there are no pixels to look at", "a decoded picture"))


def _top(settings: Settings) -> int:
    top = settings.get("top", 1)
    if isinstance(top, bool) or not isinstance(top, int) or not 1 <= top <= TOP_MOST:
        raise UsageError(f"few-shot: setting top must be a whole number in 1..{TOP_MOST}, but got {top!r}")
    return top


def _save(folder: Path, model: Model, kind: str, onnx_model: str) -> None:
    """Arrays into the .npz, everything a person may want to read into the card."""
    fitted = model.calibration
    calibration = np.asarray([fitted.temperature, fitted.slope, fitted.offset, fitted.limit], np.float64)
    with (folder / MODEL_FILE).open("wb") as stream:
        np.savez_compressed(stream, space=model.space, points=model.points, members=model.members, calibration=calibration)
        stream.flush()
        os.fsync(stream.fileno())
    card = {
        "labeler": SPEC.name, "version": SPEC.version, "known_classes": list(model.class_names), "exclusive": model.exclusive,
        "features": kind, "onnx_model": onnx_model,
    }  # fmt: skip
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _load(folder: Path) -> tuple[Model, dict[str, Any]]:
    from firstpass.labelers._few_shot_model import Calibration, Model

    try:
        card = cast(dict[str, Any], json.loads((folder / CARD_FILE).read_text(encoding="utf-8")))
        names = tuple(str(name) for name in card["known_classes"])
        with np.load(folder / MODEL_FILE, allow_pickle=False) as held:
            space, points = np.asarray(held["space"], np.float32), np.asarray(held["points"], np.float32)
            members = np.asarray(held["members"], np.bool_)
            temperature, slope, offset, limit = (float(v) for v in held["calibration"])
        whole = space.ndim == points.ndim == members.ndim == 2 and members.shape[1] == len(names) + 1
        if not whole or points.shape[1] != space.shape[1] or len(points) not in (0, len(members)):
            raise ValueError("its arrays do not fit together")
        if not (
            np.isfinite(space).all()
            and np.isfinite(points).all()
            and np.isfinite([temperature, slope, offset]).all()
            and limit > 0
        ):
            raise ValueError("its arrays hold numbers that are not finite")
    except (OSError, KeyError, ValueError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise MissingWeights(f"{folder} holds no whole few-shot model ({why}): run `firstpass train` again") from error
    return Model(
        names, bool(card.get("exclusive")), space, points, members, Calibration(temperature, slope, offset, limit)
    ), card


PLUGIN = FewShot
