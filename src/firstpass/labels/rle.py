"""COCO run-length masks: column-major runs, background first, compressed to ASCII (Lin et al., 2014; `maskApi.c`).

The work is done by pycocotools, the reference implementation; this room fixes the types and refuses bad input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels.shapes import Mask, Polygon

BoolMask = NDArray[np.bool_]


def _api() -> Any:
    from pycocotools import mask  # type: ignore[import-untyped]  # lazily: 20 ms that `firstpass --help` need not pay

    return mask


def encode(mask: NDArray[Any]) -> Mask:
    """A (height, width) array, nonzero = object, as a Mask. Raises ValueError unless it is 2D and not empty in size."""
    if mask.ndim != 2:
        raise ValueError(f"a mask must have shape (height, width), but got {mask.shape}")
    height_px, width_px = mask.shape
    rle = _api().encode(np.asfortranarray(mask != 0, dtype=np.uint8))
    return Mask(int(height_px), int(width_px), rle["counts"].decode("ascii"))


def decode(mask: Mask) -> BoolMask:
    """The (height, width) bool array of a Mask."""
    runs = runs_of(mask.counts)
    inside = np.arange(runs.size) % 2 == 1
    return np.repeat(inside, runs).reshape(mask.width_px, mask.height_px).T


def to_coco(mask: Mask) -> dict[str, Any]:
    """The dictionary that pycocotools takes: ``{"size": [height, width], "counts": bytes}``."""
    return {"size": [mask.height_px, mask.width_px], "counts": mask.counts.encode("ascii")}


def from_counts(counts: Sequence[int], height_px: int, width_px: int) -> Mask:
    """A Mask from uncompressed runs, background first. Raises ValueError unless the runs fill the image exactly."""
    if any(n < 0 for n in counts):
        raise ValueError("run lengths must not be negative")
    if sum(counts) != height_px * width_px:
        raise ValueError(f"runs cover {sum(counts)} pixels, but the image has {width_px}x{height_px}")
    rle = _api().frPyObjects({"size": [height_px, width_px], "counts": list(counts)}, height_px, width_px)
    return Mask(height_px, width_px, rle["counts"].decode("ascii"))


def from_compressed(counts: str | bytes, height_px: int, width_px: int) -> Mask:
    """A Mask from COCO's compressed string. Raises ValueError unless its runs fill the image exactly."""
    text = counts.decode("ascii", "replace") if isinstance(counts, bytes) else counts
    runs = runs_of(text)
    if int(runs.sum()) != height_px * width_px or (runs < 0).any():
        raise ValueError(f"runs cover {int(runs.sum())} pixels, but the image has {width_px}x{height_px}")
    return Mask(height_px, width_px, text)


def runs_of(counts: str) -> NDArray[np.int64]:
    """The run lengths in a compressed string. Raises ValueError where it is cut off or holds a foreign character.

    Format: groups of 5 bits, low first, bit 6 = more follows, offset 48; from the 3rd run on the difference to the
    run two before is stored (maskApi.c, rleFrString).
    """
    codes = np.frombuffer(counts.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        raise ValueError("an empty run-length string")
    if ((codes < 0) | (codes > 63)).any():
        raise ValueError("a character outside the run-length alphabet")
    ends = np.flatnonzero((codes & 32) == 0)
    if ends.size == 0 or ends[-1] != codes.size - 1:
        raise ValueError("the run-length string is cut off")
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) > 11:
        raise ValueError("a run length too large for any image")
    shift = 5 * (np.arange(codes.size) - np.repeat(starts, ends - starts + 1))
    values = np.add.reduceat((codes & 31) << shift, starts)
    bits = 5 * (ends - starts + 1)
    values = np.where((codes[ends] & 16) != 0, values - (np.int64(1) << bits), values)
    for phase in (1, 0):  # runs 3, 5, … add to the run two before; the first run of each parity stands alone
        first = 1 if phase else 2
        values[first::2] = np.cumsum(values[first::2])
    return values


def area_px(mask: Mask) -> int:
    """How many pixels the mask covers."""
    return int(_api().area(to_coco(mask)))


def bounding_xyxy(mask: Mask) -> tuple[float, float, float, float]:
    """The tight box (left, top, right, bottom) in pixels; zeros for an empty mask."""
    x, y, w, h = (float(v) for v in _api().toBbox(to_coco(mask)))
    return (x, y, x + w, y + h)


def iou_matrix(a: Sequence[Mask], b: Sequence[Mask]) -> NDArray[np.float32]:
    """(n,) and (m,) masks of one image -> (n, m) IoU in 0..1; shape (n, 0) or (0, m) when one side is empty."""
    if not a or not b:
        return np.zeros((len(a), len(b)), np.float32)
    ious = _api().iou([to_coco(m) for m in a], [to_coco(m) for m in b], [0] * len(b))
    return np.asarray(ious, np.float32).reshape(len(a), len(b))


def from_polygon(polygon: Polygon, height_px: int, width_px: int) -> Mask:
    """The polygon filled by COCO's own rule, holes cut out, clipped to the image."""
    api = _api()

    def fill(rings: list[list[float]]) -> Mask:
        merged = api.merge(api.frPyObjects(rings, height_px, width_px))
        return Mask(height_px, width_px, merged["counts"].decode("ascii"))

    flat = [[v for xy in part.outer for v in xy] for part in polygon.parts]
    holes = [[v for xy in hole for v in xy] for part in polygon.parts for hole in part.holes]
    if not holes:
        return fill(flat)
    return encode(decode(fill(flat)) & ~decode(fill(holes)))
