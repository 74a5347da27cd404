"""From a model's class names to the project's: by name, by phrase, by the synonyms of COCO and VOC, or by an explicit table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from firstpass.errors import UsageError
from firstpass.labelers.base import AskedClass

COCO_NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot",
    "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv",
    "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
# PASCAL VOC's words for COCO's classes; older COCO models still carry them.
_SYNONYMS = {"motorbike": "motorcycle", "aeroplane": "airplane", "sofa": "couch", "tvmonitor": "tv"}


def plain(name: str) -> str:
    """A name as it is compared: letters and digits only, lower case, synonyms of VOC turned into COCO's."""
    letters = "".join(ch for ch in name.casefold() if ch.isalnum())
    return _SYNONYMS.get(letters, letters)


def class_map(
    model_names: Sequence[str], asked: Sequence[AskedClass], table: Mapping[str, str], aliases: Mapping[str, str]
) -> tuple[str, ...]:
    """For each of the model's classes the project's name, "" = not wanted. No class asked: the model's own names.

    Order of trust: the explicit table (the only one for the classes it names), then the asked name, then its phrases. Raises
    UsageError when none of the asked classes can be given, with both lists.
    """
    if not asked:
        return tuple(table.get(name, aliases.get(name, name)) for name in model_names)
    by_word: dict[str, str] = {}
    for one in asked:
        for phrase in one.phrases:
            by_word.setdefault(plain(phrase), one.name)
    by_word |= {plain(one.name): one.name for one in asked}
    wanted = {one.name for one in asked}
    out: list[str] = []
    for name in model_names:
        if name in table:
            out.append(table[name] if table[name] in wanted else "")
        else:
            out.append(by_word.get(plain(name)) or by_word.get(plain(aliases.get(name, name)), ""))
    if not any(out):
        raise UsageError(_nothing_in_common(model_names, asked))
    return tuple(out)


def check_table(table: object, model_names: Sequence[str]) -> dict[str, str]:
    """The setting `classes`, model's class → project's class. Raises UsageError for a class that the model lacks."""
    if table in (None, ""):
        return {}
    if not isinstance(table, Mapping):
        raise UsageError(f"labeler onnx-detector, setting classes: needs a table of model's = project's class, got {table!r}")
    out: dict[str, str] = {}
    for key, value in cast(Mapping[Any, Any], table).items():
        if key not in model_names:
            near = ", ".join(difflib.get_close_matches(str(key), model_names, 3)) or _short(model_names)
            raise UsageError(f"labeler onnx-detector, setting classes: the model has no class {key!r}; did you mean: {near}?")
        if not isinstance(value, str):
            raise UsageError(f"labeler onnx-detector, setting classes: {key!r} needs a class name, but got {value!r}")
        out[str(key)] = value
    return out


def _nothing_in_common(model_names: Sequence[str], asked: Sequence[AskedClass]) -> str:
    wanted = _short([one.name for one in asked])
    return (
        f"labeler onnx-detector: the model knows none of the classes asked for ({wanted}). It knows: {_short(model_names)}. "
        'Give the class a phrase that is one of these, or map them with the setting classes = {"model\'s" = "yours"}'
    )


def _short(names: Sequence[str], shown: int = 12) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
