"""Guesses the card of a model that has none, from the shapes of its input and outputs; refuses rather than guess wildly."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, cast

from firstpass.errors import UsageError
from firstpass.labelers._detector_card import Card
from firstpass.labelers._detector_classes import COCO_NAMES
from firstpass.labelers._detector_session import Port, Session

_STRIDES = (8, 16, 32)


def guess_card(session: Session, where: str, names: tuple[str, ...]) -> Card:
    """The card of a YOLOX, YOLOv5 or YOLOv8 export with its usual preprocessing.

    names: the classes when they are known otherwise; else from the model's own metadata (YOLOv5 and YOLOv8 exports carry them),
    else COCO's for 80 classes. Raises UsageError with what was seen when the shapes fit none, or the names are unknown.
    """
    port = session.inputs[0]
    size = input_size(port, "nchw", (0, 0))
    shape = session.outputs[0].shape if len(session.outputs) == 1 else ()
    if len(session.inputs) != 1 or port.shape[1:2] != (3,) or len(shape) != 3 or size is None:
        raise _refusal(session, where)
    cells = sum((size[0] // s) * (size[1] // s) for s in _STRIDES)
    known = names or tuple(metadata_names(session.metadata).values())
    fitting = [
        (_yolox(), (shape[2] or 0) - 5, shape[1] == cells),
        (Card(decode="yolov5"), (shape[2] or 0) - 5, shape[1] == 3 * cells),
        (Card(decode="yolov8"), (shape[1] or 0) - 4, shape[2] == cells),
    ]
    fitting = [fit for fit in fitting if fit[2] and fit[1] > 0]
    if not fitting:
        raise _refusal(session, where)
    expected = len(known) or len(COCO_NAMES)
    card, count, _ = next((fit for fit in fitting if fit[1] == expected), fitting[0])
    if not known and count == len(COCO_NAMES):
        known = COCO_NAMES
    if not known:
        what = f"looks like {card.decode} with {count} classes, whose names are unknown"
        raise UsageError(f"{where}: {what}; give them in a card (names)")
    return card.model_copy(update={"names": known})


def _yolox() -> Card:
    return Card(decode="yolox", color="bgr", scale=1.0, resize="letterbox-top-left", pad=114)


def input_size(port: Port, layout: str, chosen: tuple[int, int]) -> tuple[int, int] | None:
    """(width, height) of the input: the chosen one, else as the model declares; None when neither says.

    Raises UsageError when both say and differ.
    """
    if len(port.shape) != 4:
        raise UsageError(f"the model's input {port.name!r} has shape {list(port.shape)}; a detector's has 4 axes")
    height, width = (port.shape[2], port.shape[3]) if layout == "nchw" else (port.shape[1], port.shape[2])
    if min(chosen) > 0:
        for ours, theirs, what in ((chosen[0], width, "wide"), (chosen[1], height, "high")):
            if theirs is not None and theirs != ours:
                raise UsageError(f"the card says the input is {ours} px {what}, but the model takes {theirs}")
        return chosen
    return None if width is None or height is None else (width, height)


def metadata_names(metadata: Mapping[str, str]) -> dict[int, str]:
    """The class names that an export wrote into the model (``{0: 'person', …}``), in order of their number; {} for none."""
    try:
        table: object = ast.literal_eval(metadata.get("names", "{}")[:1_000_000])
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return {}
    pairs: Mapping[Any, Any] = cast(Mapping[Any, Any], table) if isinstance(table, Mapping) else {}
    if not all(isinstance(k, int) and isinstance(v, str) for k, v in pairs.items()):
        return {}
    return dict(sorted(pairs.items())) if sorted(pairs) == list(range(len(pairs))) else {}


def _refusal(session: Session, where: str) -> UsageError:
    def seen(ports: tuple[Port, ...]) -> str:
        return ", ".join(f"{p.name} {['?' if d is None else d for d in p.shape]}".replace("'", "") for p in ports)

    return UsageError(
        f"{where}: has no card, and its shapes fit no known detector (inputs: {seen(session.inputs)}; outputs: "
        f"{seen(session.outputs)}). Write a card beside it; docs/how-to/onnx-detector.md shows how"
    )
