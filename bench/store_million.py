"""A layer of a million boxes on 100,000 images: what the store takes to write, stream back, filter and count it.

    python bench/store_million.py [--images 100000] [--per-image 10] [--folder DIR]

Prints a table of seconds (wall, and this process's CPU), rows per second and the peak memory of the process after each step.
The labeled images are made on the fly, as an engine would hand them over; making them, without storing, is its own line.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.store import Layer, NewImage, Store

AUTHOR = Author("labeler", "bench", "1", "run", "0" * 16)
NOTHING: dict[str, str] = {}
CLASSES = [f"class {n:02d}" for n in range(20)]


def name_of(number: int) -> str:
    return f"{number % 97:02d}/{number:08d}.jpg"


def refs(count: int) -> Iterator[ImageRef]:
    for n in range(count):
        yield ImageRef(f"{n:032x}", f"/data/shelf/{name_of(n)}", name_of(n), 1920, 1080)


def looks(count: int, per_image: int) -> Iterator[LabeledImage]:
    rng = random.Random(7)
    for number, ref in enumerate(refs(count)):
        objects: list[Labeled] = []
        for place in range(per_image):
            x, y, score = rng.random() * 1800, rng.random() * 1000, rng.random()
            object_id = ObjectId(f"{number * per_image + place:016x}")
            box = Box(x, y, x + 99.5, y + 60.25)
            objects.append(Labeled(object_id, CLASSES[(number + place) % 20], box, score, None, NOTHING))
        yield LabeledImage(ref, AUTHOR, tuple(objects))


def consume(items: Iterable[LabeledImage]) -> int:
    return sum(len(item.objects) for item in items)


class Clock:
    """Runs steps and prints one line each."""

    def __init__(self) -> None:
        print(f"{'step':<50}{'wall s':>8}{'CPU s':>8}{'rows':>11}{'rows/s':>11}{'peak MiB':>10}")

    def step(self, name: str, work: Callable[[], int]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        rows = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:<50}{wall:>8.2f}{cpu:>8.2f}{rows:>11,}{rows / wall:>11,.0f}{peak:>10.0f}", flush=True)


def run(folder: Path, images: int, per_image: int) -> None:
    clock = Clock()
    url = f"sqlite:///{folder / 'bench.db'}"
    some = min(images, 1000)
    clock.step("make the labeled images, without storing", lambda: consume(looks(images, per_image)))
    with Store.open(url, create=True) as store:
        clock.step("register the images", lambda: store.images.add(NewImage(ref) for ref in refs(images)).new)
        layer = store.layers.create("first", AUTHOR, "prelabel")
        clock.step("write the layer (making included)", lambda: layer.write(looks(images, per_image)).objects)
    size = (folder / "bench.db").stat().st_size / 2**20
    clock.step(f"open the store ({size:.0f} MiB) and close it", lambda: opened(url))
    with Store.open(url) as store:
        layer = store.layers.get("first")
        read_steps(clock, store, layer, some)
        clock.step("stream the layer back", lambda: consume(layer))
        review = store.layers.create("review", Author("human", "ann"), "review")
        clock.step("review 1,000 images one by one", lambda: sum(review.write([x]).images for x in looks(some, 9)))
        clock.step("write the layer a second time (superseding)", lambda: layer.write(looks(images, per_image)).objects)
        clock.step("stream it back again", lambda: consume(layer))
        clock.step("table: score >= 0.9 again", lambda: len(layer.table(min_score=0.9)))
        clock.step("table: all", lambda: len(layer.table()))
        clock.step("check", lambda: len(store.check()) + 1)


def read_steps(clock: Clock, store: Store, layer: Layer, some: int) -> None:
    clock.step("counts by class", lambda: len(layer.counts()))
    clock.step("names looked at", lambda: len(layer.looked()))
    clock.step("layers at a glance", lambda: store.layers.all()[0].images)
    clock.step("table: 2 of 20 classes (10 %)", lambda: len(layer.table(class_names=CLASSES[:2])))
    clock.step("table: score >= 0.9 (10 %)", lambda: len(layer.table(min_score=0.9)))
    narrow = {"class_names": CLASSES[:1], "min_score": 0.4, "max_score": 0.6}
    clock.step("table: 1 class, score 0.4..0.6 (1 %)", lambda: len(layer.table(**narrow)))
    clock.step("table: first 1,000", lambda: len(layer.table(limit=1000)))
    clock.step("one image, 1,000 times", lambda: sum(layer.get(name_of(n)) is not None for n in range(some)))
    finder = store.images.finder()
    clock.step("find by path tail, first time (indexing)", lambda: int(isinstance(finder.find(f"/x/{name_of(0)}"), ImageRef)))
    asked = [f"/x/{name_of(n)}" for n in range(some)]
    clock.step("find by path tail, 1,000 times", lambda: sum(isinstance(finder.find(name), ImageRef) for name in asked))


def opened(url: str) -> int:
    with Store.open(url):
        return 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--per-image", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where to put the data base; default: a temporary one, removed afterwards")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        run(Path(folder), args.images, args.per_image)


if __name__ == "__main__":
    main()
