"""What only reads works in a project that cannot be written, and leaves one that can be as it is."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import typer
from PIL import Image as Picture

from firstpass import Author, Box, Labeled, LabeledImage, Project
from firstpass.cli._run import finish
from firstpass.errors import FormatError, Problem, StoreReadOnly, UsageError
from firstpass.labels import ObjectId
from firstpass.stages.doctor import examine_project
from firstpass.stages.export import export
from firstpass.stages.import_ import import_images
from firstpass.stages.report import write_report
from firstpass.stages.select import select


def make(place):
    photos = place / "photos"
    photos.mkdir()
    for i in range(6):
        Picture.fromarray(np.full((48, 64, 3), 30 * i, np.uint8)).save(photos / f"{i}.png")
    with Project.create(place / "shelf", images=str(photos), classes=["cup"]) as project:
        import_images(project)
        author = Author("file", "old")
        looks = (LabeledImage(r, author, (Labeled(ObjectId(r.name), "cup", Box(2, 2, 9, 9)),)) for r in project.images)
        project.layers.create("old", author, "import").write(looks)
    return place / "shelf"


@pytest.fixture
def project(tmp_path):
    with Project.open(make(tmp_path)) as opened:
        opened.store._database.read_only = True
        yield opened


def test_report_export_doctor_and_a_preview_only_read(project, tmp_path):
    assert write_report(project, out=tmp_path / "elsewhere" / "r.html").figures["reviewed"] == 0
    assert export(project, "coco", tmp_path / "coco.json", layer="old").objects == 6
    assert examine_project(project).well
    for strategy in ("random", "diversity", "uncertainty"):
        assert len(select(project, strategy, 3, preview=True).chosen) == 3
    with pytest.raises(UsageError, match="layer review is empty"):
        export(project, "coco", tmp_path / "none.json")
    with pytest.raises(StoreReadOnly, match="--preview"):
        select(project, "random", 3)


def test_reading_makes_no_layer_and_leaves_the_queue(tmp_path):
    with Project.open(make(tmp_path)) as project:
        queued = select(project, "random", 2).chosen
        select(project, "random", 4, seed=1, preview=True)
        write_report(project)
        examine_project(project)
        assert [q.image_name for q in project.store.queue.pending()] == [q.image_name for q in queued]
        assert [info.name for info in project.layers] == ["old"]


def test_a_target_in_a_read_only_place_is_refused_in_words(project):
    project.reports_path.rmdir()
    project.reports_path.touch()
    with pytest.raises(FormatError, match="cannot be written"):
        write_report(project)


def test_problems_are_told_where_their_list_cannot_be_kept(project, capsys):
    project.reports_path.rmdir()
    project.reports_path.touch()
    with pytest.raises(typer.Exit):
        finish({"done": 1}, as_json=True, lines=[], problems=[Problem("a.png", "is broken")], project=project)
    said = capsys.readouterr()
    assert json.loads(said.out)["done"] == 1
    assert "is broken" in said.err
    assert "the list of problems was not kept" in said.err


@pytest.fixture
def frozen(tmp_path):
    """A project on a file system that is mounted read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("nothing can be mounted here")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a file system here")
    try:
        shelf = make(place)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield shelf
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_really_read_only_file_system_is_enough(frozen, tmp_path):
    with Project.open(frozen) as project:
        assert project.store.read_only
        write_report(project, out=tmp_path / "r.html")
        assert export(project, "coco", tmp_path / "coco.json", layer="old").objects == 6
        assert len(select(project, "diversity", 2, preview=True).chosen) == 2
        assert examine_project(project).well
        with pytest.raises(FormatError, match="Name another target"):
            write_report(project)
