"""The grid: least certain first, decided by many, undone as one, and nothing decided that had changed."""

import numpy as np
import pytest
from PIL import Image

from firstpass.errors import UsageError
from firstpass.labels import Author, Box, Labeled, LabeledImage, ObjectId
from firstpass.project import LabelerChoice, Project
from firstpass.stages import desk
from firstpass.stages.import_ import import_images
from firstpass.store.desk_log import Action, ObjectChange

ANN, BOB = Author("human", "ann"), Author("human", "bob")
ROBOT = Author("labeler", "robot", "2")


@pytest.fixture
def project(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(4):
        Image.fromarray(np.full((48, 64, 3), 20 * n, np.uint8)).save(photos / f"p{n}.png")
    with Project.create(tmp_path / "shelf", images=str(photos), classes=["cat", "dog"]) as made:
        import_images(made)
        made.store.layers.create("robot-1", ROBOT, "prelabel").write(
            LabeledImage(
                ref,
                ROBOT,
                (
                    Labeled(ObjectId(f"a{n}"), "cat", Box(1, 1, 20, 20), (n + 1) / 10),
                    Labeled(ObjectId(f"b{n}"), "cat", Box(30, 1, 70, 20), (n + 5) / 10),
                    Labeled(ObjectId(f"c{n}"), "dog", Box(30, 30, 40, 40), 0.5),
                ),
            )
            for n, ref in enumerate(made.images)
        )
        yield made


def ids(page):
    return [item.object.id for item in page.items]


def say(item, decision, class_name=""):
    return desk.Decision(item.ref.name, item.version, item.object.id, decision, class_name)


def test_least_certain_first_page_by_page(project):
    first = desk.grid_page(project, "cat", limit=5)
    assert (ids(first), first.total) == (["a0", "a1", "a2", "a3", "b0"], 8)
    second = desk.grid_page(project, "cat", limit=5, cursor=first.cursor)
    assert (ids(second), second.cursor) == (["b1", "b2", "b3"], "")
    assert ids(desk.grid_page(project, "cat", order="certain", limit=2)) == ["b3", "b2"]


def test_silent_and_submitted_are_not_asked_for(project):
    desk.submit(project, project.images[0], action_id="s", expected_version=0, author=ANN)
    project.set_labeler(LabelerChoice("robot", {}, {"cat": 0.35, "dog": float("inf")}))
    assert ids(desk.grid_page(project, "cat")) == ["a3", "b1", "b2", "b3"]
    assert desk.grid_page(project, "dog").total == 0


def test_a_page_decided_and_undone_as_one(project):
    before = desk.grid_page(project, "cat", limit=3)
    decisions = [say(before.items[0], "accept"), say(before.items[1], "delete"), say(before.items[2], "relabel", "dog")]
    for _ in range(2):
        assert desk.decide(project, decisions, author=ANN, action_id="d") == desk.Decisions(3, ())
    copies = project.store.desk.get(["p0.png", "p1.png", "p2.png"])
    assert [(c.version, next((o.id, o.class_name, o.score) for o in c.objects)) for c in copies.values()] == [
        (1, ("a0", "cat", None)),
        (1, ("b1", "cat", 0.6)),
        (1, ("a2", "dog", None)),
    ]
    assert "a0" not in ids(desk.grid_page(project, "cat"))
    assert desk.grid_page(project, "cat", limit=3, cursor=before.cursor).items[0].object.id == "a3"
    for undone in (3, 0):
        assert desk.undo_decisions(project, "d", author=ANN) == desk.Decisions(undone, ())
    assert [(item.ref.name, item.object) for item in desk.grid_page(project, "cat", limit=3).items] == [
        (item.ref.name, item.object) for item in before.items
    ]


def test_an_object_changed_meanwhile_is_left_alone_and_another_one_does_no_harm(project):
    page = desk.grid_page(project, "cat", limit=2)
    for n, item in enumerate(page.items):
        other = next(o for o in desk.open_image(project, item.ref).copy.objects if o.id == f"c{n}")
        change = ObjectChange(item.object.id, item.object, None) if n == 0 else ObjectChange(other.id, other, None)
        desk.act(project, item.ref, Action(f"x{n}", "delete", (change,)), expected_version=0, author=BOB)
    told = desk.decide(project, [say(item, "accept") for item in page.items], author=ANN, action_id="d")
    assert told == desk.Decisions(1, ("p0.png",))
    assert project.store.desk.get(["p1.png"])["p1.png"].version == 2


def test_what_was_changed_after_the_decision_is_not_undone(project):
    item = desk.grid_page(project, "cat", limit=1).items[0]
    desk.decide(project, [say(item, "accept")], author=ANN, action_id="d")
    now = project.store.desk.get(["p0.png"])["p0.png"].objects[0]
    desk.act(project, item.ref, Action("x", "delete", (ObjectChange(now.id, now, None),)), expected_version=1, author=BOB)
    assert desk.undo_decisions(project, "d", author=ANN) == desk.Decisions(0, ("p0.png",))


def test_two_pages_of_one_image_may_be_decided_one_after_the_other(project):
    items = [item for item in desk.grid_page(project, "cat").items if item.ref.name == "p0.png"]
    for n, item in enumerate(items):
        assert desk.decide(project, [say(item, "accept")], author=ANN, action_id=f"d{n}").done == 1


@pytest.mark.parametrize(
    "decisions",
    [
        [desk.Decision("p0.png", 0, ObjectId("a0"), "relabel", "cow")],
        [desk.Decision("no.png", 0, ObjectId("a0"), "accept")],
        [desk.Decision("p0.png", 0, ObjectId("a0"), "accept"), desk.Decision("p0.png", 0, ObjectId("a0"), "delete")],
    ],
)
def test_what_cannot_be_decided_is_refused_whole(project, decisions):
    good = desk.Decision("p1.png", 0, ObjectId("a1"), "accept")
    with pytest.raises(UsageError):
        desk.decide(project, [good, *decisions], author=ANN, action_id="d")
    assert project.store.desk.states() == {}


def test_bad_asks_are_refused(project):
    for ask in ({"class_name": "cow"}, {"class_name": "cat", "limit": 0}, {"class_name": "cat", "cursor": "x"}):
        with pytest.raises(UsageError):
            desk.grid_page(project, **ask)
    with pytest.raises(UsageError, match="nothing was decided"):
        desk.undo_decisions(project, "d", author=ANN)


def test_a_clipped_box_can_be_changed_by_its_unclipped_self(project):
    ref = project.images[0]
    shown = next(o for o in desk.open_image(project, ref).copy.objects if o.id == "b0")
    assert shown.shape == Box(30, 1, 64, 20)
    drawn = Labeled(ObjectId("n"), "cat", Box(-5, 1, 9, 9))
    desk.act(project, ref, Action("x", "draw", (ObjectChange(drawn.id, None, drawn),)), expected_version=0, author=ANN)
    again = desk.act(
        project, ref, Action("y", "delete", (ObjectChange(drawn.id, drawn, None),)), expected_version=1, author=ANN
    )
    assert isinstance(again, desk.WorkingCopy)


def test_the_same_kind_of_work_told_twice_counts_twice(project):
    effort = [desk.EffortEntry("verify", 1, 2.0), desk.EffortEntry("verify", 1, 3.0)]
    desk.submit(project, project.images[0], action_id="s", expected_version=0, author=ANN, effort=effort)
    assert project.store.effort.seconds_by_image(simulated=False) == {"p0.png": 5.0}


def test_the_guide_is_the_files_until_someone_writes_it(project):
    assert [(name, page.guide) for name, page in desk.guide(project).pages] == [("cat", ""), ("dog", "")]
    example = desk.GuideExample("p0.png", "whiskers", (1, 1, 9, 9))
    made = desk.save_guide(project, "cat", "With ears.", [example], expected_version=0, author=ANN, note="first")
    assert (made.version, made.author_name, made.note) == (1, "ann", "first")
    assert dict(made.pages)["cat"].examples == (example,)
    late = desk.save_guide(project, "dog", "Barks.", expected_version=0, author=BOB)
    assert isinstance(late, desk.GuideConflict)
    desk.save_guide(project, "dog", "Barks.", expected_version=1, author=BOB)
    assert {name: page.guide for name, page in desk.guide(project).pages} == {"cat": "With ears.", "dog": "Barks."}
    assert [v.version for v in desk.guide_history(project)] == [1, 2]
    for bad in ([desk.GuideExample("no.png", "")], [desk.GuideExample("p0.png", "", (0, 0, 99, 9))]):
        with pytest.raises(UsageError):
            desk.save_guide(project, "cat", "", bad, expected_version=2, author=ANN)
