"""The pixel forest as a plug-in: trained and opened by the engine, its answers fit the contract."""

import json

import numpy as np
import pytest

from firstpass.engines.driver import check_reply, label_checked
from firstpass.engines.learn import fit
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import MissingWeights, UsageError
from firstpass.labelers.base import Ask, AskedClass, Budget, Task, TrainingExample
from firstpass.labelers.pixel_forest import CLASSES_FILE, PLUGIN, SPEC, _to_example
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, Mask, ObjectId, Point, Polygon, PolygonPart, rle
from firstpass.media.image import Image

HEIGHT, WIDTH = 96, 128
COLORS = {"plum": (180, 90, 80), "lime": (70, 80, 170)}
ASK = Ask(Task.DETECT, tuple(AskedClass(name) for name in COLORS))
HUMAN = Author("human", "expert")
QUICK = Budget(seconds=10.0)


def picture(seed, shapes="box", count=5):
    """An image of disks of two classes in turn, and its labels as boxes, masks or polygons."""
    rng = np.random.default_rng(seed)
    rgb = rng.normal(110, 12, (HEIGHT, WIDTH, 3))
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    disks, objects = [], []
    while len(disks) < count:
        r = rng.uniform(8, 12)
        x, y = rng.uniform(r + 1, WIDTH - r - 1), rng.uniform(r + 1, HEIGHT - r - 1)
        if all(np.hypot(x - a, y - b) > r + q + 2 for a, b, q in disks):
            disks.append((x, y, r))
    for index, (x, y, r) in enumerate(disks):
        name, inside = list(COLORS)[index % 2], (xs - x) ** 2 + (ys - y) ** 2 < r * r
        rgb[inside] += np.array(COLORS[name]) - 110
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = tuple((float(x + r * np.cos(t)), float(y + r * np.sin(t))) for t in turn)
        shape = {
            "box": Box(x - r, y - r, x + r, y + r),
            "mask": rle.encode(inside),
            "polygon": Polygon((PolygonPart(ring),)),
        }[shapes]
        objects.append(Labeled(ObjectId(f"{seed}-{index}"), name, shape))
    ref = ImageRef(f"{seed:032x}", f"{seed}.png", f"{seed}.png", WIDTH, HEIGHT)
    return Image(ref, np.clip(rgb, 0, 255).astype(np.uint8)), tuple(objects)


def example(seed, shapes="box", objects=None):
    image, own = picture(seed, shapes)
    return TrainingExample(LabeledImage(image.ref, HUMAN, own if objects is None else objects), lambda: image)


@pytest.fixture(scope="module", params=["box", "mask"])
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forest") / "m"
    return request.param, fit("pixel-forest", {}, [example(i, request.param) for i in range(6)], ASK, folder, QUICK)


def opened(folder):
    return open_labeler("pixel-forest", {"model": str(folder)})[0]


def test_engine_trains_opens_and_accepts_its_answers(trained):
    shapes, artifact = trained
    images = [picture(100 + i)[0] for i in range(4)]
    replies = label_checked(opened(artifact.folder), SPEC, images, ASK)
    kinds = {type(o.shape) for r in replies for o in r.objects}
    assert kinds == {Box} if shapes == "box" else Mask in kinds
    assert all(r.problem is None and r.objects for r in replies)
    assert artifact.notes["masks"] == (shapes == "mask")


def test_most_disks_are_found(trained):
    shapes, artifact = trained
    found = wanted = 0
    for seed in range(100, 104):
        image, truth = picture(seed, "mask")
        reply = opened(artifact.folder).label([image], ASK)[0]
        for obj in truth:
            inside = rle.decode(obj.shape)
            ys, xs = np.nonzero(inside)
            wanted += 1
            found += any(
                o.class_name == obj.class_name and o.score > 0.3 and _near(o.shape, inside, xs.mean(), ys.mean(), shapes)
                for o in reply.objects
            )
    assert found / wanted >= 0.8


def _near(shape, inside, x, y, shapes):
    if isinstance(shape, Mask):
        mask = rle.decode(shape)
        return (mask & inside).sum() / (mask | inside).sum() > 0.6
    return shapes == "box" and abs((shape.x1 + shape.x2) / 2 - x) < 4 and abs((shape.y1 + shape.y2) / 2 - y) < 4


def test_held_out_answers_are_of_the_examples(trained):
    _, artifact = trained
    assert sorted(o.image.name for o in artifact.out_of_sample) == [f"{i}.png" for i in range(6)]
    labeler = opened(artifact.folder)
    for held in artifact.out_of_sample:
        check_reply(held.reply, SPEC, held.image, ASK)
        seen = labeler.label([picture(int(held.image.name[:-4]))[0]], ASK)[0]
        assert held.reply != seen


def test_same_seed_same_answers(tmp_path):
    examples = [example(i) for i in range(2)]
    one, other = (fit("pixel-forest", {"threads": n}, examples, ASK, tmp_path / str(n), QUICK) for n in (1, 2))
    image = picture(100)[0]
    assert opened(one.folder).label([image], ASK) == opened(other.folder).label([image], ASK)
    assert [o.reply for o in one.out_of_sample] == [o.reply for o in other.out_of_sample]


def test_only_asked_classes_are_proposed(trained):
    _, artifact = trained
    image = picture(100)[0]
    one = opened(artifact.folder).label([image], Ask(Task.DETECT, (AskedClass("lime"),)))[0]
    everything = opened(artifact.folder).label([image], Ask(Task.DETECT))[0]
    assert {o.class_name for o in one.objects} == {"lime"}
    assert {o.class_name for o in everything.objects} == set(COLORS)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (0, 0)])
def test_odd_images_are_answered(trained, shape):
    _, artifact = trained
    rgb = np.zeros((*shape, 3), np.uint8)
    image = Image(ImageRef("", "odd.png", "odd.png", shape[1], shape[0]), rgb)
    assert label_checked(opened(artifact.folder), SPEC, [image], ASK)[0].problem is None


def test_images_stay_as_they_were(trained):
    _, artifact = trained
    image = picture(100)[0]
    image.rgb.flags.writeable = False
    before = image.rgb.copy()
    opened(artifact.folder).label([image], ASK)
    assert np.array_equal(image.rgb, before)


@pytest.mark.parametrize("shapes", ["mask", "polygon"])
def test_areas_teach_masks_cut_to_their_boxes(shapes):
    given = _to_example(example(0, shapes), {"plum": 0, "lime": 1})
    for (x1, y1, x2, y2), mask in zip(given.xyxy_px, given.masks, strict=True):
        assert mask.shape == (np.ceil(y2) - np.floor(y1), np.ceil(x2) - np.floor(x1))
        assert abs(mask.mean() - np.pi / 4) < 0.15


def odd_objects():
    return (
        Labeled(ObjectId("a"), "plum", Point(40.0, 40.0)),
        Labeled(ObjectId("b"), "plum", Box(5.0, 5.0, 90.0, 90.0), attributes={"iscrowd": "1"}),
        Labeled(ObjectId("c"), "plum", Box(5.0, 5.0, 6.0, 60.0)),
        Labeled(ObjectId("d"), "unknown", Box(5.0, 5.0, 50.0, 60.0)),
    )


def test_points_crowds_slivers_and_unknown_classes_are_left_out():
    known = Labeled(ObjectId("e"), "lime", Box(10.0, 20.0, 30.0, 44.0), attributes={"iscrowd": "0"})
    given = _to_example(example(0, objects=(*odd_objects(), known)), {"plum": 0, "lime": 1})
    assert given.class_ids.tolist() == [1]
    assert given.xyxy_px.tolist() == [[10, 20, 30, 44]]


@pytest.mark.parametrize("objects", [(), odd_objects()], ids=["none", "odd"])
@pytest.mark.parametrize("count", [0, 4])
def test_nothing_to_learn_from_proposes_nothing(tmp_path, objects, count):
    examples = [example(i, objects=objects) for i in range(count)]
    artifact = fit("pixel-forest", {}, examples, ASK, tmp_path / "m", QUICK)
    assert opened(artifact.folder).label([picture(100)[0]], ASK)[0].objects == ()
    assert artifact.out_of_sample == ()


def test_without_a_model_it_says_how_to_get_one():
    with pytest.raises(UsageError, match="firstpass train"):
        PLUGIN.open({})


@pytest.fixture
def folder(tmp_path):
    return fit("pixel-forest", {}, [], ASK, tmp_path / "m", QUICK).folder


@pytest.mark.parametrize("name", [CLASSES_FILE, "forest.json", "forest.npz"])
@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"PK\x03\x04", b"\xff\xfe"])
def test_broken_folders_are_told(folder, name, content):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(MissingWeights, match="firstpass train"):
        PLUGIN.open({"model": str(folder)})


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(MissingWeights, match="nowhere"):
        PLUGIN.open({"model": str(tmp_path / "nowhere")})


def test_saved_files_hold_no_pickle(trained):
    _, artifact = trained
    assert json.loads((artifact.folder / CLASSES_FILE).read_text(encoding="utf-8")) == list(COLORS)
    with np.load(artifact.folder / "forest.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "biuf" for name in stored.files)
