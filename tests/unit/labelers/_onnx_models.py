"""Small ONNX models made on the spot, and what the detector answers with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from firstpass.engines.driver import label_checked
from firstpass.engines.open_labeler import open_labeler
from firstpass.labelers.base import Ask, AskedClass, Labeler, Reply, Task
from firstpass.labelers.onnx_detector import SPEC
from firstpass.labels import Box, ImageRef
from firstpass.media.image import Image

SIDE = 64
YOLOV8 = {"decode": "yolov8", "size": [SIDE, SIDE], "names": ["ant", "bee"], "resize": "stretch"}


def picture(width: int = SIDE, height: int = SIDE, value: int = 0) -> Image:
    rgb = np.full((height, width, 3), value, np.uint8)
    rgb.setflags(write=False)
    return Image(ImageRef("d", "x.jpg", "x.jpg", width, height), rgb)


def save(path: Path, graph: Any) -> Path:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def value(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def constant_model(path: Path, answers: dict[str, np.ndarray], batch: Any = "n", declared: bool = True) -> Path:
    """A model that answers the given arrays (one image's, without the batch axis) for every image of a batch."""
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], axis=1),
        helper.make_node("ReduceSum", ["flat", "axis"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
    ]
    weights = [numpy_helper.from_array(np.asarray([1]), "axis"), numpy_helper.from_array(np.float32(0), "zero")]
    outputs = []
    for name, answer in answers.items():
        weights += [numpy_helper.from_array(np.asarray([-1] + [1] * (answer.ndim)), f"{name}_shape")]
        weights += [numpy_helper.from_array(answer[None].astype(np.float32), f"{name}_rows")]
        nodes += [helper.make_node("Reshape", ["nothing", f"{name}_shape"], [f"{name}_zero"])]
        nodes += [helper.make_node("Add", [f"{name}_zero", f"{name}_rows"], [name])]
        outputs.append(value(name, [batch, *answer.shape] if declared else [None] * (answer.ndim + 1)))
    return save(path, helper.make_graph(nodes, "constant", [value("image", [batch, 3, SIDE, SIDE])], outputs, weights))


def probe_model(path: Path, layout: str = "nchw", kind: int = TensorProto.FLOAT, then: str = "Identity") -> Path:
    """A YOLOv8-like model that gives one box whose scores are the input's first pixel: channel 0 and channel 1."""
    axes = [2, 3] if layout == "nchw" else [1, 2]
    weights = [
        numpy_helper.from_array(np.asarray([0, 0]), "starts"),
        numpy_helper.from_array(np.asarray([1, 1]), "ends"),
        numpy_helper.from_array(np.asarray(axes), "axes"),
        numpy_helper.from_array(np.asarray([1, 3, 1]), "shape"),
        numpy_helper.from_array(np.asarray([32, 32, 16, 16], np.float32).reshape(1, 4, 1), "box"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["image_f"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["image_f", "starts", "ends", "axes"], ["pixel"]),
        helper.make_node("Reshape", ["pixel", "shape"], ["raw"]),
        helper.make_node(then, ["raw"], ["channels"]),
        helper.make_node("Concat", ["box", "channels"], ["out"], axis=1),
    ]
    shape = [1, 3, SIDE, SIDE] if layout == "nchw" else [1, SIDE, SIDE, 3]
    return save(path, helper.make_graph(nodes, "probe", [value("image", shape, kind)], [value("out", [1, 7, 1])], weights))


def opened(model: Path, card: dict[str, Any] | None = None, **settings: Any) -> Labeler:
    return open_labeler("onnx-detector", {"model": str(model), "threads": 1, **({"card": card} if card else {}), **settings})[0]


def replies(labeler: Labeler, images: list[Image], names: Sequence[Any] = ()) -> list[Reply]:
    asked = tuple(n if isinstance(n, AskedClass) else AskedClass(n) for n in names)
    return list(label_checked(labeler, SPEC, images, Ask(Task.DETECT, asked)))


Found = list[tuple[str, float, tuple[float, ...]]]


def found(labeler: Labeler, image: Image | None = None, names: Sequence[Any] = ()) -> Found:
    objects = replies(labeler, [image or picture()], names)[0].objects
    out = []
    for obj in objects:
        assert isinstance(obj.shape, Box)
        out.append((obj.class_name, round(obj.score or 0, 3), tuple(round(v, 2) for v in obj.shape.xyxy_px)))
    return out


def rows(*items: Sequence[float]) -> np.ndarray:
    return np.asarray(items, np.float32)
