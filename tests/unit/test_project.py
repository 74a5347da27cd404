"""A project: made, opened, changed, and every way it can be missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from firstpass.errors import ConfigError, Problem, ProjectExists, ProjectNotFound, UnknownClass, UsageError
from firstpass.labels import AttributeSpec, Author, Box, GuideExample, ImageRef, LabelClass, Labeled, LabeledImage, ObjectId
from firstpass.media.image import Image
from firstpass.project import LabelerChoice, Project
from firstpass.store import NewImage

RICH = LabelClass(
    'wine "red"',
    ("red wine", "bottle of wine"),
    "#E69F00",
    (AttributeSpec("label", ("whole", "torn"), "whole"), AttributeSpec("brand")),
    "# When?\nAlways, [mostly].\n",
    (GuideExample("a.png", "good", (1.0, 2.0, 3.5, 4.0)), GuideExample("b.png", "bad", None, True)),
)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Pillow.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(folder / "a.png")
    return folder


@pytest.fixture
def project(tmp_path: Path, pictures: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "shelf", images=str(pictures), classes=["cat", "dog"]) as made:
        yield made


def toml_of(project: Project) -> Path:
    return project.path / "firstpass.toml"


def edit(project: Project, old: str, new: str) -> None:
    text = toml_of(project).read_text()
    assert old in text
    toml_of(project).write_text(text.replace(old, new))


def test_a_new_project_is_all_there(project: Project, pictures: Path) -> None:
    names = sorted(p.name for p in project.path.iterdir() if not p.name.endswith(("-wal", "-shm")))
    assert names == ["cache", "firstpass.db", "firstpass.toml", "models", "reports"]
    assert project.ontology.names == ("cat", "dog")
    assert project.config.images == str(pictures)
    assert (project.name, project.labeler, project.config.costs) == ("shelf", LabelerChoice(), {})
    assert 'images = "../pictures"  # ' in toml_of(project).read_text()


def test_an_opened_project_says_the_same(project: Project) -> None:
    project.close()
    for place in (project.path, str(project.path), toml_of(project)):
        with Project.open(place) as again:
            assert again.config == project.config


def test_project_and_pictures_can_move_together(project: Project, tmp_path: Path) -> None:
    ref = ImageRef("", str(tmp_path / "pictures" / "a.png"), "a.png", 40, 30)
    project.store.images.add([NewImage(ref)])
    project.close()
    (tmp_path / "new").mkdir()
    for name in ("shelf", "pictures"):
        (tmp_path / name).rename(tmp_path / "new" / name)
    with Project.open(tmp_path / "new" / "shelf") as moved:
        assert isinstance(moved.image(ref), Image)


def test_a_second_project_in_the_folder_is_refused(project: Project, pictures: Path) -> None:
    before = toml_of(project).read_text()
    with pytest.raises(ProjectExists):
        Project.create(project.path, images=str(pictures))
    assert toml_of(project).read_text() == before


def test_a_creation_that_was_cut_off_can_be_repeated_but_takes_no_labels_over(project: Project, pictures: Path) -> None:
    toml_of(project).unlink()
    with Project.create(project.path, images=str(pictures)) as again:
        again.store.images.add([NewImage(ImageRef("", "/x", "x", 1, 1))])
    toml_of(project).unlink()
    with pytest.raises(ProjectExists, match=r"no firstpass\.toml"):
        Project.create(project.path, images=str(pictures))


@pytest.mark.parametrize(("images", "classes"), [("nowhere", ["cat"]), (".", [" "])])
def test_bad_arguments_make_nothing(tmp_path: Path, images: str, classes: list[str]) -> None:
    with pytest.raises(UsageError):
        Project.create(tmp_path / "shelf", images=str(tmp_path / images), classes=classes)
    assert not (tmp_path / "shelf").exists()


def test_what_is_missing_is_said_with_the_way_out(project: Project, tmp_path: Path) -> None:
    for place, said in (
        (tmp_path / "none", "no such folder.*firstpass init"),
        (tmp_path, "There are projects in it: shelf"),
        (project.path / "models", "The project around it is"),
        (tmp_path / "pictures" / "a.png", "is a file"),
    ):
        with pytest.raises(ProjectNotFound, match=said):
            Project.open(place)
    project.close()
    (project.path / "firstpass.db").unlink()
    with pytest.raises(ProjectNotFound, match=r"its data base .* is not"):
        Project.open(project.path)
    assert not (project.path / "firstpass.db").exists()


def test_a_picture_comes_with_its_metadata(project: Project, pictures: Path) -> None:
    ref = ImageRef("", str(pictures / "a.png"), "a.png", 40, 30)
    project.store.images.add([NewImage(ref, {"Make": "Acme"})])
    project.store.images.set_metadata({"a.png": {"shelf": "9"}})
    image = project.image("a.png")
    assert isinstance(image, Image)
    assert image.ref == ref
    assert image.rgb.shape == (30, 40, 3)
    assert image.metadata == {"Make": "Acme", "shelf": "9"}
    small = project.image(ref, max_side_px=20)
    assert isinstance(small, Image)
    assert small.rgb.shape == (15, 20, 3)


def test_a_picture_that_is_not_there_is_a_problem(project: Project) -> None:
    assert isinstance(project.image("none.png"), Problem)
    assert isinstance(project.image(ImageRef("", "/nowhere/b.png", "b.png", 1, 1)), Problem)


def test_the_review_layer_is_made_by_its_first_write_and_reads_as_empty_before(project: Project) -> None:
    ref = ImageRef("", "/x", "x.png", 10, 10)
    project.store.images.add([NewImage(ref)])
    early = project.reviewed
    assert (early.name, early.kind, len(early), list(early), early.looked(), early.counts()) == (
        "review", "review", 0, [], frozenset(), {},
    )  # fmt: skip
    assert (early.get("x.png"), early.history("x.png"), len(early.table())) == (None, [], 0)
    assert "review" not in project.layers
    look = LabeledImage(ref, Author("human", "ann"), (Labeled(ObjectId("1"), "cat", Box(0, 0, 1, 1)),))
    project.reviewed.write([look])
    assert list(project.layers["review"]) == [look]
    early.write([look])  # made by another meanwhile: the same layer
    assert (len(early.history("x.png")), len(project.layers)) == (2, 1)
    assert list(project.images) == [ref]


def test_the_repr_tells_a_person_what_is_there(project: Project) -> None:
    project.reviewed.write([])
    for part in ("Project 'shelf'", "0 images from", "2 classes: cat, dog", "layer review: review by experts"):
        assert part in repr(project)


def test_classes_are_appended_and_every_comment_stays(project: Project) -> None:
    edit(project, 'name = "dog"', 'name = "dog"   # man\'s best friend')
    before = toml_of(project).read_text().splitlines()
    ontology = project.add_classes("dog", "elk", RICH)
    after = toml_of(project).read_text().splitlines()
    assert ontology.names == ("cat", "dog", "elk", 'wine "red"')
    assert ontology['wine "red"'] == RICH
    assert project.ontology == ontology
    rest = iter(after)
    assert all(line in rest for line in before)  # every old line, in the old order
    assert after.index('name = "elk"') < after.index("[labeler]")
    with Project.open(project.path) as again:
        assert again.ontology == ontology


def test_the_first_classes_stand_before_the_labeler(tmp_path: Path, pictures: Path) -> None:
    with Project.create(tmp_path / "bare", images=str(pictures)) as project:
        project.add_classes("cat")
        project.add_classes("dog")
        lines = toml_of(project).read_text().splitlines()
    assert lines.index('name = "cat"') < lines.index('name = "dog"') < lines.index("[labeler]")
    words = next(n for n, line in enumerate(lines) if line.startswith("# The classes, in order"))
    assert words < lines.index('name = "cat"')


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_bare_file_of_a_persons_own_can_be_changed(project: Project, end: str) -> None:
    toml_of(project).write_bytes(f'[project]{end}images = "."{end}# mine'.encode())
    project.add_classes("cat", "dog")
    project.set_labeler(LabelerChoice("fake", {"seed": 1}, {"cat": 0.5}))
    text = toml_of(project).read_bytes().decode()
    assert "# mine" in text
    assert text.count("\r\n") == (text.count("\n") if end == "\r\n" else 0)
    with Project.open(project.path) as again:
        assert again.ontology.names == ("cat", "dog")
        assert again.labeler == LabelerChoice("fake", {"seed": 1}, {"cat": 0.5})


def test_classes_as_an_inline_list_are_appended_to(project: Project) -> None:
    toml_of(project).write_text('classes = [\n  { name = "cat" },  # purrs\n]\n[project]\nimages = "."\n')
    assert project.add_classes(RICH).names == ("cat", 'wine "red"')
    assert "# purrs" in toml_of(project).read_text()


def test_what_a_person_wrote_meanwhile_is_kept(project: Project) -> None:
    edit(project, 'name = "dog"', 'name = "wolf"')
    assert project.add_classes("elk").names == ("cat", "wolf", "elk")


def test_the_labeler_is_written_where_it_stands(project: Project) -> None:
    edit(project, '[labeler]\nname = ""', '[labeler]  # chosen by Ann\nname = ""  # none')
    before = toml_of(project).read_text()
    settings = {"model": "models/1", "deep": {"n": [1, 2.5]}, "on": True}
    first = LabelerChoice("pixel-forest", settings, {"cat": float("inf"), "dog": 0.25})
    project.set_labeler(first)
    assert project.labeler == first
    with Project.open(project.path) as again:
        assert again.labeler == first
    project.set_labeler(LabelerChoice("fake", {}, {"dog": 0.5}))
    text = toml_of(project).read_text()
    assert [line for line in before.splitlines() if line.startswith(("#", "["))] == [
        line for line in text.splitlines() if line.startswith(("#", "["))
    ]
    assert 'name = "fake"  # none' in text
    assert "[labeler.thresholds]\ndog = 0.5\n" in text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_phrases_are_written_where_they_stand_and_every_comment_stays(project: Project, end: str) -> None:
    project.add_classes(RICH)
    edit(project, 'name = "cat"', 'name = "cat"  # purrs\nphrases = ["kitty"]  # by Ann')
    before = toml_of(project).read_text()
    toml_of(project).write_bytes(before.replace("\n", end).encode())
    project.set_labeler(LabelerChoice("fake"), {"cat": ["tabby", 'a "cat"'], "dog": ("hound",), RICH.name: ()})
    text = toml_of(project).read_bytes().decode()
    assert text.count("\r\n") == (text.count("\n") if end == "\r\n" else 0)
    lines = text.splitlines()
    assert 'phrases = ["tabby", "a \\"cat\\""]  # by Ann' in lines
    assert [line for line in before.splitlines() if "#" in line] != []
    assert all(line in lines for line in before.splitlines() if line.startswith(("#", "[")) or "# purrs" in line)
    with Project.open(project.path) as again:
        assert again.labeler.name == "fake"
        assert [c.phrases for c in again.ontology] == [("tabby", 'a "cat"'), ("hound",), ()]
        assert again.ontology[RICH.name].guide == RICH.guide
        assert again.set_phrases({"cat": ["kitty"]})["cat"].phrases == ("kitty",)
    first = toml_of(project).read_bytes()
    assert project.set_phrases({"cat": ["kitty"]}).names == ("cat", "dog", RICH.name)
    assert toml_of(project).read_bytes() == first


def test_phrases_of_an_inline_list_and_wrong_ones(project: Project) -> None:
    toml_of(project).write_text('classes = [\n  { name = "cat" },  # purrs\n]\n[project]\nimages = "."\n')
    assert project.set_phrases({"cat": ["kitty"]})["cat"].phrases == ("kitty",)
    before = toml_of(project).read_bytes()
    assert b"# purrs" in before
    with pytest.raises(UnknownClass, match="elk"):
        project.set_phrases({"cat": ["a"], "elk": ["b"]})
    for wrong in ("kitty", ["kitty", " "]):
        with pytest.raises(UsageError, match="list of phrases"):
            project.set_phrases({"cat": wrong})
    assert toml_of(project).read_bytes() == before


def test_a_setting_that_toml_cannot_hold_changes_nothing(project: Project) -> None:
    before = toml_of(project).read_bytes()
    with pytest.raises(UsageError, match=r"labeler\.settings\.x = None"):
        project.set_labeler(LabelerChoice("fake", {"x": None}))
    with pytest.raises(ConfigError, match="elk"):
        project.set_labeler(LabelerChoice("fake", {}, {"elk": 0.5}))
    assert toml_of(project).read_bytes() == before
    assert project.labeler == LabelerChoice()


def test_a_link_stays_a_link_and_the_mode_stays(project: Project, tmp_path: Path) -> None:
    real = tmp_path / "in-git.toml"
    real.write_text(toml_of(project).read_text().replace("../pictures", str(tmp_path / "pictures")))
    real.chmod(0o640)
    toml_of(project).unlink()
    toml_of(project).symlink_to(real)
    project.add_classes("elk")
    assert toml_of(project).is_symlink()
    assert "elk" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in-git.toml", "pictures", "shelf"]


def test_opening_imports_no_model_or_picture_library(project: Project) -> None:
    code = (
        "import sys; from firstpass.project import Project; p = Project.open(sys.argv[1]); repr(p); p.images;"
        "bad = {'alembic', 'cv2', 'onnxruntime', 'sklearn', 'scipy', 'PIL', 'tomlkit', 'pycocotools'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code, project.path], check=True)
