"""Every registered labeler is held to the contract: what it declares, what it answers, how it is trained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _tiny_sam import tiny_sam

from firstpass import registry
from firstpass.engines import driver, learn
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import MissingExtra, MissingWeights, UsageError
from firstpass.labelers.base import (
    Artifact,
    Ask,
    AskedClass,
    Budget,
    Cue,
    Gives,
    ImageCues,
    Labeler,
    LabelerSpec,
    Reference,
    Task,
    TrainingExample,
)  # fmt: skip
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Polygon, PolygonPart, Tag
from firstpass.media.image import Image

NAMES = registry.names("labelers")
LEARNERS = learn.learners()
CLASSES = (AskedClass("disk", ("disk", "round thing")), AskedClass("bar"))
SIZES = {"landscape": (96, 64), "portrait": (48, 96), "tiny": (1, 1), "strip": (120, 3)}
TASK_OF = {
    Gives.BOX: Task.DETECT, Gives.MASK: Task.SEGMENT, Gives.POINT: Task.POINT, Gives.TAG: Task.TAG, Gives.TEXT: Task.CAPTION,
}  # fmt: skip


def picture(name: str, width: int, height: int, seed: int = 0) -> Image:
    """Noise with a bright disk and a dark bar, where there is room for them."""
    random = np.random.default_rng(seed + 1000 * width + height)
    rgb = random.integers(80, 120, (height, width, 3), dtype=np.uint8)
    ys, xs = np.mgrid[:height, :width]
    rgb[(xs - width * 0.3) ** 2 + (ys - height * 0.4) ** 2 < (min(width, height) * 0.2) ** 2] = (230, 60, 60)
    rgb[int(height * 0.7) : int(height * 0.85), int(width * 0.2) : int(width * 0.9)] = (20, 20, 90)
    rgb.setflags(write=False)
    metadata = {"report": "A disk, slightly scratched", "Model": "Camera 7"}
    return Image(ImageRef(f"{seed:02}{width:04}{height:04}", f"{name}.png", f"folder/{name}.png", width, height), rgb, metadata)


def truth(image: Image) -> LabeledImage:
    """The disk and the bar, as an expert would have drawn them: the disk as a polygon, the bar as a box."""
    width, height = image.ref.width_px, image.ref.height_px
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    radius = min(width, height) * 0.2
    ring = zip((width * 0.3 + radius * np.cos(turn)).tolist(), (height * 0.4 + radius * np.sin(turn)).tolist(), strict=True)
    disk = Labeled(ObjectId("a"), "disk", Polygon((PolygonPart(tuple(ring)),)))
    bar = Labeled(ObjectId("b"), "bar", Box(int(width * 0.2), int(height * 0.7), int(width * 0.9), int(height * 0.85)))
    return LabeledImage(image.ref, Author("human", "expert"), (disk, bar), (Tag("disk"),))


def batch() -> list[Image]:
    return [picture(name, *size, seed=i) for i, (name, size) in enumerate(SIZES.items())]


def ask_for(spec: LabelerSpec, task: Task, images: list[Image]) -> Ask:
    """Everything that the labeler says it can be told."""
    cues: dict[str, ImageCues] = {}
    if spec.cues & {Cue.BOX, Cue.CLICK, Cue.MASK}:
        for image in images:
            box = (0.0, 0.0, float(image.ref.width_px), float(image.ref.height_px))
            cues[image.ref.digest] = ImageCues(boxes_xyxy_px=(box,))
    example = picture("reference", 96, 64, seed=50)
    references = (Reference(example, truth(example)),) if spec.cues & {Cue.REFERENCE, Cue.EXAMPLES} else ()
    return Ask(task, CLASSES, cues, references, "What is shown?")


def tasks(spec: LabelerSpec) -> list[Task]:
    return [TASK_OF[gives] for gives in sorted(spec.gives)]


def plain_settings(name: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings that a labeler cannot do without, for those whose model can be made here."""
    if name == "onnx-detector":
        return {"model": str(tiny_detector(tmp_path_factory.mktemp("detector") / "tiny.onnx"))}
    if name == "sam":
        return {"model": str(tiny_sam(tmp_path_factory.mktemp("sam")))}
    if name in LEARNERS:
        return {"model": str(trained(name, 3, tmp_path_factory.mktemp("trained") / "model").folder)}
    return {}


def tiny_detector(path: Path) -> Path:
    """A detector that answers with fixed YOLOv8-like rows plus the mean of the picture, so that pictures differ."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rows = np.asarray([[20, 10, 8, 8, 0.6, 0.1], [16, 24, 20, 6, 0.1, 0.7]], np.float32).T[None]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Squeeze", ["mean", "axis"], ["flat"]),
            helper.make_node("Add", ["rows", "flat"], ["out"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 6, 2])],
        [numpy_helper.from_array(rows, "rows"), numpy_helper.from_array(np.asarray([3]), "axis")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    card = {"decode": "yolov8", "size": [32, 32], "scale": 0.0001, "names": ["disk", "bar"]}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def examples(count: int) -> list[TrainingExample]:
    def one(i: int) -> TrainingExample:
        image = picture(f"train{i}", 96 if i % 2 else 64, 64, seed=i + 1)
        return TrainingExample(truth(image), lambda: image)

    return [one(i) for i in range(count)]


def learning_ask(name: str) -> Ask:
    spec = registry.find("labelers", name).spec
    return Ask(Task.SEGMENT if Gives.MASK in spec.gives else tasks(spec)[0], CLASSES)


def trained(name: str, count: int, folder: Path) -> Artifact:
    return learn.fit(name, {}, examples(count), learning_ask(name), folder, Budget(seconds=3.0, seed=1))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Labeler, LabelerSpec]]:
    """Opens a labeler once; skips, with the reason, where a package, weights or a needed setting is missing."""
    known: dict[str, tuple[Labeler, LabelerSpec] | Exception] = {}

    def get(name: str) -> tuple[Labeler, LabelerSpec]:
        if name not in known:
            try:
                known[name] = open_labeler(name, plain_settings(name, tmp_path_factory))
            except (MissingExtra, MissingWeights, UsageError) as error:
                known[name] = error
        found = known[name]
        if isinstance(found, Exception):
            pytest.skip(f"{name} cannot be opened here: {found}")
        return found

    return get


def test_there_are_labelers() -> None:
    assert {"fake", "metadata-rules", "onnx-detector"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_is_whole_and_declares_itself(name: str) -> None:
    plugin = registry.find("labelers", name)
    assert plugin.module is not None, plugin.reason
    spec = plugin.spec
    assert isinstance(spec, LabelerSpec)
    assert spec.name == name
    assert 10 <= len(spec.summary) <= 200
    assert spec.gives
    assert spec.gives <= set(Gives)
    assert spec.cues <= set(Cue)
    assert re.fullmatch(r"\d+(\.\d+)*", spec.version)
    assert not spec.needs or spec.extra
    for setting, text in spec.settings.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", setting)
        assert text.strip()
        assert "\n" not in text
    assert callable(plugin.factory.open)
    assert callable(plugin.factory.label)
    assert spec.learns == hasattr(plugin.factory, "fit")


@pytest.mark.parametrize("name", NAMES)
def test_opens_with_defaults_or_says_what_is_missing(name: str) -> None:
    said = ""
    try:
        open_labeler(name, {})
    except (MissingExtra, MissingWeights, UsageError) as error:
        said = str(error)
    assert said == "" or len(said) > 20


@pytest.mark.parametrize("name", NAMES)
def test_refuses_an_unknown_setting(name: str) -> None:
    with pytest.raises(UsageError, match="no setting 'no_such_setting'"):
        open_labeler(name, {"no_such_setting": 1})


@pytest.mark.parametrize("name", NAMES)
def test_answers_every_kind_of_image_within_the_contract(name: str, opened: Any) -> None:
    labeler, spec = opened(name)
    images = batch()
    before = [image.rgb.copy() for image in images]
    for task in tasks(spec):
        ask = ask_for(spec, task, images)
        replies = driver.check_batch(labeler.label(images, ask), spec, [i.ref for i in images], ask)
        assert [r.problem for r in replies] == [None] * len(images)
    assert all(np.array_equal(a, b.rgb) for a, b in zip(before, images, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_answers_as_its_images_alone(name: str, opened: Any) -> None:
    labeler, spec = opened(name)
    images = batch()
    ask = ask_for(spec, tasks(spec)[0], images)
    together = driver.label_checked(labeler, spec, images, ask)
    alone = [driver.label_checked(labeler, spec, [image], ask)[0] for image in images]
    for a, b in zip(together, alone, strict=True):
        assert [o.class_name for o in a.objects] == [o.class_name for o in b.objects]
        assert [o.score for o in a.objects] == pytest.approx([o.score for o in b.objects], abs=1e-4)
        assert [t.name for t in a.tags] == [t.name for t in b.tags]


@pytest.mark.parametrize("name", NAMES)
def test_is_deterministic(name: str, opened: Any) -> None:
    labeler, spec = opened(name)
    images = batch()
    for task in tasks(spec):
        ask = ask_for(spec, task, images)
        assert driver.label_checked(labeler, spec, images, ask) == driver.label_checked(labeler, spec, images, ask)


@pytest.mark.parametrize("name", NAMES)
def test_gives_only_what_was_asked_for(name: str, opened: Any) -> None:
    labeler, spec = opened(name)
    images = batch()
    full = ask_for(spec, tasks(spec)[0], images)
    ask = Ask(full.task, CLASSES[:1], full.cues, full.references, full.question)
    for reply in driver.label_checked(labeler, spec, images, ask):
        assert {o.class_name for o in reply.objects} <= {"disk"}


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_gives_an_empty_answer(name: str, opened: Any) -> None:
    labeler, spec = opened(name)
    assert list(labeler.label([], ask_for(spec, tasks(spec)[0], []))) == []


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_learns_from_few_examples(name: str, count: int, tmp_path: Path) -> None:
    artifact = trained(name, count, tmp_path / "model")
    card = json.loads((artifact.folder / "card.json").read_text())
    assert card["examples"] == count
    assert {o.image.name for o in artifact.out_of_sample} <= {f"folder/train{i}.png" for i in range(count)}
    labeler, spec = learn.open_artifact(artifact.folder)
    images = batch()
    ask = Ask(learning_ask(name).task, CLASSES)
    replies = driver.label_checked(labeler, spec, images, ask)
    assert all(reply.problem is None for reply in replies)
    if count == 0:
        assert all(not reply.objects and not reply.tags for reply in replies)


@pytest.mark.parametrize("name", LEARNERS)
def test_opens_again_and_answers_alike(name: str, tmp_path: Path) -> None:
    folder = trained(name, 3, tmp_path / "model").folder
    images = batch()
    ask = Ask(learning_ask(name).task, CLASSES)
    first, spec = learn.open_artifact(folder)
    again, _ = learn.open_artifact(folder)
    assert driver.label_checked(first, spec, images, ask) == driver.label_checked(again, spec, images, ask)


@pytest.mark.parametrize("name", LEARNERS)
def test_an_artifact_holds_no_pickle(name: str, tmp_path: Path) -> None:
    folder = trained(name, 1, tmp_path / "model").folder
    heads = [path.read_bytes()[:2] for path in folder.rglob("*") if path.is_file()]
    assert heads
    assert not any(head[:1] == b"\x80" for head in heads)


@pytest.mark.parametrize("name", LEARNERS)
def test_training_tells_its_progress(name: str, tmp_path: Path) -> None:
    told: list[float] = []
    learn.fit(
        name, {}, examples(3), learning_ask(name), tmp_path / "m", Budget(seconds=3.0), lambda _what, share: told.append(share)
    )
    assert all(0.0 <= share <= 1.0 for share in told)
    assert told == sorted(told)
