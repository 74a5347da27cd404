"""kill -9 at 20 random moments of import and of prelabel; after the same command again the store must equal an undisturbed run.

Prints one row per verb: kills that hit a running command, images in the end, and whether the stores are equal.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from firstpass import Project

KILLS, IMAGES = 20, 1500


def contents(shelf: Path) -> tuple:
    with Project.open(shelf) as project:
        images = [(r.name, r.digest, r.width_px, r.height_px) for r in project.store.images.all()]
        layers = {
            info.name: [(item.image.name, item.objects, item.tags) for item in project.layers[info.name]]
            for info in project.store.layers.all()
        }
        twice = sum(len(project.layers[name].history(r[0])) > 1 for name in layers for r in images)
    return images, layers, twice


def run(words: list[str], kill_after_s: float | None = None) -> tuple[float, bool]:
    start = time.perf_counter()
    command = [sys.executable, "-m", "firstpass", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
    hit = kill_after_s is not None and process.poll() is None
    if hit:
        process.send_signal(signal.SIGKILL)
    process.wait()
    return time.perf_counter() - start, hit


def main() -> None:
    rng = random.Random(11)
    with tempfile.TemporaryDirectory() as temp:
        photos = Path(temp) / "photos"
        photos.mkdir()
        for i in range(IMAGES):
            Image.new("RGB", (64, 48), (i % 256, i // 256, 7)).save(photos / f"{i:05}.png")
        coco = {
            "images": [{"id": i, "file_name": f"{i:05}.png", "width": 64, "height": 48} for i in range(IMAGES)],
            "categories": [{"id": 1, "name": "a"}],
            "annotations": [
                {"id": n, "image_id": n % IMAGES, "category_id": 1, "bbox": [1 + n % 9, 2, 5, 6], "area": 30, "iscrowd": 0}
                for n in range(20 * IMAGES)
            ],
        }
        labels = Path(temp) / "coco.json"
        labels.write_text(json.dumps(coco), encoding="utf-8")
        calm, disturbed = Path(temp) / "calm", Path(temp) / "disturbed"
        for shelf in (calm, disturbed):
            Project.create(shelf, images=str(photos), classes=["a"]).close()
        steps = {
            "import images": ["import", "SHELF"],
            "import labels": ["import", "SHELF", str(labels)],
            "prelabel": ["prelabel", "SHELF", "--labeler", "fake", "--layer", "first", "--batch-size", "4"],
        }
        print(f"{'verb':14} {'kills':>5} {'images':>7} {'objects':>8} {'written twice':>13} {'equal':>6}")
        for verb, words in steps.items():
            whole_s, _ = run([w.replace("SHELF", str(calm)) for w in words])
            again = [w.replace("SHELF", str(disturbed)) for w in words]
            hits = 0
            for _ in range(4 * KILLS):
                hits += run(again, rng.uniform(0.2, whole_s * 0.9))[1]
                if hits == KILLS:
                    break
            run(again)
            a, b = contents(calm), contents(disturbed)
            objects = sum(len(item[1]) for layer in b[1].values() for item in layer)
            print(f"{verb:14} {hits:5} {len(b[0]):7} {objects:8} {b[2]:13} {a[:2] == b[:2]!s:>6}", flush=True)


if __name__ == "__main__":
    main()
