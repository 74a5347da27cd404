"""A decoded picture, as labelers and embedders get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import ImageRef

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An upright picture. rgb: uint8 (height_px, width_px, 3), read-only; (0, 0, 3) for a labeler that needs no pixels.

    metadata: the image's row of the metadata table, EXIF fields included, all as text.
    """

    ref: ImageRef
    rgb: Rgb
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
