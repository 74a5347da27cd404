"""Any value of a COCO file swapped for another: problems or a FormatError, never another exception, never a bad object."""

import copy
import json
import math
import random

import pytest

from firstpass.errors import FormatError, Problem
from firstpass.formats.base import ReadContext
from firstpass.formats.coco import PLUGIN
from firstpass.labels import Author, ImageRef, geometry

ODD = (
    None, True, 0, -1, 2**70, 1.5, 1e300, float("nan"), float("-inf"), "", "x", "😀", "\ud800", [], {}, [[]], [None],
    [1, 2, 3, 4], [[1, 2, 3]], [[1, 2], [3]], {"size": [1, 1], "counts": "0"}, {"size": [48, 64], "counts": [3072]},
    {"size": [2**40, 2**40], "counts": [1]}, {"size": [48, 64], "counts": ""},
)  # fmt: skip
RING = [10.0, 10.0, 30.0, 10.0, 30.0, 30.0]
BASE = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48, "firstpass_tags": [{"name": "cat", "score": 0.5}]}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, "attributes": {"a": "b"}, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 1, "segmentation": [RING], "text": "t", "keypoints": [1, 2, 2]},
        {"id": 3, "image_id": 1, "category_id": 1, "segmentation": {"size": [48, 64], "counts": [72, 1000, 2000]}},
        {"id": 4, "image_id": 1, "caption": "A cat."},
        {"id": 5, "image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 48], "image_level": True},
    ],
    "categories": [{"id": 1, "name": "cat"}],
}
RESULTS = [{"image_id": "a", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}, {"image_id": 1, "category_id": 1}]


class Finder:
    def find(self, name):
        return ImageRef("", "a.jpg", "a.jpg", 64, 48) if "a.jpg" in name else Problem("", "unknown")


def places(value):
    found = []
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += [(value, key), *places(value[key])]
    return found


@pytest.mark.parametrize("base", [BASE, RESULTS], ids=["dataset", "results"])
def test_swapped_values(base, tmp_path):
    rng, path = random.Random(1), tmp_path / "coco.json"
    for _ in range(400):
        data = copy.deepcopy(base)
        for _ in range(rng.randint(1, 3)):
            holder, key = rng.choice(places(data) or [([0], 0)])
            holder[key] = copy.deepcopy(rng.choice(ODD))
        path.write_text(json.dumps(data))
        try:
            items = list(PLUGIN.read(path, ReadContext(Finder(), Author("file", "x"), ["cat"])).items)
        except FormatError:
            continue
        for item in items:
            if isinstance(item, Problem):
                assert str(item)
                continue
            assert all(math.isfinite(v) for o in item.objects for v in geometry.bounds(o.shape).xyxy_px)
            assert len({o.id for o in item.objects}) == len(item.objects)
