"""Where the few-shot labeler's picture vectors come from: color and texture, or an ONNX backbone named in its settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import MissingWeights
from firstpass.media import features
from firstpass.media.image import Rgb

PLAIN = "color-texture"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """kind: "color-texture", or "onnx:" and the file's digest. vectors: n pictures -> (n, length)."""

    kind: str
    length: int
    vectors: Callable[[Sequence[Rgb]], NDArray[np.float32]]


def open_source(onnx_model: str) -> Source:
    """onnx_model: "" = plain features. Raises MissingWeights when the file is not there, UsageError when it does not fit."""
    if not onnx_model:
        return Source(PLAIN, features.LENGTH, features.features)
    path = Path(onnx_model).expanduser()
    if not path.is_file():
        raise MissingWeights(f"few-shot: there is no file {path}; put the ONNX backbone there, or set onnx_model to its path")
    from firstpass.labelers._detector_session import Session
    from firstpass.media.onnx_input import chosen_output, layout_of, pooled_unit

    session = Session(path, 0, ["CPUExecutionProvider"])
    layout = layout_of(path, {})
    output = chosen_output([port.name for port in session.outputs], "", path)

    def vectors(pictures: Sequence[Rgb]) -> NDArray[np.float32]:
        batch = layout.tensor(pictures)
        step = layout.fixed_batch or 16
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(batch), step):
            piece = batch[start : start + step]
            lacking = layout.fixed_batch - len(piece)
            padded = np.concatenate([piece, np.repeat(piece[-1:], lacking, axis=0)]) if lacking > 0 else piece
            parts.append(pooled_unit(session.run(layout.name, padded, [output])[0])[: len(piece)])
        return np.concatenate(parts)

    length = vectors([np.zeros((8, 8, 3), np.uint8)]).shape[1]
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    return Source(f"onnx:{digest}", length, vectors)
