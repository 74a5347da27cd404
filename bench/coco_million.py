"""A COCO file of a million boxes on 100,000 images: read, imported into a store layer, and exported again, beside peers.

    python -m bench.coco_million [--images 100000] [--boxes 1000000] [--folder DIR] [--datumaro-python PATH] [--repeat 1]

Peers: datumaro 1.x, which does the same import and export, in an environment of its own (it pins other libraries): give its
python with --datumaro-python or FIRSTPASS_DATUMARO_PYTHON; and pycocotools' loader, which only reads. Every leg runs in a fresh
process, so that its peak memory is its own. Of several repeats the median; processor time is the fairer one on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLASSES = 80


def make(path: Path, images: int, boxes: int) -> None:
    """The file, the same for the same numbers; boxes lie inside their 640x480 images."""
    rng = random.Random(20240601)
    with path.open("w", encoding="utf-8") as out:
        out.write('{"info": {"description": "made up"}, "licenses": [], "images": [')
        for i in range(1, images + 1):
            entry = {"id": i, "file_name": f"{i:07d}.jpg", "width": 640, "height": 480}
            out.write((", " if i > 1 else "") + json.dumps(entry))
        out.write('], "annotations": [')
        for i in range(1, boxes + 1):
            x, y = round(rng.uniform(0, 500), 2), round(rng.uniform(0, 400), 2)
            w, h = round(rng.uniform(4, 640 - x), 2), round(rng.uniform(4, 480 - y), 2)
            entry = {
                "id": i,
                "image_id": rng.randint(1, images),
                "category_id": rng.randint(1, CLASSES),
                "bbox": [x, y, w, h],
                "area": round(w * h, 4),
                "iscrowd": 0,
                "segmentation": [],
            }
            out.write((", " if i > 1 else "") + json.dumps(entry))
        categories = [{"id": i, "name": f"class {i}", "supercategory": "thing"} for i in range(1, CLASSES + 1)]
        out.write('], "categories": ' + json.dumps(categories) + "}")


class Clock:
    """Wall and processor seconds since the last reading, and the process's peak memory."""

    def __init__(self) -> None:
        self.start, self.cpu = time.perf_counter(), time.process_time()

    def lap(self, **more: Any) -> dict[str, Any]:
        """One measurement."""
        seconds, cpu = time.perf_counter() - self.start, time.process_time() - self.cpu
        self.start, self.cpu = time.perf_counter(), time.process_time()
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": seconds, "cpu": cpu, "peak_mib": peak_mib, **more}


def _reading(path: Path, finder: Any) -> Any:
    from firstpass.formats.base import ReadContext
    from firstpass.formats.coco import PLUGIN
    from firstpass.labels import Author

    return PLUGIN.read(path, ReadContext(finder, Author("file", path.name)))


def _good(items: Iterator[Any], problems: list[Any]) -> Iterator[Any]:
    from firstpass.errors import Problem

    for item in items:
        if isinstance(item, Problem):
            problems.append(item)
        else:
            yield item


class Known:
    """Finds the made-up images without a store."""

    def find(self, name: str) -> Any:
        from firstpass.labels import ImageRef

        return ImageRef("", name, name, 640, 480)


def _warm_up() -> None:
    """Imports what ours needs, so that the legs measure the work (what starting up costs is bench.startup's matter)."""
    import numpy as np

    from firstpass.formats import coco
    from firstpass.store import store

    del coco, store
    np.argsort(np.zeros(4))


def leg_read(path: Path, _: Path) -> dict[str, Any]:
    _warm_up()
    clock, problems = Clock(), []
    objects = sum(len(i.objects) for i in _good(_reading(path, Known()).items, problems))
    return {"firstpass, read into values": clock.lap(objects=objects, problems=len(problems))}


def leg_rewrite(path: Path, folder: Path) -> dict[str, Any]:
    from firstpass.formats.base import WriteContext
    from firstpass.formats.coco import PLUGIN
    from firstpass.labels import Ontology

    _warm_up()
    clock, problems = Clock(), []
    reading = _reading(path, Known())
    written = PLUGIN.write(folder / "again.json", _good(reading.items, problems), WriteContext(Ontology(reading.classes)))
    return {"firstpass, read and write, no store": clock.lap(objects=written.objects, problems=len(problems))}


def leg_import(path: Path, folder: Path) -> dict[str, Any]:
    from firstpass import collector
    from firstpass.labels import Author, ImageRef
    from firstpass.store import NewImage, Store

    _warm_up()
    count = json.loads((folder / "numbers.json").read_text())["images"]
    for old in folder.glob("firstpass.db*"):
        old.unlink()
    with Store.open(f"sqlite:///{folder}/firstpass.db", create=True) as store:
        names = (f"{i:07d}.jpg" for i in range(1, count + 1))
        clock, problems = Clock(), []
        store.images.add(NewImage(ImageRef("", name, name, 640, 480)) for name in names)
        registered = clock.lap()
        layer = store.layers.create("imported", Author("file", path.name), "import")
        with collector.paused():  # as stages/import_.py does
            reading = _reading(path, store.images.finder())
            rows = layer.write(_good(reading.items, problems), chunk=2000)
        imported = clock.lap(objects=rows.objects, problems=len(problems))
    return {"firstpass, register images": registered, "firstpass, import into the store": imported}


def leg_export(path: Path, folder: Path) -> dict[str, Any]:
    from firstpass import collector
    from firstpass.formats.base import WriteContext
    from firstpass.formats.coco import PLUGIN
    from firstpass.labels import Ontology
    from firstpass.store import Store

    del path
    _warm_up()
    with Store.open(f"sqlite:///{folder}/firstpass.db") as store:
        clock, layer = Clock(), store.layers.get("imported")
        ontology = Ontology.of(f"class {i}" for i in range(1, CLASSES + 1))
        with collector.paused():  # as stages/export.py does
            written = PLUGIN.write(folder / "exported.json", iter(layer), WriteContext(ontology))
        return {"firstpass, export from the store": clock.lap(objects=written.objects, problems=len(written.problems))}


def leg_pycocotools(path: Path, _: Path) -> dict[str, Any]:
    from pycocotools.coco import COCO

    sys.stdout = sys.stderr
    clock = Clock()
    coco = COCO(str(path))
    lap = clock.lap(objects=len(coco.anns))
    sys.stdout = sys.__stdout__
    return {"pycocotools, load": lap}


def leg_datumaro(path: Path, folder: Path) -> dict[str, Any]:
    import shutil
    from importlib.metadata import version

    import datumaro

    (path.parent.parent / "images").mkdir(exist_ok=True)  # datumaro wants the folder, not the pictures
    clock = Clock()
    data_set = datumaro.Dataset.import_from(str(path.parent.parent), "coco_instances")
    objects = sum(len(item.annotations) for item in data_set)
    imported = clock.lap(objects=objects)
    target = folder / "datumaro"
    shutil.rmtree(target, ignore_errors=True)
    clock = Clock()
    data_set.export(str(target), "coco_instances", save_media=False)
    name = f"datumaro {version('datumaro')}"
    return {f"{name}, import": imported, f"{name}, export": clock.lap(objects=objects)}


LEGS = {name.removeprefix("leg_"): leg for name, leg in list(globals().items()) if name.startswith("leg_")}


def run(python: str, leg: str, path: Path, folder: Path) -> dict[str, Any]:
    """One leg in a fresh process; {} with a printed reason when it fails."""
    command = [python, str(Path(__file__).resolve()), "--leg", leg, "--file", str(path), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        why = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"{leg}: failed: {why}")
        return {}
    return json.loads(lines[-1])


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Per name the run of median seconds, and the highest memory."""
    found: dict[str, Any] = {}
    for name in (runs or [{}])[0]:
        laps = [r[name] for r in runs if name in r]
        times = {key: statistics.median(lap[key] for lap in laps) for key in ("seconds", "cpu")}
        found[name] = {**laps[0], **times, "peak_mib": max(lap["peak_mib"] for lap in laps)}
    return found


def table(found: dict[str, Any]) -> None:
    """All legs, and how many times faster ours are than datumaro's counterparts."""
    print(f"\n{'leg':<40}{'seconds':>9}{'CPU s':>8}{'boxes/s':>12}{'peak MiB':>10}  notes")
    for name, lap in found.items():
        rate = f"{lap['objects'] / lap['seconds']:>12,.0f}" if lap.get("objects") else " " * 12
        notes = f"{lap['problems']} problems" if lap.get("problems") else ""
        print(f"{name:<40}{lap['seconds']:>9.2f}{lap['cpu']:>8.2f}{rate}{lap['peak_mib']:>10.0f}  {notes}")
    for verb, ours in (("import", "firstpass, import into the store"), ("export", "firstpass, export from the store")):
        peer = next((lap for name, lap in found.items() if name.startswith("datumaro") and name.endswith(verb)), None)
        if peer and ours in found:
            wall, cpu = (peer[key] / found[ours][key] for key in ("seconds", "cpu"))
            print(f"{verb}: {wall:.1f} times faster than datumaro ({cpu:.1f} by processor time)")


def main() -> None:
    """Makes the file, runs the legs, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when left out")
    parser.add_argument("--datumaro-python", default=os.environ.get("FIRSTPASS_DATUMARO_PYTHON", ""))
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--leg", choices=LEGS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.leg:
        print(json.dumps(LEGS[args.leg](args.file, args.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="coco-million-") as temporary:
        folder = args.folder or Path(temporary)
        path = folder / "set" / "annotations" / "instances_made.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / "numbers.json").write_text(json.dumps({"images": args.images}))
        make(path, args.images, args.boxes)
        print(f"{args.boxes:,} boxes on {args.images:,} images, {path.stat().st_size / 1e6:.0f} MB")
        legs = [(sys.executable, leg) for leg in LEGS if leg != "datumaro"]
        if args.datumaro_python and Path(args.datumaro_python).exists():
            legs.append((args.datumaro_python, "datumaro"))
        else:
            print("datumaro: left out; give the python of an environment that has it (--datumaro-python)")
        found: dict[str, Any] = {}
        for python, leg in legs:
            found |= median([run(python, leg, path, folder) for _ in range(args.repeat)])
        table(found)


if __name__ == "__main__":
    main()
