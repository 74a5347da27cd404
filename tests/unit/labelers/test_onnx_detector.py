"""The ONNX detector's answers: decoding against hand-made ones, pixels in, boxes back, suppression, batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _onnx_models import SIDE, YOLOV8, constant_model, found, opened, picture, probe_model, replies, rows
from onnx import TensorProto

from firstpass.labelers.base import AskedClass
from firstpass.labels import Box
from firstpass.media.image import Image


def test_yolov8(tmp_path: Path) -> None:
    answer = rows([20, 30, 10, 20, 0.2, 0.9], [40, 40, 10, 10, 0.6, 0.1], [5, 5, 4, 4, 0.05, 0.04]).T
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), YOLOV8)
    assert found(labeler) == [("bee", 0.9, (15, 20, 25, 40)), ("ant", 0.6, (35, 35, 45, 45))]


def test_yolov5(tmp_path: Path) -> None:
    answer = rows([20, 30, 10, 20, 0.9, 0.2, 0.8], [40, 40, 10, 10, 0.5, 0.1, 0.1], [40, 40, 10, 10, 0.01, 1, 1])
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), {**YOLOV8, "decode": "yolov5"})
    assert found(labeler) == [("bee", 0.72, (15, 20, 25, 40))]


def test_yolox_undoes_grid_stride_and_logarithm(tmp_path: Path) -> None:
    cells = 8 * 8 + 4 * 4 + 2 * 2
    answer = np.zeros((cells, 7), np.float32)
    answer[8 * 3 + 2] = [0.5, 0.25, np.log(2), np.log(3), 0.9, 1, 0]  # stride 8, cell (2, 3)
    answer[64 + 4 * 1 + 3] = [0, 0, 0, 0, 0.8, 0, 1]  # stride 16, cell (3, 1)
    answer[64 + 16 + 3] = [-0.5, -0.5, 0, 0, 0.7, 0, 1]  # stride 32, cell (1, 1)
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), {**YOLOV8, "decode": "yolox"})
    assert found(labeler) == [
        ("ant", 0.9, (12, 14, 28, 38)),
        ("bee", 0.8, (40, 8, 56, 24)),
        ("bee", 0.7, (0, 0, 32, 32)),
    ]


def test_detr_sigmoid_and_softmax(tmp_path: Path) -> None:
    boxes = rows([0.5, 0.5, 0.25, 0.5], [0.25, 0.25, 0.5, 0.5])
    model = constant_model(tmp_path / "a.onnx", {"logits": rows([2, -2], [-5, -5]), "boxes": boxes})
    assert found(opened(model, {**YOLOV8, "decode": "detr"})) == [("ant", 0.881, (24, 16, 40, 48))]
    model = constant_model(tmp_path / "b.onnx", {"boxes": boxes, "logits": rows([0, 2, 0], [0, 0, 9])})
    card = {**YOLOV8, "decode": "detr", "activation": "softmax", "outputs": ["logits", "boxes"]}
    assert found(opened(model, card)) == [("bee", 0.787, (24, 16, 40, 48))]


def test_detr_finds_its_outputs_whatever_their_order(tmp_path: Path) -> None:
    boxes, logits = rows([0.5, 0.5, 0.25, 0.5]), rows([2, -2])
    model = constant_model(tmp_path / "m.onnx", {"boxes": boxes, "logits": logits})
    assert found(opened(model, {**YOLOV8, "decode": "detr"})) == [("ant", 0.881, (24, 16, 40, 48))]


def test_detr_keeps_overlapping_boxes_and_nms_can_be_asked_for(tmp_path: Path) -> None:
    boxes = rows([0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.25, 0.5])
    model = constant_model(tmp_path / "m.onnx", {"logits": rows([2, -2], [1, -2]), "boxes": boxes})
    assert len(found(opened(model, {**YOLOV8, "decode": "detr"}))) == 2
    assert len(found(opened(model, {**YOLOV8, "decode": "detr", "nms": True}))) == 1


def test_nms_inside_one_output_and_three(tmp_path: Path) -> None:
    answer = rows([1, 2, 11, 12, 0.9, 1], [1, 2, 11, 12, 0.8, 1], [0, 0, 0, 0, 0, -1])
    card = {**YOLOV8, "decode": "xyxy_score_class"}
    expected = [("bee", 0.9, (1, 2, 11, 12)), ("bee", 0.8, (1, 2, 11, 12))]
    assert found(opened(constant_model(tmp_path / "a.onnx", {"out": answer}), card)) == expected
    three = {"labels": answer[:, 5], "boxes": answer[:, :4] / SIDE, "scores": answer[:, 4]}
    card = {**card, "outputs": ["boxes", "scores", "labels"], "box_units": "normalized"}
    assert found(opened(constant_model(tmp_path / "b.onnx", three), card)) == expected


def test_fastestdet(tmp_path: Path) -> None:
    maps = np.zeros((7, 4, 4), np.float32)
    maps[:, 1, 2] = [0.9, 0.5, -0.5, 0.0, 1.0, 0.1, 0.8]
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": maps}), {**YOLOV8, "decode": "fastestdet"})
    cx, cy = (2 + np.tanh(0.5)) / 4 * SIDE, (1 + np.tanh(-0.5)) / 4 * SIDE
    w, h = 0.5 * SIDE, SIDE / (1 + np.exp(-1.0))
    box = tuple(round(float(np.clip(v, 0, SIDE)), 2) for v in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2))
    assert found(labeler) == [("bee", round(0.9**0.6 * 0.8**0.4, 3), box)]


@pytest.mark.parametrize("resize", ["letterbox-top-left", "letterbox-center", "stretch"])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (31, 97), (2000, 10), (1, 1)])
def test_the_way_into_the_input_and_back(resize: str, size: tuple[int, int], tmp_path: Path) -> None:
    answer = rows([SIDE / 2, SIDE / 2, 2 * SIDE, 2 * SIDE, 0.9, 0]).T
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), {**YOLOV8, "resize": resize})
    assert found(labeler, picture(*size)) == [("ant", 0.9, (0, 0, *size))]


def test_a_letterboxed_box_comes_back_to_its_place(tmp_path: Path) -> None:
    answer = rows([32, 32, 16, 16, 0.9, 0]).T
    model = constant_model(tmp_path / "m.onnx", {"out": answer})
    wide = picture(128, 64)
    assert found(opened(model, {**YOLOV8, "resize": "letterbox-center"}), wide) == [("ant", 0.9, (48, 16, 80, 48))]
    assert found(opened(model, {**YOLOV8, "resize": "letterbox-top-left"}), wide) == [("ant", 0.9, (48, 48, 80, 64))]
    assert found(opened(model, {**YOLOV8, "resize": "stretch"}), wide) == [("ant", 0.9, (48, 24, 80, 40))]


def test_a_box_in_the_padding_is_left_out(tmp_path: Path) -> None:
    answer = rows([32, 60, 8, 4, 0.9, 0]).T
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), {**YOLOV8, "resize": "letterbox-top-left"})
    assert found(labeler, picture(128, 64)) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"scale": 1 / 255}, [0.2, 0.4, 0.8]),
        ({"scale": 1 / 255, "color": "bgr"}, [0.8, 0.4, 0.2]),
        ({"scale": 1 / 255, "mean": [0.1, 0.2, 0.3], "std": [1, 0.5, 2]}, [0.1, 0.4, 0.25]),
        ({"scale": 1 / 255, "layout": "nhwc"}, [0.2, 0.4, 0.8]),
        ({"scale": 1 / 255, "layout": "nhwc", "color": "bgr", "mean": [0.5, 0.1, 0.1]}, [0.3, 0.3, 0.1]),
    ],
)
def test_pixels_are_fed_as_the_card_says(more: dict[str, Any], expected: list[float], tmp_path: Path) -> None:
    image = picture()
    rgb = np.empty((SIDE, SIDE, 3), np.uint8)
    rgb[:] = [51, 102, 204]
    image = Image(image.ref, rgb)
    model = probe_model(tmp_path / "m.onnx", more.get("layout", "nchw"))
    card = {**YOLOV8, "names": ["c0", "c1", "c2"], **more}
    best = int(np.argmax(expected))
    assert found(opened(model, card), image) == [(f"c{best}", pytest.approx(expected[best], abs=2e-3), (24, 24, 40, 40))]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.UINT8])
def test_inputs_of_other_types(kind: int, tmp_path: Path) -> None:
    card = {**YOLOV8, "names": ["c0", "c1", "c2"], "scale": 1 / 255}
    labeler = opened(probe_model(tmp_path / "m.onnx", kind=kind), card)
    assert found(labeler, picture(value=255)) == [("c0", 1.0, (24, 24, 40, 40))]


def test_padding_is_the_cards(tmp_path: Path) -> None:
    card = {**YOLOV8, "names": ["c0", "c1", "c2"], "scale": 1 / 255, "resize": "letterbox-center", "pad": 51}
    assert found(opened(probe_model(tmp_path / "m.onnx"), card), picture(128, 64, 255))[0][1] == 0.2


def test_nms_is_by_class_and_counts_overlap(tmp_path: Path) -> None:
    answer = rows(
        [20, 20, 20, 20, 0.9, 0], [22, 20, 20, 20, 0.8, 0], [20, 20, 20, 20, 0, 0.7], [40, 20, 20, 20, 0.6, 0]
    ).T  # fmt: skip
    model = constant_model(tmp_path / "m.onnx", {"out": answer})
    assert [f[:2] for f in found(opened(model, YOLOV8))] == [("ant", 0.9), ("bee", 0.7), ("ant", 0.6)]
    assert len(found(opened(model, YOLOV8, nms_iou=0.9))) == 4
    assert [f[:2] for f in found(opened(model, YOLOV8, max_detections=2))] == [("ant", 0.9), ("bee", 0.7)]
    assert [f[1] for f in found(opened(model, YOLOV8, confidence=0.75))] == [0.9]


def test_two_of_the_models_classes_for_one_of_ours_suppress_each_other(tmp_path: Path) -> None:
    answer = rows([20, 20, 20, 20, 0.9, 0], [20, 20, 20, 20, 0, 0.7]).T
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), YOLOV8)
    assert [f[:2] for f in found(labeler, names=[AskedClass("insect", ("ant", "bee"))])] == [("insect", 0.9)]


def test_nms_equals_the_plain_definition() -> None:
    from firstpass.labelers._detector_decode import Candidates, suppress
    from firstpass.labels.geometry import iou_matrix

    random = np.random.default_rng(3)
    for _ in range(20):
        corners = random.random((60, 2)) * 50
        xyxy = np.concatenate([corners, corners + 5 + random.random((60, 2)) * 25], axis=1).astype(np.float32)
        scores = np.round(random.random(60), 1).astype(np.float32)
        ids = random.integers(0, 3, 60)
        kept: list[int] = []
        ious = iou_matrix(xyxy, xyxy)
        for i in np.argsort(-scores, kind="stable"):
            if all(ids[i] != ids[k] or ious[i, k] <= 0.4 for k in kept):
                kept.append(int(i))
        result = suppress(Candidates(xyxy, scores, ids), 0.4, 1000, ids)
        assert np.array_equal(result.xyxy, xyxy[kept])
    empty = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert len(suppress(empty, 0.5, 10, empty.class_ids).scores) == 0


@pytest.mark.parametrize("batch", ["n", 1, 2, 3])
def test_dynamic_and_fixed_batches(batch: Any, tmp_path: Path) -> None:
    answer = rows([32, 32, 16, 16, 0.9, 0]).T
    labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}, batch), YOLOV8)
    got = replies(labeler, [picture(64 * (i + 1), 64) for i in range(5)])
    assert [r.objects[0].shape for r in got] == [Box(24 * (i + 1), 24, 40 * (i + 1), 40) for i in range(5)]


def test_not_a_number_is_that_images_problem(tmp_path: Path) -> None:
    model = probe_model(tmp_path / "m.onnx", then="Sqrt")
    labeler = opened(model, {**YOLOV8, "names": ["c0", "c1", "c2"], "scale": 1 / 255, "mean": [0.5, 0.5, 0.5]})
    bad, good = replies(labeler, [picture(value=0), picture(value=255)])
    assert bad.problem is not None
    assert (bad.problem.where, "not finite" in bad.problem.what) == ("x.jpg", True)
    assert good.objects[0].score == pytest.approx(0.5**0.5, abs=1e-3)
