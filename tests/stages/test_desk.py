"""The desk's work: what an image starts from, what is refused, what comes next, what was saved."""

import numpy as np
import pytest
from PIL import Image

from firstpass.errors import UsageError
from firstpass.labels import Author, Box, Labeled, LabeledImage, Mask, ObjectId
from firstpass.project import LabelerChoice, Project
from firstpass.stages import desk
from firstpass.stages.import_ import import_images
from firstpass.store import Queued
from firstpass.store.desk_log import Action, ObjectChange

ANN = Author("human", "ann")
ROBOT = Author("labeler", "robot", "2")


@pytest.fixture
def project(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(12):
        Image.fromarray(np.full((48, 64, 3), 20 * n, np.uint8)).save(photos / f"p{n:02}.png")
    with Project.create(tmp_path / "shelf", images=str(photos), classes=["cat", "dog"]) as made:
        import_images(made)
        layer = made.store.layers.create("robot-1", ROBOT, "prelabel")
        layer.write(
            LabeledImage(
                ref,
                ROBOT,
                (
                    Labeled(ObjectId(f"{ref.name}-1"), "cat", Box(1, 1, 20, 20), 0.9),
                    Labeled(ObjectId(f"{ref.name}-2"), "cat", Box(30, 1, 60, 20), 0.3),
                ),
            )
            for ref in made.images
        )
        yield made


def draw(name, shape, class_name="cat", *, seconds=None):
    obj = Labeled(ObjectId(name), class_name, shape)
    return Action(f"draw-{name}", "draw", (ObjectChange(obj.id, None, obj),), seconds=seconds)


def test_an_image_starts_from_the_newest_first_pass(project):
    opened = desk.open_image(project, project.images[0])
    assert [o.score for o in opened.copy.objects] == [0.9, 0.3]
    assert (opened.copy.version, opened.copy.base_layer, opened.proposed_by) == (0, "robot-1", "robot 2")
    assert desk.open_image(project, project.images[1]).key != opened.key


def test_proposals_below_the_useful_threshold_are_hidden_not_lost(project):
    project.set_labeler(LabelerChoice("robot", {}, {"cat": 0.5}))
    opened = desk.open_image(project, project.images[0])
    assert [o.score for o in opened.copy.objects] == [0.9]
    assert [o.score for o in opened.hidden] == [0.3]


@pytest.mark.parametrize(
    ("shape", "class_name", "word"),
    [
        (Box(70, 1, 80, 9), "cat", "outside"),
        (Box(5, 5, 5, 9), "cat", "no area"),
        (Mask(10, 10, "0"), "cat", "mask is"),
        (Box(1, 1, 9, 9), "cow", "not in the project"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_in_words(project, shape, class_name, word):
    with pytest.raises(UsageError, match=word):
        desk.act(project, project.images[0], draw("n", shape, class_name), expected_version=0, author=ANN)
    assert project.store.desk.get(["p00.png"]) == {}


def test_seconds_that_no_clock_shows_are_refused(project):
    with pytest.raises(UsageError, match="seconds"):
        desk.act(project, project.images[0], draw("n", Box(1, 1, 9, 9), seconds=-1), expected_version=0, author=ANN)


def test_act_submit_and_the_queue_goes_on(project):
    project.store.queue.put([Queued("p03.png", 2, "uncertain", "uncertainty"), Queued("p01.png", 1, "rare", "diversity")])
    page = desk.queue_page(project)
    assert [(i.ref.name, i.why, i.state) for i in page.items] == [("p03.png", "uncertain", "todo"), ("p01.png", "rare", "todo")]
    ref = project.images["p03.png"]
    copy = desk.act(project, ref, draw("n", Box(1, 1, 9, 9)), expected_version=0, author=ANN)
    assert desk.queue_page(project).items[0].state == "open"
    effort = [desk.EffortEntry("draw box", 1, 5.5)]
    done = desk.submit(project, ref, action_id="s", expected_version=copy.version, author=ANN, effort=effort)
    assert done.status == "submitted"
    assert len(project.reviewed.get("p03.png").objects) == 3
    page = desk.queue_page(project)
    assert (page.total, page.done, page.items[0].state) == (2, 1, "submitted")
    assert project.store.effort.seconds_by_image(simulated=False) == {"p03.png": 5.5}


def test_without_a_queue_all_images_come_by_name_around_the_one_named(project):
    page = desk.queue_page(project, around="p05.png", before=2, after=3)
    assert [i.ref.name for i in page.items] == [f"p{n:02}.png" for n in range(3, 9)]
    assert (page.total, page.done) == (12, 0)


def test_two_experts_see_who_has_an_image(project):
    project.store.leases.take("p00.png", "ann")
    assert desk.queue_page(project, holder="bob").items[0].leased_by == "ann"
    assert desk.queue_page(project, holder="ann").items[0].leased_by == ""


def test_skipped_and_flagged_show(project):
    desk.skip(project, project.images[0], "blurred", action_id="k", expected_version=0, author=ANN)
    desk.flag(project, project.images[1], "is this a cat?", action_id="f", expected_version=0, author=ANN)
    page = desk.queue_page(project, around="p00.png")
    assert [i.state for i in page.items[:3]] == ["skipped", "flagged", "todo"]
    figures = desk.home(project)
    assert (figures.skipped, figures.flagged, figures.images) == (1, 1, 12)
    desk.reopen(project, project.images[0], action_id="o", expected_version=1, author=ANN)
    assert desk.queue_page(project, around="p00.png").items[0].state == "open"


def test_no_saving_is_claimed_before_ten_measured_images(project):
    def finish(count):
        for n in range(count):
            ref = project.images[n]
            if project.reviewed.get(ref.name) is None:
                effort = [desk.EffortEntry("verify", 2, 3.4)]
                desk.submit(project, ref, action_id=f"s{n}", expected_version=0, author=ANN, effort=effort)
        return desk.home(project).saved

    assert finish(9).fraction is None
    saved = finish(10)
    assert (saved.images, saved.seconds, saved.baseline_seconds) == (10, pytest.approx(34), 140)
    assert saved.fraction == pytest.approx(1 - 34 / 140)


def test_work_of_no_known_kind_is_refused(project):
    effort = [desk.EffortEntry("dance", 1, 1)]
    with pytest.raises(UsageError, match="no kind of work"):
        desk.submit(project, project.images[0], action_id="s", expected_version=0, author=ANN, effort=effort)
    assert len(project.reviewed) == 0


def test_labels_reviewed_elsewhere_are_what_an_image_starts_from(project):
    ref = project.images[0]
    cat = Labeled(ObjectId("h"), "cat", Box(1, 1, 9, 9))
    project.reviewed.write([LabeledImage(ref, ANN, (cat,))])
    opened = desk.open_image(project, ref)
    assert (opened.copy.status, opened.copy.version, opened.copy.objects) == ("submitted", 0, (cat,))


def test_a_submitted_image_still_knows_what_was_proposed(project):
    ref = project.images[0]
    desk.submit(project, ref, action_id="s", expected_version=0, author=ANN)
    opened = desk.open_image(project, ref)
    assert (opened.copy.status, [o.score for o in opened.copy.objects]) == ("submitted", [0.9, 0.3])
    assert [o.score for o in project.reviewed.get(ref.name).objects] == [None, None]
