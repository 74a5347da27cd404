"""From clicks or a box to one mask, without a model: floods, ring paths and GrabCut, and a score that picks among them.

A first click is answered at several scales at once; each further click mends the mask where it is wrong. Clicks are always
obeyed: a positive one is inside, a negative one outside. What is computed of a picture is kept for its next click.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from firstpass.errors import UsageError
from firstpass.labelers.base import Ask, Cue, Gives, ImageCues, LabelerSpec, Reply, Settings
from firstpass.labels import Labeled, ObjectId
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.labelers._click_scene import SceneCache

SPEC = LabelerSpec(
    name="click-mask",
    summary="One mask from clicks or a box, at once and without a model: floods, ring paths and GrabCut, the best one picked.",
    cues=frozenset({Cue.CLICK, Cue.BOX}),
    gives=frozenset({Gives.MASK}),
    settings={
        "cached_images": "pictures whose preparation is kept for their next click (4)",
        "cache_mb": "most memory that the kept pictures take, in MB; the one in use always stays (256)",
    },
    reference="docs/how-to/click-to-mask.md",
)


class ClickMask:
    """The opened labeler."""

    def __init__(self, cache: SceneCache) -> None:
        self._cache = cache

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Raises UsageError for a setting that is not a whole number from 1."""
        from firstpass.labelers._click_scene import SceneCache

        return cls(SceneCache(_whole(settings, "cached_images", 4), _whole(settings, "cache_mb", 256) << 20))

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """One object per image with cues, one per box; of several boxes the first has the clicks. No cues: no objects.

        The class is the first one asked for, else ``object``. Clicks outside the image do not count. Raises UsageError for a
        cue that is not finite and for a box with right < left or bottom < top.
        """
        name = ask.classes[0].name if ask.classes else "object"
        return [self._one(image, ask.cues.get(image.ref.digest), name) for image in images]

    def _one(self, image: Image, cues: ImageCues | None, name: str) -> Reply:
        from firstpass.labelers._click_answer import answer
        from firstpass.labelers._click_cues import usable
        from firstpass.labels import rle

        height, width = image.rgb.shape[:2]
        clicks, boxes = usable(cues, width, height, "click-mask")
        if not boxes and not any(click.positive for click in clicks):
            return Reply()
        digest = image.ref.digest
        scene = self._cache.get((digest, width, height) if digest else None, image.rgb)
        objects: list[Labeled] = []
        for i, box in enumerate(boxes or [None]):
            found = answer(scene, clicks if i == 0 else (), box)
            if found is not None and found.mask.any():
                objects.append(Labeled(ObjectId(""), name, rle.encode(found.mask), found.score))
        return Reply(tuple(objects))


PLUGIN = ClickMask


def _whole(settings: Settings, name: str, default: int) -> int:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
        raise UsageError(f"labeler click-mask, setting {name}: needs a whole number from 1, but got {value!r}")
    return value
