"""A picture replaced by another of the same size is never labeled, learned from or measured as if it were the old one."""

import numpy as np
import pytest
from PIL import Image as Picture

from firstpass import Box, Labeled, LabeledImage, Project
from firstpass.labels import ObjectId
from firstpass.stages.import_ import import_images
from firstpass.stages.prelabel import prelabel
from firstpass.stages.train import train
from firstpass.stages.trial import Candidate, trial


@pytest.fixture
def project(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        picture = rng.integers(170, 220, (64, 96, 3)).astype(np.uint8)
        picture[20:44, 30:60] = (40, 30, 120)
        Picture.fromarray(picture).save(photos / f"{i}.png")
    with Project.create(tmp_path / "shelf", images=str(photos), classes=["cup"]) as made:
        import_images(made)
        truth = (
            LabeledImage(r, made.reviewed.author, (Labeled(ObjectId(r.name), "cup", Box(30, 20, 60, 44)),)) for r in made.images
        )
        made.reviewed.write(truth)
        Picture.fromarray(np.zeros((64, 96, 3), np.uint8)).save(photos / "2.png")
        yield made


def told(problems):
    return [(p.where, p.what.partition(":")[0]) for p in problems]


CHANGED = [("2.png", "the file has changed since import")]


def test_prelabel_train_and_trial_say_which_file_changed(project):
    trained = train(project)
    assert told(trained.problems) == CHANGED
    assert trained.examples == 5
    done = prelabel(project, "pixel-forest", {"model": trained.model})
    assert (told(done.problems), done.images) == (CHANGED, 5)
    measured = trial(project, [Candidate("pixel-forest", {"model": str(project.path / trained.model)})], truth=project.reviewed)
    assert told(measured.problems) == CHANGED


def test_after_a_recheck_the_new_picture_is_labeled(project):
    assert import_images(project, recheck=True).changed == 1
    model = train(project)
    assert model.problems == ()
    done = prelabel(project, "pixel-forest", {"model": model.model})
    assert (done.problems, done.images) == ((), 6)
