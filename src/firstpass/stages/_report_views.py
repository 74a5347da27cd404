"""Pictures for the report: the first pass beside the review, double strokes in class colors, small enough to embed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firstpass.errors import Problem
from firstpass.labels import LabeledImage, Mask, Point, Polygon, rle
from firstpass.labels.geometry import bounds, to_mask
from firstpass.media.image import Rgb
from firstpass.metrics.evidence import show
from firstpass.stages._report_figures import newest_first_pass

if TYPE_CHECKING:
    from firstpass.project import Project

MOST, SIDE_PX, QUALITY = 6, 480, 80
DARK = (20, 20, 20)


@dataclass(frozen=True, slots=True)
class Pair:
    """One image: its name, the proposals shown and the reviewed labels as JPEG data URIs, and how many objects each has."""

    name: str
    proposed: str
    reviewed: str
    proposed_count: int
    reviewed_count: int


def pairs(project: Project) -> list[Pair]:
    """Up to six reviewed images, spread over the project, with the newest first pass beside; unreadable ones are left out."""
    layer = newest_first_pass(project)
    if layer is None:
        return []
    looked = sorted(project.reviewed.looked() & project.layers.get(layer).looked())
    names = [looked[round(i * (len(looked) - 1) / max(MOST - 1, 1))] for i in range(min(MOST, len(looked)))]
    thresholds = project.labeler.thresholds
    default = float("inf") if thresholds else 0.0
    out: list[Pair] = []
    for name in dict.fromkeys(names):
        first, final = project.layers.get(layer).get(name), project.reviewed.get(name)
        if first is None or final is None:
            continue
        image = project.image(final.image, max_side_px=SIDE_PX)
        if isinstance(image, Problem):
            continue
        shown = show(first, thresholds, default)
        drawn = [_draw(image.rgb, labeled, project) for labeled in (shown, final)]
        out.append(Pair(name, drawn[0], drawn[1], len(shown.objects), len(final.objects)))
    return out


def _draw(rgb: Rgb, labeled: LabeledImage, project: Project) -> str:
    import cv2

    scale = min(1.0, SIDE_PX / max(rgb.shape[:2]))
    canvas: Any = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb.copy()
    ratio = canvas.shape[1] / max(labeled.image.width_px, 1)
    for obj in labeled.objects:
        color = _rgb(project.ontology.color(obj.class_name)) if obj.class_name in project.ontology else (255, 255, 255)
        for outline in _outlines(obj.shape, labeled, ratio):
            cv2.polylines(canvas, [outline], True, DARK, 3, cv2.LINE_AA)
            cv2.polylines(canvas, [outline], True, color, 1, cv2.LINE_AA)
    done, data = cv2.imencode(".jpg", canvas[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii") if done else ""


def _outlines(shape: Any, labeled: LabeledImage, ratio: float) -> Sequence[Any]:
    import cv2
    import numpy as np

    if isinstance(shape, Mask | Polygon):
        full = rle.decode(to_mask(shape, labeled.image.height_px, labeled.image.width_px)).astype(np.uint8)
        found, _ = cv2.findContours(full, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return [np.round(contour * ratio).astype(np.int32) for contour in found]
    box = bounds(shape)
    grow = 2.0 if isinstance(shape, Point) else 0.0
    x1, y1, x2, y2 = (v * ratio + d for v, d in zip(box.xyxy_px, (-grow, -grow, grow, grow), strict=True))
    return [np.round([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]).astype(np.int32)]


def _rgb(color: str) -> tuple[int, int, int]:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))
