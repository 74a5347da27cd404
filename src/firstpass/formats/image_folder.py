"""Image folders: the folder's name is the class of every image in it (ImageNet, torchvision ``ImageFolder``, Keras).

Above the classes there may be one level of splits (train, val, test). See ``docs/reference/formats.md``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from firstpass.atomic import atomic_folder
from firstpass.errors import FormatError, Problem
from firstpass.formats._find import find_image
from firstpass.formats._targets import Folders, ProblemList, split_of, target_name, unknown_class
from firstpass.formats._walk import IMAGE_SUFFIXES, first_names, suffix_of, walk
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import ImageRef, LabelClass, LabeledImage, Tag

SPEC = FormatSpec(
    name="image-folder",
    title="Image folders, one per class",
    target="folder",
    losses=frozenset(
        (
            Loss.OBJECT_IDS, Loss.SCORES, Loss.TEXT, Loss.ATTRIBUTES, Loss.TAG_DETAILS, Loss.EMPTY_IMAGES, Loss.BOXES,
            Loss.POLYGONS, Loss.HOLES, Loss.MASKS, Loss.POINTS, Loss.CLASS_DETAILS, Loss.AUTHOR, Loss.IMAGE_SIZE,
        )
    ),
    reference="https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html",
)  # fmt: skip

SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing", "eval"))
UNLABELED = frozenset(("_unlabeled", "unlabeled", "_none"))
_OTHER_FORMATS = frozenset(("images", "labels", "annotations", "jpegimages", "imagesets"))
_BAD = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|[ .]$')
_CODED = re.compile("%([0-7][0-9A-F])")
_LABEL_SUFFIXES = frozenset((".txt", ".xml", ".json", ".yaml", ".yml"))


class ImageFolder:
    """The image folder format, see the module."""

    def sniff(self, path: Path) -> Sniff:
        """Likely for a folder whose subfolders hold images and no label files."""
        if not path.is_dir():
            return Sniff(0.0, "not a folder")
        folders = _folders(path)
        splits = bool(folders) and all(name.lower() in SPLITS for name in folders)
        classes = [path / a / b for a in folders for b in _folders(path / a)] if splits else [path / a for a in folders]
        if not classes or any(folder.name.lower() in _OTHER_FORMATS for folder in classes):
            return Sniff(0.0, "no folder per class")
        names = [name for folder in classes[:10] for name in _some_names(folder)]
        suffixes = {suffix_of(name) for name in names}
        if suffixes & _LABEL_SUFFIXES or not suffixes & IMAGE_SUFFIXES:
            return Sniff(0.0, "no folders that hold images and nothing else")
        return Sniff(0.6, f"{len(classes)} folders of images, such as {classes[0].name}")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """One class tag per image. Raises FormatError when the folder is not there or no class folder holds an image."""
        if not path.is_dir():
            raise FormatError(f"{path}: is not there (expected a folder with one folder of images per class). Check the path")
        folders = _folders(path)
        splits = bool(folders) and all(name.lower() in SPLITS for name in folders)
        found = list(walk(path, IMAGE_SUFFIXES))
        classes = sorted({said[0] for name in found if isinstance(name, str) and (said := _class_of(name, splits))})
        if not classes:
            raise FormatError(f"{path}: no folder in it holds an image (expected one folder of images per class)")
        return Reading(tuple(LabelClass(name) for name in classes), _items(path, found, splits, context))

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Copies images to SPLIT/CLASS/NAME; one without a class tag is left out, one with several lies in each (warnings).

        Raises FormatError without `copy_image`: the folder is the label, so there is nothing to write without images.
        """
        if context.copy_image is None:
            remedy = "Export with copies of the images, or choose the format csv"
            raise FormatError(f"{path}: image folders are made of the images themselves, and none may be copied. {remedy}")
        with atomic_folder(path) as folder:
            return _write(Folders(folder), images, context)


PLUGIN = ImageFolder()


def _folders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as found:
            return sorted(e.name for e in found if not e.name.startswith(".") and e.is_dir())
    except OSError:
        return []


def _some_names(folder: Path) -> list[str]:
    names = first_names(folder, 50)
    inner = (f"{folder}/{name}" for name in _folders(folder)[:1])
    return [*names, *(name for path in inner for name in first_names(Path(path), 50))]


def _class_of(name: str, splits: bool) -> tuple[str, str] | None:
    """(class, name below its folder) of an image; None when it lies in no class folder."""
    inner = name.partition("/")[2] if splits else name
    class_name, slash, below = inner.partition("/")
    return (class_name_of(class_name), below) if slash and class_name.lower() not in UNLABELED else None


def _items(root: Path, found: list[str | Problem], splits: bool, context: ReadContext) -> Iterator[LabeledImage | Problem]:
    images: dict[str, tuple[ImageRef, dict[str, None]]] = {}
    outside: list[str] = []
    for name in found:
        if isinstance(name, Problem):
            yield name
            continue
        said = _class_of(name, splits)
        if said is None:
            outside.append(name)
            continue
        class_name, below = said
        image = find_image(context, (below, f"{class_name}/{below}", name), name, path=f"{root}/{name}")
        if isinstance(image, Problem):
            yield image
        else:
            images.setdefault(image.name, (image, {}))[1].setdefault(class_name)
    for image, classes in images.values():
        yield LabeledImage(image, context.author, (), tuple(Tag(name) for name in classes))
    if outside:
        what = f"{len(outside):,} images lie in no class folder (such as {', '.join(outside[:3])})"
        yield Problem(root.name or str(root), what, "CLASS/NAME", "They count as not looked at", "warning")


def _write(folders: Folders, images: Iterable[LabeledImage], context: WriteContext) -> Written:
    problems = ProblemList("image-folder")
    untagged = written = 0
    for labeled in images:
        name = target_name(labeled.image)
        classes = list(dict.fromkeys(tag.name for tag in labeled.tags if tag.kind == "class"))
        if isinstance(name, Problem):
            problems.add(name)
            continue
        if not classes:
            untagged += 1
            continue
        if len(classes) > 1:
            what = f"has {len(classes)} classes: {', '.join(map(repr, classes[:5]))}"
            problems.add(Problem(name, what, "one class", "A copy lies in the folder of each", "warning"))
        written += sum(_copy(class_name, labeled.image, name, folders, context, problems) for class_name in classes) > 0
    if untagged:
        what = f"{untagged:,} images have no class tag and were left out"
        problems.add(Problem("image-folder", what, "a class tag for each image", "", "warning"))
    return Written(written, 0, problems.all())


def _copy(class_name: str, image: ImageRef, name: str, folders: Folders, context: WriteContext, problems: ProblemList) -> bool:
    problem = unknown_class(class_name, f"{name}: tag", context)
    folder = folder_name(class_name)
    if problem is None and len(folder.encode("utf-8", "surrogateescape")) > 250:
        problem = Problem(name, f"class {class_name[:40]!r}… is too long for a folder's name", "at most 250 bytes")
    if problem is None and context.copy_image is not None:
        problem = context.copy_image(image, Path(folders.file(f"{split_of(image, context)}/{folder}/{name}")))
    problems.add(problem)
    return problem is None


def folder_name(class_name: str) -> str:
    """The class's name as a folder: characters that Windows or paths refuse, and a leading point, as %XX."""
    text = _BAD.sub(lambda m: f"%{ord(m[0]):02X}", class_name)
    return f"%{ord(text[0]):02X}{text[1:]}" if text[0] in ". " or text.lower() in UNLABELED else text


def class_name_of(folder: str) -> str:
    """Undoes :func:`folder_name`."""
    return _CODED.sub(lambda m: chr(int(m[1], 16)), folder)
