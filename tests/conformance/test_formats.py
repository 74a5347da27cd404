"""Every format, whoever wrote it, keeps the contract of firstpass.formats.base."""

import contextlib
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from _compare import Comparer
from _finder import READER, context_for
from _sheets import rich_sheet, sheets
from hypothesis import HealthCheck, assume, given, settings

from firstpass import registry
from firstpass.errors import FormatError, Problem
from firstpass.formats.base import FormatSpec, Loss, Sniff, WriteContext, Written
from firstpass.labels import Box, LabeledImage

NAMES = registry.names("formats")
CAREFUL = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
FUZZ_RUNS = 60


def plugin(name):
    found = registry.find("formats", name)
    return found.spec, found.factory


def target(spec, folder):
    return folder / ("labels" + spec.suffixes[0] if spec.target == "file" and spec.suffixes else "labels")


@cache
def carries_images(name):
    """Whether the format is made of the image files themselves, so that it cannot be written without copying them."""
    spec, fmt = plugin(name)
    with tempfile.TemporaryDirectory() as folder:
        try:
            fmt.write(target(spec, Path(folder)), rich_sheet().images, WriteContext(rich_sheet().ontology))
        except FormatError:
            return True
    return False


def stand_in(_, path):
    """Puts something that is no picture where an image's copy should go."""
    path.write_bytes(b"not a picture")


def write_context(name, ontology):
    return WriteContext(ontology, stand_in if carries_images(name) else None)


def write(name, folder, sheet):
    spec, fmt = plugin(name)
    path = target(spec, folder)
    return path, fmt.write(path, iter(sheet.images), write_context(name, sheet.ontology))


def read(name, path, sheet):
    """All of it: classes, labeled images, problems."""
    reading = plugin(name)[1].read(path, context_for(sheet.refs, sheet.ontology.names))
    items = list(reading.items)
    assert all(isinstance(i, LabeledImage | Problem) for i in items)
    return (
        reading.classes,
        [i for i in items if isinstance(i, LabeledImage)],
        [i for i in items if isinstance(i, Problem)],
    )


@pytest.fixture(params=NAMES)
def name(request):
    spec = plugin(request.param)[0]
    if not (spec.reads and spec.writes):
        pytest.skip(f"{request.param} does not both read and write")
    return request.param


def test_spec_is_whole(name):
    spec, _ = plugin(name)
    assert isinstance(spec, FormatSpec)
    assert spec.name == name
    assert spec.title
    assert spec.target in {"file", "folder"}
    assert all(isinstance(loss, Loss) for loss in spec.losses)
    assert spec.tolerance_px > 0 or Loss.SUBPIXEL not in spec.losses


@pytest.mark.parametrize("name", NAMES)
@given(sheet=sheets())
@CAREFUL
def test_round_trip_keeps_all_but_the_declared(name, sheet, tmp_path_factory):
    spec, _ = plugin(name)
    if Comparer(spec).vanishes(Box(0, 0, 9, 9)):  # classes are folders there
        assume(not any(set(c) & set('<>:"/\\|?*') for c in sheet.ontology.names))
    folder = tmp_path_factory.mktemp("round")
    path, written = write(name, folder, sheet)
    assert isinstance(written, Written)
    if not any(p.is_file() for p in folder.rglob("*")):
        assert all(not c.objects and not c.tags for c in map(Comparer(spec).expected, sheet.images)), "something was to be kept"
        return
    classes, images, problems = read(name, path, sheet)
    shutil.rmtree(folder)
    comparer = Comparer(spec)
    unwritable = sum(comparer.vanishes(o.shape) for i in sheet.images for o in i.objects)
    assert len([p for p in written.problems if p.severity == "error"]) <= unwritable, written.problems
    assert [p for p in problems if p.severity == "error"] == [], "a format's own file reads without problems"
    assert list(comparer.differences(sheet.images, images, READER)) == []
    if Loss.CLASS_DETAILS in spec.losses:
        used = {o.class_name for i in images for o in i.objects}
        assert used <= {c.name for c in classes} or not classes
    else:
        assert classes == sheet.ontology.classes


def seen(name, tmp_path):
    sheet = rich_sheet()
    path, _ = write(name, tmp_path, sheet)
    images = read(name, path, sheet)[1]
    return sheet, images, [o for i in images for o in i.objects]


def test_rich_sheet_comes_back(name, tmp_path):
    sheet, images, _ = seen(name, tmp_path)
    assert list(Comparer(plugin(name)[0]).differences(sheet.images, images, READER)) == []


CHECKED_LOSSES = (
    Loss.SCORES, Loss.TEXT, Loss.ATTRIBUTES, Loss.TAGS, Loss.EMPTY_IMAGES, Loss.OBJECT_IDS, Loss.POINTS, Loss.AUTHOR,
    Loss.CLASS_DETAILS,
)  # fmt: skip


def declared():
    """(format, loss) for every loss that a whole format declares."""
    whole = [p for p in registry.listing("formats") if p.module is not None and p.spec.reads and p.spec.writes]
    return [(p.name, loss) for p in whole for loss in CHECKED_LOSSES if loss in p.spec.losses]


@pytest.mark.parametrize(("name", "loss"), declared())
def test_declared_loss_happens(name, loss, tmp_path):
    sheet, images, objects = seen(name, tmp_path)
    kept = {
        Loss.SCORES: [o for o in objects if o.score is not None],
        Loss.TEXT: [o for o in objects if o.text is not None],
        Loss.ATTRIBUTES: [o for o in objects if o.attributes],
        Loss.TAGS: [t for i in images for t in i.tags],
        Loss.EMPTY_IMAGES: [i for i in images if i.image.name == "empty.jpg"],
        Loss.OBJECT_IDS: {o.id for o in objects} & {o.id for i in sheet.images for o in i.objects},
        Loss.POINTS: [o for o in objects if type(o.shape).__name__ == "Point"],
        Loss.AUTHOR: [i for i in images if i.author != READER],
        Loss.CLASS_DETAILS: [c for c in read(name, target(plugin(name)[0], tmp_path), sheet)[0] if c == sheet.ontology["cat"]],
    }
    assert not kept[loss], f"{name} declares to lose {loss}, but keeps it: take it out of SPEC.losses"


def test_counts_are_of_what_was_written(name, tmp_path):
    sheet = rich_sheet()
    path, written = write(name, tmp_path, sheet)
    _, images, _ = read(name, path, sheet)
    assert written.objects == sum(len(i.objects) for i in images)
    assert len(images) <= written.images <= len(sheet.images)


def test_sniff_knows_its_own_and_no_other_is_surer(name, tmp_path):
    path, _ = write(name, tmp_path, rich_sheet())
    said = {other: plugin(other)[1].sniff(path) for other in NAMES}
    assert all(isinstance(s, Sniff) and 0 <= s.confidence <= 1 and s.reason for s in said.values())
    own = said.pop(name)
    assert own.confidence >= 0.5, own.reason
    assert [(n, s) for n, s in said.items() if s.confidence >= own.confidence] == []


def test_sniff_never_raises(name, tmp_path):
    fmt = plugin(name)[1]
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "junk.json").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    for path in (*tmp_path.iterdir(), tmp_path / "absent", tmp_path):
        assert fmt.sniff(path).confidence <= 0.5


def damage(data, rng):
    """Cut, flipped, doubled or wiped bytes."""
    kind, data = rng.randrange(5), bytearray(data)
    at = rng.randrange(len(data)) if data else 0
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for _ in range(rng.randint(1, 8)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
    if kind == 2:
        data[at:at] = data[at : at + 40]
    if kind == 3:
        del data[at : at + rng.randint(1, 40)]
    if kind == 4:
        data[at : at + 4] = rng.choice((b"NaN", b"-1", b"1e400", b"null", b"\xff\xfe", b"\0\0", b'"', b"[]", b"{}", b"\xe9"))
    return bytes(data)


def test_damaged_files_give_problems_or_a_format_error(name, tmp_path):
    sheet, rng = rich_sheet(), random.Random(name)
    good, _ = write(name, tmp_path / "good", sheet)
    for run in range(FUZZ_RUNS):
        bad = tmp_path / f"bad{run}" / good.name
        bad.parent.mkdir()
        shutil.copytree(good, bad) if good.is_dir() else shutil.copy(good, bad)
        files = sorted(p for p in bad.rglob("*") if p.is_file()) if bad.is_dir() else [bad]
        file = rng.choice(files)
        file.write_bytes(damage(file.read_bytes(), rng))
        plugin(name)[1].sniff(bad)
        with contextlib.suppress(FormatError):
            read(name, bad, sheet)


def test_nothing_at_all_is_a_format_error(name, tmp_path):
    spec, _ = plugin(name)
    with pytest.raises(FormatError):
        read(name, tmp_path / "absent", rich_sheet())
    if spec.target == "file":
        (tmp_path / "empty").touch()
        with pytest.raises(FormatError):
            read(name, tmp_path / "empty", rich_sheet())


class PowerCut(Exception):
    pass


def cut_short(sheet):
    yield sheet.images[0]
    raise PowerCut


def test_failed_write_leaves_nothing(name, tmp_path):
    spec, fmt = plugin(name)
    sheet = rich_sheet()
    with pytest.raises(PowerCut):
        fmt.write(target(spec, tmp_path), cut_short(sheet), write_context(name, sheet.ontology))
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_what_was_there(name, tmp_path):
    spec, fmt = plugin(name)
    if spec.target != "file":
        pytest.skip("folders are never overwritten")
    sheet = rich_sheet()
    path, _ = write(name, tmp_path, sheet)
    before = path.read_bytes()
    with pytest.raises(PowerCut):
        fmt.write(path, cut_short(sheet), write_context(name, sheet.ontology))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


def test_full_folder_is_refused(name, tmp_path):
    spec, _ = plugin(name)
    path = target(spec, tmp_path)
    path.mkdir()
    (path / "theirs.txt").write_text("keep me")
    with pytest.raises(FormatError):
        write(name, tmp_path, rich_sheet())
    assert [p.name for p in tmp_path.rglob("*")] == [path.name, "theirs.txt"]


def test_images_are_never_opened(name, tmp_path):
    sheet = rich_sheet()
    path, _ = write(name, tmp_path, sheet)
    images = read(name, path, sheet)[1]
    assert images
    assert all(i.image.uri.startswith("/nowhere/") for i in images)


def test_no_image_at_all_writes_and_reads(name, tmp_path):
    sheet = rich_sheet()
    path, written = write(name, tmp_path, type(sheet)(sheet.ontology, ()))
    assert (written.images, written.objects, written.problems) == (0, 0, ())
    with contextlib.suppress(FormatError) if path.is_dir() else contextlib.nullcontext():  # an empty folder may be no data set
        assert read(name, path, sheet)[1] == []


def test_foreign_class_is_a_problem(name, tmp_path):
    sheet = rich_sheet()
    ontology = type(sheet.ontology).of(["cat"])
    _, written = write(name, tmp_path, type(sheet)(ontology, sheet.images))
    spec, _ = plugin(name)
    if not Comparer(spec).vanishes(sheet.images[2].objects[0].shape) and Loss.CLASS_DETAILS in spec.losses:
        assert any("dog" in p.what for p in written.problems)
