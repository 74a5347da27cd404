"""The card of a detector: a small TOML or JSON table that says what an ONNX file wants to be fed and how its answer is read.

An ONNX file holds neither color order nor padding nor the meaning of its outputs; guessing them wrong costs accuracy without a
word. The card lies beside the model (``model.toml`` or ``model.json`` for ``model.onnx``) or is given in the settings.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firstpass.errors import UsageError

Layout = Literal["nchw", "nhwc"]
Color = Literal["rgb", "bgr"]
Resize = Literal["letterbox-top-left", "letterbox-center", "stretch"]
Decode = Literal["yolox", "yolov5", "yolov8", "detr", "xyxy_score_class", "fastestdet"]


class Card(BaseModel):
    """How a detector is fed and read. Unknown keys are refused.

    size: (width, height) px of the input; (0, 0) = as the model declares. A value v is fed as ``(v * scale - mean) / std``,
    mean and std per channel in the model's color order. pad: the gray around a letterboxed image, 0..255. decode: the kind of
    output. outputs: their names in the order that `decode` reads them; () = the model's own order. names: the model's classes,
    or names_file, one a line, beside the card. aliases: model's class → another word for it. activation, box_units: for detr
    and xyxy_score_class. nms: False for a model that suppresses duplicates itself; None = as `decode` usually does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    license: str = ""
    source: str = ""
    input: str = ""
    size: tuple[int, int] = (0, 0)
    layout: Layout = "nchw"
    color: Color = "rgb"
    scale: float = Field(default=1 / 255, gt=0, allow_inf_nan=False)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: Resize = "letterbox-center"
    pad: int = Field(default=114, ge=0, le=255)
    decode: Decode
    outputs: tuple[str, ...] = ()
    strides: tuple[int, ...] = (8, 16, 32)
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    box_units: Literal["px", "normalized"] = "px"
    nms: bool | None = None
    names: tuple[str, ...] = ()
    names_file: str = ""
    aliases: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(s <= 0 for s in self.std):
            raise ValueError("std must be above 0")
        if min(self.size) < 0 or (min(self.size) == 0 and max(self.size) > 0) or max(self.size) > 16384:
            raise ValueError("size must be [width, height] in 1..16384 px")
        if not self.strides or min(self.strides) < 1:
            raise ValueError("strides must be 1 or more")
        if self.names and self.names_file:
            raise ValueError("give names or names_file, not both")
        return self

    @property
    def suppresses(self) -> bool:
        """Whether duplicates are left to us to remove."""
        return self.decode not in ("detr", "xyxy_score_class") if self.nms is None else self.nms


def find_card(model: Path, choice: object) -> tuple[Card, Path] | None:
    """The card and the folder its paths are relative to; None when none is given and none lies beside the model.

    choice: a path, a table, or None. Raises UsageError saying what in the card is wrong.
    """
    if isinstance(choice, Mapping):
        return parse_card(cast(Mapping[str, Any], choice), "setting card"), model.parent
    if choice not in (None, ""):
        return _from_file(Path(str(choice)))
    for path in (model.with_suffix(".toml"), model.with_suffix(".json")):
        if path.is_file():
            return _from_file(path)
    return None


def parse_card(table: Mapping[str, Any], where: str) -> Card:
    """A card from its table. Raises UsageError with the key that is wrong."""
    try:
        return Card.model_validate({str(k).replace("-", "_"): v for k, v in table.items()})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "card"
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, Card.model_fields, 1)
            what = f"there is no such key; did you mean {near[0]}?" if near else f"no such key: {', '.join(Card.model_fields)}"
        else:
            what = f"{first['msg']}, but got {first.get('input')!r}" if first["type"] != "missing" else "is missing"
        raise UsageError(f"{where}: {key}: {what}") from error


def read_names(card: Card, folder: Path) -> tuple[str, ...]:
    """The model's class names, in its order; () when the card gives none. Raises UsageError for a file that cannot be read."""
    if not card.names_file:
        return card.names
    path = folder / card.names_file
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: the class names cannot be read: {error}") from error
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


def _from_file(path: Path) -> tuple[Card, Path]:
    try:
        text = path.read_text(encoding="utf-8")
        table: object = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: the detector's card cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise UsageError(f"{path}: the detector's card must be one table")
    return parse_card(cast(dict[str, Any], table), str(path)), path.parent
