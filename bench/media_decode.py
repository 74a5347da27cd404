"""Images per second of one core, file to upright RGB, beside Pillow and OpenCV; and how two threads scale.

All three read the same files from disk, apply EXIF orientation and give RGB. "1/4": a longest side of a quarter is asked for
(Pillow: `thumbnail`, which drafts; OpenCV: IMREAD_REDUCED_COLOR_4). "probe": size, EXIF and a blake2b digest of the bytes, no
pixels (OpenCV has no such call). Rounds alternate between the three, the best of each counts; ratios say how much faster
Firstpass is.
    python -m bench.media_decode [--rounds 5] [--seconds 0.4]
"""

import argparse
import hashlib
import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from firstpass.errors import Problem
from firstpass.media import probe, read_image

Reader = Callable[[str], object]


def make_files(folder: Path) -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    sets: dict[str, list[str]] = {}
    for title, (width, height), count, kind in (
        ("JPEG 640x480", (640, 480), 24, "JPEG"), ("JPEG 4000x3000", (4000, 3000), 3, "JPEG"),
        ("PNG 640x480", (640, 480), 12, "PNG"),
    ):  # fmt: skip
        sets[title] = []
        for i in range(count):
            small = rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
            soft = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
            noisy = np.clip(soft + rng.normal(0, 2, soft.shape), 0, 255).astype(np.uint8)
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = "Maker", "Model"
            path = folder / f"{title.replace(' ', '-')}-{i}"
            Image.fromarray(noisy).save(path, kind, exif=exif.tobytes(), **({"quality": 90} if kind == "JPEG" else {}))
            sets[title].append(str(path))
    return sets


def pillow_probe(path: str) -> object:
    data = Path(path).read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.getexif().get(0x0112), hashlib.blake2b(data, digest_size=16).hexdigest()


def pillow_full(path: str) -> object:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def pillow_quarter(path: str) -> object:
    with Image.open(path) as image:
        image.thumbnail((max(image.size) // 4,) * 2, Image.Resampling.BOX)
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def cv2_full(path: str) -> object:
    return cv2.imread(path, cv2.IMREAD_COLOR_RGB)


def cv2_quarter(path: str) -> object:
    return cv2.cvtColor(cv2.imread(path, cv2.IMREAD_REDUCED_COLOR_4), cv2.COLOR_BGR2RGB)


def ours_quarter(side_px: int) -> Reader:
    return lambda path: read_image(path, max_side_px=side_px)


def rate(read: Reader, paths: list[str], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or done < len(paths):
        if isinstance(read(paths[done % len(paths)]), Problem):
            raise SystemExit(f"{paths[done % len(paths)]} cannot be read")
        done += 1
    return done / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'':16}{'':12}{'firstpass':>12}{'Pillow':>12}{'ratio':>8}{'OpenCV':>12}{'ratio':>8}   images/s")
    with tempfile.TemporaryDirectory() as temp:
        sets = make_files(Path(temp))
        for title, paths in sets.items():
            quarter_px = int(title.split()[1].split("x")[0]) // 4
            jobs: dict[str, tuple[Reader, Reader, Reader | None]] = {
                "probe": (lambda path: probe(path, "a"), pillow_probe, None),
                "full": (read_image, pillow_full, cv2_full),
                "1/4": (ours_quarter(quarter_px), pillow_quarter, cv2_quarter),
            }
            for job, readers in jobs.items():
                best = [0.0, 0.0, 0.0]
                for _ in range(asked.rounds):
                    best = [max(b, rate(r, paths, asked.seconds)) if r else 0.0 for b, r in zip(best, readers, strict=True)]
                ours, pillow, opencv = best
                last = f"{opencv:12,.0f}{ours / opencv:8.2f}" if opencv else f"{'-':>12}{'-':>8}"
                print(f"{title:16}{job:12}{ours:12,.0f}{pillow:12,.0f}{ours / pillow:8.2f}{last}", flush=True)
        scaling(sets["JPEG 640x480"], asked.rounds)


def read_many(paths: list[str]) -> int:
    return sum(not isinstance(read_image(path), Problem) for path in paths)


def scaling(paths: list[str], rounds: int) -> None:
    """Two processes are the control: where they are no faster than one, the machine has no second core to give just now."""
    pools: dict[str, tuple[int, Executor]] = {
        "1 thread": (1, ThreadPoolExecutor(1)), "2 threads": (2, ThreadPoolExecutor(2)),
        "1 process": (1, ProcessPoolExecutor(1, get_context("spawn"))),
        "2 processes": (2, ProcessPoolExecutor(2, get_context("spawn"))),
    }  # fmt: skip
    best = dict.fromkeys(pools, 0.0)
    for count, pool in pools.values():
        list(pool.map(read_many, [paths] * count * 2))  # starts the workers and imports the decoders
    for _ in range(rounds):
        for name, (count, pool) in pools.items():
            start = time.perf_counter()
            done = sum(pool.map(read_many, [paths * 8] * count))
            best[name] = max(best[name], done / (time.perf_counter() - start))
    for _, pool in pools.values():
        pool.shutdown()
    threads, processes = best["2 threads"] / best["1 thread"], best["2 processes"] / best["1 process"]
    print(", ".join(f"{name} {value:,.0f}/s" for name, value in best.items()))
    print(f"two threads: {threads:.2f} times one; two processes, the control: {processes:.2f} times one")


if __name__ == "__main__":
    main()
