"""Average precision, held to pycocotools."""

import contextlib
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from firstpass.errors import UnknownClass, UsageError
from firstpass.labels import Ontology, geometry, rle
from firstpass.metrics.average_precision import ap

NAMES = ("cat", "dog", "cow")
ONTOLOGY = Ontology.of(NAMES)


def oracle(pairs, iou_type):
    """COCO's own summary and per-class figures."""
    images, truths, offers = [], [], []

    def row(o, number, image):
        b = geometry.bounds(o.shape)
        out = {"image_id": number, "category_id": NAMES.index(o.class_name) + 1, "bbox": [b.x1, b.y1, b.width_px, b.height_px]}
        if iou_type == "segm":
            out["segmentation"] = rle.to_coco(geometry.to_mask(o.shape, image.height_px, image.width_px))
        return out | {"area": geometry.area_px(o.shape)}

    for number, (offered, truth) in enumerate(pairs, 1):
        images.append({"id": number, "width": truth.image.width_px, "height": truth.image.height_px})
        for o in truth.objects:
            truths.append(row(o, number, truth.image) | {"id": len(truths) + 1, "iscrowd": int("iscrowd" in o.attributes)})
        offers += [row(o, number, truth.image) | {"score": o.score} for o in (offered.objects if offered else ())]
    with contextlib.redirect_stdout(io.StringIO()):
        side = COCO()
        side.dataset = {
            "images": images,
            "annotations": truths,
            "categories": [{"id": k + 1, "name": n} for k, n in enumerate(NAMES)],
        }
        side.createIndex()
        evaluation = COCOeval(side, side.loadRes(offers), iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]
    per_class = {n: p[p > -1].mean() if (p := precision[:, :, k]).max() > -1 else math.nan for k, n in enumerate(NAMES)}
    return [v if v > -1 else math.nan for v in evaluation.stats[:3]], per_class


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(12))
def test_equals_pycocotools_on_random_sets(make, seed, iou_type):
    rng = np.random.default_rng(seed)
    names = NAMES[: 1 + seed % 3]
    pairs = [make.random_pair(rng, str(k), names, masks=iou_type == "segm") for k in range(1 + seed * 3)]
    if not any(p.objects for p, _ in pairs):
        pairs.append((make.image([make.obj(make.box(0), score=0.5)], name="more"), make.image(name="more")))
    got = ap(pairs, ONTOLOGY, iou_type)
    means, per_class = oracle(pairs, iou_type)
    assert [got.ap, got.ap50, got.ap75] == pytest.approx(means, abs=1e-9, nan_ok=True)
    assert {n: c.ap for n, c in got.per_class.items()} == pytest.approx(per_class, abs=1e-9, nan_ok=True)


def test_more_than_a_hundred_proposals_are_cut_as_coco_does(make):
    rng = np.random.default_rng(0)
    truth = make.image([make.obj(make.box(x, y, 6)) for x in range(0, 90, 8) for y in range(0, 90, 8)])
    offered = make.image([make.obj(o.shape, score=float(s)) for o, s in zip(truth.objects, rng.random(144), strict=False)])
    means, _ = oracle([(offered, truth)], "bbox")
    assert ap([(offered, truth)], ONTOLOGY).ap == pytest.approx(means[0], abs=1e-9)
    assert ap([(offered, truth)], ONTOLOGY, max_proposals=1000).ap == 1.0


def test_perfect_proposals_score_one_and_none_zero(make):
    truth = make.image([make.obj(make.box(0)), make.obj(make.box(30), "dog")])
    offered = make.image([make.obj(make.box(0), score=0.9), make.obj(make.box(30), "dog", 0.8)])
    assert ap([(offered, truth)], ONTOLOGY).ap == pytest.approx(1.0)
    assert ap([(None, truth)], ONTOLOGY).ap == 0.0
    assert ap([(make.image(), truth)], ONTOLOGY).ap50 == 0.0


def test_class_without_truth_is_left_out_of_the_mean(make):
    truth = make.image([make.obj(make.box(0))])
    got = ap([(make.image([make.obj(make.box(0), score=0.9), make.obj(make.box(50), "dog", 0.9)]), truth)], ONTOLOGY)
    assert got.ap == pytest.approx(1.0)
    assert math.isnan(got.per_class["dog"].ap)
    assert (got.per_class["dog"].truth_count, got.per_class["dog"].proposal_count) == (0, 1)


def test_no_truth_no_image_no_class_give_nan(make):
    assert math.isnan(ap([(make.image(), make.image())], ONTOLOGY).ap)
    assert math.isnan(ap([], ONTOLOGY).ap)
    assert math.isnan(ap([], Ontology()).ap)


def test_bad_input_is_refused_with_a_reason(make):
    truth = make.image([make.obj(make.box(0))])
    with pytest.raises(UsageError, match=r"x gave 'cat' on a\.png no score"):
        ap([(make.image([make.obj(make.box(0))]), truth)], ONTOLOGY)
    with pytest.raises(UsageError, match="comes twice"):
        ap([(None, truth), (None, truth)], ONTOLOGY)
    with pytest.raises(UnknownClass):
        ap([(None, make.image([make.obj(make.box(0), "emu")]))], ONTOLOGY)


def test_box_counts_as_its_rectangle_among_masks(make):
    truth = make.image([make.obj(make.mask(10, 20))])
    assert ap([(make.image([make.obj(make.box(10, 20), score=1)]), truth)], ONTOLOGY, "segm").ap == pytest.approx(1.0)
