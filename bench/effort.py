"""Expert seconds saved, whole session from zero labels, by a simulated expert, on every real data set.

For each set: `firstpass init` on its images, then `firstpass simulate --json` with its COCO file as truth.
    python -m bench.effort [--labeler NAME] [--seeds 0,1,2] [--save FILE] [SET …]
--save adds each session's whole answer (actions, classes, curve) to FILE, one JSON object a line.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._data import data_sets

COLUMNS = ("set", "seed", "images", "saved at 7.0", "saved at 25.5", "masks", "tags", "F1@0.5", "hours", "machine s", "wall s")


def session(folder: Path, labeler: str, seed: int) -> dict:
    with tempfile.TemporaryDirectory() as temp:
        shelf = Path(temp) / "shelf"
        firstpass = [sys.executable, "-m", "firstpass"]
        init = [*firstpass, "init", str(shelf), "--images", str(folder / "images"), "--json"]
        done = subprocess.run(init, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            return {"error": done.stderr.strip().splitlines()[-1]}
        run = [
            *firstpass,
            "simulate",
            str(shelf),
            "--truth",
            str(folder / "coco.json"),
            *(["--labeler", labeler] if labeler else []),
        ]
        start = time.perf_counter()
        done = subprocess.run(
            [*run, "--seed", str(seed), "--no-pictures", "--json"], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 3):
            return {"error": done.stderr.strip().splitlines()[-1]}
        return {**json.loads(done.stdout), "wall_s": time.perf_counter() - start}


def row(name: str, seed: int, result: dict) -> str:
    if "error" in result:
        return f"{name:16} {seed:4}  failed: {result['error']}"
    saved = result["saved_fraction"]

    def share(key: str) -> str:
        return f"{saved[key]:.1%}" if key in saved else "–"

    cells = [
        name, seed, result["curve"][-1]["labeled"] if result["curve"] else 0, share("7.0"), share("25.5"), share("mask"),
        share("tag"), f"{result['labels_f1_50']:.3f}", f"{result['seconds'] / 3600:.2f}", f"{result['machine_seconds']:.0f}",
        f"{result['wall_s']:.0f}",
    ]  # fmt: skip
    return "  ".join(
        str(c).rjust(len(h)) if i else str(c).ljust(16) for i, (c, h) in enumerate(zip(cells, COLUMNS, strict=True))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--labeler", default="")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    print("  ".join(h if i else h.ljust(16) for i, h in enumerate(COLUMNS)))
    for folder in data_sets():
        if options.sets and folder.name not in options.sets:
            continue
        for seed in map(int, options.seeds.split(",")):
            result = session(folder, options.labeler, seed)
            print(row(folder.name, seed, result), flush=True)
            if options.save:
                with options.save.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps({"set": folder.name, **result}) + "\n")


if __name__ == "__main__":
    main()
