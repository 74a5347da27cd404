"""Any image backbone in ONNX as an embedder: MobileNet, ResNet, DINOv2, CLIP's image tower, exported with pooled features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from firstpass.embedders.base import EmbedderSpec
from firstpass.errors import MissingWeights, UsageError
from firstpass.media.image import Rgb

if TYPE_CHECKING:
    from firstpass.media.onnx_input import InputLayout

SPEC = EmbedderSpec(
    "onnx-backbone",
    "features of an image model in ONNX (MobileNet, DINOv2, CLIP …), from a file of yours",
    needs=("onnxruntime", "onnx"),
    settings={
        "model": "path of the .onnx file; there is no default",
        "output": "name of the output to take (default: the one called embedding or features, else the first)",
        "values": "range of the input: auto, 0-255, 0-1 or imagenet (default auto: read from the graph)",
        "channels": "rgb or bgr (default rgb)",
        "batch_size": "pictures per run (default 16)",
        "threads": "threads to run with (default 0: the runtime's choice)",
    },
    version="1",
    reference="https://onnx.ai",
)


class OnnxBackbone:
    """An opened ONNX session and what its input wants."""

    def __init__(self, session: Any, layout: InputLayout, output: str, batch_size: int) -> None:
        self._session = session
        self._layout = layout
        self._output = output
        self._batch_size = layout.fixed_batch or batch_size
        self._length = 0

    @classmethod
    def open(cls, settings: Mapping[str, Any]) -> Self:
        """Raises MissingWeights when no model is set or the file is not there, UsageError for one that does not fit."""
        path = _model_path(settings)
        batch_size, threads = _whole(settings, "batch_size", 16, 1), _whole(settings, "threads", 0, 0)
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

        from firstpass.media.onnx_input import chosen_output, layout_of

        layout = layout_of(path, settings)
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes without a public base
            raise UsageError(f"{path}: onnxruntime cannot open it: {error}") from error
        output = chosen_output([o.name for o in session.get_outputs()], str(settings.get("output", "")), path)
        return cls(session, layout, output, batch_size)

    def embed(self, pictures: Sequence[Rgb]) -> NDArray[np.float32]:
        """n uint8 RGB pictures -> float32 (n, d), unit length; (0, d) for none. Maps are averaged over their places."""
        if not pictures:
            self._length = self._length or self._run([np.zeros((8, 8, 3), np.uint8)]).shape[1]
            return np.zeros((0, self._length), np.float32)
        steps = range(0, len(pictures), self._batch_size)
        return np.concatenate([self._run(pictures[start : start + self._batch_size]) for start in steps])

    def _run(self, pictures: Sequence[Rgb]) -> NDArray[np.float32]:
        from firstpass.media.onnx_input import pooled_unit

        wanted = len(pictures)
        batch = self._layout.tensor(pictures)
        if self._layout.fixed_batch > wanted:
            batch = np.concatenate([batch, np.repeat(batch[-1:], self._layout.fixed_batch - wanted, axis=0)])
        out = np.asarray(self._session.run([self._output], {self._layout.name: batch})[0], np.float32)[:wanted]
        return pooled_unit(out)


def _model_path(settings: Mapping[str, Any]) -> Path:
    given = str(settings.get("model", "") or "")
    if not given:
        raise MissingWeights(
            "onnx-backbone needs a model: set `model` to an .onnx file with pooled image features, for example "
            "`torch.onnx.export` of a torchvision backbone without its last layer"
        )
    path = Path(given).expanduser()
    if not path.is_file():
        raise MissingWeights(f"onnx-backbone: there is no file {path}; put the model there or set `model` to its path")
    return path


def _whole(settings: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"setting {name} must be a whole number from {least}, but got {value!r}")
    return value


PLUGIN = OnnxBackbone
