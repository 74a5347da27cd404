"""kill -9 at random moments of import and prelabel: after the same command again, the store equals an undisturbed run."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from firstpass import Project

KILLS = 6  # per verb in the test run; bench/kill.py does 20


def contents(shelf):
    with Project.open(shelf) as project:
        images = [(ref.name, ref.digest, ref.width_px, ref.height_px) for ref in project.store.images.all()]
        layers = {info.name: [(item.image.name, item.objects, item.tags) for item in project.layers[info.name]]
                  for info in project.store.layers.all() if info.images}  # fmt: skip
        history = {name: max((len(list(project.layers[name].history(i[0]))) for i in images), default=0) for name in layers}
    return images, layers, history


def killed_at(command, delay_s):
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay_s)
    running.send_signal(signal.SIGKILL)
    running.wait()


@pytest.mark.slow
def test_killed_and_run_again_equals_undisturbed(firstpass, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(600):
        Image.new("RGB", (40, 30), (i % 256, i // 256, 7)).save(photos / f"{i:04}.png")
    coco = {
        "images": [{"id": i, "file_name": f"{i:04}.png", "width": 40, "height": 30} for i in range(600)],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": n, "image_id": n % 600, "category_id": 1, "bbox": [1 + n % 9, 2, 5, 6], "area": 30, "iscrowd": 0}
            for n in range(6000)
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    base = [sys.executable, "-m", "firstpass"]
    steps = {
        "images": ["import", "{shelf}"],
        "labels": ["import", "{shelf}", str(tmp_path / "coco.json")],
        "prelabel": ["prelabel", "{shelf}", "--labeler", "fake", "--layer", "first", "--batch-size", "4"],
    }
    calm, disturbed = tmp_path / "calm", tmp_path / "disturbed"
    for shelf in (calm, disturbed):
        Project.create(shelf, images=str(photos), classes=["a"]).close()
    rng = random.Random(5)
    for words in steps.values():
        start = time.perf_counter()
        firstpass(*[w.format(shelf=calm) for w in words], check=0)
        whole_s = time.perf_counter() - start
        command = [*base, *[w.format(shelf=disturbed) for w in words]]
        for _ in range(KILLS):
            killed_at(command, rng.uniform(0.15, whole_s))
        firstpass(*[w.format(shelf=disturbed) for w in words], check=0)
    assert contents(calm) == contents(disturbed)
    assert set(contents(disturbed)[2].values()) == {1}, "an image was written twice"
