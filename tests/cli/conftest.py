"""A small project's worth of files, and a way to run the command as a person does."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def firstpass(tmp_path):
    def run(*words, check=None):
        command = [sys.executable, "-m", "firstpass", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=240)
        result = Done(done.returncode, done.stdout, done.stderr)
        if check is not None:
            assert result.code == check, result
        return result

    return run


def make_photos(folder: Path, count: int, *, seed: int = 0, size_wh_px=(96, 72)) -> dict:
    """Dark disks on light noise; returns their COCO file's content."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    width, height = size_wh_px
    coco = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "disk"}]}
    ys, xs = np.mgrid[:height, :width]
    for i in range(count):
        picture = rng.integers(180, 230, (height, width, 3)).astype(np.uint8)
        coco["images"].append({"id": i + 1, "file_name": f"p{i:03}.png", "width": width, "height": height})
        for k in range(3):
            x, y, r = 16 + 30 * k + rng.integers(-4, 5), rng.integers(14, height - 14), rng.integers(7, 11)
            picture[(xs - x) ** 2 + (ys - y) ** 2 <= r * r] = (60, 40, 120)
            box = [int(x - r), int(y - r), int(2 * r + 1), int(2 * r + 1)]
            annotation = {"id": len(coco["annotations"]) + 1, "image_id": i + 1, "category_id": 1, "bbox": box, "iscrowd": 0}
            coco["annotations"].append({**annotation, "area": box[2] * box[3]})
        Image.fromarray(picture).save(folder / f"p{i:03}.png")
    return coco


@pytest.fixture
def photos(tmp_path):
    """A folder of 12 pictures and their COCO file."""
    coco = make_photos(tmp_path / "photos", 12)
    (tmp_path / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    return tmp_path / "photos"


@pytest.fixture
def shelf(tmp_path, photos, firstpass):
    """A project over the pictures, labels imported into the layer `coco`."""
    firstpass("init", "shelf", "--images", photos, "--labels", "coco.json", check=0)
    return tmp_path / "shelf"
