"""Struct-of-arrays views of labeled objects, for metrics and `supervision.Detections`. The values stay the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import MissingExtra
from firstpass.labels import geometry, rle
from firstpass.labels.labeled_image import Author, ImageRef, Labeled, LabeledImage, ObjectId, stable_id
from firstpass.labels.ontology import Ontology
from firstpass.labels.shapes import Box, Mask, Polygon

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, slots=True, eq=False)
class ObjectArrays:
    """n objects of one image.

    xyxy_px: float32 (n, 4). class_ids: int64 (n,), places in the ontology. scores: float32 (n,), NaN = not a guess.
    """

    xyxy_px: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.class_ids)


def to_arrays(objects: Sequence[Labeled], ontology: Ontology) -> ObjectArrays:
    """The objects as arrays; (0, 4), (0,), (0,) for none. Raises UnknownClass."""
    return ObjectArrays(
        geometry.to_xyxy([o.shape for o in objects]),
        np.asarray([ontology.index(o.class_name) for o in objects], np.int64),
        np.asarray([np.nan if o.score is None else o.score for o in objects], np.float32),
    )


def to_supervision(labeled: LabeledImage, ontology: Ontology) -> supervision.Detections:
    """The objects as `supervision.Detections`; masks are filled in where every object has an area shape.

    Object ids, class names, texts travel in ``data``. confidence is None unless every object has a score.
    Raises MissingExtra without supervision, UnknownClass for a foreign class.
    """
    sv = _supervision()
    arrays = to_arrays(labeled.objects, ontology)
    shapes = [o.shape for o in labeled.objects]
    size = (labeled.image.height_px, labeled.image.width_px)
    has_masks = bool(shapes) and all(isinstance(s, Mask | Polygon) for s in shapes)
    masks = np.stack([rle.decode(geometry.to_mask(s, *size)) for s in shapes]) if has_masks else None
    scored = len(arrays) > 0 and not np.isnan(arrays.scores).any()
    return sv.Detections(
        xyxy=arrays.xyxy_px,
        mask=masks,
        confidence=arrays.scores if scored else None,
        class_id=arrays.class_ids,
        data={
            "class_name": np.asarray([o.class_name for o in labeled.objects], dtype=object),
            "object_id": np.asarray([o.id for o in labeled.objects], dtype=object),
            "text": np.asarray([o.text or "" for o in labeled.objects], dtype=object),
        },
    )


def from_supervision(detections: supervision.Detections, image: ImageRef, author: Author, ontology: Ontology) -> LabeledImage:
    """Detections as a LabeledImage: masks where there are masks, else boxes. Ids are kept from ``data["object_id"]`` or made.

    Raises ValueError for a missing class_id or one outside the ontology.
    """
    if detections.class_id is None and len(detections):
        raise ValueError("detections have no class_id")
    class_ids: Any = detections.class_id
    ids: Any = detections.data.get("object_id")
    texts: Any = detections.data.get("text")
    objects: list[Labeled] = []
    for i in range(len(detections)):
        class_id = int(class_ids[i])
        if not 0 <= class_id < len(ontology):
            raise ValueError(f"object {i}: class_id {class_id} is outside the ontology (0..{len(ontology) - 1})")
        mask = None if detections.mask is None else np.asarray(detections.mask[i])
        x1, y1, x2, y2 = (float(v) for v in detections.xyxy[i])
        shape = rle.encode(mask) if mask is not None else Box(x1, y1, x2, y2)
        score = None if detections.confidence is None else float(detections.confidence[i])
        object_id = stable_id(author.name, image.digest or image.name, i) if ids is None else ObjectId(str(ids[i]))
        text = None if texts is None or not texts[i] else str(texts[i])
        objects.append(Labeled(object_id, ontology.classes[class_id].name, shape, score, text))
    return LabeledImage(image, author, tuple(objects))


def _supervision() -> Any:
    try:
        import supervision
    except ImportError as error:
        raise MissingExtra("to_supervision", "supervision", "integrations") from error
    return supervision
