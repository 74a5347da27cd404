"""The leaderboard, on doubles whose right answer is known by hand."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image as Picture

from firstpass import Project, registry
from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers.base import Artifact, Cue, Gives, LabelerSpec, OutOfSample, Reply
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Ontology, Tag
from firstpass.media.image import Image
from firstpass.stages._trial_judge import stratified
from firstpass.stages.import_ import import_images
from firstpass.stages.prelabel import prelabel
from firstpass.stages.trial import BY_HAND, Candidate, grid, read_prompts, trial, use

CLASSES = ("cat", "dog", "cow")


def shelf(images=30, objects=4, tags=False, seed=0):
    rng = np.random.default_rng(seed)
    out = {}
    for k in range(images):
        ref = ImageRef(f"{k:032x}", f"{k:03}.png", f"{k:03}.png", 200, 200)
        found = tuple(
            Labeled(ObjectId(f"{k}-{i}"), str(rng.choice(CLASSES)), Box(i * 40, 0, i * 40 + 30, 30)) for i in range(objects)
        )
        mark = (Tag(found[0].class_name),) if tags else ()
        out[ref.name] = LabeledImage(ref, Author("file", "truth"), () if tags else found, mark)
    return out


@pytest.fixture
def project():
    chosen = []
    images = SimpleNamespace(metadata=lambda names=None: {})

    def image(ref, max_side_px=None, verify=False):
        return Image(ref, np.zeros((4, 4, 3), np.uint8))

    return SimpleNamespace(
        ontology=Ontology.of(CLASSES), config=SimpleNamespace(costs={}), image=image, store=SimpleNamespace(images=images),
        set_labeler=lambda choice, phrases: chosen.append(choice), chosen=chosen,
    )  # fmt: skip


@pytest.fixture
def oracle(monkeypatch):
    """`oracle`: right as often as its setting says, scores tell. `scholar`: learns; right only on what it learned."""
    truth = {}

    class Oracle:
        asked: ClassVar = []

        def __init__(self, right, scored=True):
            self.right, self.scored = right, scored

        @classmethod
        def open(cls, settings):
            if settings.get("weights"):
                raise MissingWeights("put oracle.onnx into the folder")
            return cls(settings.get("right", 1.0), settings.get("scored", True))

        def label(self, images, ask):
            Oracle.asked += [(image.ref.name, {c.name: c.phrases for c in ask.classes}) for image in images]
            return [self.reply(image.ref) for image in images]

        def reply(self, ref):
            rng = np.random.default_rng(int(ref.digest, 16))
            objects = []
            for o in truth[ref.name].objects:
                right = rng.random() < self.right
                score = round(float(rng.random()) / 2 + 0.5 * right, 3) if self.scored else None
                objects.append(Labeled(ObjectId(""), o.class_name, o.shape if right else Box(150, 150, 190, 190), score))
            tags = tuple(Tag(t.name, score=0.9) for t in truth[ref.name].tags)
            return Reply(tuple(objects), tags)

    class Scholar(Oracle):
        known = frozenset()
        fits: ClassVar = []

        @classmethod
        def open(cls, settings):
            opened = cls(1.0)
            opened.known = json.loads((cls.path(settings["model"]) / "known.json").read_text())
            return opened

        @staticmethod
        def path(folder):
            return Path(folder)

        @classmethod
        def fit(cls, examples, ask, folder, budget, progress=None):
            names = [e.labeled.image.name for e in examples]
            Scholar.fits.append(names)
            (folder / "known.json").write_text(json.dumps(names))
            return Artifact(folder, "scholar")

        def reply(self, ref):
            self.right = 1.0 if ref.name in self.known else 0.0
            return super().reply(ref)

    class Honest(Scholar):
        @classmethod
        def fit(cls, examples, ask, folder, budget, progress=None):
            examples = list(examples)
            Scholar.fit.__func__(cls, examples, ask, folder, budget)
            return Artifact(
                folder, "honest", tuple(OutOfSample(e.labeled.image, Oracle(1.0).reply(e.labeled.image)) for e in examples)
            )

    gives, more = frozenset({Gives.BOX, Gives.TAG}), {}
    for name, plugin, learns in (("oracle", Oracle, False), ("scholar", Scholar, True), ("honest", Honest, True)):
        module = ModuleType(f"{name}_double")
        module.SPEC = LabelerSpec(
            name, "a double", frozenset({Cue.TEXT}), gives, scored=False, learns=learns,
            settings={"right": "share", "scored": "gives scores", "weights": "missing", "model": "folder"},
        )  # fmt: skip
        module.PLUGIN = plugin
        monkeypatch.setitem(sys.modules, module.__name__, module)
        more[name] = module.__name__
    original = registry._paths
    registry.find.cache_clear()
    monkeypatch.setattr(registry, "_paths", lambda room: original(room) | (more if room == "labelers" else {}))
    yield SimpleNamespace(truth=truth, asked=Oracle.asked, fits=Scholar.fits)
    registry.find.cache_clear()


def at(right, **more):
    return Candidate("oracle", {"right": right, **more})


def test_the_better_labeler_wins_and_figures_are_those_known_by_hand(project, oracle):
    oracle.truth.update(shelf())
    got = trial(project, [at(0.3), at(1.0), at(0.7)], truth=oracle.truth)
    assert [r.name for r in got.rows] == ["oracle right=1.0", "oracle right=0.7", "oracle right=0.3", BY_HAND]
    best, hand = got.rows[0], got.rows[-1]
    assert got.winner == best.name
    assert best.seconds_per_image == pytest.approx(4 * 1.7)
    assert best.saved_fraction == {"7.0": pytest.approx(1 - 1.7 / 7), "25.5": pytest.approx(1 - 1.7 / 25.5)}
    assert (best.ap50, best.precision, best.recall, best.f1) == pytest.approx((1, 1, 1, 1))
    assert hand.seconds_per_image == pytest.approx(28)
    assert got.rows[1].precision > 0.95
    assert got.rows[1].recall == pytest.approx(0.7, abs=0.1)
    low, high = got.rows[1].interval
    assert low < got.rows[1].seconds_per_image < high


def test_each_model_looks_at_each_image_once(project, oracle):
    oracle.truth.update(shelf(12))
    trial(project, [at(1.0), at(0.5)], truth=oracle.truth)
    assert len(oracle.asked) == 24


def test_equal_candidates_are_too_close_to_call(project, oracle):
    oracle.truth.update(shelf())
    got = trial(project, [at(1.0), Candidate("oracle", {"right": 1.0})], truth=oracle.truth)
    assert got.winner == ""
    assert got.verdict == "too close to call: oracle right=1.0, oracle right=1.0 (2) cost the same"
    with pytest.raises(UsageError, match="no candidate won"):
        use(project, got)


def test_useless_candidate_does_not_beat_drawing_by_hand(project, oracle):
    oracle.truth.update(shelf())
    got = trial(project, [at(0.0)], truth=oracle.truth)
    assert got.winner == ""
    assert BY_HAND in got.verdict
    assert got.rows[0].seconds_per_image == got.rows[1].seconds_per_image == pytest.approx(28)
    assert all(math.isinf(t) for row in got.rows for t in row.thresholds.values())


def test_failing_candidate_says_why_and_the_others_go_on(project, oracle):
    oracle.truth.update(shelf(12))
    wrong = [Candidate("oracle", {"weights": "x"}), Candidate("no-such"), Candidate("oracle", {"colour": 1}), at(1.0)]
    got = trial(project, wrong, truth=oracle.truth)
    assert got.winner == "oracle right=1.0"
    reasons = {r.name: r.failed for r in got.rows if r.failed}
    assert "put oracle.onnx" in reasons["oracle weights=x"]
    assert "did you mean" in reasons["no-such"]
    assert "colour" in reasons["oracle colour=1"]
    header, rows = got.to_rows()
    assert all(len(row) == len(header) for row in rows)
    assert rows[-1][1].startswith("failed: ")


def test_learner_is_judged_on_images_it_did_not_learn(project, oracle):
    """The scholar knows what it learned and nothing else: held out, it is useless."""
    oracle.truth.update(shelf(16))
    got = trial(project, [Candidate("scholar")], truth=oracle.truth)
    scholar = next(r for r in got.rows if r.labeler == "scholar")
    assert scholar.saved_fraction["7.0"] == 0
    assert scholar.ap50 == 0
    assert sorted(map(len, oracle.fits)) == [12, 12, 12, 12, 16]
    oracle.fits.clear()
    got = trial(project, [Candidate("honest")], truth=oracle.truth)
    assert got.winner == "honest"
    assert [len(f) for f in oracle.fits] == [16]
    assert got.rows[0].ms_per_image > 0
    with pytest.raises(UsageError, match="firstpass train"):
        use(project, got)


def test_winner_is_written_with_settings_and_thresholds(project, oracle):
    oracle.truth.update(shelf())
    got = trial(project, [at(0.6)], truth=oracle.truth)
    assert use(project, got).labeler == "oracle"
    choice = project.chosen[0]
    assert (choice.name, choice.settings) == ("oracle", {"right": 0.6})
    assert all(0 < t <= 0.55 for t in choice.thresholds.values())
    assert set(choice.thresholds) == set(CLASSES)
    with pytest.raises(UsageError, match="is called 'x'"):
        use(project, got, "x")
    with pytest.raises(UsageError, match="cannot be"):
        use(project, got, BY_HAND)


def test_winners_prompts_become_the_phrases_and_the_first_pass_asks_with_them(tmp_path, oracle):
    photos = tmp_path / "photos"
    photos.mkdir()
    for k in range(12):
        Picture.fromarray(np.full((200, 200, 3), 20 * k, np.uint8)).save(photos / f"{k:03}.png")
    oracle.truth.update(shelf(12))
    objects = (*oracle.truth["000.png"].objects, Labeled(ObjectId("x"), "extra", Box(0, 50, 30, 80)))
    oracle.truth["000.png"] = replace(oracle.truth["000.png"], objects=objects)  # a class that the project lacks
    with Project.create(tmp_path / "shelf", images=str(photos), classes=CLASSES) as project:
        import_images(project)
        oracle.truth.update({name: replace(t, image=project.images[name]) for name, t in oracle.truth.items()})
        project.set_phrases({"dog": ["hound"]})
        found = grid(["oracle"], [{"right": 1.0}], {"short": {"cat": ("kitty", "tabby"), "extra": ("more",)}})
        chosen = use(project, trial(project, found, truth=oracle.truth))
        assert chosen.prompts["cat"] == ("kitty", "tabby")
    with Project.open(tmp_path / "shelf") as project:
        assert project.labeler.name == "oracle"
        assert {c.name: c.phrases for c in project.ontology} == {"cat": ("kitty", "tabby"), "dog": ("hound",), "cow": ()}
        oracle.asked.clear()
        oracle.truth.update(shelf(12))
        prelabel(project)
        assert {tuple(asked.items()) for _, asked in oracle.asked} == {
            (("cat", ("kitty", "tabby")), ("dog", ("hound",)), ("cow", ("cow",)))
        }


def test_unscored_labelers_and_tags_have_their_place(project, oracle):
    oracle.truth.update(shelf())
    got = trial(project, [at(1.0, scored=False)], truth=oracle.truth)
    assert math.isnan(got.rows[0].ap)
    assert math.isnan(got.rows[0].calibration_error)
    assert got.rows[0].f1 == 1.0
    oracle.truth.clear()
    oracle.truth.update(shelf(tags=True))
    got = trial(project, [Candidate("oracle")], truth=oracle.truth)
    assert got.kind == "tag"
    assert got.rows[0].saved_fraction == {"tag": pytest.approx(1 - 1 / 1.63)}


def test_result_is_plain_json_and_repeats(project, oracle):
    oracle.truth.update(shelf())
    a, b = (trial(project, [at(0.5), at(0.0)], truth=oracle.truth, sample=20, seed=3).as_dict() for _ in range(2))
    for d in (a, b):
        assert json.loads(json.dumps(d, allow_nan=False)) == d
        for row in d["rows"]:
            row["ms_per_image"] = None
    assert a == b
    assert a["images"] == 20


def test_sample_keeps_rare_classes_and_shares():
    truth = shelf(100, 1)
    names = sorted(truth)
    common = {n: LabeledImage(t.image, t.author, (Labeled(ObjectId(""), "cat", Box(0, 0, 9, 9)),)) for n, t in truth.items()}
    rare = {n: LabeledImage(t.image, t.author, (Labeled(ObjectId(""), "dog", Box(0, 0, 9, 9)),)) for n, t in truth.items()}
    empty = {n: LabeledImage(t.image, t.author, ()) for n, t in truth.items()}
    mixed = {n: (rare if k < 2 else empty if k < 42 else common)[n] for k, n in enumerate(names)}
    for seed in range(5):
        picked = stratified(mixed, 20, seed)
        assert len(picked) == 20
        assert sum(n in names[:2] for n in picked) == 1
        assert 7 <= sum(n in names[2:42] for n in picked) <= 8
    assert stratified(mixed, 20, 1) != stratified(mixed, 20, 2)
    assert len(stratified(mixed, 1000, 0)) == 100


def test_grid_varies_prompts_only_where_words_are_taken(project, oracle):
    oracle.truth.update(shelf(6))
    prompts = {"plain": {"cat": ("cat",)}, "long": {"cat": ("a small cat", "kitten")}}
    found = grid(["oracle", "fake"], [{}], prompts)
    assert [c.title for c in found] == ["oracle · plain", "oracle · long", "fake"]
    trial(project, found[1:2], truth=oracle.truth)
    assert oracle.asked[-1][1]["cat"] == ("a small cat", "kitten")
    assert oracle.asked[-1][1]["dog"] == ("dog",)
    failed = trial(project, [Candidate("oracle", {}, {"emu": ("bird",)})], truth=oracle.truth).rows[-1].failed
    assert "emu" in failed


def test_progress_covers_all_candidates(project, oracle):
    oracle.truth.update(shelf(10))
    told = []
    trial(project, [at(1.0), at(0.5)], truth=oracle.truth, progress=lambda what, share: told.append(share))
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_wrong_use_is_refused(project, oracle):
    oracle.truth.update(shelf(2))
    with pytest.raises(UsageError, match="at least one candidate"):
        trial(project, [], truth=oracle.truth)
    with pytest.raises(UsageError, match="at least 3 images"):
        trial(project, [at(1.0)], truth=oracle.truth)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (
            "a.csv", "class,short,long\ncat,cat,a cat|kitten\ndog,,a dog\n",
            {"short": {"cat": ("cat",)}, "long": {"cat": ("a cat", "kitten"), "dog": ("a dog",)}},
        ),
        ("a.csv", '\ufeffclass,short\r\n"red, cell",cell\r\n\r\n', {"short": {"red, cell": ("cell",)}}),
        (
            "a.toml", '[short]\ncat = "cat"\n[long]\n"red cell" = ["a", "b"]\n',
            {"short": {"cat": ("cat",)}, "long": {"red cell": ("a", "b")}},
        ),
    ],
)  # fmt: skip
def test_prompt_tables_are_read(tmp_path, name, text, wanted):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert read_prompts(tmp_path / name) == wanted


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "name,short\ncat,cat\n", "line 1: needs a column `class`"),
        ("a.csv", "", "line 1"),
        ("a.csv", "class\ncat\n", "no variant"),
        ("a.csv", "class,short\n,cat\n", "line 2: needs a class"),
        ("a.csv", 'class,short\n"cat,cat\n', "line 2"),
        ("a.toml", "cat = 1\n", "cat: a variant is a table"),
        ("a.toml", "[a]\ncat = []\n", "a.cat: needs a phrase"),
        ("a.toml", "[a\n", "a.toml"),
        ("missing.csv", None, "cannot be read"),
    ],
)
def test_bad_prompt_tables_name_the_place(tmp_path, name, text, why):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=why):
        read_prompts(tmp_path / name)
