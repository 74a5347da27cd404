"""The report: one file that needs nothing else, true figures, and no way in for hostile names."""

import csv
import json
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image as Picture

from firstpass import Author, Box, ImageRef, Labeled, LabeledImage, Project
from firstpass.labels import stable_id
from firstpass.stages import _report_experts
from firstpass.stages._plain import plain
from firstpass.stages.import_ import import_images
from firstpass.stages.report import write_report
from firstpass.stages.review import simulated_review
from firstpass.store import Effort

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def project(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        Picture.fromarray(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)).save(photos / f"{i}.png")
    with Project.create(tmp_path / "shelf", images=str(photos), classes=["=cup", EVIL]) as made:
        import_images(made)
        yield made


def _label(project, layer, kind, scores):
    author = Author("labeler" if scores else "file", layer)
    target = project.store.layers.create(layer, author, kind)
    items = []
    for n, ref in enumerate(project.store.images.all()):
        boxes = [("=cup", Box(4, 4, 20, 20)), (EVIL, Box(30, 10, 50, 40))]
        objects = tuple(
            Labeled(stable_id(layer, n, k), name, box, 0.9 if scores else None) for k, (name, box) in enumerate(boxes)
        )
        items.append(LabeledImage(ImageRef(ref.digest, ref.uri, ref.name, ref.width_px, ref.height_px), author, objects))
    target.write(items)


def test_a_fresh_project_gets_a_report_that_says_so(project):
    done = write_report(project)
    assert done.figures["saved_fraction"] is None
    assert "Nothing is reviewed yet" in done.path.read_text(encoding="utf-8")


def test_saved_time_is_what_the_effort_log_says(project):
    _label(project, "truth", "truth", scores=False)
    _label(project, "first", "prelabel", scores=True)
    names = [ref.name for ref in project.store.images.all()]
    simulated_review(project, "truth", names=names[:3])
    simulated_review(project, "truth", names=names[3:], proposals="first")
    done = write_report(project)
    assert done.figures["seconds"] == pytest.approx(3 * 2 * 7.0 + 5 * 2 * 1.7)
    assert done.figures["saved_fraction"] == pytest.approx(1 - (42 + 17) / (8 * 2 * 7.0))
    assert done.figures["simulated"]
    assert [row["proposed_f1"] for row in done.figures["classes"]] == [1.0, 1.0]


def test_reviews_without_a_time_do_not_count_as_saved(project):
    _label(project, "truth", "truth", scores=False)
    names = [ref.name for ref in project.store.images.all()]
    simulated_review(project, "truth", names=names[:5])
    project.reviewed.write(list(project.layers["truth"].read(names[5:])))
    done = write_report(project)
    assert (done.figures["reviewed"], done.figures["timed_images"]) == (8, 5)
    assert done.figures["saved_fraction"] == pytest.approx(0.0)


def test_measured_time_is_never_mixed_with_simulated(project):
    _label(project, "truth", "truth", scores=False)
    names = [ref.name for ref in project.store.images.all()]
    simulated_review(project, "truth", names=names)
    at = datetime.now(UTC)
    project.store.effort.log(Effort(f"m{n}", n, "anna", "draw box", 2, 4.0, at) for n in names[:6])
    done = write_report(project)
    assert not done.figures["simulated"]
    assert done.figures["seconds"] == pytest.approx(24.0)
    assert done.figures["saved_fraction"] == pytest.approx(1 - 24 / (6 * 2 * 7.0))


def test_each_expert_has_a_row_and_simulated_work_one_of_its_own(project):
    _label(project, "truth", "truth", scores=False)
    names = [ref.name for ref in project.store.images.all()]
    simulated_review(project, "truth", names=names[:2])
    at = datetime.now(UTC)
    for who, some in (("anna", names[2:5]), (EVIL, names[5:7]), ("ben", names[7:])):
        looks = project.layers["truth"].read(some)
        project.reviewed.write(LabeledImage(x.image, Author("human", who), x.objects) for x in looks)
    project.store.effort.log(Effort(f"a{n}", n, "anna", "draw box", 2, 4.5, at) for n in names[2:5])
    project.store.effort.log(
        [Effort("a", names[2], "anna", "verify", 1, 1.0, at), Effort("e", names[5], EVIL, "x", 1, 3.0, at)]
    )
    done = write_report(project)
    found = {(row["expert"], row["simulated"]): row for row in done.figures["experts"]}
    told = {key: tuple(row[k] for k in ("images", "objects", "actions", "seconds")) for key, row in found.items()}
    assert told == {
        (EVIL, False): (2, 4, 1, 3.0),
        ("anna", False): (3, 6, 7, 14.5),
        ("ben", False): (1, 2, 0, None),
        ("simulated-expert", True): (2, 4, 4, 28.0),
    }
    assert found["anna", False]["by_action"] == {"draw box": 6, "verify": 1}
    html = done.path.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "simulated-expert (simulated)" in html
    table = (done.path.parent / "experts.csv").read_text(encoding="utf-8")
    assert [row["expert"] for row in csv.DictReader(table.splitlines())][:2] == [EVIL, "anna"]


def test_the_interval_needs_images_and_holds_the_figure(project, monkeypatch):
    _label(project, "truth", "truth", scores=False)
    _label(project, "first", "prelabel", scores=True)
    names = [ref.name for ref in project.store.images.all()]
    simulated_review(project, "truth", names=names[:3])
    simulated_review(project, "truth", names=names[3:], proposals="first")
    done = write_report(project)
    assert done.figures["saved_interval"] is None
    assert "not enough data yet (8 of 20 images with a time)" in done.path.read_text(encoding="utf-8")
    monkeypatch.setattr(_report_experts, "ENOUGH_FOR_INTERVAL", 8)
    figures = write_report(project).figures
    low, high = figures["saved_interval"]
    assert low < figures["saved_fraction"] < high < 1
    assert figures["saved_interval"] == write_report(project).figures["saved_interval"]
    assert json.loads(json.dumps(plain(figures)))["saved_interval"] == [low, high]
    assert re.search(r"95 %: -?\d+ to \d+ %, over images", done.path.read_text(encoding="utf-8"))


def test_too_few_images_give_no_figure(project):
    _label(project, "truth", "truth", scores=False)
    simulated_review(project, "truth", names=[next(iter(project.store.images.all())).name])
    assert write_report(project).figures["saved_fraction"] is None


def test_hostile_names_run_nowhere_and_nothing_is_fetched(project):
    _label(project, "truth", "truth", scores=False)
    _label(project, "first", "prelabel", scores=True)
    simulated_review(project, "truth", names=[r.name for r in project.store.images.all()], proposals="first")
    done = write_report(project)
    html = done.path.read_text(encoding="utf-8")
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert html.count("data:image/jpeg") == 12
    rows = list(csv.DictReader(done.tables[0].read_text(encoding="utf-8").splitlines()))
    assert rows[0]["class"] == "'=cup"
    assert "data:image/jpeg" not in write_report(project, pictures=False).path.read_text(encoding="utf-8")


def test_simulation_and_trial_are_shown(project):
    curve = [
        {"labeled": n, "seconds": 9.0 * n, "baseline_seconds": 14.0 * n, "saved_fraction": 0.36, "ap50": None} for n in (5, 9)
    ]
    simulation = {
        "saved_fraction": {"7.0": 0.36, "25.5": 0.7}, "saved_interval": {}, "seconds": 81.0, "baseline_seconds": 126.0,
        "labels_f1_50": 0.99, "machine_seconds": 3.0, "labeler": "fake", "strategy": "random", "curve": curve,
    }  # fmt: skip
    row = {"name": "fake", "seconds_per_image": 4.2, "ap50": None, "f1": 0.5, "ms_per_image": 3.0}
    done = write_report(project, simulation=simulation, trial={"rows": [row], "verdict": "too close to call"})
    html = done.path.read_text(encoding="utf-8")
    for words in ("36 %", "70 %", "too close to call", "Learning curve", "0.990"):
        assert words in html
    assert {p.name for p in done.tables} == {"classes.csv", "curve.csv", "trial.csv"}  # nobody reviewed: no experts.csv
