"""The pixel forest finds disks it has learned from six images, knows how sure it is, and comes back from disk the same."""

import json
from functools import cache

import numpy as np
import pytest

from firstpass.labelers._forest_boxes import pairwise_iou
from firstpass.labelers._forest_files import ARRAYS_NAME, HEAD_NAME
from firstpass.labelers._forest_model import Forest, fit
from firstpass.labelers._forest_types import Example

HEIGHT, WIDTH = 96, 128
TINTS = ((70, -20, -30), (-40, -30, 60))
QUICK_S = 5.0


@cache
def scene(seed, masks=False, count=5, blank=False):
    """Disks of two classes in turn on noise; blank: the boxes are there, the disks are not."""
    rng = np.random.default_rng(seed)
    rgb = rng.normal(110, 12, (HEIGHT, WIDTH, 3))
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    disks = []
    while len(disks) < count:
        r = rng.uniform(8, 12)
        x, y = rng.uniform(r + 1, WIDTH - r - 1), rng.uniform(r + 1, HEIGHT - r - 1)
        if all(np.hypot(x - a, y - b) > r + q + 2 for a, b, q in disks):
            disks.append((x, y, r))
    inside = [(xs - x) ** 2 + (ys - y) ** 2 < r * r for x, y, r in disks]
    for index, disk in enumerate(inside):
        rgb[disk] += 0 if blank else TINTS[index % 2]
    boxes = [(xs[m].min() - 0.5, ys[m].min() - 0.5, xs[m].max() + 0.5, ys[m].max() + 0.5) for m in inside]
    ids = np.arange(count, dtype=np.int64) % 2
    xyxy_px = np.array(boxes, np.float32).reshape(-1, 4)
    return Example(np.clip(rgb, 0, 255).astype(np.uint8), ids, xyxy_px, tuple(m if masks else None for m in inside))


def forest(masks=False):
    return fitted(masks)


@cache
def fitted(masks):
    return fit([scene(i, masks) for i in range(6)], 3, time_budget_s=QUICK_S)


def pasted(proposals, index):
    full = np.zeros((HEIGHT, WIDTH), bool)
    x, y = np.floor(proposals.xyxy_px[index, :2]).astype(int)
    crop = proposals.masks[index]
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    return full


def parts(proposals):
    masks = [] if proposals.masks is None else [m.tobytes() + bytes(str(m.shape), "ascii") for m in proposals.masks]
    return [a.tobytes() for a in (proposals.class_ids, proposals.xyxy_px, proposals.scores, proposals.good_scores)] + masks


def best_overlaps(example, proposals, min_score):
    """For every object the best IoU of a proposal of its class."""
    sure = proposals.scores >= min_score
    iou = pairwise_iou(example.xyxy_px, proposals.xyxy_px[sure])
    return np.where(example.class_ids[:, None] == proposals.class_ids[sure][None], iou, 0).max(axis=1, initial=0)


@pytest.mark.parametrize("masks", [False, True])
def test_six_images_are_enough_for_disks(masks):
    unseen = [scene(100 + i) for i in range(6)]
    found = [forest(masks).predict(e.rgb) for e in unseen]
    overlaps = np.concatenate([best_overlaps(e, p, 0.4) for e, p in zip(unseen, found, strict=True)])
    assert np.mean(overlaps >= 0.5) >= 0.8
    assert sum((p.scores >= 0.4).sum() for p in found) <= 1.3 * len(overlaps)


def test_masks_cover_the_disks():
    overlaps = []
    for example in (scene(100 + i, masks=True) for i in range(4)):
        found = forest(masks=True).predict(example.rgb)
        iou = pairwise_iou(example.xyxy_px, found.xyxy_px)
        for disk, row in zip(example.masks, iou, strict=True):
            if row.max(initial=0) > 0.5:
                mask = pasted(found, int(row.argmax()))
                overlaps.append((mask & disk).sum() / (mask | disk).sum())
    assert len(overlaps) >= 14
    assert np.mean(overlaps) > 0.75
    assert np.mean(np.array(overlaps) > 0.6) > 0.85


def test_masks_fill_their_boxes():
    found = forest(masks=True).predict(scene(100).rgb)
    for (x1, y1, x2, y2), mask in zip(found.xyxy_px, found.masks, strict=True):
        assert mask.shape == (np.ceil(y2) - np.floor(y1), np.ceil(x2) - np.floor(x1))
        assert mask.any()


def test_boxes_alone_give_no_masks():
    assert not forest().with_masks
    assert forest().predict(scene(100).rgb).masks is None


@pytest.mark.parametrize("masks", [False, True])
def test_comes_back_from_disk_bit_for_bit(tmp_path, masks):
    forest(masks).save(tmp_path / "m")
    again = Forest.load(tmp_path / "m")
    assert again.n_classes == 3
    for one, other in zip(again.out_of_sample.proposals, forest(masks).out_of_sample.proposals, strict=True):
        assert parts(one) == parts(other)
    for seed in (100, 101):
        assert parts(again.predict(scene(seed).rgb)) == parts(forest(masks).predict(scene(seed).rgb))


def test_saved_files_hold_no_pickle(tmp_path):
    forest(masks=True).save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {ARRAYS_NAME, HEAD_NAME}
    json.loads((tmp_path / HEAD_NAME).read_text(encoding="utf-8"))
    with np.load(tmp_path / ARRAYS_NAME, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "biuf" for name in stored.files)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"text"])
def test_damaged_arrays_are_told(tmp_path, damage):
    forest().save(tmp_path)
    (tmp_path / ARRAYS_NAME).write_bytes(damage)
    with pytest.raises(ValueError, match=r"damaged|pickle"):
        Forest.load(tmp_path)


@pytest.mark.parametrize("head", ["[]", '{"format": 99}', "no json"])
def test_another_format_is_refused(tmp_path, head):
    forest().save(tmp_path)
    (tmp_path / HEAD_NAME).write_text(head, encoding="utf-8")
    with pytest.raises(ValueError, match=r"format|Expecting"):
        Forest.load(tmp_path)


def test_seed_decides_not_threads_nor_how_examples_come():
    lazy = fit([lambda i=i: scene(i) for i in range(6)], 3, seed=0, time_budget_s=QUICK_S, threads=1)
    assert parts(lazy.predict(scene(100).rgb)) == parts(forest().predict(scene(100).rgb))
    for one, other in zip(lazy.out_of_sample.proposals, forest().out_of_sample.proposals, strict=True):
        assert parts(one) == parts(other)


def test_another_seed_is_another_forest():
    one, other = (fit(few(3), 2, seed=seed, time_budget_s=QUICK_S) for seed in (0, 1))
    assert parts(one.predict(scene(100).rgb)) != parts(other.predict(scene(100).rgb))


def few(count):
    return [scene(i, count=count) for i in range(2)]


@pytest.mark.parametrize("examples", [[], few(0), few(1)], ids=["no example", "no object", "two objects"])
def test_too_little_teaches_nothing(tmp_path, examples):
    empty = fit(examples, 2, time_budget_s=QUICK_S)
    empty.save(tmp_path)
    assert len(empty.out_of_sample.images) == 0
    for model in (empty, Forest.load(tmp_path)):
        assert len(model.predict(scene(100).rgb).scores) == 0


def test_no_classes_propose_nothing():
    assert len(fit(few(0), 0).predict(scene(100).rgb).scores) == 0


def test_class_without_examples_stays_silent():
    assert set(np.concatenate([forest().predict(scene(100 + i).rgb).class_ids for i in range(3)]).tolist()) == {0, 1}


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (3, 5), (40, 40), (150, 33)])
def test_proposals_are_sound_on_any_shape(shape, masks):
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    found = forest(masks).predict(rgb)
    boxes, scores = found.xyxy_px, found.scores
    assert np.isfinite(boxes).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [shape[1], shape[0]]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (found.good_scores <= scores).all()
    assert (np.diff(scores) <= 0).all()


def test_images_of_odd_shape_can_be_learned_from():
    none = np.zeros(0, np.int64), np.zeros((0, 4), np.float32), ()
    odd = [Example(np.full((*shape, 3), 90, np.uint8), *none) for shape in ((1, 1), (1, 600))]
    model = fit([*few(4), *odd], 2, time_budget_s=QUICK_S)
    assert best_overlaps(scene(100), model.predict(scene(100).rgb), 0.05).mean() > 0.4


@pytest.mark.parametrize("masks", [False, True])
def test_held_out_answers_are_honest(masks):
    """They cover the examples, differ from what the final model says there, and their scores are right on average."""
    held = forest(masks).out_of_sample
    assert held.images.tolist() == list(range(6))
    right, scores = [], []
    for index, found in zip(held.images.tolist(), held.proposals, strict=True):
        example = scene(index, masks)
        assert parts(found) != parts(forest(masks).predict(example.rgb))
        iou = pairwise_iou(found.xyxy_px, example.xyxy_px)
        same = found.class_ids[:, None] == example.class_ids[None]
        right += ((iou * same).max(axis=1, initial=0) >= 0.5).tolist()
        scores += found.scores.tolist()
    assert abs(np.mean(right) - np.mean(scores)) < 0.12


def test_labels_on_bare_noise_are_not_believed():
    """The labels say nothing about the pixels, so held-out answers must be doubted."""
    model = fit([scene(i, blank=True) for i in range(4)], 2, time_budget_s=QUICK_S)
    held = np.concatenate([p.scores for p in model.out_of_sample.proposals])
    assert held.max(initial=0) < 0.5
    assert model.predict(scene(100, blank=True).rgb).scores.max(initial=0) < 0.5


def test_progress_goes_forward_to_the_end():
    heard = []
    fit(few(3), 2, time_budget_s=1.0, progress=lambda stage, share: heard.append((stage, share)))
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(stage for stage, _ in heard)


def misshapen(**changes):
    good = scene(0)
    values = {"rgb": good.rgb, "class_ids": good.class_ids, "xyxy_px": good.xyxy_px, "masks": good.masks}
    return Example(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"rgb": np.zeros((0, 4, 3), np.uint8)}, "pixels"),
        ({"rgb": np.zeros((4, 4), np.uint8)}, "pixels"),
        ({"class_ids": np.full(5, 2, np.int64)}, "class ids"),
        ({"class_ids": np.full(5, -1, np.int64)}, "class ids"),
        ({"class_ids": np.zeros(1, np.int64)}, "one entry per object"),
        ({"masks": ()}, "one entry per object"),
    ],
)
def test_misshapen_examples_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        fit([misshapen(**changes)], 2)


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="pixels"):
        forest().predict(np.zeros((0, 0, 3), np.uint8))
