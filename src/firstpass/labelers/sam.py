"""Masks from clicks or boxes by a model of the Segment Anything family: an encoder and a decoder as ONNX files.

The encoder sees a picture once; its embedding is kept, and every further click costs one run of the small decoder.
Weights are not brought along: docs/how-to/click-to-mask.md says what to put where.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import Problem, UsageError
from firstpass.labelers.base import Ask, Click, Cue, Gives, ImageCues, LabelerSpec, Reply, Settings
from firstpass.labels import Labeled, ObjectId
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.labelers._sam_model import Floats, SamSessions

SPEC = LabelerSpec(
    name="sam",
    summary="One mask from clicks or a box by a Segment Anything model: encoder and decoder as ONNX files that you bring.",
    cues=frozenset({Cue.CLICK, Cue.BOX}),
    gives=frozenset({Gives.MASK}),
    settings={
        "model": "path of a folder with the encoder's and the decoder's .onnx files and, if need be, a card.json (needed)",
        "cached_images": "pictures whose embedding is kept for their next click, about 4 MB each (8)",
        "threads": "onnxruntime's threads within one operator; 0 = one per core (0)",
        "providers": 'onnxruntime\'s execution providers, a list (["CPUExecutionProvider"])',
    },
    reference="Kirillov et al., Segment Anything, ICCV 2023; docs/how-to/click-to-mask.md",
)
Xyxy = tuple[float, float, float, float]


class Sam:
    """The opened labeler."""

    def __init__(self, sessions: SamSessions, cached_images: int) -> None:
        self._sessions, self._cached = sessions, cached_images
        self._embeddings: OrderedDict[tuple[str, int, int], NDArray[Any]] = OrderedDict()

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises MissingWeights where the files are not there, UsageError for files or settings that do not fit."""
        from firstpass.labelers._sam_model import SamSessions, find_card

        cached = _whole(settings, "cached_images", 8, 1)
        threads = _whole(settings, "threads", 0, 0)
        providers: object = settings.get("providers", ["CPUExecutionProvider"])
        texts = cast(Sequence[object], providers) if isinstance(providers, list | tuple) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise UsageError(f"labeler sam, setting providers: needs a list of texts, but got {providers!r}")
        return cls(SamSessions(find_card(settings.get("model")), threads, [str(text) for text in texts]), cached)

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """One object per image with cues, one per box; of several boxes the first has the clicks. No cues: no objects.

        The class is the first one asked for, else ``object``. Clicks outside the image do not count. An answer that is not
        finite is that image's problem. Raises UsageError for cues that are not finite or inside out.
        """
        name = ask.classes[0].name if ask.classes else "object"
        return [self._one(image, ask.cues.get(image.ref.digest), name) for image in images]

    def _one(self, image: Image, cues: ImageCues | None, name: str) -> Reply:
        from firstpass.labelers._click_cues import usable
        from firstpass.labels import rle

        height, width = image.rgb.shape[:2]
        clicks, boxes = usable(cues, width, height, "sam")
        if not boxes and not any(click.positive for click in clicks):
            return Reply()
        embedding = self._embedding(image)
        objects: list[Labeled] = []
        for i, box in enumerate(boxes or [None]):
            logits, score = self._mask(embedding, clicks if i == 0 else (), box, (width, height))
            if not np.isfinite(logits).all() or not np.isfinite(score):
                what = "the model's answer holds values that are not finite numbers (NaN or infinity)"
                return Reply(problem=Problem(image.ref.name, what, remedy="Check the card's mean and std"))
            mask = logits > 0
            if mask.any():
                objects.append(Labeled(ObjectId(""), name, rle.encode(mask), min(max(score, 0.0), 1.0)))
        return Reply(tuple(objects))

    def _mask(
        self, embedding: NDArray[Any], clicks: Sequence[Click], box: Xyxy | None, wh: tuple[int, int]
    ) -> tuple[Floats, float]:
        """The chosen mask's logits at the picture's size, and the model's own guess of its IoU."""
        from firstpass.labelers._sam_model import fit, full_logits, pick, prompts

        place = fit(*wh, self._sessions.size_px)
        points, labels = prompts([(c.x, c.y, c.positive) for c in clicks], box, place)
        masks, scores = self._sessions.decode(embedding, points, labels, wh)
        chosen = pick(scores, points.shape[1])
        return full_logits(masks[chosen], place, *wh), float(scores[chosen])

    def _embedding(self, image: Image) -> NDArray[Any]:
        height, width = image.rgb.shape[:2]
        key = (image.ref.digest, width, height)
        if key not in self._embeddings:
            embedding = self._sessions.embed(image.rgb)
            if not image.ref.digest:
                return embedding
            self._embeddings[key] = embedding
        self._embeddings.move_to_end(key)
        while len(self._embeddings) > self._cached:
            self._embeddings.popitem(last=False)
        return self._embeddings[key]


PLUGIN = Sam


def _whole(settings: Settings, name: str, default: int, least: int) -> int:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 100_000:
        raise UsageError(f"labeler sam, setting {name}: needs a whole number from {least}, but got {value!r}")
    return value
