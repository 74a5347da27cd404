"""The driver: one test per clause of the labeler contract, each with a labeler that breaks just that clause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from firstpass.engines import driver
from firstpass.errors import LabelerBroke, MissingExtra, MissingWeights, Problem, UsageError
from firstpass.labelers.base import Ask, AskedClass, Gives, LabelerSpec, Reply, Task
from firstpass.labels import Author, Box, ImageRef, Labeled, Mask, ObjectId, Point, Polygon, PolygonPart, Tag, rle
from firstpass.media.image import Image

SPEC = LabelerSpec("broken", "", frozenset(), frozenset({Gives.BOX}))
ANY = replace(SPEC, gives=frozenset(Gives), scored=False)
ASK = Ask(Task.DETECT, (AskedClass("cat"), AskedClass("dog")))
REF = ImageRef("d1", "x.jpg", "x.jpg", 100, 80)


def image(name: str = "x.jpg", width: int = 100, height: int = 80) -> Image:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb.setflags(write=False)
    return Image(ImageRef(f"digest of {name}", name, name, width, height), rgb)


BOX = Box(1, 2, 30, 40)


def obj(shape: Any = BOX, name: str = "cat", score: float | None = 0.5, **more: Any) -> Labeled:
    return Labeled(ObjectId(""), name, shape, score, **more)


def forced(value: Any, **fields: Any) -> Any:
    """A frozen value with fields set past its own checks, as a careless plug-in can do."""
    copy = replace(value)
    for name, new in fields.items():
        object.__setattr__(copy, name, new)
    return copy


@dataclass
class Scripted:
    """Answers with a function of the batch; notes the batches' sizes."""

    answer: Callable[[Sequence[Image]], Any]
    sizes: list[int] = field(default_factory=list)

    def label(self, images: Sequence[Image], ask: Ask) -> Any:
        self.sizes.append(len(images))
        return self.answer(images)


def broke(reply: Any, spec: LabelerSpec = SPEC, ask: Ask = ASK) -> str:
    with pytest.raises(LabelerBroke) as caught:
        driver.check_reply(reply, spec, REF, ask)
    assert caught.value.who == "broken"
    return caught.value.what


def test_good_reply_passes_unchanged() -> None:
    reply = Reply((obj(),))
    assert driver.check_reply(reply, SPEC, REF, ASK) == reply
    assert driver.check_reply(Reply(), SPEC, REF, ASK) == Reply()


def test_not_a_reply() -> None:
    assert broke([obj()]) == "image x.jpg: the answer is a list, not a Reply"


def test_problem_must_come_alone() -> None:
    assert "must be empty, but it has 1 objects" in broke(Reply((obj(),), problem=Problem("x", "y")))


def test_not_an_object() -> None:
    assert broke(Reply((obj(), (1, 2, 3, 4)))) == "image x.jpg, object 1: is a tuple, not a Labeled"  # type: ignore[arg-type]


def test_id_preset() -> None:
    assert "object 0: id 'a1' is set" in broke(Reply((replace(obj(), id=ObjectId("a1")),)))


def test_class_not_asked_names_image_object_and_asked() -> None:
    text = broke(Reply((obj(), obj(name="cow"))))
    assert text == "image x.jpg, object 1: class 'cow' was not asked for; asked 'cat', 'dog'"


def test_any_class_when_none_was_asked() -> None:
    assert driver.check_reply(Reply((obj(name="cow"),)), SPEC, REF, Ask(Task.DETECT)).objects[0].class_name == "cow"


@pytest.mark.parametrize("name", ["", 3, None])
def test_class_is_a_name(name: Any) -> None:
    assert "is not a name" in broke(Reply((obj(name=name),)), ask=Ask(Task.DETECT))


def test_score_missing() -> None:
    assert "has no score" in broke(Reply((obj(score=None),)))
    assert driver.check_reply(Reply((obj(score=None),)), ANY, REF, ASK)


@pytest.mark.parametrize("score", [float("nan"), 1.01, -0.1, "high"])
def test_score_outside(score: Any) -> None:
    assert "is not a number in 0..1" in broke(Reply((forced(obj(), score=score),)))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (Mask(80, 100, rle.encode(np.ones((80, 100))).counts), "mask"),
        (Polygon((PolygonPart(((0, 0), (5, 0), (5, 5))),)), "polygon"),
        (Point(1, 1), "point"),
    ],
)
def test_kind_not_declared(shape: Any, kind: str) -> None:
    assert broke(Reply((obj(shape),))) == f"image x.jpg, object 0: gives a {kind}, but its SPEC declares only box"


def test_not_a_shape() -> None:
    assert "shape is a list" in broke(Reply((forced(obj(), shape=[1, 2, 3, 4]),)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(value: float) -> None:
    assert "not finite" in broke(Reply((obj(forced(Box(1, 2, 3, 4), x2=value)),)))
    assert "not finite" in broke(Reply((obj(forced(Point(1, 2), x=value)),)), ANY)


def test_overshoot_within_a_pixel_is_clipped() -> None:
    found = driver.check_reply(Reply((obj(Box(-1, -0.5, 101, 81)),)), SPEC, REF, ASK)
    assert found.objects[0].shape == Box(0, 0, 100, 80)


def test_box_wholly_in_the_slack_is_left_out() -> None:
    assert driver.check_reply(Reply((obj(Box(100, 10, 100.9, 20)), obj())), SPEC, REF, ASK).objects == (obj(),)


@pytest.mark.parametrize("box", [Box(-1.01, 0, 5, 5), Box(0, 0, 101.01, 5), Box(0, 0, 5, 81.01), Box(200, 0, 300, 5)])
def test_more_than_a_pixel_outside(box: Box) -> None:
    assert "outside the image of 100x80 px" in broke(Reply((obj(box),)))


def test_polygon_and_point_are_held_to_the_same_edge() -> None:
    ring = ((-0.5, 0.0), (50.0, 0.0), (50.0, 80.5))
    found = driver.check_reply(Reply((obj(Polygon((PolygonPart(ring),))), obj(Point(100.5, 3)))), ANY, REF, ASK)
    assert found.objects[0].shape == Polygon((PolygonPart(((0.0, 0.0), (50.0, 0.0), (50.0, 80.0))),))
    assert found.objects[1].shape == Point(100.0, 3)
    far = ((-2.0, 0.0), (50.0, 0.0), (50.0, 80.0))
    assert "polygon reaches" in broke(Reply((obj(Polygon((PolygonPart(far),))),)), ANY)
    assert "point reaches" in broke(Reply((obj(Point(1, 90)),)), ANY)


def test_box_without_area() -> None:
    assert "has no area" in broke(Reply((obj(Box(5, 5, 5, 9)),)))


def test_mask_size_and_content() -> None:
    assert "mask is 50x80 px, but the image is 100x80 px" in broke(Reply((obj(rle.encode(np.ones((80, 50)))),)), ANY)
    assert "mask is empty" in broke(Reply((obj(rle.encode(np.zeros((80, 100)))),)), ANY)
    assert "covers" in broke(Reply((obj(Mask(80, 100, rle.encode(np.ones((80, 50))).counts)),)), ANY)
    assert "cannot be read" in broke(Reply((obj(Mask(80, 100, "\x01")),)), ANY)


def test_text_must_be_declared_and_text() -> None:
    assert "gives a text" in broke(Reply((obj(text="A7"),)))
    assert "text is a int" in broke(Reply((obj(text=7),)), ANY)


@pytest.mark.parametrize("attributes", [{"a": 1}, {1: "a"}, [("a", "b")]])
def test_attributes_are_text(attributes: Any) -> None:
    assert "attribute" in broke(Reply((obj(attributes=attributes),)))


def test_tags() -> None:
    tagger = replace(SPEC, gives=frozenset({Gives.TAG}))
    assert driver.check_reply(Reply(tags=(Tag("cat", score=0.2),)), tagger, REF, ASK).tags
    assert broke(Reply(tags=(Tag("cat", score=0.2),))) == "image x.jpg, tag 0: gives a class, but its SPEC declares only box"
    assert "tag 0: class 'cow' was not asked" in broke(Reply(tags=(Tag("cow", score=0.2),)), tagger)
    assert "has no score" in broke(Reply(tags=(Tag("cat"),)), tagger)
    assert "gives a caption" in broke(Reply(tags=(Tag("", "caption", "a cat"),)), tagger)
    assert "needs a text" in broke(Reply(tags=(Tag("", "caption"),)), ANY)
    assert "is not one of class, caption, answer" in broke(Reply(tags=(Tag("cat", "mood"),)), ANY)  # type: ignore[arg-type]
    assert "is a str, not a Tag" in broke(Reply(tags=("cat",)), ANY)  # type: ignore[arg-type]
    assert "is not text" in broke(Reply(tags=(Tag("cat", attributes={"n": 1}),)), ANY)  # type: ignore[dict-item]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_reply_per_image(count: int) -> None:
    with pytest.raises(LabelerBroke, match=f"{count} replies for a batch of 2 images \\(first: a.jpg\\)"):
        driver.label_checked(Scripted(lambda _: [Reply()] * count), SPEC, [image("a.jpg"), image("b.jpg")], ASK)


@pytest.mark.parametrize("answer", [None, "no", {"a": 1}])
def test_not_a_sequence(answer: Any) -> None:
    with pytest.raises(LabelerBroke, match="not a sequence of replies"):
        driver.label_checked(Scripted(lambda _: answer), SPEC, [image()], ASK)


def test_empty_batch_asks_nobody() -> None:
    labeler = Scripted(lambda _: [])
    assert driver.label_checked(labeler, SPEC, [], ASK) == ()
    assert labeler.sizes == []


def test_exception_falls_on_the_guilty_image_only() -> None:
    def answer(images: Sequence[Image]) -> list[Reply]:
        if any(i.ref.name == "bad.jpg" for i in images):
            raise ValueError("cannot reshape\nsecond line")
        return [Reply((obj(),))] * len(images)

    labeler = Scripted(answer)
    names = ["a.jpg", "bad.jpg", "c.jpg"]
    replies = driver.label_checked(labeler, SPEC, [image(n) for n in names], ASK)
    assert [r.problem is None for r in replies] == [True, False, True]
    problem = replies[1].problem
    assert problem is not None
    assert (problem.where, problem.what) == ("bad.jpg", "labeler broken failed: ValueError: cannot reshape")
    assert labeler.sizes == [3, 1, 1, 1]


@pytest.mark.parametrize("error", [LabelerBroke("w", "x"), UsageError("u"), MissingExtra("a", "b", "c"), MissingWeights("w")])
def test_what_holds_for_every_image_aborts(error: Exception) -> None:
    def answer(_images: Sequence[Image]) -> Any:
        raise error

    labeler = Scripted(answer)
    with pytest.raises(type(error)):
        driver.label_checked(labeler, SPEC, [image("a"), image("b")], ASK)
    assert labeler.sizes == [2]


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_out_of_memory_halves_the_batch_and_remembers(error: Exception) -> None:
    def answer(images: Sequence[Image]) -> list[Reply]:
        if len(images) > 2:
            raise error
        return [Reply((obj(),))] * len(images)

    labeler = Scripted(answer)
    drive = driver.Driver(labeler, SPEC, ASK)
    assert len(drive.label([image(str(i)) for i in range(8)])) == 8
    assert labeler.sizes == [8, 4, 2, 2, 2, 2]
    drive.label([image(str(i)) for i in range(5)])
    assert labeler.sizes[6:] == [2, 2, 1]


def test_out_of_memory_on_one_image_is_its_problem() -> None:
    def answer(_images: Sequence[Image]) -> Any:
        raise MemoryError

    problem = driver.label_checked(Scripted(answer), SPEC, [image()], ASK)[0].problem
    assert problem is not None
    assert "ran out of memory" in problem.what


def test_writing_into_the_image_is_caught() -> None:
    def answer(images: Sequence[Image]) -> list[Reply]:
        images[0].rgb[0, 0, 0] = 1
        return [Reply()]

    problem = driver.label_checked(Scripted(answer), SPEC, [image()], ASK)[0].problem
    assert problem is not None
    assert "read-only" in problem.what


def test_ids_are_stable_and_differ_by_author_settings_image_and_place() -> None:
    author = Author("labeler", "broken", "1", "run", "abc")
    reply = Reply((obj(), obj(name="dog")))
    first = driver.to_labeled(reply, REF, author)
    again = driver.to_labeled(reply, REF, replace(author, run_id="another"))
    assert [o.id for o in first.objects] == [o.id for o in again.objects]
    others = [
        driver.to_labeled(reply, REF, replace(author, settings_digest="x")),
        driver.to_labeled(reply, REF, replace(author, name="x")),
        driver.to_labeled(reply, replace(REF, digest="x"), author),
        driver.to_labeled(reply, replace(REF, name="copy of x.jpg"), author),
        first,
    ]
    ids = [o.id for labeled in others for o in labeled.objects]
    assert len(set(ids)) == len(ids) == 10
    assert first.objects[1] == replace(reply.objects[1], id=first.objects[1].id)


def test_a_problem_is_not_a_look() -> None:
    with pytest.raises(ValueError, match="was not looked at"):
        driver.to_labeled(Reply(problem=Problem("x", "y")), REF, Author("labeler", "a"))


def test_settings_digest_follows_what_changes_the_answer(tmp_path: Any) -> None:
    def digest(settings: Any = None, name: str = "a", version: str = "1", ask: Ask = ASK) -> str:
        return driver.settings_digest(name, version, settings or {}, ask)

    base = digest({"a": 1, "b": [1, 2]})
    assert base == digest({"b": [1, 2], "a": 1})
    assert len(base) == 16
    phrased = Ask(Task.DETECT, (AskedClass("cat", ("kitten",)), AskedClass("dog")))
    others = [digest({}, name="b"), digest({}, version="2"), digest({}, ask=phrased)]
    different = [digest({"a": 2, "b": [1, 2]}), *others, digest({})]
    assert len({base, *different}) == 6
    model = tmp_path / "m.onnx"
    model.write_bytes(b"one")
    first = digest({"model": str(model)})
    model.write_bytes(b"two")
    assert digest({"model": str(model)}) != first


def test_a_class_named_like_a_file_is_still_a_name(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Ask(Task.DETECT, (AskedClass("cat"),))
    before = driver.settings_digest("a", "1", {}, ask)
    (tmp_path / "cat").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert driver.settings_digest("a", "1", {}, ask) == before
