"""Pascal VOC: one XML per image in Annotations/, boxes (and, as an extension, polygons) in pixels, splits in ImageSets/Main.

See ``docs/reference/formats.md`` for the variants read, the pixel convention and what is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from firstpass.atomic import atomic_folder
from firstpass.errors import Problem
from firstpass.formats._find import find_by_stem, find_image, locate
from firstpass.formats._one_per_image import class_names, files_to_sniff, label_files, read_each
from firstpass.formats._outline import outer_polygon
from firstpass.formats._targets import Folders, ProblemList, split_of, target_name, unknown_class
from firstpass.formats._text import head, read_bytes, read_text
from firstpass.formats._voc_xml import VocFile, class_of, file_text, object_text, parse, to_object, xml_safe
from firstpass.formats._walk import IMAGE_SUFFIXES, suffix_of, walk, without_suffix
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import ImageRef, LabelClass, Labeled, LabeledImage, Point, Polygon
from firstpass.labels.geometry import bounds
from firstpass.labels.shapes import Mask

SPEC = FormatSpec(
    name="voc",
    title="Pascal VOC",
    target="folder",
    losses=frozenset(
        (
            Loss.OBJECT_IDS, Loss.TEXT, Loss.TAGS, Loss.TAG_DETAILS, Loss.HOLES, Loss.MASKS, Loss.POINTS, Loss.ROUNDING,
            Loss.CLASS_DETAILS, Loss.AUTHOR,
        )
    ),
    tolerance_px=1e-6,
    reference="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/index.html",
)  # fmt: skip

_XML = frozenset((".xml",))
_HEX = re.compile("[0-9a-fA-F]{6}")


class Voc:
    """The Pascal VOC format, see the module."""

    def sniff(self, path: Path) -> Sniff:
        """Sure for XML whose root is <annotation>, alone, in a folder or in its Annotations/."""
        folder = _folder(path)
        files = files_to_sniff(path, folder, _XML, deep=folder != path)
        if any("<annotation>" in (start := head(file)) or "<annotation " in start for file in files):
            return Sniff(0.95, f"{files[0].name} has the root <annotation>")
        return Sniff(0.0, "no XML with the root <annotation>")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Reads a data set folder, a folder of XML files or one file. Raises FormatError when no XML file is there."""
        root, files = label_files(path, _folder(path), _XML, "XML", "one per image, in Annotations/ or in the folder itself")
        prefix = f"{root.name}/" if root.name == "Annotations" else ""
        load, find = partial(_load, root, prefix), partial(_image, context, prefix)
        classes = _label_map(root)
        if classes is None:
            classes = class_names(files, load, _labels)
        items = read_each(files, load, find, partial(_image_items, context, prefix), prefix)
        return Reading(tuple(LabelClass(name) for name in classes), chain(items, _unlabeled(root, files)))

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Writes Annotations/NAME.xml, ImageSets/Main/SPLIT.txt, labelmap.txt and, with `copy_image`, JPEGImages/NAME.

        A Mask becomes its outlines and holes are filled, told as warnings; a Point is left out.
        """
        with atomic_folder(path) as folder:
            return _Writer(folder, context).write(images)


PLUGIN = Voc()


def _folder(path: Path) -> Path:
    return path / "Annotations" if (path / "Annotations").is_dir() else path


def _label_map(root: Path) -> list[str] | None:
    for place in (root, root.parent):
        if not (place / "labelmap.txt").is_file():
            continue
        text = read_text(place / "labelmap.txt", "labelmap.txt")
        if isinstance(text, str):
            lines = [line.rsplit(":", 3) for line in text.splitlines() if line.strip() and not line.startswith("# label:")]
            found = [parts[0] for parts in lines if parts[0].strip() and parts[:2] != ["background", "0,0,0"]]
            return list(dict.fromkeys(found))
    return None


def _load(root: Path, prefix: str, name: str) -> VocFile | Problem:
    data = read_bytes(root / name, prefix + name)
    return data if isinstance(data, Problem) else parse(data, prefix + name)


def _labels(file: VocFile) -> set[str]:
    return {class_of(element, file.own) for element in file.objects}


def _image_items(
    context: ReadContext, prefix: str, name: str, file: VocFile, image: ImageRef
) -> Iterator[LabeledImage | Problem]:
    where = prefix + name
    objects: list[Labeled] = []
    for i, element in enumerate(file.objects, 1):
        obj, problems = to_object(element, i, file, f"{where}: object {i}", image, context.author)
        yield from problems
        if obj is not None:
            objects.append(obj)
    if objects or not file.objects:
        yield LabeledImage(image, context.author, tuple(objects))


def _image(context: ReadContext, prefix: str, name: str, file: VocFile) -> ImageRef | Problem:
    where = prefix + name
    inner = name.rpartition("Annotations/")[2]
    folder = inner.rpartition("/")[0]
    filename = (file.filename or file.path).replace("\\", "/")
    base = filename.rpartition("/")[2]
    names = [filename] if "/" in filename else []
    if base:
        names += [f"{folder}/{base}" if folder else base, f"{file.folder}/{base}", file.path]
    stem = without_suffix(inner)
    if locate(context, names) is None:
        by_stem = find_by_stem(context, (stem, without_suffix(base)), where)
        if isinstance(by_stem, ImageRef):
            return context.image(by_stem.name, where, file.size_wh_px)
    if suffix_of(base) not in IMAGE_SUFFIXES and not filename:
        names = [f"{stem}.jpg"]
    return find_image(context, names, where, file.size_wh_px)


def _unlabeled(root: Path, files: list[str | Problem]) -> Iterator[Problem]:
    images = root.parent / "JPEGImages"
    if root.name != "Annotations" or not images.is_dir():
        return
    stems = {without_suffix(name) for name in files if isinstance(name, str)}
    lacking = [n for n in walk(images, IMAGE_SUFFIXES) if isinstance(n, str) and without_suffix(n) not in stems]
    if lacking:
        what = f"{len(lacking):,} images have no XML file (such as {', '.join(lacking[:3])})"
        remedy = "They count as not looked at; an XML without <object> says that there is nothing to find"
        yield Problem("JPEGImages", what, "an XML file for each image", remedy, "warning")


class _Writer:
    """Writes one data set into a folder that is there and empty."""

    def __init__(self, folder: Path, context: WriteContext) -> None:
        self.folders, self.context = Folders(folder), context
        self.problems = ProblemList("voc")
        self.taken: dict[str, str] = {}
        self.splits: dict[str, list[str]] = {"train": []}
        self.objects = self.outlined = 0

    def write(self, images: Iterable[LabeledImage]) -> Written:
        (self.folders.root / "Annotations").mkdir()
        for labeled in images:
            self._image(labeled)
        for split, stems in self.splits.items():
            self.folders.write(f"ImageSets/Main/{split}.txt", "".join(f"{stem}\n" for stem in stems))
        self.folders.write("labelmap.txt", self._label_map())
        self.problems.outlined(self.outlined)
        return Written(len(self.taken), self.objects, self.problems.all())

    def _image(self, labeled: LabeledImage) -> None:
        image = labeled.image
        name = target_name(image)
        if isinstance(name, Problem):
            self.problems.add(name)
            return
        if not xml_safe(name):
            self.problems.add(Problem(repr(name), "has characters that XML cannot hold", "", "Rename the image"))
            return
        stem = without_suffix(name)
        if (other := self.taken.setdefault(stem, name)) is not name:
            what = f"would have the same XML file as {other}"
            self.problems.add(Problem(name, what, "names that differ in more than the suffix", "Left out: rename one image"))
            return
        objects = [text for obj in labeled.objects if (text := self._object(obj, image)) is not None]
        self.folders.write(f"Annotations/{stem}.xml", file_text(image, objects))
        self.splits.setdefault(split_of(image, self.context), []).append(stem)
        if self.context.copy_image is not None:
            self.problems.add(self.context.copy_image(image, Path(self.folders.file(f"JPEGImages/{name}"))))
        self.objects += len(objects)

    def _object(self, obj: Labeled, image: ImageRef) -> str | None:
        where = f"{image.name}: object {obj.id}"
        problem = unknown_class(obj.class_name, where, self.context)
        if problem is None and not xml_safe(obj.class_name):
            problem = Problem(where, f"class {obj.class_name!r} has characters that XML cannot hold", "", "Rename the class")
        if problem is None and isinstance(obj.shape, Point):
            problem = Problem(where, "a point has no place in Pascal VOC", "a box or polygon", "Left out")
        if problem is not None:
            self.problems.add(problem)
            return None
        polygon = None
        if isinstance(obj.shape, Polygon | Mask):
            polygon, left_out = outer_polygon(obj.shape)
            if polygon is None:
                self.problems.add(Problem(where, left_out, "a mask with pixels", "Left out"))
                return None
            self.outlined += isinstance(obj.shape, Mask)
            if left_out:
                self.problems.add(Problem(where, left_out, "a polygon without holes", "Written as said", "warning"))
        attributes = {k: v for k, v in obj.attributes.items() if xml_safe(k) and xml_safe(v)}
        if len(attributes) < len(obj.attributes):
            what = "an attribute has characters that XML cannot hold"
            self.problems.add(Problem(where, what, "", "The attribute was left out", "warning"))
        return object_text(obj.class_name, bounds(polygon or obj.shape), polygon, obj.score, attributes)

    def _label_map(self) -> str:
        lines = ["# label:color_rgb:parts:actions"]
        ontology = self.context.ontology
        for name in ontology.names:
            color = ontology.color(name).lstrip("#")
            rgb = ",".join(str(int(color[i : i + 2], 16)) for i in (0, 2, 4)) if _HEX.fullmatch(color) else ""
            if not set(name) & set("\r\n"):
                lines.append(f"{name}:{rgb}::")
        return "\n".join(lines) + "\n"
