"""Reads from an ONNX backbone's file what its input wants, and turns its answer into vectors. Nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.errors import UsageError
from firstpass.media.image import Rgb

VALUES = ("auto", "0-255", "0-1", "imagenet")
CHANNELS = ("rgb", "bgr")
IMAGENET_MEAN, IMAGENET_STD = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of ImageNet's pixels in 0..1; torchvision's constants
NORMALIZES = frozenset({"Sub", "Add", "Mul", "Div", "BatchNormalization"})
PASSES = frozenset(
    {"Cast", "Identity", "Transpose", "Slice", "Concat", "Gather", "Reshape", "Squeeze", "Unsqueeze", "Resize", "Pad"}
)
DEFAULT_SIDE_PX = 224
WISHED_OUTPUTS = ("embedding", "embeddings", "image_embeds", "pooler_output", "features", "pooled")


@dataclass(frozen=True, slots=True)
class InputLayout:
    """What the model's image input wants. values: one of VALUES but "auto". fixed_batch: pictures per run, 0 = any."""

    name: str
    height_px: int
    width_px: int
    channels_first: bool
    is_uint8: bool
    values: str
    channels: str
    fixed_batch: int

    def tensor(self, pictures: Sequence[Rgb]) -> NDArray[Any]:
        """n uint8 RGB pictures of any size, stretched to the input's, as the batch the model takes."""
        size = (self.width_px, self.height_px)
        batch = np.stack([_resized(picture, size) for picture in pictures])
        if self.channels == "bgr":
            batch = batch[..., ::-1]
        if not self.is_uint8:
            batch = _ranged(batch.astype(np.float32), self.values, self.channels)
        return np.ascontiguousarray(batch.transpose(0, 3, 1, 2) if self.channels_first else batch)


def _resized(picture: Rgb, size_wh_px: tuple[int, int]) -> Rgb:
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8 (height, width, 3), not empty, but got {picture.dtype} {picture.shape}")
    shrinks = picture.shape[1] >= size_wh_px[0] and picture.shape[0] >= size_wh_px[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size_wh_px, interpolation=method), np.uint8)


def _ranged(batch: NDArray[np.float32], values: str, channels: str) -> NDArray[np.float32]:
    if values == "0-255":
        return batch
    batch = batch / np.float32(255)
    if values == "imagenet":
        turn = -1 if channels == "bgr" else 1
        return (batch - np.asarray(IMAGENET_MEAN[::turn], np.float32)) / np.asarray(IMAGENET_STD[::turn], np.float32)
    return batch


def layout_of(path: Path, settings: Mapping[str, Any]) -> InputLayout:
    """The input's layout, from the file and the settings `values` and `channels`.

    Float inputs: the range is 0-255 when the graph itself scales before its first layer, else ImageNet's mean and deviation.
    Raises UsageError for a file that is no ONNX model, that keeps weights outside its folder, or has no image input.
    """
    model = _load(path)
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in held]
    images = [i for i in inputs if len(i.type.tensor_type.shape.dim) == 4]
    if len(inputs) != 1 or len(images) != 1:
        names = ", ".join(i.name for i in inputs) or "none"
        raise UsageError(f"{path}: needs exactly one input, of images with 4 axes, but its inputs are: {names}")
    tensor = images[0].type.tensor_type
    dims = [int(d.dim_value) for d in tensor.shape.dim]  # 0 = free
    channels_first = dims[1] in (1, 3) or dims[3] not in (1, 3)
    if dims[1 if channels_first else 3] not in (0, 3):
        raise UsageError(f"{path}: input {images[0].name} does not take 3 color channels (axes {dims})")
    height, width = (dims[2], dims[3]) if channels_first else (dims[1], dims[2])
    is_uint8 = tensor.elem_type == 2  # onnx.TensorProto.UINT8
    values = _choice(settings, "values", VALUES)
    if values == "auto":
        values = "0-255" if is_uint8 or _scales_itself(model.graph, images[0].name) else "imagenet"
    channels = _choice(settings, "channels", CHANNELS)
    size = (height or DEFAULT_SIDE_PX, width or DEFAULT_SIDE_PX)
    return InputLayout(images[0].name, *size, channels_first, is_uint8, values, channels, dims[0])


def _choice(settings: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    value = str(settings.get(name, allowed[0]))
    if value not in allowed:
        raise UsageError(f"setting {name} must be one of {', '.join(allowed)}, but got {value!r}")
    return value


def _load(path: Path) -> Any:
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:  # protobuf's own DecodeError has no public common base
        raise UsageError(
            f"{path}: is not an ONNX model ({type(error).__name__}). Export one with torch.onnx or download it"
        ) from error
    if not model.graph.input:
        raise UsageError(f"{path}: is not an ONNX model, or one without inputs")
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            place = PurePosixPath(str(entry.value).replace("\\", "/"))
            if entry.key == "location" and (place.is_absolute() or ".." in place.parts or ":" in entry.value):
                raise UsageError(f"{path}: keeps weights outside its folder ({entry.value}); only files beside it are read")
    return model


def _scales_itself(graph: Any, name: str) -> bool:
    """Whether the first arithmetic on the input is a shift or scale, before any layer with learned weights."""
    reached = {name}
    for node in graph.node:
        if not reached.intersection(node.input):
            continue
        if node.op_type in NORMALIZES:
            return True
        if node.op_type not in PASSES:
            return False
        reached.update(node.output)
    return False


def chosen_output(names: Sequence[str], wished: str, path: Path) -> str:
    """The output to take: the wished one, else one called embedding or the like, else the first. Raises UsageError."""
    if wished and wished not in names:
        raise UsageError(f"{path}: has no output {wished!r}; its outputs are: {', '.join(names)}")
    return wished or next((name for like in WISHED_OUTPUTS for name in names if name.lower() == like), names[0])


def pooled_unit(out: NDArray[Any]) -> NDArray[np.float32]:
    """A model's answer as float32 (n, d), finite, unit length.

    (n, d) as it is; (n, d, h, w) averaged over places; of (n, tokens, d) the first token, which is the class token of a ViT.
    """
    if out.ndim == 4:
        out = out.mean(axis=(2, 3))
    elif out.ndim == 3:
        out = out[:, 0]
    clean = np.nan_to_num(out.reshape(len(out), -1).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    even = np.full_like(clean, 1 / np.sqrt(max(1, clean.shape[1])))  # a silent model still gives a vector of unit length
    return np.where(lengths > 1e-12, clean / np.maximum(lengths, 1e-12), even).astype(np.float32)
