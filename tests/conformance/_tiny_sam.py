"""A tiny SAM encoder and decoder as ONNX files: the mask is where the red of the picture is above the mean of its squares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_F = TensorProto.FLOAT


def tiny_sam(folder: Path) -> Path:
    """Writes both files into the folder, which exists."""
    pool = [helper.make_node("AveragePool", ["image"], ["embedding"], kernel_shape=[4, 4], strides=[4, 4])]
    _save(folder / "tiny_encoder.onnx", pool, [("image", [1, 3, 64, 64])], [("embedding", [1, 3, 16, 16])], {})
    decode = [
        helper.make_node("ReduceMean", ["image_embeddings"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("ReduceMax", ["image_embeddings"], ["most"], axes=[1], keepdims=1),
        helper.make_node("ReduceSum", ["point_labels"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["point_coords"], ["far"], keepdims=0),
        helper.make_node("Add", ["sum", "far"], ["told"]),
        helper.make_node("Mul", ["told", "zero"], ["nothing"]),
        helper.make_node("Sub", ["most", "mean"], ["above"]),
        helper.make_node("Add", ["above", "nothing"], ["masks"]),
        helper.make_node("Identity", ["score"], ["iou_predictions"]),
    ]
    inputs = [("image_embeddings", [1, 3, 16, 16]), ("point_coords", [1, "n", 2]), ("point_labels", [1, "n"])]
    outputs = [("masks", [1, 1, 16, 16]), ("iou_predictions", [1, 1])]
    _save(folder / "tiny_decoder.onnx", decode, inputs, outputs, {"zero": np.float32(0), "score": np.float32([[0.8]])})
    return folder


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> None:
    made = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    ports = [[helper.make_tensor_value_info(name, _F, shape) for name, shape in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "tiny", ports[0], ports[1], made)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
