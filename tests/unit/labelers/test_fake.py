"""The fake: deterministic, and its noise is what the settings say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstpass.engines.driver import label_checked
from firstpass.errors import UsageError
from firstpass.labelers.base import Ask, AskedClass, Reply, Task
from firstpass.labelers.fake import PLUGIN, SPEC
from firstpass.labels import Box, ImageRef, Labeled, Point, Polygon
from firstpass.labels.geometry import iou_matrix, to_xyxy
from firstpass.media.image import Image

NAMES = ("ant", "bee", "cat")
QUIET: dict[str, Any] = {"jitter": 0, "miss_rate": 0, "swap_rate": 0, "false_positives": 0}
EMPTY = np.zeros((0, 0, 3), np.uint8)


def pictures(count: int, width: int = 200, height: int = 150) -> list[Image]:
    return [Image(ImageRef(f"digest {i}", f"{i}.jpg", f"{i}.jpg", width, height), EMPTY) for i in range(count)]


def answers(
    settings: dict[str, Any], images: list[Image], task: Task = Task.DETECT, names: tuple[str, ...] = NAMES
) -> list[Reply]:
    ask = Ask(task, tuple(AskedClass(n) for n in names), question="what is it?")
    return list(label_checked(PLUGIN.open(settings), SPEC, images, ask))


def objects(replies: list[Reply]) -> list[Labeled]:
    return [obj for reply in replies for obj in reply.objects]


def truth_file(path: Path, images: list[Image], per_image: int = 5) -> Path:
    random = np.random.default_rng(0)
    table: dict[str, Any] = {}
    for image in images:
        corners = random.random((per_image, 2)) * [140, 100]
        table[image.ref.name] = [[NAMES[i % 3], x, y, x + 50, y + 40] for i, (x, y) in enumerate(corners.tolist())]
    path.write_text(json.dumps(table))
    return path


def test_the_same_image_and_settings_give_the_same_answer() -> None:
    images = pictures(20)
    assert answers({}, images) == answers({}, images)
    assert answers({}, images) == answers({}, list(reversed(images)))[::-1]
    assert objects(answers({}, images)) != objects(answers({"seed": 1}, images))


def test_seeds_agree_about_the_objects_and_differ_in_the_mistakes() -> None:
    images = pictures(20)
    assert answers({**QUIET, "score_quality": 1, "seed": 1}, images)[0].objects
    first, other = (objects(answers({**QUIET, "seed": seed}, images)) for seed in (1, 2))
    assert [(o.class_name, o.shape) for o in first] == [(o.class_name, o.shape) for o in other]


def test_turning_one_noise_up_leaves_the_others() -> None:
    images = pictures(30)
    jittered = {**QUIET, "jitter": 0.05}
    calm, missing = objects(answers(jittered, images)), objects(answers({**jittered, "miss_rate": 0.5}, images))
    assert 0 < len(missing) < len(calm)
    assert {o.shape for o in missing} <= {o.shape for o in calm}


def test_the_number_of_objects_follows_the_setting() -> None:
    counts = [len(r.objects) for r in answers({**QUIET, "objects": 4}, pictures(300))]
    assert (min(counts), max(counts)) == (0, 8)
    assert 3.5 < np.mean(counts) < 4.5
    assert objects(answers({**QUIET, "objects": 0}, pictures(5))) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (1, 40)])
def test_tiny_images_get_boxes_inside(size: tuple[int, int]) -> None:
    for obj in objects(answers({"false_positives": 3, "jitter": 1, "jitter_px": 50}, pictures(20, *size))):
        assert isinstance(obj.shape, Box)
        assert min(obj.shape.width_px, obj.shape.height_px) > 0.99


def test_no_class_asked() -> None:
    assert {o.class_name for o in objects(answers({}, pictures(5), names=()))} == {"object"}


@pytest.mark.parametrize(("task", "kind"), [(Task.SEGMENT, Polygon), (Task.POINT, Point), (Task.OCR, Box)])
def test_shapes_follow_the_task(task: Task, kind: type) -> None:
    found = objects(answers({}, pictures(5), task))
    assert found
    assert all(isinstance(o.shape, kind) for o in found)


def test_tags_and_texts() -> None:
    tags = [r.tags for r in answers({}, pictures(5), Task.TAG)]
    assert {t.name for ts in tags for t in ts} <= set(NAMES)
    assert answers({}, pictures(1), Task.ANSWER)[0].tags[0].name == "what is it?"
    assert answers({}, pictures(1), Task.CAPTION)[0].tags[0].kind == "caption"


class TestOracle:
    """With a truth file, the noise is measured against the truth."""

    images = pictures(400)

    def found(self, tmp_path: Path, **settings: Any) -> list[Reply]:
        path = truth_file(tmp_path / "truth.json", self.images)
        return answers({**QUIET, "truth": str(path), **settings}, self.images)

    def truth(self, tmp_path: Path) -> list[list[Any]]:
        table = json.loads((tmp_path / "truth.json").read_text())
        return [box for image in self.images for box in table[image.ref.name]]

    def test_without_noise_it_is_the_truth(self, tmp_path: Path) -> None:
        replies = self.found(tmp_path)
        true = self.truth(tmp_path)
        assert [len(r.objects) for r in replies] == [5] * 400
        assert [o.class_name for o in objects(replies)] == [t[0] for t in true]
        assert to_xyxy([o.shape for o in objects(replies)]) == pytest.approx(np.asarray([t[1:] for t in true]), abs=0.01)

    def test_miss_rate(self, tmp_path: Path) -> None:
        assert len(objects(self.found(tmp_path, miss_rate=0.3))) / 2000 == pytest.approx(0.7, abs=0.03)
        assert objects(self.found(tmp_path, miss_rate=1)) == []

    def test_invented_objects(self, tmp_path: Path) -> None:
        assert (len(objects(self.found(tmp_path, false_positives=2))) - 2000) / 400 == pytest.approx(2, abs=0.2)

    def test_swap_rate(self, tmp_path: Path) -> None:
        replies = self.found(tmp_path, swap_rate=0.25)
        true = [t[0] for t in self.truth(tmp_path)]
        wrong = [a.class_name != b for a, b in zip(objects(replies), true, strict=True)]
        assert np.mean(wrong) == pytest.approx(0.25, abs=0.03)

    def test_jitter_in_pixels_and_in_share(self, tmp_path: Path) -> None:
        truth_file(tmp_path / "truth.json", self.images)
        true = [t[1:] for t in self.truth(tmp_path)]
        by_px = to_xyxy([o.shape for o in objects(self.found(tmp_path, jitter_px=2))]) - np.asarray(true)
        inside = np.abs(by_px) > 0
        assert by_px[inside].std() == pytest.approx(2, abs=0.15)
        by_share = to_xyxy([o.shape for o in objects(self.found(tmp_path, jitter=0.1))]) - np.asarray(true)
        assert by_share[:, 0].std() / by_share[:, 1].std() == pytest.approx(50 / 40, abs=0.1)
        low, high = self.found(tmp_path, jitter=0.02), self.found(tmp_path, jitter=0.2)

        def mean_iou(replies: list[Reply]) -> float:
            return float(np.diag(iou_matrix(to_xyxy([o.shape for o in objects(replies)]), np.asarray(true))).mean())

        assert mean_iou(low) > 0.9 > mean_iou(high)

    def test_scores_tell_right_from_wrong_as_well_as_asked(self, tmp_path: Path) -> None:
        def gap(quality: float) -> float:
            replies = self.found(tmp_path, false_positives=2, score_quality=quality)
            right = [o.score or 0 for r in replies for o in r.objects[:5]]
            wrong = [o.score or 0 for r in replies for o in r.objects[5:]]
            return float(np.mean(right) - np.mean(wrong))

        assert gap(1) == pytest.approx(0.5, abs=0.03)
        assert gap(0) == pytest.approx(0, abs=0.03)
        perfect = self.found(tmp_path, false_positives=2, score_quality=1)
        assert min(o.score or 0 for r in perfect for o in r.objects[:5]) >= 0.5
        assert max(o.score or 0 for r in perfect for o in r.objects[5:]) <= 0.5

    def test_only_asked_classes(self, tmp_path: Path) -> None:
        path = truth_file(tmp_path / "truth.json", self.images[:3])
        found = objects(answers({**QUIET, "truth": str(path)}, self.images[:3], names=("bee",)))
        assert {o.class_name for o in found} == {"bee"}

    def test_an_image_without_truth_is_a_problem(self, tmp_path: Path) -> None:
        path = truth_file(tmp_path / "truth.json", self.images[:1])
        first, second = answers({"truth": str(path)}, self.images[:2])
        assert first.problem is None
        assert second.problem is not None
        assert (second.problem.where, second.problem.what) == ("1.jpg", "has no entry in the truth file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[1]", "must hold"),
        ('{"a.jpg": [["cat", 1, 2, 3]]}', "image a.jpg, entry 0: needs \\[class, x1, y1, x2, y2\\]"),
        ('{"a.jpg": [["cat", 5, 2, 3, 9]]}', "image a.jpg, entry 0"),
        ('{"a.jpg": 3}', "image a.jpg, entry 0"),
    ],
)
def test_bad_truth_files(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        PLUGIN.open({"truth": str(path)})


def test_missing_truth_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        PLUGIN.open({"truth": str(tmp_path / "no.json")})


@pytest.mark.parametrize(
    ("name", "value"), [("jitter", -1), ("miss_rate", 1.5), ("seed", "a"), ("objects", True), ("score_quality", float("nan"))]
)
def test_bad_settings(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"setting {name}"):
        PLUGIN.open({name: value})
