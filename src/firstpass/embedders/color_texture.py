"""Color, layout, edges and texture, without any weights: works everywhere, at some hundred pictures a second on one core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from firstpass.embedders.base import EmbedderSpec
from firstpass.media import features
from firstpass.media.image import Rgb

SPEC = EmbedderSpec(
    "color-texture",
    "color, layout, edge and texture statistics; no weights needed",
    version="1",
    reference="https://doi.org/10.1109/TPAMI.2002.1017623",
)


class ColorTexture:
    """See :mod:`firstpass.media.features`."""

    @classmethod
    def open(cls, settings: Mapping[str, Any]) -> Self:
        """Takes no settings."""
        del settings
        return cls()

    def embed(self, pictures: Sequence[Rgb]) -> NDArray[np.float32]:
        """n uint8 RGB pictures -> float32 (n, 374), unit length; (0, 374) for none. Raises ValueError for an empty picture."""
        return features.features(pictures)


PLUGIN = ColorTexture
