"""What click-mask keeps of a picture: its Lab pyramid, and windows cut out of it; a small cache of such scenes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SMALLEST_SIDE_PX = 96
_api: Any = cv2


@dataclass(frozen=True, eq=False)
class Window:
    """A cutout of one pyramid level. lab: uint8 (h, w, 3). x, y: its corner on the level. scale_xy: image px per level px."""

    level: int
    lab: Bytes
    x: int
    y: int
    scale_xy: tuple[float, float]
    level_wh: tuple[int, int]

    @cached_property
    def smooth(self) -> Floats:
        """Lab with the noise of single pixels taken off, float32 (h, w, 3)."""
        return _api.GaussianBlur(self.lab, (0, 0), 0.8).astype(np.float32)

    @cached_property
    def gradient(self) -> Floats:
        """Length of the Lab gradient, Lab units per level px, float32 (h, w)."""
        dx, dy = (_api.Sobel(self.smooth, _api.CV_32F, *order, ksize=3, scale=0.125) for order in ((1, 0), (0, 1)))
        return np.sqrt((dx * dx + dy * dy).sum(axis=2))

    @cached_property
    def at_image_edge(self) -> NDArray[np.bool_]:
        """Which sides (left, top, right, bottom) lie on the image's edge."""
        h, w = self.lab.shape[:2]
        return np.asarray([self.x == 0, self.y == 0, self.x + w >= self.level_wh[0], self.y + h >= self.level_wh[1]])

    def pixel_of(self, x_px: float, y_px: float) -> tuple[int, int]:
        """The window's pixel (column, row) of an image position, moved inside when it lies outside."""
        h, w = self.lab.shape[:2]
        column, row = int(x_px / self.scale_xy[0]) - self.x, int(y_px / self.scale_xy[1]) - self.y
        return min(max(column, 0), w - 1), min(max(row, 0), h - 1)

    def region(self, image_wh: tuple[int, int]) -> tuple[int, int, int, int]:
        """The pixels of the full image that the window covers: x1, y1, x2, y2."""
        h, w = self.lab.shape[:2]
        sx, sy = self.scale_xy
        x1, y1 = round(self.x * sx), round(self.y * sy)
        x2, y2 = min(round((self.x + w) * sx), image_wh[0]), min(round((self.y + h) * sy), image_wh[1])
        return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


@dataclass(eq=False)
class Scene:
    """One picture's pyramid: levels[0] is the full picture in Lab, each next one half of it. answers: masks by cues."""

    levels: list[Bytes]
    answers: OrderedDict[Any, Any] = field(default_factory=OrderedDict[Any, Any])

    @property
    def wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.levels[0].shape[1], self.levels[0].shape[0]

    @property
    def size_bytes(self) -> int:
        """What its levels and the remembered masks take; the candidates' windows, some 3 MB, are not counted."""
        return sum(level.nbytes for level in self.levels) + sum(answer.mask.nbytes for answer in self.answers.values())

    def window(self, level: int, xyxy_px: tuple[float, float, float, float]) -> Window:
        """The cutout of a level that covers the box as far as it is inside the image; at least one pixel."""
        lab = self.levels[level]
        h, w = lab.shape[:2]
        sx, sy = self.wh[0] / w, self.wh[1] / h
        x1, x2 = (int(np.clip(v / sx, 0, w)) for v in (xyxy_px[0], xyxy_px[2] + sx - 1))
        y1, y2 = (int(np.clip(v / sy, 0, h)) for v in (xyxy_px[1], xyxy_px[3] + sy - 1))
        x1, y1 = min(x1, w - 1), min(y1, h - 1)
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        return Window(level, np.ascontiguousarray(lab[y1:y2, x1:x2]), x1, y1, (sx, sy), (w, h))

    def around(self, level: int, x_px: float, y_px: float, half: int) -> Window:
        """The cutout of a level of up to 2·half+1 px a side around an image position."""
        h, w = self.levels[level].shape[:2]
        rx, ry = half * self.wh[0] / w, half * self.wh[1] / h
        return self.window(level, (x_px - rx, y_px - ry, x_px + rx + 1, y_px + ry + 1))


def make_scene(rgb: Bytes) -> Scene:
    """The pyramid of an RGB picture, down to a longest side of at most 192 px."""
    levels: list[Bytes] = [_api.cvtColor(np.ascontiguousarray(rgb), _api.COLOR_RGB2LAB)]
    while max(levels[-1].shape[:2]) > 2 * SMALLEST_SIDE_PX:
        h, w = levels[-1].shape[:2]
        levels.append(_api.resize(levels[-1], ((w + 1) // 2, (h + 1) // 2), interpolation=_api.INTER_AREA))
    return Scene(levels)


class SceneCache:
    """The scenes last used, by key; the oldest go when their number or their bytes pass the limit. One always stays."""

    def __init__(self, count: int, limit_bytes: int) -> None:
        self._count, self._limit = count, limit_bytes
        self._scenes: OrderedDict[Any, Scene] = OrderedDict()

    def get(self, key: Any, rgb: Bytes) -> Scene:
        """The scene of that key, made from the picture when it is not there. key None: made, not kept."""
        if key is None:
            return make_scene(rgb)
        if key not in self._scenes:
            self._scenes[key] = make_scene(rgb)
        self._scenes.move_to_end(key)
        while len(self._scenes) > 1 and (len(self._scenes) > self._count or self.size_bytes > self._limit):
            self._scenes.popitem(last=False)
        return self._scenes[key]

    def __len__(self) -> int:
        return len(self._scenes)

    @property
    def size_bytes(self) -> int:
        """What all scenes take."""
        return sum(scene.size_bytes for scene in self._scenes.values())
