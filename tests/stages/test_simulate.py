"""The simulated session, on doubles whose right answer is known by hand."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from firstpass import registry
from firstpass.errors import Problem, UnknownPlugin, UsageError
from firstpass.labelers.base import Artifact, Cue, Gives, LabelerSpec, OutOfSample, Reply
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, Mask, ObjectId, Ontology, Tag, rle
from firstpass.media.image import Image
from firstpass.metrics.effort import CostTable
from firstpass.stages.simulate import simulate

CLASSES = ("cat", "dog", "cow")
SIDE = 200


def shelf(images=40, objects=6, seed=0, classes=CLASSES, kind="box"):
    """Truth: `objects` apart from each other in each image."""
    rng = np.random.default_rng(seed)
    out = {}
    for k in range(images):
        ref = ImageRef(f"{k:032x}", f"{k:03}.png", f"{k:03}.png", SIDE, SIDE)
        found = []
        for i in range(objects):
            x, y = (i % 4) * 50 + 5, (i // 4) * 50 + 5
            box = Box(x, y, x + 30, y + 30)
            shape = mask_of(box) if kind == "mask" else box
            found.append(Labeled(ObjectId(f"{k}-{i}"), str(rng.choice(classes)), shape))
        tags = (Tag(found[0].class_name),) if kind == "tag" else ()
        out[ref.name] = LabeledImage(ref, Author("file", "truth"), () if kind == "tag" else tuple(found), tags)
    return out


def mask_of(box) -> Mask:
    pixels = np.zeros((SIDE, SIDE), np.bool_)
    pixels[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = True
    return rle.encode(pixels)


def project(truth, costs=None, broken=()):
    pixels = np.zeros((4, 4, 3), np.uint8)

    def image(ref, max_side_px=None):
        return Problem(ref.name, "cannot be decoded") if ref.name in broken else Image(ref, pixels)

    images = SimpleNamespace(metadata=lambda names=None: {})
    return SimpleNamespace(
        ontology=Ontology.of(CLASSES),
        config=SimpleNamespace(costs=costs or {}),
        image=image,
        store=SimpleNamespace(images=images),
    )


@pytest.fixture
def student(monkeypatch):
    """A learner that knows the truth and tells it better with every example: `skill` of the examples -> share right."""
    module = ModuleType("student_double")

    class Student:
        truth = None
        skill = staticmethod(lambda n: 1 - math.exp(-n / 20))
        held_out = True
        fits = None

        def __init__(self, right):
            self.right = right

        @classmethod
        def open(cls, settings):
            return cls(json.loads((Path(settings["model"]) / "skill.json").read_text())["right"])

        @classmethod
        def fit(cls, examples, ask, folder, budget, progress=None):
            examples = list(examples)
            cls.fits = cls.fits or []
            cls.fits.append([e.labeled.image.name for e in examples])
            right = cls.skill(len(examples))
            (folder / "skill.json").write_text(json.dumps({"right": right}))
            held = cls(cls.skill(max(0, len(examples) - len(examples) // 5)))
            replies = [OutOfSample(e.labeled.image, held.reply(e.labeled.image, ask)) for e in examples] if cls.held_out else []
            return Artifact(folder, "student", tuple(replies))

        def label(self, images, ask):
            return [self.reply(image.ref, ask) for image in images]

        def reply(self, ref, ask):
            rng = np.random.default_rng(int(ref.digest, 16))
            truth = self.truth[ref.name]
            if truth.tags:
                right = rng.random() < self.right
                name = truth.tags[0].name if right else "cow"
                return Reply(tags=(Tag(name, score=round(float(rng.random()) / 2 + 0.5 * right, 3)),))
            objects = []
            for o in truth.objects:
                right = rng.random() < self.right
                score = round(float(rng.random()) / 2 + 0.5 * right, 3)
                shape = o.shape if right else Box(150, 150, 160 + float(rng.random()) * 20, 180)
                if isinstance(o.shape, Mask) and not right:
                    shape = mask_of(shape)
                objects.append(Labeled(ObjectId(""), o.class_name, shape, score))
            return Reply(tuple(objects))

    module.SPEC = LabelerSpec(
        "student", "a double", frozenset({Cue.EXAMPLES}), frozenset({Gives.BOX, Gives.MASK, Gives.TAG}), learns=True,
        settings={"model": "folder"},
    )  # fmt: skip
    module.PLUGIN = Student
    monkeypatch.setitem(sys.modules, "student_double", module)
    original = registry._paths
    registry.find.cache_clear()
    more = {"student": "student_double"}
    monkeypatch.setattr(registry, "_paths", lambda room: original(room) | (more if room == "labelers" else {}))
    yield Student
    registry.find.cache_clear()


def run(truth, student, labeler="student", **more):
    student.truth = truth
    student.fits = None
    return simulate(project(truth), truth, labeler=labeler, **{"strategy": "random", "first": 10, **more})


def test_perfect_proposals_save_all_but_the_verifying(student):
    student.skill = staticmethod(lambda n: 1.0)
    got = run(shelf(40), student)
    for key, draw in (("7.0", 7.0), ("25.5", 25.5)):
        assert got.saved_fraction[key] == pytest.approx(30 / 40 * (1 - 1.7 / draw))
    assert got.labels_f1_50 == 1.0
    assert got.baseline_seconds == pytest.approx(40 * 6 * 7)
    assert got.seconds == pytest.approx(10 * 6 * 7 + 30 * 6 * 1.7)
    assert got.actions == {"draw box": 60, "verify": 180}


def test_useless_proposals_stay_silent(student):
    student.skill = staticmethod(lambda n: 0.0)
    got = run(shelf(40), student)
    assert got.saved_fraction == {"7.0": 0.0, "25.5": 0.0}
    assert got.actions == {"draw box": 240}
    assert all(c["threshold"] == math.inf for c in got.per_class.values())


def test_boasting_learner_is_found_out_by_the_next_page(student):
    """Held-out answers that are all right, real ones that are all wrong: it may cost a page, not the session."""
    student.skill = staticmethod(lambda n: 0.0 if n % 5 == 0 else 1.0)
    got = run(shelf(80), student)
    assert got.saved_fraction["7.0"] > -0.06
    assert got.curve[-1].batch_saved_fraction > -0.05


@pytest.mark.parametrize("seed", range(6))
def test_weak_learner_never_costs_more_than_drawing(student, seed):
    """One proposal in five right: below the third that pays at 7.0 s, above the tenth that pays at 25.5 s."""
    student.skill = staticmethod(lambda n: 0.2)
    got = run(shelf(60, objects=4, seed=seed), student, seed=seed)
    assert got.saved_fraction["7.0"] >= 0
    assert got.saved_fraction["25.5"] > 0


def test_better_learner_saves_more_and_curve_rises(student):
    truth = shelf(80)
    student.skill = staticmethod(lambda n: 1 - math.exp(-n / 40))
    slow = run(truth, student)
    student.skill = staticmethod(lambda n: 1 - math.exp(-n / 10))
    quick = run(truth, student)
    assert 0 < slow.saved_fraction["7.0"] < quick.saved_fraction["7.0"]
    assert [p.labeled for p in slow.curve] == [10, 20, 40, 80]
    assert [len(f) for f in student.fits] == [10, 20, 40]
    saved = [p.batch_saved_fraction for p in slow.curve]
    assert saved[0] == 0
    assert saved == sorted(saved)
    assert slow.curve[0].ap50 is None
    assert 0.2 < slow.curve[-1].ap50 < 1


def test_learner_without_held_out_answers_earns_trust_by_pages(student):
    student.skill = staticmethod(lambda n: 1.0)
    student.held_out = False
    got = run(shelf(80), student)
    assert got.curve[1].batch_saved_fraction < got.curve[2].batch_saved_fraction
    assert got.saved_fraction["7.0"] > 0.4
    assert got.labels_f1_50 == 1.0


def test_labeler_that_does_not_learn_is_trusted_after_a_few_images(student, tmp_path):
    truth = shelf(40)
    answers = {n: [[o.class_name, *o.shape.xyxy_px] for o in t.objects] for n, t in truth.items()}
    (tmp_path / "truth.json").write_text(json.dumps(answers))
    exact = {"truth": str(tmp_path / "truth.json"), "jitter": 0, "miss_rate": 0, "swap_rate": 0, "false_positives": 0}
    got = run(truth, student, "fake", settings=exact)
    assert got.saved_fraction["7.0"] == pytest.approx(35 / 40 * (1 - 1.7 / 7))
    assert got.fits == 0
    silly = run(truth, student, "fake", settings={"seed": 3})
    assert silly.saved_fraction["7.0"] >= 0


def test_tags_and_masks_have_their_own_key(student):
    student.skill = staticmethod(lambda n: 1.0)
    masks = run(shelf(30, 3, kind="mask"), student)
    assert masks.saved_fraction == {"mask": pytest.approx(2 / 3 * (1 - 1.7 / 79.2))}
    tags = run(shelf(30, kind="tag"), student)
    assert list(tags.saved_fraction) == ["tag"]
    assert 0.15 < tags.saved_fraction["tag"] <= 2 / 3 * (1 - 1.0 / 1.63) + 1e-9
    assert tags.labels_f1_50 == 1.0
    boxes = run(shelf(30, 3, kind="mask"), student, shapes="box")
    assert set(boxes.saved_fraction) == {"7.0", "25.5"}


def test_same_seed_same_session_and_other_seed_another(student):
    truth = shelf(40)
    a, b, c = (run(truth, student, seed=seed).as_dict() for seed in (1, 1, 2))
    for d in (a, b, c):
        d["machine"] = d["machine_seconds"] = None
        for point in d["curve"]:
            point["machine_seconds"] = None
    assert a == b
    assert a != c


def test_result_is_plain_json_with_the_agreed_keys(student):
    got = run(shelf(24), student).as_dict()
    assert json.loads(json.dumps(got, allow_nan=False)) == got
    assert {"saved_fraction", "labels_f1_50", "seconds", "baseline_seconds", "machine_seconds", "curve"} <= set(got)
    assert {"labeled", "seconds", "saved_fraction", "ap50"} <= set(got["curve"][0])
    assert got["machine_seconds"] > 0


def test_own_price_of_a_box_is_reported_beside_the_published_ones(student):
    student.skill = staticmethod(lambda n: 1.0)
    student.truth = truth = shelf(20)
    got = simulate(project(truth, {"draw_box_s": 10.0}), truth, labeler="student", strategy="random", first=10)
    assert list(got.saved_fraction) == ["10.0", "7.0", "25.5"]
    assert got.baseline_seconds == pytest.approx(20 * 6 * 10)
    assert simulate(project(truth), truth, labeler="student", costs=CostTable(verify_s=0), first=10).saved_fraction[
        "7.0"
    ] == pytest.approx(0.5)


def test_unreadable_images_are_drawn_by_hand_and_listed(student):
    student.skill = staticmethod(lambda n: 1.0)
    student.truth = truth = shelf(40)
    names = sorted(truth)[::8]
    got = simulate(project(truth, broken=names), truth, labeler="student", strategy="random", first=10)
    assert {p.where for p in got.problems} == set(names)
    assert got.images == 40
    assert got.labels_f1_50 == 1.0
    assert not set(names) & {n for fit in student.fits for n in fit}


def test_small_sets_and_empty_images(student):
    got = run(shelf(4), student)
    assert got.saved_fraction["7.0"] == 0
    assert len(got.curve) == 1
    truth = shelf(20)
    empty = {n: LabeledImage(t.image, t.author, ()) if k % 2 else t for k, (n, t) in enumerate(truth.items())}
    assert run(empty, student).images == 20


def test_progress_ends_at_one_and_strategies_may_want_proposals(student):
    told = []
    got = run(shelf(30), student, strategy="uncertainty", progress=lambda what, share: told.append((what, share)))
    assert told[-1] == ("30 of 30 images labeled", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert got.strategy == "uncertainty"


def test_wrong_use_is_refused(student):
    with pytest.raises(UsageError, match="no labeled image"):
        run({}, student)
    with pytest.raises(UnknownPlugin):
        run(shelf(4), student, labeler="studnet")
    with pytest.raises(UnknownPlugin):
        run(shelf(4), student, strategy="luck")
    with pytest.raises(UsageError, match="truth asks for a box"):
        run(shelf(4), student, labeler="metadata-rules")
