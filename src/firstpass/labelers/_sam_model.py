"""A SAM-family model as two ONNX files: opening them, and what is fed to and read from them.

Encoder: one image input float32 (1, 3, size, size); one embedding output. Decoder: the inputs of the export of Segment Anything
(Kirillov et al. 2023): image_embeddings, point_coords (1, n, 2), point_labels (1, n), mask_input, has_mask_input and
orig_im_size (height, width); the last three only where the model has them. Outputs: masks (1, m, h, w) as logits, and
their scores, iou_predictions (1, m).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers._detector_session import check_model_file

Floats = NDArray[np.float32]
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # Segment Anything's, RGB 0..255
SIZE_PX = 1024
_CARD_KEYS = {
    "labeler",
    "version",
    "title",
    "license",
    "encoder",
    "decoder",
    "size",
    "mean",
    "std",
    "files",
    "classes",
    "source",
}
_KNOWN = {"image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"}
_NEEDED = ("image_embeddings", "point_coords", "point_labels")
_PLACE = (
    "labeler sam needs weights: put an encoder and a decoder, exported to ONNX (names with `encoder` and `decoder` in them), "
    "into one folder and name it in the setting model; see docs/how-to/click-to-mask.md"
)
_api: Any = cv2


@dataclass(frozen=True, slots=True)
class SamCard:
    """What is known of the files. size_px: of the encoder's square input, 0 = as the file says. mean, std: RGB, 0..255."""

    encoder: Path
    decoder: Path
    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def find_card(choice: object) -> SamCard:
    """The card of a model folder: its card.json, else what the files' names say. Raises MissingWeights, UsageError."""
    if choice is None or choice == "":
        raise MissingWeights(_PLACE)
    if not isinstance(choice, str | Path):
        raise UsageError(f"labeler sam, setting model: needs the path of a folder, but got {choice!r}")
    folder = Path(choice).expanduser()
    if not folder.is_dir():
        raise MissingWeights(f"{folder}: there is no such folder. {_PLACE}")
    table = _read_table(folder / "card.json")
    size = table.get("size", 0)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= 8192:
        raise UsageError(f"{folder / 'card.json'}: size must be a whole number of pixels, but got {size!r}")
    encoder, decoder = (_file(folder, table, kind) for kind in ("encoder", "decoder"))
    mean, std = (_three(folder, table, name, default) for name, default in (("mean", MEAN), ("std", STD)))
    return SamCard(encoder, decoder, size, mean, std)


def _read_table(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        table: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(table, dict):
        raise UsageError(f"{path}: must hold one JSON object")
    unknown = sorted(set(cast(dict[str, Any], table)) - _CARD_KEYS)
    if unknown:
        raise UsageError(f"{path}: unknown key {unknown[0]!r}; a card has: {', '.join(sorted(_CARD_KEYS))}")
    return cast(dict[str, Any], table)


def _file(folder: Path, table: Mapping[str, Any], kind: str) -> Path:
    if kind in table:
        name = table[kind]
        if not isinstance(name, str) or not name or not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{folder / 'card.json'}: {kind} must name a file of the folder, but got {name!r}")
        if not (folder / name).is_file():
            raise MissingWeights(f"{folder / name}: is named in card.json but is not there. {_PLACE}")
        return folder / name
    found = sorted(path for path in folder.glob("*.onnx") if kind in path.name.lower())
    if not found:
        raise MissingWeights(f"{folder}: no .onnx file with `{kind}` in its name. {_PLACE}")
    if len(found) > 1:
        seen = ", ".join(path.name for path in found[:5])
        raise UsageError(f'{folder}: several {kind}s: {seen}. Name one in its card.json: {{"labeler": "sam", "{kind}": "…"}}')
    return found[0]


def _three(folder: Path, table: Mapping[str, Any], name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    value: object = table.get(name, list(default))
    numbers = cast(list[object], value) if isinstance(value, list) else []
    good = [float(v) for v in numbers if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if len(good) != 3 or len(numbers) != 3 or (name == "std" and not all(v > 0 for v in good)):
        raise UsageError(f"{folder / 'card.json'}: {name} must be three numbers (of 0..255), but got {value!r}")
    return tuple(good)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture lies in the encoder's square: scaled to width × height px, at the top left."""

    size_px: int
    width_px: int
    height_px: int
    scale_xy: tuple[float, float]


def fit(width: int, height: int, size: int) -> Fit:
    """The longest side becomes `size`, the other keeps the proportion, rounded, at least 1."""
    scale = size / max(width, height)
    new_w, new_h = max(int(width * scale + 0.5), 1), max(int(height * scale + 0.5), 1)
    return Fit(size, new_w, new_h, (new_w / width, new_h / height))


def encoder_input(rgb: NDArray[np.uint8], place: Fit, mean: Sequence[float], std: Sequence[float]) -> Floats:
    """The normalized picture (1, 3, size, size); what it does not cover, right and below, is 0."""
    small = _api.resize(rgb, (place.width_px, place.height_px), interpolation=_api.INTER_LINEAR)
    out = np.zeros((1, 3, place.size_px, place.size_px), np.float32)
    normal = (small.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    out[0, :, : place.height_px, : place.width_px] = normal.transpose(2, 0, 1)
    return out


def prompts(
    clicks: Sequence[tuple[float, float, bool]], box: tuple[float, float, float, float] | None, place: Fit
) -> tuple[Floats, Floats]:
    """Coordinates (1, n, 2) in the encoder's picture and labels (1, n): 1 in, 0 out, 2 and 3 the box's corners, -1 filler.

    The model adds half a pixel to each coordinate, so half a pixel is taken off here. Without a box a filler point is appended,
    as the export of Segment Anything wants it.
    """
    rows = [(x, y, float(positive)) for x, y, positive in clicks]
    if box is not None:
        rows += [(box[0], box[1], 2.0), (box[2], box[3], 3.0)]
    table = np.asarray(rows, np.float64).reshape(-1, 3)
    points = table[:, :2] * np.asarray(place.scale_xy) - 0.5
    labels = table[:, 2]
    if box is None:
        points, labels = np.vstack([points, np.zeros((1, 2))]), np.append(labels, -1.0)
    return points[None].astype(np.float32), labels[None].astype(np.float32)


def pick(scores: NDArray[np.floating[Any]], points: int) -> int:
    """Which mask: the best score; of four, the first (made for many points) when there are over two points, else another.

    Segment Anything's rule for its export, with `points` counting box corners and filler.
    """
    if scores.size == 4:
        return 0 if points > 2 else 1 + int(scores[1:].argmax())
    return int(scores.argmax())


def full_logits(low: Floats, place: Fit, width: int, height: int) -> Floats:
    """A mask's logits at the picture's size, from the encoder's square at any resolution."""
    if low.shape == (height, width):
        return low
    square = _api.resize(low, (place.size_px, place.size_px), interpolation=_api.INTER_LINEAR)
    return _api.resize(square[: place.height_px, : place.width_px], (width, height), interpolation=_api.INTER_LINEAR)


class SamSessions:
    """The two opened models."""

    def __init__(self, card: SamCard, threads: int, providers: Sequence[str]) -> None:
        """Raises UsageError for a file that is not of this kind, a provider that is not there."""
        self.card = card
        self._encoder, self._decoder = (_session(path, threads, providers) for path in (card.encoder, card.decoder))
        inputs = self._encoder.get_inputs()
        shape: list[Any] = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or shape[1] not in (3, "3") or "float" not in inputs[0].type:
            raise UsageError(f"{card.encoder}: needs one input float (1, 3, size, size), but has {inputs[0].name} {shape}")
        sides = {side for side in shape[2:] if isinstance(side, int)}
        self.size_px = card.size_px or (sides.pop() if len(sides) == 1 else SIZE_PX)
        if len(sides | {self.size_px}) > 1:
            raise UsageError(f"{card.encoder}: takes {shape[2:]} px, but the size is {self.size_px}; mend the card's size")
        self._image_name: str = inputs[0].name
        self._ports = {port.name: port for port in self._decoder.get_inputs()}
        lacking = [name for name in _NEEDED if name not in self._ports]
        unknown = sorted(set(self._ports) - _KNOWN)
        if lacking or unknown:
            what = f"lacks the input {lacking[0]!r}" if lacking else f"has an unknown input {unknown[0]!r}"
            raise UsageError(f"{card.decoder}: {what}; a SAM decoder has: {', '.join(sorted(_KNOWN))}")

    def embed(self, rgb: NDArray[np.uint8]) -> NDArray[Any]:
        """The encoder's embedding of a picture."""
        place = fit(rgb.shape[1], rgb.shape[0], self.size_px)
        given = encoder_input(rgb, place, self.card.mean, self.card.std)
        return self._encoder.run(None, {self._image_name: given})[0]

    def decode(self, embedding: NDArray[Any], points: Floats, labels: Floats, wh: tuple[int, int]) -> tuple[Floats, Floats]:
        """Mask logits (m, h, w) and scores (m,). Raises UsageError for outputs of another kind."""
        side = 4 * int(embedding.shape[-1])
        given: dict[str, Any] = {
            "image_embeddings": embedding, "point_coords": points, "point_labels": labels,
            "mask_input": np.zeros((1, 1, side, side), np.float32), "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.asarray([wh[1], wh[0]], np.float32),
        }  # fmt: skip
        outputs = [port.name for port in self._decoder.get_outputs()]
        answers = self._decoder.run(None, {name: value for name, value in given.items() if name in self._ports})
        named = dict(zip(outputs, answers, strict=True))
        masks = named.get("masks", next((a for a in answers if a.ndim == 4), None))
        scores = named.get("iou_predictions", next((a for a in answers if a.ndim == 2), None))
        if masks is None or scores is None or masks.ndim != 4 or scores.shape != masks.shape[:2]:
            shapes = ", ".join(f"{name} {list(a.shape)}" for name, a in named.items())
            raise UsageError(
                f"{self.card.decoder}: needs outputs masks (1, m, h, w) and iou_predictions (1, m), but gave {shapes}"
            )
        return masks[0].astype(np.float32), scores[0].astype(np.float32)


def _session(path: Path, threads: int, providers: Sequence[str]) -> Any:
    import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

    runtime: Any = onnxruntime
    check_model_file(path)
    there: list[str] = runtime.get_available_providers()
    for provider in providers:
        if provider not in there:
            raise UsageError(f"labeler sam, setting providers: {provider!r} is not one of {', '.join(there)}")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return runtime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime raises its own C++ exceptions
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        raise UsageError(f"{path}: onnxruntime cannot open it: {line}") from error
