"""The SAM labeler with a tiny encoder and decoder made here: what they are fed, and which mask is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from firstpass.engines.driver import check_batch
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers._sam_model import encoder_input, fit, full_logits, pick, prompts
from firstpass.labelers.base import Ask, AskedClass, Click, ImageCues, Task
from firstpass.labels import ImageRef, Mask, rle
from firstpass.media.image import Image

SIZE, GRID = 64, 4
F = TensorProto.FLOAT


def save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> None:
    made = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    ports = [[helper.make_tensor_value_info(*port) for port in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "tiny", ports[0], ports[1], made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def encoder(path: Path, size: int | str = SIZE) -> None:
    """The embedding is the mean of the picture's 16x16 squares, three channels."""
    nodes = [helper.make_node("AveragePool", ["image"], ["embedding"], kernel_shape=[16, 16], strides=[16, 16])]
    save(path, nodes, [("image", F, [1, 3, size, size])], [("embedding", F, [1, 3, None, None])], {})


def decoder(path: Path, scores: list[float], extra: str = "", low: bool = False) -> None:
    """Masks of 2x2 blocks scaled to orig_im_size: mask k is its own pattern, plus the sum of all labels times 0."""
    count = len(scores)
    blocks = np.full((1, count, 2, 2), -1, np.float32)
    for k in range(count):
        blocks[0, k].flat[k % 4] = 1
    nodes = [
        helper.make_node("ReduceSum", ["point_labels"], ["sum"], keepdims=0),
        helper.make_node("ReduceMax", ["point_coords"], ["far"], keepdims=0),
        helper.make_node("ReduceMax", ["image_embeddings"], ["bright"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["none"]),
        helper.make_node("Mul", ["far", "zero"], ["none2"]),
        helper.make_node("Mul", ["bright", "zero"], ["none3"]),
        helper.make_node("Sum", ["blocks", "none", "none2", "none3"], ["small"]),
        helper.make_node("Identity", ["scores"], ["iou_predictions"]),
    ]
    inputs: list[Any] = [
        ("image_embeddings", F, [1, 3, GRID, GRID]),
        ("point_coords", F, [1, "n", 2]),
        ("point_labels", F, [1, "n"]),
    ]
    constants: dict[str, Any] = {"blocks": blocks, "zero": np.float32(0), "scores": np.asarray([scores], np.float32)}
    if low:
        nodes.append(helper.make_node("Identity", ["small"], ["masks"]))
    else:
        inputs += [("mask_input", F, [1, 1, 16, 16]), ("has_mask_input", F, [1]), ("orig_im_size", F, [2])]
        constants["one"] = np.asarray([1, count], np.int64)
        nodes += [
            helper.make_node("Cast", ["orig_im_size"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Concat", ["one", "whole"], ["sizes"], axis=0),
            helper.make_node("Resize", ["small", "", "", "sizes"], ["masks"], mode="nearest"),
        ]
    if extra:
        inputs.append((extra, F, [1]))
    outputs = [("masks", F, [1, count, None, None]), ("iou_predictions", F, [1, count])]
    save(path, nodes, inputs, outputs, constants)


def folder(tmp_path: Path, scores: list[float], **how: Any) -> Path:
    encoder(tmp_path / "tiny_encoder.onnx")
    decoder(tmp_path / "tiny_decoder.onnx", scores, **how)
    return tmp_path


def picture(width: int = 40, height: int = 20, digest: str = "d") -> Image:
    rgb = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    rgb.setflags(write=False)
    return Image(ImageRef(digest, "a.png", "a.png", width, height), rgb)


def answer(place: Path, image: Image, cues: ImageCues, **settings: Any) -> list[tuple[str, float | None, np.ndarray]]:
    labeler, spec = open_labeler("sam", {"model": str(place), **settings})
    ask = Ask(Task.SEGMENT, (AskedClass("cat"),), {image.ref.digest: cues})
    reply = check_batch(labeler.label([image], ask), spec, [image.ref], ask)[0]
    assert reply.problem is None
    return [(o.class_name, o.score, rle.decode(o.shape)) for o in reply.objects if isinstance(o.shape, Mask)]


def quadrant(mask: np.ndarray) -> int:
    """Which quarter (0..3, row by row) of the image the mask fills, exactly."""
    h, w = mask.shape
    quarters = [mask[r * h // 2 : (r + 1) * h // 2, c * w // 2 : (c + 1) * w // 2] for r in (0, 1) for c in (0, 1)]
    assert sum(int(q.sum()) for q in quarters) == h * w // 4
    return [bool(q.all()) for q in quarters].index(True)


class TestWhatTheModelIsFed:
    """Coordinates, labels, padding."""

    def test_the_longest_side_becomes_the_size(self) -> None:
        assert (fit(40, 20, 64).width_px, fit(40, 20, 64).height_px) == (64, 32)
        assert (fit(3, 7, 64).width_px, fit(3, 7, 64).height_px) == (27, 64)
        assert (fit(1, 20000, 64).width_px, fit(1, 20000, 64).height_px) == (1, 64)

    def test_clicks_are_scaled_and_a_filler_is_appended(self) -> None:
        points, labels = prompts([(10.5, 5.5, True), (20.0, 0.0, False)], None, fit(40, 20, 64))
        assert np.allclose(points, [[[16.3, 8.3], [31.5, -0.5], [0, 0]]])
        assert labels.tolist() == [[1, 0, -1]]
        assert points.dtype == labels.dtype == np.float32

    def test_a_box_is_two_corners_without_filler(self) -> None:
        points, labels = prompts([(10, 10, True)], (0, 5, 40, 20), fit(40, 20, 64))
        assert np.allclose(points, [[[15.5, 15.5], [-0.5, 7.5], [63.5, 31.5]]])
        assert labels.tolist() == [[1, 2, 3]]

    def test_the_picture_is_normalized_and_padded_with_zeros(self) -> None:
        rgb = np.full((20, 40, 3), (10, 20, 30), np.uint8)
        given = encoder_input(rgb, fit(40, 20, 64), (5, 5, 5), (1, 5, 25))
        assert given.shape == (1, 3, 64, 64)
        assert given[0, :, :32].reshape(3, -1).min(axis=1).tolist() == [5, 3, 1]
        assert given[0, :, :32].reshape(3, -1).max(axis=1).tolist() == [5, 3, 1]
        assert not given[0, :, 32:].any()

    def test_low_resolution_logits_are_cropped_before_they_are_scaled(self) -> None:
        low = np.full((16, 16), -1, np.float32)
        low[:8, :8] = 1  # the picture's left half: it fills the upper half of the square
        mask = full_logits(low, fit(40, 20, 64), 40, 20) > 0
        assert mask[:, :19].all()
        assert not mask[:, 21:].any()


class TestChoice:
    """Which of the masks is taken."""

    def test_rule(self) -> None:
        assert pick(np.asarray([0.9, 0.1, 0.5, 0.2]), 2) == 2
        assert pick(np.asarray([0.0, 0.1, 0.5, 0.2]), 3) == 0
        assert pick(np.asarray([0.9, 0.1, 0.95]), 5) == 2
        assert pick(np.asarray([0.3]), 9) == 0

    @pytest.mark.parametrize(
        ("cues", "wanted"),
        [
            (ImageCues((Click(3, 3),)), 3),
            (ImageCues((Click(3, 3), Click(5, 5, False))), 0),
            (ImageCues((), ((1, 1, 9, 9),)), 3),
            (ImageCues((Click(3, 3),), ((1, 1, 9, 9),)), 0),
        ],
    )
    def test_of_four_by_the_number_of_points(self, tmp_path: Path, cues: ImageCues, wanted: int) -> None:
        scores = [0.5, 0.1, 0.2, 0.75]
        [(name, score, mask)] = answer(folder(tmp_path, scores), picture(), cues)
        assert (name, quadrant(mask), score) == ("cat", wanted, pytest.approx(scores[wanted]))

    def test_a_score_above_one_is_one(self, tmp_path: Path) -> None:
        [(_, score, mask)] = answer(folder(tmp_path, [0.2, 1.02, 0.3]), picture(), ImageCues((Click(3, 3),)))
        assert (score, quadrant(mask)) == (1.0, 1)

    def test_a_decoder_without_orig_im_size(self, tmp_path: Path) -> None:
        [(_, _, mask)] = answer(folder(tmp_path, [0.9], low=True), picture(64, 64), ImageCues((Click(3, 3),)))
        assert mask[:16, :16].all()
        assert not mask[48:].any()


class TestCues:
    """None, many, outside, broken."""

    def test_no_positive_cue_gives_no_object(self, tmp_path: Path) -> None:
        place = folder(tmp_path, [0.9])
        for cues in (ImageCues(), ImageCues((Click(3, 3, False),)), ImageCues((Click(400, 3),))):
            assert answer(place, picture(), cues) == []

    def test_one_object_per_box(self, tmp_path: Path) -> None:
        assert len(answer(folder(tmp_path, [0.9]), picture(), ImageCues((), ((1, 1, 9, 9), (5, 5, 20, 20))))) == 2

    def test_a_cue_that_is_not_finite_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="not finite"):
            answer(folder(tmp_path, [0.9]), picture(), ImageCues((Click(float("nan"), 1),)))

    @pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 20000), (20000, 1)])
    def test_any_size(self, tmp_path: Path, width: int, height: int) -> None:
        found = answer(folder(tmp_path, [0.9], low=True), picture(width, height), ImageCues((Click(0.5, 0.5),)))
        assert all(mask.shape == (height, width) for _, _, mask in found)


class TestEmbeddings:
    """One encoding per picture, the oldest forgotten."""

    def test_cached_by_digest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        labeler: Any = open_labeler("sam", {"model": str(folder(tmp_path, [0.9])), "cached_images": 2})[0]
        seen: list[int] = []
        embed = labeler._sessions.embed
        monkeypatch.setattr(labeler._sessions, "embed", lambda rgb: seen.append(1) or embed(rgb))
        for digest, encoded in (("a", 1), ("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4)):
            labeler.label([picture(digest=digest)], Ask(Task.SEGMENT, (), {digest: ImageCues((Click(3, 3),))}))
            assert len(seen) == encoded, digest


class TestOpening:
    """What is missing or wrong is said, with what to do."""

    def test_nothing_named(self) -> None:
        with pytest.raises(MissingWeights, match="put an encoder and a decoder, exported to ONNX"):
            open_labeler("sam", {})

    def test_no_folder_and_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(MissingWeights, match="no such folder"):
            open_labeler("sam", {"model": str(tmp_path / "none")})
        with pytest.raises(MissingWeights, match=r"no \.onnx file with `encoder`"):
            open_labeler("sam", {"model": str(tmp_path)})

    def test_two_encoders_need_a_card(self, tmp_path: Path) -> None:
        place = folder(tmp_path, [0.9])
        encoder(place / "other_encoder.onnx")
        with pytest.raises(UsageError, match=r"several encoders: other_encoder\.onnx, tiny_encoder\.onnx"):
            open_labeler("sam", {"model": str(place)})
        card = {"labeler": "sam", "encoder": "other_encoder.onnx", "mean": [0, 0, 0], "std": [255, 255, 255], "size": SIZE}
        (place / "card.json").write_text(json.dumps(card))
        assert len(answer(place, picture(), ImageCues((Click(3, 3),)))) == 1

    @pytest.mark.parametrize(
        ("card", "said"),
        [
            ({"sise": 3}, "unknown key 'sise'"),
            ({"size": 32}, "takes .* px, but the size is 32"),
            ({"mean": [1, 2]}, "mean must be three numbers"),
            ({"std": [1, 2, 0]}, "std must be three numbers"),
            ({"encoder": "../x.onnx"}, "must name a file of the folder"),
        ],
    )
    def test_wrong_cards(self, tmp_path: Path, card: dict[str, Any], said: str) -> None:
        place = folder(tmp_path, [0.9])
        (place / "card.json").write_text(json.dumps({"labeler": "sam", **card}))
        with pytest.raises(UsageError, match=said):
            open_labeler("sam", {"model": str(place)})

    def test_another_kind_of_decoder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="unknown input 'high_res_feats_0'"):
            open_labeler("sam", {"model": str(folder(tmp_path, [0.9], extra="high_res_feats_0"))})

    def test_a_file_that_is_not_onnx(self, tmp_path: Path) -> None:
        place = folder(tmp_path, [0.9])
        (place / "tiny_decoder.onnx").write_bytes(b"PK\x03\x04nothing")
        with pytest.raises(UsageError, match="pickle"):
            open_labeler("sam", {"model": str(place)})
