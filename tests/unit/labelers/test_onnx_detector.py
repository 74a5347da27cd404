"""The ONNX detector: cards, decoding against hand-made answers, classes, batches, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from firstpass.engines.driver import label_checked
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import MissingWeights, UsageError
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


class TestClasses:
    """The model's words and ours."""

    answer = rows([20, 20, 20, 20, 0.9, 0, 0], [45, 45, 20, 20, 0, 0.8, 0], [10, 50, 8, 8, 0, 0, 0.7]).T
    card: ClassVar = {**YOLOV8, "names": ["motorbike", "Traffic-Light", "tvmonitor"]}

    def classes(self, tmp_path: Path, names: Sequence[Any], **settings: Any) -> list[str]:
        model = constant_model(tmp_path / "m.onnx", {"out": self.answer})
        return [f[0] for f in found(opened(model, self.card, **settings), names=names)]

    def test_none_asked_gives_the_models_names(self, tmp_path: Path) -> None:
        assert self.classes(tmp_path, []) == ["motorbike", "Traffic-Light", "tvmonitor"]

    def test_by_name_whatever_case_hyphen_or_old_spelling(self, tmp_path: Path) -> None:
        assert self.classes(tmp_path, ["tv", "traffic light", "motorcycle"]) == ["motorcycle", "traffic light", "tv"]

    def test_by_phrase_a_name_going_first(self, tmp_path: Path) -> None:
        asked = [AskedClass("two wheels", ("motorbike", "tv")), AskedClass("tv")]
        assert self.classes(tmp_path, asked) == ["two wheels", "tv"]

    def test_by_table(self, tmp_path: Path) -> None:
        table = {"motorbike": "signal", "tvmonitor": ""}
        assert self.classes(tmp_path, ["signal", "tv"], classes=table) == ["signal"]

    def test_by_alias_of_the_card(self, tmp_path: Path) -> None:
        model = constant_model(tmp_path / "m.onnx", {"out": self.answer})
        labeler = opened(model, {**self.card, "aliases": {"tvmonitor": "screen"}})
        assert [f[0] for f in found(labeler, names=["screen"])] == ["screen"]

    def test_nothing_in_common_names_both_sides(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none of the classes asked for \(zebra\). It knows: motorbike, Traffic-Light"):
            self.classes(tmp_path, ["zebra"])

    def test_a_table_for_a_class_that_the_model_lacks(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no class 'motorbik'; did you mean: motorbike"):
            self.classes(tmp_path, [], classes={"motorbik": "x"})


class TestCards:
    """Where the card comes from, and what is wrong with one."""

    answer = rows([20, 20, 20, 20, 0.9, 0]).T

    def model(self, tmp_path: Path) -> Path:
        return constant_model(tmp_path / "m.onnx", {"out": self.answer})

    def test_beside_the_model(self, tmp_path: Path) -> None:
        model = self.model(tmp_path)
        (tmp_path / "m.json").write_text(json.dumps(YOLOV8))
        assert found(opened(model))[0][0] == "ant"
        (tmp_path / "m.toml").write_text('decode = "yolov8"\nsize = [64, 64]\nnames_file = "names.txt"\n')
        (tmp_path / "names.txt").write_text("wasp\r\nhornet\n\n")
        assert found(opened(model))[0][0] == "wasp"
        assert found(opened(tmp_path))[0][0] == "wasp"

    def test_by_path_and_with_names_from_the_settings(self, tmp_path: Path) -> None:
        model = self.model(tmp_path)
        (tmp_path / "other.toml").write_text('decode = "yolov8"\nnames = ["a"]\n')
        assert found(opened(model, card=str(tmp_path / "other.toml"), names=["x", "y"]))[0][0] == "x"  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"decode": "yolov9"}, "setting card: decode: Input should be .*yolox"),
            ({"decod": "yolox"}, "setting card: decod: there is no such key; did you mean decode"),
            ({"std": [0, 1, 1]}, "std must be above 0"),
            ({"size": [64, 0]}, "size must be"),
            ({"size": [32, 64]}, "the card says the input is 32 px wide, but the model takes 64"),
            ({"names_file": "x"}, "not both"),
            ({"names": ["a", "b", "c"]}, "the model has 2 classes, but 3 names are given"),
            ({"names": []}, "class names are unknown"),
            ({"names": [], "names_file": "no.txt"}, "no.txt: the class names cannot be read"),
            ({"outputs": ["boxes"]}, "output 'boxes' is not in the model; it has: out"),
            ({"input": "pixels"}, "must name the image's input; the model has: image"),
            ({"scale": 0}, "scale"),
        ],
    )
    def test_wrong_cards(self, change: dict[str, Any], message: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=message):
            opened(self.model(tmp_path), {**YOLOV8, **change})

    def test_unreadable_cards(self, tmp_path: Path) -> None:
        model = self.model(tmp_path)
        (tmp_path / "m.toml").write_text("decode = ")
        with pytest.raises(UsageError, match=r"m.toml: the detector's card cannot be read"):
            opened(model)
        (tmp_path / "m.toml").write_text("")
        with pytest.raises(UsageError, match=r"m.toml: decode: is missing"):
            opened(model)

    def test_a_wrong_count_of_classes_is_found_at_the_first_answer_when_not_declared(self, tmp_path: Path) -> None:
        model = constant_model(tmp_path / "m.onnx", {"out": self.answer}, declared=False)
        with pytest.raises(UsageError, match="the model has 2 classes, but 1 names are given"):
            found(opened(model, {**YOLOV8, "names": ["a"]}))

    @pytest.mark.parametrize(
        ("decode", "answer"), [("yolox", rows([1] * 7)), ("yolov8", np.zeros((6, 1, 1))), ("detr", rows([1] * 4))]
    )
    def test_answers_that_do_not_fit_the_decode(self, decode: str, answer: np.ndarray, tmp_path: Path) -> None:
        model = constant_model(tmp_path / "m.onnx", {"out": answer}, declared=False)
        with pytest.raises(UsageError, match=f"decode '{decode}'|classes"):
            found(opened(model, {**YOLOV8, "decode": decode, "names": ["a", "b"]}))


class TestGuesses:
    """Without a card."""

    cells = 64 + 16 + 4

    def test_yolov8_of_80_classes_is_coco(self, tmp_path: Path) -> None:
        answer = np.zeros((84, self.cells), np.float32)
        answer[:4, 3], answer[4 + 15, 3] = [32, 32, 16, 16], 0.9
        assert found(opened(constant_model(tmp_path / "m.onnx", {"out": answer}))) == [("cat", 0.9, (24, 24, 40, 40))]

    def test_yolox(self, tmp_path: Path) -> None:
        answer = np.zeros((self.cells, 85), np.float32)
        answer[0, 4:6] = 1
        assert found(opened(constant_model(tmp_path / "m.onnx", {"out": answer}))) == [("person", 1.0, (0, 0, 4, 4))]

    def test_yolov5_with_names_in_the_settings(self, tmp_path: Path) -> None:
        answer = np.zeros((3 * self.cells, 7), np.float32)
        answer[7] = [32, 32, 16, 16, 1, 0, 0.5]
        labeler = opened(constant_model(tmp_path / "m.onnx", {"out": answer}), names=["ant", "bee"])
        assert found(labeler) == [("bee", 0.5, (24, 24, 40, 40))]

    def test_names_from_the_models_metadata(self, tmp_path: Path) -> None:
        path = constant_model(tmp_path / "m.onnx", {"out": np.zeros((6, self.cells), np.float32)})
        model = onnx.load(str(path))
        helper.set_model_props(model, {"names": "{0: 'ant', 1: 'bee'}"})
        onnx.save(model, str(path))
        assert found(opened(path)) == []
        helper.set_model_props(model, {"names": "__import__('os')"})
        onnx.save(model, str(path))
        with pytest.raises(UsageError, match="looks like yolov8 with 2 classes, whose names are unknown"):
            opened(path)

    def test_refuses_with_what_was_seen(self, tmp_path: Path) -> None:
        path = constant_model(tmp_path / "m.onnx", {"a": rows([1, 2]), "b": rows([1])})
        with pytest.raises(UsageError, match=r"inputs: image \[\?, 3, 64, 64\]; outputs: a \[\?, 1, 2\], b \[\?, 1, 1\]"):
            opened(path)


class TestFiles:
    """What is not opened."""

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(MissingWeights, match="there is no such model"):
            opened(tmp_path / "no.onnx")
        with pytest.raises(UsageError, match="needs the setting model"):
            open_labeler("onnx-detector", {})
        with pytest.raises(UsageError, match=r"exactly one \.onnx file"):
            opened(tmp_path)

    @pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pkl", "m.h5"])
    def test_other_frameworks_by_name(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(b"anything")
        with pytest.raises(UsageError, match="export the model to"):
            opened(tmp_path / name)

    @pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x80\x04\x95"])
    def test_a_pickle_by_another_name(self, head: bytes, tmp_path: Path) -> None:
        (tmp_path / "m.onnx").write_bytes(head + b"rest")
        with pytest.raises(UsageError, match="which can run code"):
            opened(tmp_path / "m.onnx")

    @pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x08"])
    def test_damaged(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "m.onnx").write_bytes(content)
        with pytest.raises(UsageError, match=r"damaged|cannot open"):
            opened(tmp_path / "m.onnx", YOLOV8)

    def external(self, tmp_path: Path, location: str) -> Path:
        folder = tmp_path / "model"
        folder.mkdir()
        path = constant_model(folder / "m.onnx", {"out": rows([20, 20, 20, 20, 0.9, 0]).T})
        model = onnx.load(str(path))
        tensor = next(t for t in model.graph.initializer if t.name == "out_rows")
        raw = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        (tmp_path / "secret.bin").write_bytes(raw)
        (folder / "data.bin").write_bytes(raw)
        path.write_bytes(model.SerializeToString())
        return path

    def test_external_data_beside_the_model(self, tmp_path: Path) -> None:
        assert found(opened(self.external(tmp_path, "data.bin"), YOLOV8))[0][:2] == ("ant", 0.9)

    @pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "a/../../secret.bin", "C:\\x", "..\\secret.bin", ""])
    def test_external_data_elsewhere(self, location: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="outside the model's folder"):
            opened(self.external(tmp_path, location), YOLOV8)

    def test_external_data_by_a_link(self, tmp_path: Path) -> None:
        path = self.external(tmp_path, "link.bin")
        (path.parent / "link.bin").symlink_to(tmp_path / "secret.bin")
        with pytest.raises(UsageError, match="outside the model's folder"):
            opened(path, YOLOV8)

    def test_external_data_missing(self, tmp_path: Path) -> None:
        with pytest.raises(MissingWeights, match=r"data file 'gone\.bin' is missing"):
            opened(self.external(tmp_path, "gone.bin"), YOLOV8)

    def test_external_data_in_a_subgraph(self, tmp_path: Path) -> None:
        from firstpass.labelers._detector_session import check_model_file

        hidden = numpy_helper.from_array(np.zeros(1, np.float32), "hidden")
        hidden.ClearField("raw_data")
        hidden.data_location = TensorProto.EXTERNAL
        hidden.external_data.add(key="location", value="../secret.bin")
        branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=hidden)], "b", [], [value("c", [1])])
        node = helper.make_node("If", ["cond"], ["out"], then_branch=branch, else_branch=branch)
        graph = helper.make_graph([node], "g", [value("cond", [1], TensorProto.BOOL)], [value("out", [1])])
        with pytest.raises(UsageError, match="outside the model's folder"):
            check_model_file(save(tmp_path / "m.onnx", graph))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 2}, "confidence: needs a number in 0..1"),
        ({"nms_iou": "x"}, "nms_iou"),
        ({"max_detections": 0}, "max_detections: needs a whole number from 1"),
        ({"threads": -1}, "threads"),
        ({"names": "cat"}, "names: needs a list of texts"),
        ({"classes": 3}, "classes: needs a table"),
        ({"providers": ["MoonProvider"]}, "providers: 'MoonProvider' is not one of"),
        ({"confidenc": 0.3}, "did you mean: confidence"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = constant_model(tmp_path / "m.onnx", {"out": rows([1] * 6).T})
    with pytest.raises(UsageError, match=message):
        opened(model, YOLOV8, **settings)
