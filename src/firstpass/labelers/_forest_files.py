"""Saving a fitted forest to a folder and reading it back: arrays as npz without pickle, the rest as JSON."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from firstpass.labelers._forest_calibration import Calibrator
from firstpass.labelers._forest_candidates import ClassSizes
from firstpass.labelers._forest_features import GridSpec
from firstpass.labelers._forest_second import Suppression
from firstpass.labelers._forest_training import Stages
from firstpass.labelers._forest_trees import TreeBank
from firstpass.labelers._forest_types import Learned, OutOfSample, Proposals

Arrays: TypeAlias = dict[str, NDArray[Any]]
FORMAT = 1
ARRAYS_NAME = "forest.npz"
HEAD_NAME = "forest.json"


def save_parts(folder: Path, n_classes: int, learned: Learned | None, out_of_sample: OutOfSample) -> None:
    """Write a model to a folder, made if missing. Raises OSError when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: Arrays = _out_of_sample_arrays(out_of_sample)
    head: dict[str, Any] = {
        "format": FORMAT,
        "n_classes": n_classes,
        "learned": learned is not None,
    }
    if learned is not None:
        head |= {
            "cell_px": learned.spec.cell_px,
            "sigmas_cells": list(learned.spec.sigmas_cells),
            "across": learned.rule.across,
            "n_slots": len(learned.sizes),
            "masker": learned.stages.masker is not None,
            "biases": [learned.match.bias, learned.good.bias],
        }
        arrays |= _learned_arrays(learned)
    np.savez_compressed(folder / ARRAYS_NAME, allow_pickle=False, **arrays)
    (folder / HEAD_NAME).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


def load_parts(folder: Path) -> tuple[int, Learned | None, OutOfSample]:
    """Return (n_classes, learned, out_of_sample) of :func:`save_parts`.

    Raises OSError for missing files, ValueError for another format or damaged files, KeyError for missing parts.
    """
    read: object = json.loads((folder / HEAD_NAME).read_text(encoding="utf-8"))
    head = cast(dict[str, Any], read) if isinstance(read, dict) else {}
    if head.get("format") != FORMAT:
        raise ValueError(f"{folder / HEAD_NAME}: format {head.get('format')!r}, expected {FORMAT}")
    try:
        with (folder / ARRAYS_NAME).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays: Arrays = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, TypeError) as error:  # TypeError: a lone array, no archive
        raise ValueError(f"{folder / ARRAYS_NAME}: damaged: {error}") from error
    learned = _read_learned(head, arrays) if head["learned"] else None
    return int(head["n_classes"]), learned, _read_out_of_sample(head, arrays)


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {f"{prefix}.{name}": value for name, value in arrays.items()}


def _part(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name[len(prefix) + 1 :]: value for name, value in arrays.items() if name.startswith(prefix + ".")}


def _learned_arrays(learned: Learned) -> Arrays:
    stages = learned.stages
    arrays: Arrays = {"class_of_slot": learned.class_of_slot, "within": learned.rule.within}
    for index, size in enumerate(learned.sizes):
        arrays[f"size.{index}"] = size.prototypes_px
    for name, bank in (("pixels", stages.pixels), ("refiner", stages.refiner), ("scorer", stages.scorer)):
        arrays |= _prefixed(name, bank.to_arrays())
    if stages.masker is not None:
        arrays |= _prefixed("masker", stages.masker.to_arrays())
    for name, model in (("match", learned.match), ("good", learned.good)):
        parts: Arrays = {"mean": model.mean, "scale": model.scale, "weights": model.weights, "offsets": model.offsets}
        arrays |= _prefixed(name, parts)
    return arrays


def _read_learned(head: Mapping[str, Any], arrays: Arrays) -> Learned:
    banks = {name: TreeBank.from_arrays(_part(name, arrays)) for name in ("pixels", "refiner", "scorer")}
    masker = TreeBank.from_arrays(_part("masker", arrays)) if head["masker"] else None
    calibrators = [
        Calibrator(p["mean"], p["scale"], p["weights"], float(bias), p["offsets"])
        for p, bias in zip((_part("match", arrays), _part("good", arrays)), head["biases"], strict=True)
    ]
    return Learned(
        arrays["class_of_slot"],
        tuple(ClassSizes(arrays[f"size.{index}"]) for index in range(int(head["n_slots"]))),
        GridSpec(float(head["cell_px"]), tuple(float(s) for s in head["sigmas_cells"])),
        Suppression(arrays["within"], float(head["across"])),
        Stages(banks["pixels"], banks["refiner"], banks["scorer"], masker),
        calibrators[0],
        calibrators[1],
    )


def _out_of_sample_arrays(record: OutOfSample) -> Arrays:
    arrays: Arrays = {"oos.images": record.images, "oos.counts": np.array([len(p.scores) for p in record.proposals], np.int64)}
    if not record.proposals:
        return arrays
    for name in ("class_ids", "xyxy_px", "scores", "good_scores"):
        arrays[f"oos.{name}"] = np.concatenate([getattr(p, name) for p in record.proposals])
    masks = [m for p in record.proposals for m in p.masks or ()]
    if masks:
        arrays["oos.mask_shapes"] = np.array([m.shape for m in masks], dtype=np.int64)
        arrays["oos.mask_bits"] = np.packbits(np.concatenate([m.ravel() for m in masks]))
    return arrays


def _read_out_of_sample(head: Mapping[str, Any], arrays: Arrays) -> OutOfSample:
    counts = arrays["oos.counts"]
    if len(counts) == 0:
        return OutOfSample(arrays["oos.images"], ())
    masks = _read_masks(arrays) if head["masker"] else None
    ends = np.cumsum(counts)
    proposals = [
        Proposals(
            arrays["oos.class_ids"][end - count : end],
            arrays["oos.xyxy_px"][end - count : end],
            arrays["oos.scores"][end - count : end],
            arrays["oos.good_scores"][end - count : end],
            None if masks is None else tuple(masks[end - count : end]),
        )
        for end, count in zip(ends.tolist(), counts.tolist(), strict=True)
    ]
    return OutOfSample(arrays["oos.images"], tuple(proposals))


def _read_masks(arrays: Arrays) -> list[NDArray[np.bool_]]:
    if "oos.mask_shapes" not in arrays:
        return []
    shapes: list[list[int]] = arrays["oos.mask_shapes"].tolist()
    ends = np.cumsum([h * w for h, w in shapes]).tolist()
    bits = np.unpackbits(arrays["oos.mask_bits"], count=int(ends[-1])).astype(np.bool_)
    return [bits[end - h * w : end].reshape(h, w) for end, (h, w) in zip(ends, shapes, strict=True)]
