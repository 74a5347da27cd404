"""The embedded default: learns boxes and masks from a handful of labeled images, with no weights, no torch and no network.

How it learns is in the ``_forest_*`` modules; this file speaks the labeler's contract. Objects are taught and proposed as
masks when at least half of the taught objects have an area shape (mask or polygon), else as boxes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from firstpass.errors import MissingWeights, UsageError
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
from firstpass.labels import Box, Labeled, Mask, ObjectId, Point, Polygon, rle
from firstpass.labels.geometry import bounds, clip_box, to_mask
from firstpass.media.image import Image, Rgb

if TYPE_CHECKING:
    from firstpass.labelers._forest_model import Forest
    from firstpass.labelers._forest_types import Example, Proposals

CLASSES_FILE = "classes.json"
MIN_SIDE_PX = 2.0  # smaller objects teach nothing

SPEC = LabelerSpec(
    name="pixel-forest",
    summary="Learns boxes and masks from a handful of labeled images; no weights, no GPU, no network",
    cues=frozenset({Cue.EXAMPLES}),
    gives=frozenset({Gives.BOX, Gives.MASK}),
    scored=True,
    learns=True,
    settings={
        "model": "folder of a trained pixel forest (made by `firstpass train`); no default",
        "threads": "processor threads for fitting (2)",
    },
    version="2",
    reference="Sommer et al., ilastik, ISBI 2011 (pixel classification); Zhou et al., Objects as Points, 2019 (centers)",
)


class PixelForest:
    """An opened pixel forest."""

    def __init__(self, forest: Forest, class_names: Sequence[str]) -> None:
        self._forest = forest
        self._class_names = tuple(class_names)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Loads the model in the setting ``model``. Raises UsageError without one, MissingWeights for a missing or broken."""
        model = settings.get("model")
        if not model:
            raise UsageError("pixel-forest has learned nothing yet: run `firstpass train`, or name one: --set model=FOLDER")
        from firstpass.labelers._forest_model import Forest

        folder = Path(str(model))
        try:
            names: object = json.loads((folder / CLASSES_FILE).read_text(encoding="utf-8"))
            forest = Forest.load(folder)
            if not isinstance(names, list) or len(cast(list[object], names)) != forest.n_classes:
                raise ValueError(f"{CLASSES_FILE} does not name the model's {forest.n_classes} classes")
            return cls(forest, [str(name) for name in cast(list[object], names)])
        except (OSError, KeyError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            raise MissingWeights(f"{folder} holds no whole pixel forest ({why}): run `firstpass train` again") from error

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """Proposals for the asked classes, best first; none for a picture without pixels."""
        wanted = ask.class_names
        return [self._reply(image, wanted) for image in images]

    def _reply(self, image: Image, wanted: frozenset[str]) -> Reply:
        if image.rgb.size == 0:
            return Reply()
        reply = _to_reply(self._forest.predict(image.rgb), image.rgb.shape[0], image.rgb.shape[1], self._class_names)
        kept = tuple(o for o in reply.objects if not wanted or o.class_name in wanted)
        return replace(reply, objects=kept)

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
        """Learns from the examples; images are decoded when needed, at most a few times each."""
        from firstpass.labelers._forest_model import fit

        given = list(examples)
        names = [c.name for c in ask.classes] or _names_in(given)
        places = {name: i for i, name in enumerate(names)}
        threads = int((settings or {}).get("threads", 2))
        forest = fit(
            [partial(_to_example, one, places) for one in given],
            len(names), seed=budget.seed, time_budget_s=budget.seconds / 2, progress=progress, threads=threads,
        )  # fmt: skip
        forest.save(folder)
        (folder / CLASSES_FILE).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        held = tuple(
            OutOfSample(ref, _to_reply(proposals, ref.height_px, ref.width_px, names))
            for index, proposals in zip(forest.out_of_sample.images, forest.out_of_sample.proposals, strict=True)
            for ref in (given[int(index)].labeled.image,)
        )
        return Artifact(folder, SPEC.name, held, {"examples": len(given), "classes": names, "masks": forest.with_masks})


def _names_in(examples: Sequence[TrainingExample]) -> list[str]:
    return sorted({o.class_name for e in examples for o in e.labeled.objects})


def _to_example(example: TrainingExample, places: Mapping[str, int]) -> Example:
    """The image's objects of known classes as arrays; points and crowds teach nothing."""
    from firstpass.labelers._forest_types import Example

    rgb: Rgb = example.load().rgb
    height_px, width_px = rgb.shape[:2]
    ids: list[int] = []
    boxes: list[tuple[float, float, float, float]] = []
    masks: list[Any] = []
    for obj in example.labeled.objects:
        if obj.class_name not in places or isinstance(obj.shape, Point) or obj.attributes.get("iscrowd") == "1":
            continue
        box = clip_box(bounds(obj.shape), width_px, height_px)
        if min(box.width_px, box.height_px) < MIN_SIDE_PX:
            continue
        ids.append(places[obj.class_name])
        boxes.append(box.xyxy_px)
        masks.append(_crop(obj.shape, box, height_px, width_px) if isinstance(obj.shape, Mask | Polygon) else None)
    xyxy_px = np.asarray(boxes, np.float32).reshape(-1, 4)
    return Example(rgb, np.asarray(ids, np.int64), xyxy_px, tuple(masks))


def _crop(shape: Mask | Polygon, box: Box, height_px: int, width_px: int) -> Any:
    full = rle.decode(to_mask(shape, height_px, width_px))
    y1, x1 = int(np.floor(box.y1)), int(np.floor(box.x1))
    return full[y1 : int(np.ceil(box.y2)), x1 : int(np.ceil(box.x2))].copy()


def _to_reply(proposals: Proposals, height_px: int, width_px: int, names: Sequence[str]) -> Reply:
    objects: list[Labeled] = []
    for i, (class_id, xyxy, score) in enumerate(
        zip(proposals.class_ids.tolist(), proposals.xyxy_px.tolist(), proposals.scores.tolist(), strict=True)
    ):
        shape = clip_box(Box(*xyxy), width_px, height_px)
        if proposals.masks is not None and proposals.masks[i].any():
            full = np.zeros((height_px, width_px), np.bool_)
            y1, x1 = int(np.floor(xyxy[1])), int(np.floor(xyxy[0]))
            crop = proposals.masks[i][: height_px - y1, : width_px - x1]
            full[y1 : y1 + crop.shape[0], x1 : x1 + crop.shape[1]] = crop
            shape = rle.encode(full)
        elif min(shape.width_px, shape.height_px) <= 0:
            continue
        objects.append(Labeled(ObjectId(""), names[int(class_id)], shape, min(1.0, max(0.0, score))))
    return Reply(tuple(objects))


PLUGIN = PixelForest
