"""Takes labels out: one layer, in any format, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from firstpass import collector, registry
from firstpass.errors import FormatError, Problem, UsageError
from firstpass.formats.base import WriteContext
from firstpass.labels import ImageRef, Labeled, LabeledImage, PackedObjects
from firstpass.media import Limits, read_bytes
from firstpass.project import Project


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written where. hidden: proposals left out for their score. problems: what could not be written as it was."""

    path: Path
    format: str
    layer: str
    images: int
    objects: int
    hidden: int
    problems: tuple[Problem, ...] = ()


def export(
    project: Project,
    format: str,  # noqa: A002  # the word the command line uses
    path: str | Path,
    *,
    layer: str | None = None,
    min_score: float | None = None,
    copy_images: bool = False,
    class_names: Collection[str] | None = None,
    splits: Mapping[str, str] | None = None,
) -> ExportReport:
    """Writes a layer (None = the reviewed labels) to `path`.

    min_score: leave out objects below it; objects without a score stay. class_names: only these classes. copy_images: put the
    images beside the labels where the format has a place for them. Raises UsageError for an empty or unknown layer, FormatError
    when the target is refused (exists and is not empty, no room, read-only); then nothing is left behind.
    """
    plugin = registry.find("formats", format)
    if not plugin.spec.writes:
        raise UsageError(f"format {plugin.name} is read-only")
    source = project.layers.get(layer) if layer else project.reviewed
    if not len(source):
        names = ", ".join(info.name for info in project.store.layers.all() if info.images) or "none"
        raise UsageError(f"layer {source.name} is empty: nothing to export; layers with labels: {names} (--layer NAME)")
    hidden = 0

    def shown() -> Iterator[LabeledImage]:
        nonlocal hidden
        for labeled in source:
            kept = _kept(labeled.objects, min_score, class_names)
            hidden += len(labeled.objects) - len(kept)
            tags = tuple(t for t in labeled.tags if class_names is None or t.kind != "class" or t.name in class_names)
            yield (
                labeled
                if len(kept) == len(labeled.objects) and tags == labeled.tags
                else replace(labeled, objects=kept, tags=tags)
            )

    context = WriteContext(project.ontology, copy_image if copy_images else None, splits or {})
    target = Path(path)
    try:
        with collector.paused():
            written = plugin.factory.write(target, shown(), context)
    except OSError as error:
        raise FormatError(f"{target}: cannot be written: {error.strerror or error}; nothing was left behind") from error
    return ExportReport(target, plugin.name, source.name, written.images, written.objects, hidden, written.problems)


def _kept(
    objects: tuple[Labeled, ...] | PackedObjects, min_score: float | None, class_names: Collection[str] | None
) -> tuple[Labeled, ...] | PackedObjects:
    """The objects of a score of at least min_score, or of none, and of one of the classes; None = any."""
    if min_score is None and class_names is None:
        return objects
    if isinstance(objects, PackedObjects):
        keep = np.ones(len(objects), np.bool_) if class_names is None else objects.of_classes(class_names)
        return objects.where(keep if min_score is None else keep & ~(objects.scores < min_score))
    return tuple(
        o
        for o in objects
        if (min_score is None or o.score is None or o.score >= min_score)
        and (class_names is None or o.class_name in class_names)
    )


def copy_image(ref: ImageRef, target: Path) -> Problem | None:
    """Puts the image's file at `target`: a hard link where the file system allows, else a copy. A missing file is a Problem."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if "://" in ref.uri:
            data = read_bytes(ref.uri, ref.name, Limits())
            if isinstance(data, Problem):
                return data
            target.write_bytes(data)
            return None
        try:
            os.link(ref.uri, target)
        except OSError:
            shutil.copyfile(ref.uri, target)
    except OSError as error:
        return Problem(ref.name, f"image file cannot be copied: {error.strerror or error}", "a readable file at " + ref.uri)
    return None
