"""Extremely randomized trees (Geurts et al., 2006) grown by scikit-learn and evaluated by onnxruntime.

The grown trees are kept as plain arrays. Evaluation asks onnxruntime's tree kernel for the leaf number of every row in
every tree (one output per tree, the leaf number as its weight), then averages the leaves' values in numpy. That is
exact, needs no scikit-learn at prediction time and no pickle on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper
from sklearn.ensemble import ExtraTreesRegressor  # pyright: ignore[reportMissingTypeStubs]

F32: TypeAlias = NDArray[np.float32]
I32: TypeAlias = NDArray[np.int32]

_CHUNK_ROWS = 32_768


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How to grow: number of trees, depth limit, rows per leaf, share of features tried per split, threads."""

    trees: int
    max_depth: int
    min_leaf: int
    feature_share: float
    threads: int = 2


class TreeBank:
    """Trees as arrays; ``predict`` averages leaf values. Build one with :func:`grow` or :meth:`from_arrays`.

    Nodes of all trees are concatenated; ``tree_start`` (n_trees + 1,) bounds each tree's nodes, ``feature`` is -1 at
    leaves, children are numbered within their tree, and ``values`` (n_nodes, n_outputs) holds the leaf means.
    """

    def __init__(self, tree_start: I32, feature: I32, threshold: F32, left: I32, right: I32, values: F32, width: int):
        self._tree_start = tree_start
        self._feature = feature
        self._threshold = threshold
        self._left = left
        self._right = right
        self._values = values
        self._width = width
        self._session: Any = None

    @property
    def n_outputs(self) -> int:
        """Number of predicted values per row."""
        return int(self._values.shape[1])

    def predict(self, rows: F32) -> F32:
        """Return float32 (n, n_outputs) for float32 (n, n_features); zero rows give zero rows."""
        if self._session is None:
            self._session = _session(self)
        out = np.empty((len(rows), self.n_outputs), dtype=np.float32)
        n_trees = len(self._tree_start) - 1
        share = np.float32(1.0 / n_trees)
        for start in range(0, len(rows), _CHUNK_ROWS):
            part = np.ascontiguousarray(rows[start : start + _CHUNK_ROWS], dtype=np.float32)
            leaves = self._session.run(None, {"rows": part})[0].astype(np.int32)
            leaves += self._tree_start[:-1]
            total = np.zeros((len(part), self.n_outputs), dtype=np.float32)
            for tree in range(n_trees):
                total += self._values[leaves[:, tree]]
            out[start : start + len(part)] = total * share
        return out

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that :meth:`from_arrays` takes."""
        return {
            "tree_start": self._tree_start,
            "feature": self._feature,
            "threshold": self._threshold,
            "left": self._left,
            "right": self._right,
            "values": self._values,
            "width": np.array([self._width], dtype=np.int32),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> TreeBank:
        """Return the trees of :meth:`to_arrays`. Raises KeyError for a missing array."""
        return TreeBank(
            arrays["tree_start"].astype(np.int32),
            arrays["feature"].astype(np.int32),
            arrays["threshold"].astype(np.float32),
            arrays["left"].astype(np.int32),
            arrays["right"].astype(np.int32),
            arrays["values"].astype(np.float32),
            int(arrays["width"][0]),
        )


def grow(rows: F32, targets: F32, row_weights: F32 | None, settings: TreeSettings, seed: int) -> TreeBank:
    """Return trees regressing float32 targets (n, k) on rows (n, f), n >= 1; the same input and seed give the same trees."""
    model: Any = ExtraTreesRegressor(
        settings.trees,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.feature_share,
        n_jobs=settings.threads,
        random_state=seed % (2**31),
    )
    model.fit(rows, targets[:, 0] if targets.shape[1] == 1 else targets, sample_weight=row_weights)
    trees: list[Any] = [estimator.tree_ for estimator in model.estimators_]
    counts = [int(tree.node_count) for tree in trees]
    threshold = np.concatenate([tree.threshold for tree in trees]).astype(np.float64)
    return TreeBank(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        np.concatenate([np.where(tree.children_left < 0, -1, tree.feature) for tree in trees]).astype(np.int32),
        _round_down(threshold),
        np.concatenate([tree.children_left for tree in trees]).astype(np.int32),
        np.concatenate([tree.children_right for tree in trees]).astype(np.int32),
        np.concatenate([tree.value[:, :, 0] for tree in trees]).astype(np.float32),
        int(rows.shape[1]),
    )


def _round_down(values: NDArray[np.float64]) -> F32:
    """Return the largest float32 not above each value, so that float32 comparisons agree with the float64 ones."""
    near = values.astype(np.float32)
    lower = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > values, lower, near).astype(np.float32)


def _session(bank: TreeBank) -> Any:
    """Return an onnxruntime session giving float leaf numbers (n, n_trees) for input ``rows``."""
    arrays = bank.to_arrays()
    start: I32 = arrays["tree_start"]
    counts = np.diff(start)
    n_trees, width = len(counts), int(arrays["width"][0])
    tree_ids = np.repeat(np.arange(n_trees), counts)
    node_ids = np.arange(int(start[-1])) - np.repeat(start[:-1], counts)
    leaf = arrays["feature"] < 0
    node = helper.make_node("TreeEnsembleRegressor", ["rows"], ["leaves"], domain="ai.onnx.ml", n_targets=n_trees)
    whole_numbers = {
        "nodes_treeids": tree_ids,
        "nodes_nodeids": node_ids,
        "nodes_featureids": np.maximum(arrays["feature"], 0),
        "nodes_truenodeids": np.maximum(arrays["left"], 0),
        "nodes_falsenodeids": np.maximum(arrays["right"], 0),
        "target_treeids": tree_ids[leaf],
        "target_nodeids": node_ids[leaf],
        "target_ids": tree_ids[leaf],
    }
    modes = [b"LEAF" if flag else b"BRANCH_LEQ" for flag in leaf.tolist()]
    node.attribute.extend(AttributeProto(name=k, type=AttributeProto.INTS, ints=v.tolist()) for k, v in whole_numbers.items())
    numbers = {"nodes_values": arrays["threshold"], "target_weights": node_ids[leaf]}
    node.attribute.extend(AttributeProto(name=k, type=AttributeProto.FLOATS, floats=v.tolist()) for k, v in numbers.items())
    node.attribute.append(AttributeProto(name="nodes_modes", type=AttributeProto.STRINGS, strings=modes))
    graph = helper.make_graph(
        [node],
        "leaves",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("leaves", TensorProto.FLOAT, [None, n_trees])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    api: Any = ort
    options = api.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return api.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
