"""A layer of a million boxes on 100,000 images: what the store takes to write, stream back, filter and count it.

    python bench/store_million.py [--images 100000] [--per-image 10] [--folder DIR]

Prints a table of seconds, rows per second and the peak memory of the process after each step. The labeled images are made on
the fly, as an engine would hand them over; the time that making them takes alone is its own line.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CLASSES = [f"class {n:02d}" for n in range(20)]


def refs(count: int) -> Iterator:
    from firstpass.labels import ImageRef

    for n in range(count):
        yield ImageRef(f"{n:032x}", f"/data/shelf/{n % 97:02d}/{n:08d}.jpg", f"{n % 97:02d}/{n:08d}.jpg", 1920, 1080)


def looks(count: int, per_image: int) -> Iterator:
    from firstpass.labels import Author, Box, Labeled, LabeledImage, ObjectId

    author = Author("labeler", "bench", "1", "run", "0" * 16)
    rng = random.Random(7)
    nothing: dict[str, str] = {}
    for number, ref in enumerate(refs(count)):
        objects = []
        for place in range(per_image):
            x, y, score = rng.random() * 1800, rng.random() * 1000, rng.random()
            object_id = ObjectId(f"{number * per_image + place:016x}")
            objects.append(Labeled(object_id, CLASSES[(number + place) % 20], Box(x, y, x + 99.5, y + 60.25), score, None, nothing))
        yield LabeledImage(ref, author, tuple(objects))


def consume(items: Iterator) -> int:
    return sum(len(item.objects) for item in items)


class Clock:
    """Runs steps and prints one line each."""

    def __init__(self) -> None:
        print(f"{'step':<52}{'seconds':>9}{'rows':>11}{'rows/s':>12}{'peak MiB':>10}")

    def step(self, name: str, work: Callable[[], int]) -> None:
        start = time.perf_counter()
        rows = work()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:<52}{seconds:>9.2f}{rows:>11,}{rows / seconds:>12,.0f}{peak:>10.0f}", flush=True)


def run(folder: Path, images: int, per_image: int) -> None:
    from firstpass.labels import Author
    from firstpass.store import NewImage, Store

    clock = Clock()
    url = f"sqlite:///{folder / 'bench.db'}"
    author = Author("labeler", "bench", "1", "run", "0" * 16)
    clock.step("make the labeled images, without storing", lambda: consume(looks(images, per_image)))
    store = Store.open(url, create=True)
    clock.step("register the images", lambda: store.images.add(NewImage(ref) for ref in refs(images)).new)
    layer = store.layers.create("first", author, "prelabel")
    clock.step("write the layer (making included)", lambda: layer.write(looks(images, per_image)).objects)
    store.close()
    size = (folder / "bench.db").stat().st_size / 2**20

    def reopen() -> int:
        nonlocal store
        store = Store.open(url)
        return 1

    clock.step(f"open the store ({size:.0f} MiB)", reopen)
    layer = store.layers.get("first")
    clock.step("counts by class", lambda: len(layer.counts()))
    clock.step("names looked at", lambda: len(layer.looked()))
    clock.step("layers at a glance", lambda: store.layers.all()[0].images)
    clock.step("table: 2 of 20 classes (10 %)", lambda: len(layer.table(class_names=CLASSES[:2])))
    clock.step("table: score >= 0.9 (10 %)", lambda: len(layer.table(min_score=0.9)))
    clock.step("table: 1 class, score 0.4..0.6 (1 %)", lambda: len(layer.table(class_names=CLASSES[:1], min_score=0.4, max_score=0.6)))
    clock.step("table: first 1,000", lambda: len(layer.table(limit=1000)))
    clock.step("table: all", lambda: len(layer.table()))
    clock.step("one image, 1,000 times", lambda: sum(layer.get(f"{n % 97:02d}/{n:08d}.jpg") is not None for n in range(min(images, 1000))))
    clock.step("stream the layer back", lambda: consume(iter(layer)))
    clock.step("find by path tail, 10,000 times", lambda: find(store, images))
    review = store.layers.create("review", Author("human", "ann"), "review")
    clock.step("review 1,000 images one by one (durable)", lambda: sum(review.write([item]).images for item in looks(min(images, 1000), per_image)))
    clock.step("write the layer a second time (superseding)", lambda: layer.write(looks(images, per_image)).objects)
    clock.step("stream it back again", lambda: consume(iter(layer)))
    clock.step("table: score >= 0.9 again", lambda: len(layer.table(min_score=0.9)))
    clock.step("check", lambda: len(store.check()) + 1)
    store.close()


def find(store: object, images: int) -> int:
    finder = store.images.finder()  # type: ignore[attr-defined]
    return sum(hasattr(finder.find(f"/elsewhere/{n % 97:02d}/{n:08d}.jpg"), "uri") for n in range(min(images, 10_000)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--per-image", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where to put the data base; default: a temporary folder, removed afterwards")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        run(Path(folder), args.images, args.per_image)


if __name__ == "__main__":
    main()
