"""Clicks and boxes to a mask, by any labeler that can: opened when first asked for and kept open, one question at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from firstpass import registry
from firstpass.engines.open_labeler import candidates, check_needs, open_labeler
from firstpass.errors import FirstpassError, MissingExtra, Problem, UsageError
from firstpass.labelers.base import Ask, AskedClass, Click, ImageCues, Labeler, Task
from firstpass.labels import ImageRef, Mask
from firstpass.labels.geometry import to_mask
from firstpass.media.image import Image
from firstpass.project import Project

OBJECT = AskedClass("object")  # the person says which class it is


@dataclass(frozen=True, slots=True)
class Segmented:
    """A mask of the image's size, the labeler's score for it, and the time the answer took."""

    mask: Mask
    score: float | None
    latency_ms: float


def promptable() -> tuple[str, ...]:
    """The labelers here that answer clicks or boxes with a mask, those for clicks first; without those whose packages miss."""
    names = dict.fromkeys(candidates("click-segmenter") + candidates("box-segmenter"))
    return tuple(name for name in names if _is_installed(name))


def _is_installed(name: str) -> bool:
    spec = registry.find("labelers", name).spec
    try:
        check_needs(spec.name, spec.needs, spec.extra)
    except MissingExtra:
        return False
    return True


class Segmenter:
    """The one open labeler, and the last picture decoded for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._labeler: tuple[str, Labeler] | None = None
        self._image: Image | None = None

    def segment(
        self,
        project: Project,
        ref: ImageRef,
        clicks: Sequence[Click],
        box_xyxy_px: tuple[float, float, float, float] | None,
        name: str | None = None,
    ) -> Segmented:
        """The mask of what is clicked or boxed. name: None = the first labeler that can.

        Raises UsageError for no or too many labelers, no cue, or a cue outside the image; FirstpassError for an image that
        cannot be read or a labeler that fails or finds nothing.
        """
        able = promptable()
        chosen = name or next(iter(able), None)
        if chosen is None or chosen not in able:
            known = f"these can: {', '.join(able)}" if able else "none is installed"
            raise UsageError(f"no labeler {chosen or ''} answers clicks or boxes here; {known}")
        cues = _cues(ref, clicks, box_xyxy_px)
        with self._lock:
            start_s = time.perf_counter()
            image = self._picture(project, ref)
            reply = self._opened(project, chosen).label([image], Ask(Task.SEGMENT, (OBJECT,), {ref.digest: cues}))[0]
            spent_ms = (time.perf_counter() - start_s) * 1000
        if reply.problem is not None:
            raise FirstpassError(str(reply.problem))
        if not reply.objects:
            raise UsageError(f"{chosen} finds nothing there. Click elsewhere, or draw it")
        best = max(reply.objects, key=lambda obj: obj.score or 0.0)
        return Segmented(to_mask(best.shape, ref.height_px, ref.width_px), best.score, spent_ms)

    def _opened(self, project: Project, name: str) -> Labeler:
        if self._labeler is None or self._labeler[0] != name:
            own = project.labeler
            self._labeler = (name, open_labeler(name, own.settings if own.name == name else dict[str, Any]())[0])
        return self._labeler[1]

    def _picture(self, project: Project, ref: ImageRef) -> Image:
        if self._image is None or self._image.ref != ref:
            image = project.image(ref)
            if isinstance(image, Problem):
                raise FirstpassError(str(image))
            self._image = image
        return self._image


def _cues(ref: ImageRef, clicks: Sequence[Click], box: tuple[float, float, float, float] | None) -> ImageCues:
    if not any(click.positive for click in clicks) and box is None:
        raise UsageError("a click on the object, or a box around it, is needed")
    for click in clicks:
        if not (0 <= click.x <= ref.width_px and 0 <= click.y <= ref.height_px):
            raise UsageError(f"the click at {click.x:g}, {click.y:g} lies outside the image")
    if box is not None and not (0 <= box[0] < box[2] <= ref.width_px and 0 <= box[1] < box[3] <= ref.height_px):
        raise UsageError(f"the box {', '.join(f'{v:g}' for v in box)} is empty or reaches outside the image")
    return ImageCues(tuple(clicks), () if box is None else (box,))
