"""The embedder contract: pictures in, vectors out.

One file each, with ``SPEC = EmbedderSpec(...)`` and ``PLUGIN = TheClass``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from firstpass.media.image import Rgb


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """name, one line for people, vector length, the packages and extra it needs, its settings with help, version, reference."""

    name: str
    summary: str
    needs: tuple[str, ...] = ()
    extra: str = ""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    version: str = "1"
    reference: str = ""


class Embedder(Protocol):
    """An opened embedder."""

    @classmethod
    def open(cls, settings: Mapping[str, Any]) -> Self:
        """Heavy imports and weights happen here. Raises MissingExtra, MissingWeights, UsageError."""
        ...

    def embed(self, pictures: Sequence[Rgb]) -> NDArray[np.float32]:
        """n uint8 RGB pictures of any size -> float32 (n, d), finite, unit length; (0, d) for none."""
        ...
