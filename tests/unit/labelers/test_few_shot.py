"""Few-shot learns tags, says how sure it is, and comes back from disk the same."""

import dataclasses
import json

import numpy as np
import pytest

from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers import _few_shot_model as math
from firstpass.labelers.base import Ask, AskedClass, Budget, Task, TrainingExample
from firstpass.labelers.few_shot import PLUGIN
from firstpass.labels import Author, ImageRef, LabeledImage, Tag
from firstpass.media.image import Image

COLORS = {"tomato": (200, 40, 30), "lime": (90, 190, 40), "plum": (90, 40, 120), "lemon": (230, 210, 60)}


def picture(names, seed):
    """Blobs in the colors of the named classes on a gray ground of varying brightness."""
    rng = np.random.default_rng(seed)
    rgb = np.full((60, 80, 3), rng.integers(90, 170), np.int64)
    for name in names:
        x, y, r = rng.integers(15, 65), rng.integers(15, 45), rng.integers(10, 16)
        ys, xs = np.mgrid[:60, :80]
        rgb[(xs - x) ** 2 + (ys - y) ** 2 < r * r] = np.asarray(COLORS[name]) + rng.integers(-25, 25, 3)
    noisy = np.clip(rgb + rng.normal(0, 12, rgb.shape), 0, 255).astype(np.uint8)
    return Image(ImageRef(f"{seed:032x}", f"{seed}.png", f"{seed}.png", 80, 60), noisy)


def example(names, seed):
    image = picture(names, seed)
    tags = tuple(Tag(name) for name in names)
    return TrainingExample(LabeledImage(image.ref, Author("human", "expert"), (), tags), lambda: image)


def single(count, classes=tuple(COLORS), first=0):
    return [example([classes[i % len(classes)]], first + i) for i in range(count)]


def ask(classes=tuple(COLORS)):
    return Ask(Task.TAG, tuple(AskedClass(name) for name in classes))


def fit(examples, folder, **more):
    folder.mkdir(exist_ok=True, parents=True)
    return PLUGIN.fit(examples, more.pop("ask", ask()), folder, Budget(), **more)


def opened(artifact, **settings):
    return PLUGIN.open({"model": str(artifact.folder), **settings})


def best(replies):
    return [reply.tags[0].name if reply.tags else "" for reply in replies]


def test_few_examples_are_enough_for_easy_classes(tmp_path):
    labeler = opened(fit(single(16), tmp_path / "m"))
    tests = [picture([name], 500 + i) for i, name in enumerate(list(COLORS) * 5)]
    assert np.mean([a == b for a, b in zip(best(labeler.label(tests, ask())), list(COLORS) * 5, strict=True)]) >= 0.9


def test_pictures_of_nothing_known_are_doubted_more(tmp_path):
    labeler = opened(fit(single(24), tmp_path / "m"))
    known = labeler.label([picture(["lime"], 900 + i) for i in range(8)], ask())
    odd = labeler.label([picture([], 950 + i) for i in range(8)], ask())
    assert 1 - np.mean([r.tags[0].score for r in odd]) > 5 * (1 - np.mean([r.tags[0].score for r in known]))


def test_noise_is_not_sold_as_knowledge(tmp_path):
    examples = [
        dataclasses.replace(e, labeled=dataclasses.replace(e.labeled, tags=(Tag(n),)))
        for e, n in zip([example(["lime"], i) for i in range(24)], list(COLORS) * 6, strict=True)
    ]
    artifact = fit(examples, tmp_path / "m")
    scores = [r.tags[0].score for r in opened(artifact).label([picture(["lime"], 700 + i) for i in range(20)], ask())]
    assert np.mean(scores) < 0.5


def test_held_out_answers_cover_the_examples_and_are_honest(tmp_path):
    artifact = fit(single(40), tmp_path / "m")
    assert [o.image.name for o in artifact.out_of_sample] == [f"{i}.png" for i in range(40)]
    right = [o.reply.tags[0].name == list(COLORS)[i % 4] for i, o in enumerate(artifact.out_of_sample)]
    scores = [o.reply.tags[0].score for o in artifact.out_of_sample]
    assert abs(np.mean(right) - np.mean(scores)) < 0.12


def test_class_seen_once_is_an_honest_miss(tmp_path):
    """Held out, its class is unknown: the answer is wrong and must not be sure."""
    artifact = fit([*single(12, ("tomato", "lime")), example(["plum"], 99)], tmp_path / "m")
    lone = artifact.out_of_sample[-1].reply
    assert all(tag.name != "plum" for tag in lone.tags)


def test_images_without_tags_teach_nothing_to_see(tmp_path):
    examples = [*single(12, ("tomato", "lime")), *(example([], 300 + i) for i in range(8))]
    labeler = opened(fit(examples, tmp_path / "m"))
    empty = labeler.label([picture([], 800 + i) for i in range(6)], ask())
    assert np.mean([max([t.score for t in r.tags], default=0) for r in empty]) < 0.4


def test_several_tags_per_image_are_judged_one_by_one(tmp_path):
    pairs = [["tomato"], ["lime"], ["tomato", "lime"], ["lemon"], ["tomato", "lemon"], []]
    labeler = opened(fit([example(pairs[i % 6], i) for i in range(48)], tmp_path / "m"))
    replies = labeler.label([picture(pairs[i % 6], 1000 + i) for i in range(30)], ask())
    said = [{t.name for t in r.tags if t.score > 0.5} for r in replies]
    hits = [(name in said[i]) == (name in pairs[i % 6]) for i in range(30) for name in ("tomato", "lime", "lemon")]
    assert np.mean(hits) > 0.8
    assert any(len(s) == 2 for s in said)


def test_reload_answers_exactly_the_same(tmp_path):
    artifact = fit(single(12), tmp_path / "m")
    tests = [picture(["plum"], 600), picture([], 601)]
    assert opened(artifact).label(tests, ask()) == opened(artifact).label(tests, ask())
    again = fit(single(12), tmp_path / "n")
    assert opened(again).label(tests, ask()) == opened(artifact).label(tests, ask())


def test_batch_equals_singles(tmp_path):
    labeler = opened(fit(single(12), tmp_path / "m"))
    tests = [picture([name], 640 + i) for i, name in enumerate(COLORS)]
    for one, alone in zip(labeler.label(tests, ask()), [labeler.label([t], ask())[0] for t in tests], strict=True):
        assert [t.name for t in one.tags] == [t.name for t in alone.tags]
        assert np.allclose([t.score for t in one.tags], [t.score for t in alone.tags], atol=1e-5)


def test_only_asked_classes_are_proposed(tmp_path):
    labeler = opened(fit(single(12), tmp_path / "m"), top=4)
    reply = labeler.label([picture(["tomato"], 650)], ask(("lime", "kiwi")))[0]
    assert [t.name for t in reply.tags] == ["lime"]


def test_top_gives_the_runners_up(tmp_path):
    reply = opened(fit(single(12), tmp_path / "m"), top=3).label([picture(["tomato"], 650)], ask())[0]
    assert len(reply.tags) == 3
    assert [t.score for t in reply.tags] == sorted((t.score for t in reply.tags), reverse=True)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_examples_are_survived(tmp_path, count):
    artifact = fit(single(count), tmp_path / "m")
    reply = opened(artifact).label([picture(["tomato"], 9)], ask())[0]
    assert len(reply.tags) == min(count, 1)
    assert len(artifact.out_of_sample) == (count if count > 1 else 0)


def test_examples_without_any_tag_propose_nothing(tmp_path):
    assert opened(fit([example([], i) for i in range(3)], tmp_path / "m")).label([picture([], 9)], ask())[0].tags == ()


def test_picture_without_pixels_is_a_problem(tmp_path):
    labeler = opened(fit(single(8), tmp_path / "m"))
    blank = Image(ImageRef("", "", "blank.png", 0, 0), np.zeros((0, 0, 3), np.uint8))
    first, second = labeler.label([blank, picture(["lime"], 3)], ask())
    assert first.problem is not None
    assert second.tags


def test_twins_are_held_out_together(tmp_path):
    twin = example(["plum"], 77)
    artifact = fit([*single(12, ("tomato", "lime")), twin, twin], tmp_path / "m")
    assert all(t.name != "plum" for o in artifact.out_of_sample[-2:] for t in o.reply.tags)


def test_missing_and_damaged_models_say_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="has learned nothing yet"):
        PLUGIN.open({})
    with pytest.raises(MissingWeights, match="run `firstpass train` again"):
        PLUGIN.open({"model": str(tmp_path)})
    artifact = fit(single(8), tmp_path / "m")
    (tmp_path / "m" / "few_shot.npz").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(MissingWeights, match="holds no whole few-shot model"):
        opened(artifact)


def test_pickled_arrays_are_refused(tmp_path):
    artifact = fit(single(8), tmp_path / "m")
    np.savez(tmp_path / "m" / "few_shot.npz", space=np.asarray([{"evil": 1}], dtype=object))
    with pytest.raises(MissingWeights, match="holds no whole few-shot model"):
        opened(artifact)


def test_other_features_than_it_was_trained_on_are_refused(tmp_path):
    artifact = fit(single(8), tmp_path / "m")
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    (tmp_path / "m" / "card.json").write_text(json.dumps({**card, "features": "onnx:abc"}))
    with pytest.raises(UsageError, match="was trained on onnx:abc vectors"):
        opened(artifact)
    with pytest.raises(MissingWeights, match="there is no file"):
        opened(artifact, onnx_model=str(tmp_path / "gone.onnx"))


@pytest.mark.parametrize("top", [0, 21, "3", True, 1.5])
def test_bad_top_is_refused(tmp_path, top):
    with pytest.raises(UsageError, match="setting top must be a whole number"):
        PLUGIN.open({"top": top})


def test_curve_is_drawn_to_the_answers():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 4000)
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    slope, offset = math.fit_curve(odds, right)
    assert slope == pytest.approx(0.5, abs=0.08)
    assert offset == pytest.approx(-1, abs=0.12)
    assert math.fit_curve(np.zeros(0), np.zeros(0, bool)) == (1.0, -1.0)


def test_folds_spread_classes_and_keep_twins():
    members = np.zeros((60, 4), bool)
    members[np.arange(60), np.arange(60) % 3] = True
    twins = np.arange(60)
    twins[31] = twins[30]
    folds = math.folds_of(members, twins, 0)
    assert folds[31] == folds[30]
    assert set(np.bincount(folds)) <= {2, 3, 4}
