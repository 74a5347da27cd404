"""Where the real labeled data sets are, and a line that says so when they are not."""

import os
from pathlib import Path

DATA = Path(os.environ.get("FIRSTPASS_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = Path(os.environ.get("FIRSTPASS_WEIGHTS", DATA.parent / "weights"))


def data_sets() -> list[Path]:
    """The folders that hold images/ and coco.json; prints why when there are none."""
    found = sorted(p.parent for p in DATA.glob("*/coco.json")) if DATA.is_dir() else []
    if not found:
        print(f"no labeled data sets in {DATA}: set FIRSTPASS_DATA to a folder of <set>/images and <set>/coco.json")
    return found
