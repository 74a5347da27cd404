"""Average precision by COCO's protocol (Lin et al., 2014), boxes and masks, through faster-coco-eval.

101 recall points, IoU 0.50 to 0.95 in steps of 0.05, at most 100 proposals per image and class, crowd regions honored.
pycocotools, the reference, gives the same figures to 1e-9; that is what the tests hold this file to.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firstpass import collector
from firstpass.errors import UsageError
from firstpass.labels import ImageRef, Labeled, LabeledImage, Ontology, geometry, rle
from firstpass.metrics import match

IouType = Literal["bbox", "segm"]
MAX_PROPOSALS = 100  # COCO


@dataclass(frozen=True, slots=True)
class ClassAp:
    """One class: average precision over all IoU, at 0.50, at 0.75 (0..1, NaN without truth), true objects, proposals."""

    ap: float
    ap50: float
    ap75: float
    truth_count: int
    proposal_count: int


@dataclass(frozen=True, slots=True)
class ApResult:
    """Means over the classes that have truth, 0..1; NaN when no class has. per_class holds every class of the ontology."""

    ap: float
    ap50: float
    ap75: float
    per_class: Mapping[str, ClassAp]
    iou_type: IouType
    images: int


def ap(
    pairs: Iterable[tuple[LabeledImage | None, LabeledImage]],
    ontology: Ontology,
    iou_type: IouType = "bbox",
    *,
    max_proposals: int = MAX_PROPOSALS,
) -> ApResult:
    """Average precision of (proposed, truth) pairs, one pair per image; proposed None = nothing proposed.

    iou_type "bbox": bounding boxes; "segm": pixels, a box counting as its rectangle. Raises UsageError for a proposal without
    a score (a ranking needs one), for images that come twice, and UnknownClass for a class outside the ontology.
    """
    images, truths, proposals = _tables(list(pairs), ontology, iou_type)
    asked = Counter(row["category_id"] for row in truths if not row["iscrowd"])
    offered = Counter(row["category_id"] for row in proposals)
    precision = _precision(images, truths, proposals, ontology, iou_type, max_proposals)
    per_class = {
        name: ClassAp(
            _mean(precision[:, :, k]),
            _mean(precision[:1, :, k]),
            _mean(precision[5:6, :, k]),
            asked[k + 1],
            offered[k + 1],
        )
        for k, name in enumerate(ontology.names)
    }
    means = [_mean(precision), _mean(precision[:1]), _mean(precision[5:6])]
    return ApResult(means[0], means[1], means[2], per_class, iou_type, len(images))


def _mean(precision: NDArray[np.float64]) -> float:
    """COCO marks a class without truth by -1; those are left out."""
    known = precision[precision > -1]
    return float(known.mean()) if known.size else math.nan


Rows = list[dict[str, Any]]


def _tables(
    pairs: Sequence[tuple[LabeledImage | None, LabeledImage]], ontology: Ontology, iou_type: IouType
) -> tuple[Rows, Rows, Rows]:
    images: Rows = []
    truths: Rows = []
    proposals: Rows = []
    seen: set[str] = set()
    for number, (proposed, truth) in enumerate(pairs, 1):
        ref = truth.image
        if ref.name in seen:
            raise UsageError(f"image {ref.name} comes twice; average precision needs one pair per image")
        seen.add(ref.name)
        images.append({"id": number, "width": ref.width_px, "height": ref.height_px, "file_name": ref.name})
        for obj in truth.objects:
            row = _row(obj, ref, number, ontology, iou_type)
            truths.append({**row, "id": len(truths) + 1, "iscrowd": int(match.is_crowd(obj))})
        for obj in proposed.objects if proposed is not None else ():
            if obj.score is None:
                who = proposed.author.name if proposed is not None else ""
                raise UsageError(
                    f"{who or 'a labeler'} gave {obj.class_name!r} on {ref.name} no score; average precision ranks by scores: "
                    "compare such a labeler by seconds or by precision and recall"
                )
            proposals.append({**_row(obj, ref, number, ontology, iou_type), "score": obj.score})
    return images, truths, proposals


def _row(obj: Labeled, ref: ImageRef, image_id: int, ontology: Ontology, iou_type: IouType) -> dict[str, Any]:
    box = geometry.bounds(obj.shape)
    row: dict[str, Any] = {
        "image_id": image_id,
        "category_id": ontology.index(obj.class_name) + 1,
        "bbox": [box.x1, box.y1, box.width_px, box.height_px],
        "area": 1.0,  # only sizes of objects would need it, and all sizes count here
    }
    if iou_type == "segm":
        row["segmentation"] = rle.to_coco(geometry.to_mask(obj.shape, ref.height_px, ref.width_px))
    return row


def _precision(
    images: Rows, truths: Rows, proposals: Rows, ontology: Ontology, iou_type: IouType, max_proposals: int
) -> NDArray[np.float64]:
    """float64 (10 IoU, 101 recalls, classes), -1 = no truth."""
    if not len(ontology) or not images:
        return np.full((10, 101, len(ontology)), -1.0)
    import faster_coco_eval  # pyright: ignore[reportMissingTypeStubs]  # lazily: slow to import

    api: Any = faster_coco_eval

    categories = [{"id": k + 1, "name": name} for k, name in enumerate(ontology.names)]
    truth_side = api.COCO({"images": images, "annotations": truths, "categories": categories}, print_function=_silent)
    evaluation = api.COCOeval_faster(truth_side, truth_side.loadRes(proposals), iou_type, print_function=_silent)
    evaluation.params.maxDets = [max_proposals]
    evaluation.params.areaRng = [[0, 1e10]]
    evaluation.params.areaRngLbl = ["all"]
    with collector.paused():
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"], np.float64)[:, :, :, 0, 0]


def _silent(*_: object) -> None:
    return None
