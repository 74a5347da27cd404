"""The ONNX detector's opening: classes, cards, guesses without one, files that are refused, settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
from _onnx_models import YOLOV8, constant_model, found, opened, rows, save, value
from onnx import TensorProto, helper, numpy_helper

from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers.base import AskedClass


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
