"""What the local engine costs: a prelabel run into a real store against a bare decode-and-infer loop, and its memory.

Run: ``python bench/prelabel_overhead.py [--images 2000] [--model yolox_nano.onnx] [--threads 1] [--decode-threads 2]``.
JPEGs are made in a temporary folder (real ones with --from FOLDER, repeated). Without --model: YOLOX-nano beside the checkout
when it is there, else (or with --model small) a small made-up model. Each mode runs in a process of its own; the two alternate,
so that a busy machine hurts both alike; the best of the rounds counts. Processor seconds are told beside wall time: they hold
on a machine that others use too. Peak memory is the process's own, at a quarter and at all of the images.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from firstpass.engines import driver, local
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import Problem
from firstpass.labelers.base import Ask, Task
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Image
from firstpass.media.read import read_image

BESIDE = Path(__file__).parents[2] / "shared" / "weights" / "yolox_nano" / "yolox_nano.onnx"
ASK = Ask(Task.DETECT)


def make_images(folder: Path, count: int, source: Path | None, width: int = 640, height: int = 480) -> list[Path]:
    """`count` JPEGs: copies of the source's, or shapes on noise."""
    import cv2

    own = sorted(source.rglob("*.jpg")) if source else []
    out: list[Path] = []
    random = np.random.default_rng(0)
    for i in range(count):
        path = folder / f"{i:05}.jpg"
        if own:
            path.write_bytes(own[i % len(own)].read_bytes())
        else:
            rgb = cv2.GaussianBlur(random.integers(0, 255, (height, width, 3), dtype=np.uint8), (0, 0), 3)
            for _ in range(6):
                x, y = (int(v) for v in random.integers(0, [width, height]))
                color = tuple(int(v) for v in random.integers(0, 255, 3))
                cv2.circle(rgb, (x, y), int(random.integers(10, 90)), color, -1)
            cv2.imwrite(str(path), rgb, [cv2.IMWRITE_JPEG_QUALITY, 90])
        out.append(path)
    return out


def small_model(path: Path) -> Path:
    """A YOLOv8-like detector of three convolutions and random weights, 416 px, 80 classes."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    widths = [3, 16, 32, 84]
    nodes: list[Any] = []
    weights: list[Any] = [numpy_helper.from_array(np.asarray([0, 84, -1]), "shape")]
    last = "image"
    for i in range(3):
        kernel = (random.standard_normal((widths[i + 1], widths[i], 3, 3)) * 0.05).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        stride = [4, 2, 1][i]
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], strides=[stride, stride], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Sigmoid" if i == 2 else "Relu", [f"c{i}"], [f"r{i}"]))
        last = f"r{i}"
    nodes.append(helper.make_node("Reshape", [last, "shape"], ["out"]))
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 416, 416])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 84, 52 * 52])], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    card = {"decode": "yolov8", "strides": [8], "names": [f"class {i}" for i in range(80)]}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def load(ref: ImageRef) -> Image | Problem:
    rgb = read_image(ref)
    return rgb if isinstance(rgb, Problem) else Image(ref, rgb)


def bare(labeler: Any, refs: list[ImageRef], threads: int, batch: int) -> int:
    """Decode in threads, infer, count: nothing else. The labeler's own work is included, it is what is driven."""
    found = 0
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Any] = deque()
        rest = iter(refs)
        done = False
        images: list[Image] = []
        while not done or waiting:
            while not done and len(waiting) < batch + 2 * threads:
                ref = next(rest, None)
                if ref is None:
                    done = True
                else:
                    waiting.append(pool.submit(load, ref))
            if waiting:
                images.append(waiting.popleft().result())
            if images and (len(images) == batch or not waiting):
                found += sum(len(reply.objects) for reply in labeler.label(images, ASK))
                images = []
    return found


def engine(
    labeler: Any, spec: Any, settings: dict[str, Any], refs: list[ImageRef], threads: int, batch: int, folder: Path
) -> int:
    """The local engine, writing every batch into a layer of a real SQLite store."""
    from firstpass.store.images import NewImage
    from firstpass.store.store import Store

    author = driver.author_of(spec, settings, ASK)
    found = 0
    with Store.open(f"sqlite:///{folder / 'firstpass.db'}", create=True) as store:
        store.images.add(NewImage(ref) for ref in refs)
        layer = store.layers.create("bench", author, "prelabel")
        started = time.perf_counter()

        def sink(items: Sequence[LabeledImage]) -> None:
            nonlocal found
            found += layer.write(items).objects

        report = local.run(
            labeler, spec, refs, load, ASK, sink, author=author, batch_size=batch, decode_threads=threads,
            progress=lambda _: None,
        )  # fmt: skip
        assert report.done == len(refs) == len(layer.looked())
        engine.seconds = time.perf_counter() - started  # type: ignore[attr-defined]
    return found


def one_run(mode: str, folder: Path, args: argparse.Namespace) -> None:
    """In a process of its own: prints seconds, objects and peak memory as JSON."""
    import cv2

    paths = sorted(folder.glob("*.jpg"))[: args.images]
    first = cv2.imread(str(paths[0]))
    sizes = dict.fromkeys(paths, (first.shape[1], first.shape[0]) if not args.source else (0, 0))
    refs = [ImageRef(f"{i:032x}", str(p), p.name, *sizes[p]) for i, p in enumerate(paths)]
    settings = {"model": args.model, "threads": args.threads, "confidence": 0.25}
    labeler, spec = open_labeler("onnx-detector", settings)
    warm = [image for image in map(load, refs[: args.batch]) if isinstance(image, Image)]
    labeler.label(warm, ASK)
    started, used = time.perf_counter(), time.process_time()
    if mode == "bare":
        found = bare(labeler, refs, args.decode_threads, args.batch)
        seconds = time.perf_counter() - started
    else:
        with tempfile.TemporaryDirectory() as where:
            found = engine(labeler, spec, settings, refs, args.decode_threads, args.batch, Path(where))
        seconds = engine.seconds  # type: ignore[attr-defined]
    cpu = time.process_time() - used
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "objects": found, "peak_mb": peak_mb, "images": len(refs)}))


def spawn(mode: str, folder: Path, args: argparse.Namespace, images: int) -> dict[str, Any]:
    words = [sys.executable, __file__, "--mode", mode, "--folder", str(folder), "--model", str(args.model)]
    for name in ("threads", "decode_threads", "batch"):
        words += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    words += ["--images", str(images)] + (["--from", str(args.source)] if args.source else [])
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--model", default="")
    parser.add_argument("--threads", type=int, default=1, help="onnxruntime's")
    parser.add_argument("--decode-threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from", dest="source", type=Path, default=None, help="folder of JPEGs to repeat")
    parser.add_argument("--mode", default="")
    parser.add_argument("--folder", type=Path, default=None)
    args = parser.parse_args()
    if args.mode:
        one_run(args.mode, args.folder, args)
        return
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        if args.model == "small" or (not args.model and not BESIDE.is_file()):
            args.model = str(small_model(folder / "small.onnx"))
        args.model = args.model or str(BESIDE)
        make_images(folder, args.images, args.source)
        runs: dict[str, list[dict[str, Any]]] = {"bare": [], "engine": []}
        for _ in range(args.rounds):
            for mode in runs:
                runs[mode].append(spawn(mode, folder, args, args.images))
        quarter = spawn("engine", folder, args, args.images // 4)
        cpu = {mode: min(r["cpu"] for r in results) for mode, results in runs.items()}
        best = {mode: min(r["seconds"] for r in results) for mode, results in runs.items()}
        assert runs["bare"][0]["objects"] == runs["engine"][0]["objects"]
        report = {
            "model": Path(args.model).name, "images": args.images, "rounds": args.rounds,
            "objects": runs["engine"][0]["objects"], "threads": args.threads, "decode_threads": args.decode_threads,
            "bare_images_per_s": round(args.images / best["bare"], 1),
            "engine_images_per_s": round(args.images / best["engine"], 1),
            "share_of_bare": round(best["bare"] / best["engine"], 3),
            "bare_cpu_s": round(cpu["bare"], 2), "engine_cpu_s": round(cpu["engine"], 2),
            "share_of_bare_cpu": round(cpu["bare"] / cpu["engine"], 3),
            "peak_mb_quarter": round(quarter["peak_mb"]), "peak_mb_all": round(max(r["peak_mb"] for r in runs["engine"])),
            "peak_mb_bare": round(max(r["peak_mb"] for r in runs["bare"])),
        }  # fmt: skip
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
