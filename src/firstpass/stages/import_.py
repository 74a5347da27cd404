"""Brings images and labels in. Everything good comes in; everything else is a problem with place and remedy.

Both can be killed and run again: what is there already is passed over, so the end is the same as of an undisturbed run.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from firstpass import collector, registry
from firstpass.errors import FormatError, Problem, UsageError
from firstpass.formats.base import ReadContext, Sniff
from firstpass.labels import Author, ImageRef, Labeled, LabeledImage, PackedObjects
from firstpass.media import Probed, join_uri, probe, scan
from firstpass.project import Project
from firstpass.store import Layer, LayerKind, NewImage

T = TypeVar("T")
CHUNK_IMAGES = 500
CHUNK_LABELS = 2_000  # labeled images written at once: what a kill can cost is a tenth of a second's work
Progress = Callable[[int, int | None], None]  # done, total or None when unknown


@dataclass(frozen=True, slots=True)
class ImagesReport:
    """found: image files in the folder. new, known, changed: as the store took them. problems: files left out, and why."""

    found: int
    new: int
    known: int
    changed: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelsReport:
    """What a label file brought. already: images passed over because an earlier, broken-off import had written them."""

    layer: str
    format: str
    images: int
    objects: int
    tags: int
    already: int
    placeholders: int
    new_classes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def words(self) -> str:
        """What came in, in one line."""
        tags = f" and {self.tags:,} tags" if self.tags else ""
        return f"{self.objects:,} objects{tags} on {self.images:,} images → layer {self.layer} ({self.format})"


def create_project(path: str | Path, *, images: str, classes: Sequence[str] = (), name: str = "") -> Project:
    """A new project over an image folder (local path or fsspec URL).

    Raises ProjectExists; UsageError when the folder is not there or holds no image file: nothing is created then.
    """
    found = next((entry for entry in scan(images) if isinstance(entry, str)), None)
    if found is None:
        first = next((entry for entry in scan(images) if isinstance(entry, Problem)), None)
        why = f": {first}" if first else " (jpg, png, webp, tif, bmp, gif, ppm), also not below it"
        raise UsageError(f"no images in {images}{why}")
    return Project.create(path, images=images, classes=classes, name=name)


def import_images(
    project: Project, *, recheck: bool = False, threads: int = 4, progress: Progress | None = None
) -> ImagesReport:
    """Registers every image file below the project's image folder: size, orientation, digest, EXIF.

    recheck: probe files again that are known already, and tell which have changed.
    """
    entries = list(scan(project.config.images))
    names = [entry for entry in entries if isinstance(entry, str)]
    problems = [entry for entry in entries if isinstance(entry, Problem)]
    known: set[str] = set() if recheck else {ref.name for ref in project.store.images.all()}
    todo = [name for name in names if name not in known]
    new, again, changed, done = 0, len(names) - len(todo), 0, 0
    folder = project.config.images

    def look(name: str) -> Probed | Problem:
        return probe(join_uri(folder, name), name)

    with ThreadPoolExecutor(threads) as pool:
        for chunk in _chunks(todo, CHUNK_IMAGES):
            probed = list(pool.map(look, chunk))
            problems += [p for p in probed if isinstance(p, Problem)]
            good = [NewImage(p.ref, dict(p.exif)) for p in probed if not isinstance(p, Problem)]
            problems += [_note(p.ref.name, note) for p in probed if not isinstance(p, Problem) for note in p.notes]
            added = project.store.images.add(good)
            problems += added.problems
            new, again, changed = new + added.new, again + added.known, changed + added.changed
            done += len(chunk)
            if progress:
                progress(done, len(todo))
    return ImagesReport(len(names), new, again, changed, tuple(problems))


def _note(name: str, note: str) -> Problem:
    return Problem(name, note, remedy="It was taken as it is", severity="warning")


def detect_format(path: Path) -> str:
    """The name of the format that knows the path best. Raises FormatError, with each format's reason, when none does."""
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    readers = [plugin for plugin in registry.listing("formats") if plugin.module is not None and plugin.spec.reads]
    sniffs: list[tuple[str, Sniff]] = [(plugin.name, plugin.factory.sniff(path)) for plugin in readers]
    name, best = max(sniffs, key=lambda pair: pair[1].confidence)
    if best.confidence <= 0:
        reasons = "; ".join(f"{who}: {sniff.reason}" for who, sniff in sniffs)
        raise FormatError(f"{path}: no format knows it ({reasons}). Name one with --format")
    return name


@dataclass(slots=True)
class _Intake:
    """The state of one label import: which classes are welcome, which images are placeholders, what went wrong."""

    project: Project
    add_classes: bool
    new_classes: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    refused: Counter[str] = field(default_factory=Counter[str])
    declared: dict[str, ImageRef] = field(default_factory=dict[str, ImageRef])
    pending: list[NewImage] = field(default_factory=list[NewImage])
    known_table: tuple[str, ...] | None = None  # of class names that are all welcome

    def declare(self, name: str, width_px: int, height_px: int) -> ImageRef | Problem:
        """Registers an image that the file names and the folder lacks, so that its labels are not lost."""
        if name not in self.declared:
            if not (0 < width_px <= 10**6 and 0 < height_px <= 10**6):
                return Problem("", f"{name} is declared as {width_px}x{height_px} px", "a size of at least 1x1")
            uri = join_uri(self.project.config.images, name)
            self.declared[name] = ImageRef("", uri, name, width_px, height_px)
            self.pending.append(NewImage(self.declared[name]))
        return self.declared[name]

    def flush_images(self) -> None:
        """Writes the placeholders gathered since the last chunk."""
        if self.pending:
            self.project.store.images.add(self.pending)
            self.pending.clear()

    def admit(self, labeled: LabeledImage) -> LabeledImage:
        """The labeled image with only the welcome classes; new ones are added or become problems."""
        names = {t.name for t in labeled.tags if t.kind == "class"}
        if not isinstance(labeled.objects, PackedObjects):
            names.update(o.class_name for o in labeled.objects)
        elif labeled.objects.class_names is not self.known_table:
            names.update(labeled.objects.named())
        unknown = {name for name in names if name not in self.project.ontology}
        if not unknown:
            self._remember(labeled.objects)
            return labeled
        if self.add_classes:
            self.project.add_classes(*sorted(unknown))
            self.new_classes += sorted(unknown)
            return labeled
        self.refused.update(o.class_name for o in labeled.objects if o.class_name in unknown)
        self.refused.update(t.name for t in labeled.tags if t.kind == "class" and t.name in unknown)
        objects = labeled.objects
        if isinstance(objects, PackedObjects):
            objects = objects.where(~objects.of_classes(unknown))
        else:
            objects = tuple(o for o in objects if o.class_name not in unknown)
        tags = tuple(t for t in labeled.tags if t.kind != "class" or t.name not in unknown)
        return LabeledImage(labeled.image, labeled.author, objects, tags)

    def _remember(self, objects: tuple[Labeled, ...] | PackedObjects) -> None:
        """A table whose every name is a class of the project need not be looked at again: classes are never taken away here."""
        if not isinstance(objects, PackedObjects) or objects.class_names is self.known_table:
            return
        if all(name in self.project.ontology for name in objects.class_names):
            self.known_table = objects.class_names

    def all_problems(self, source: Path) -> tuple[Problem, ...]:
        """The problems met, and one for each class that was not welcome."""
        known = ", ".join(self.project.ontology.names[:8])
        remedy = "Import with --add-classes, or add the class to firstpass.toml"
        classes = [
            Problem(source.name, f"class {name!r} is not in the project: {count} left out", known, remedy)
            for name, count in sorted(self.refused.items())
        ]
        return (*self.problems, *classes)


def import_labels(
    project: Project,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002  # the word the command line uses
    layer: str | None = None,
    kind: LayerKind = "import",
    add_classes: bool | None = None,
    keep_missing: bool = False,
    progress: Progress | None = None,
) -> LabelsReport:
    """Reads a label file or folder into a layer of its own.

    format: None = found out. layer: None = named after the file. add_classes: None = only when the project has no class yet.
    keep_missing: labels of images that the folder lacks are kept, with a placeholder of the size the file declares.
    Raises FormatError when nothing can be read, UnknownPlugin, UsageError when the layer is another file's.
    """
    source = Path(path)
    name = format or detect_format(source)
    plugin = registry.find("formats", name)
    author = Author("file", source.name, version=_source_digest(source))
    target = _target_layer(project, layer, source, author, kind)
    intake = _Intake(project, add_classes if add_classes is not None else len(project.ontology) == 0)
    context = ReadContext(
        project.store.images.finder(), author, project.ontology.names, intake.declare if keep_missing else None
    )
    with collector.paused():
        reading = plugin.factory.read(source, context)
    fresh = [c for c in reading.classes if c.name not in project.ontology]
    if fresh and intake.add_classes:
        project.add_classes(*fresh)
        intake.new_classes += [c.name for c in fresh]
    done, images, objects, tags, already = target.looked(), 0, 0, 0, 0
    with collector.paused():
        for chunk in _chunks(reading.items, CHUNK_LABELS):
            good = [intake.admit(item) for item in chunk if not isinstance(item, Problem) and item.image.name not in done]
            found = [item for item in chunk if isinstance(item, Problem)]
            intake.problems += found
            already += len(chunk) - len(good) - len(found)
            intake.flush_images()
            written = target.write(good, chunk=CHUNK_LABELS)
            images, objects = images + written.images, objects + written.objects
            tags += sum(len(labeled.tags) for labeled in good)
            if progress:
                progress(images + already, None)
    classes = tuple(dict.fromkeys(intake.new_classes))
    problems = intake.all_problems(source)
    return LabelsReport(target.name, name, images, objects, tags, already, len(intake.declared), classes, problems)


def _target_layer(project: Project, layer: str | None, source: Path, author: Author, kind: LayerKind) -> Layer:
    """The layer to write into: the named one, the one this very file was read into before, or one named after the file."""
    if layer is not None:
        return project.store.layers.create(layer, author, kind)
    infos = project.store.layers.all()
    same = next((info.name for info in infos if info.author == author), None)
    if same is not None:
        return project.layers.get(same)
    taken = {info.name for info in infos}
    base = source.stem or "labels"
    for number in range(1, 1000):
        name = base if number == 1 else f"{base}-{number}"
        if name not in taken:
            return project.store.layers.create(name, author, kind)
    raise UsageError(f"too many layers are called {base}: name one with --layer")


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def _source_digest(path: Path) -> str:
    """What a label file or folder is, so that a second import of it is known: its bytes, or its files' names, sizes, times."""
    digest = hashlib.blake2b(digest_size=16)
    if path.is_file():
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for file in sorted(files):
            stat = (Path(folder) / file).stat()
            row = f"{folder}/{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
            digest.update(row.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
