"""YOLO: one .txt per image with lines in fractions of the image, class names in data.yaml (Ultralytics, Roboflow, Darknet).

Reads detection and segmentation lines, mixed; see ``docs/reference/formats.md`` for the layouts and for what is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from firstpass.atomic import atomic_folder
from firstpass.errors import Problem
from firstpass.formats._find import Seen, find_by_stem, find_image
from firstpass.formats._outline import single_ring
from firstpass.formats._targets import Folders, ProblemList, split_of, target_name, unknown_class
from firstpass.formats._text import decode, head
from firstpass.formats._walk import first_names
from firstpass.formats._yolo_layout import NO_LABELS, Entry, Layout, entries, find_layout, find_yaml, label_path
from firstpass.formats._yolo_lines import LineRules, box_line, parse_labels, ring_line
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import Box, ImageRef, LabelClass, Labeled, LabeledImage, Mask, Point

SPEC = FormatSpec(
    name="yolo",
    title="YOLO (Ultralytics, Roboflow, Darknet)",
    target="folder",
    losses=frozenset(
        (
            Loss.OBJECT_IDS, Loss.SCORES, Loss.TEXT, Loss.ATTRIBUTES, Loss.TAGS, Loss.TAG_DETAILS, Loss.HOLES, Loss.MASKS,
            Loss.POINTS, Loss.ROUNDING, Loss.CLASS_DETAILS, Loss.AUTHOR, Loss.IMAGE_SIZE,
        )
    ),
    tolerance_px=1e-6,
    reference="https://docs.ultralytics.com/datasets/detect/",
)  # fmt: skip


class Yolo:
    """The YOLO format, see the module."""

    def sniff(self, path: Path) -> Sniff:
        """Sure for a data.yaml with names; likely for a folder of .txt files whose first lines are YOLO's."""
        if path.is_file():
            sure = path.suffix.lower() in {".yaml", ".yml"} and "names" in head(path, 65536)
            return Sniff(0.95, "a yaml with class names") if sure else Sniff(0.0, "not a yaml with class names")
        if not path.is_dir():
            return Sniff(0.0, "not there")
        if (yaml_file := find_yaml(path)) is not None:
            return Sniff(0.95, f"{yaml_file.name} with class names")
        return _sniff_folder(path)

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Reads a data set folder, a data.yaml or a plain folder of label files. Raises FormatError when there is none."""
        layout = find_layout(path)
        names = layout.class_names
        if names is None and context.class_names:
            names = dict(enumerate(context.class_names))
        classes = tuple(LabelClass(name) for name in dict.fromkeys((names or {}).values()))
        rules = LineRules(names, context.author, layout.pose_values)
        return Reading(classes, _items(layout, rules, context))

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Writes data.yaml and labels/SPLIT/NAME.txt; with `copy_image` images/SPLIT/NAME too, else lists of the images.

        A Polygon or Mask is one line with its largest outer ring; a Point has none and is left out. Both are told as problems.
        """
        with atomic_folder(path) as folder:
            return _Writer(folder, context).write(images)


PLUGIN = Yolo()


def _sniff_folder(folder: Path) -> Sniff:
    if (folder / "obj.names").is_file() or (folder / "obj.data").is_file():
        return Sniff(0.9, "obj.names, a Darknet data set")
    places = [folder / p if p else folder for p in ("", "labels", "labels/train", "labels/val", "train/labels", "valid/labels")]
    for place in places:
        texts = [n for n in first_names(place) if n.lower().endswith(".txt") and n.lower() not in NO_LABELS]
        for name in sorted(texts)[:5]:
            first = head(place / name).strip().splitlines()[:1]
            tokens = first[0].split() if first else []
            if len(tokens) >= 5 and tokens[0].isdigit() and all(_is_number(token) for token in tokens):
                return Sniff(0.8, f"{name} has YOLO lines")
    return Sniff(0.0, "no data.yaml and no label file with YOLO lines")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _items(layout: Layout, rules: LineRules, context: ReadContext) -> Iterator[LabeledImage | Problem]:
    yield from layout.problems
    root = layout.root.name or str(layout.root)
    if rules.class_names is None:
        remedy = "Classes come as class_0, class_1, …: add data.yaml or classes.txt and import again"
        yield Problem(root, "says no class names", "data.yaml or classes.txt", remedy, "warning")
    seen = Seen()
    missing: list[str] = []
    missing_count = read_count = 0
    for entry in entries(layout):
        if isinstance(entry, Problem):
            yield entry
            continue
        try:
            with open(entry.label, "rb") as file:  # noqa: PTH123  # 100,000 files
                data = file.read()
        except FileNotFoundError:
            missing_count += 1
            if len(missing) < 3:
                missing.append(entry.names[0])
            continue
        except OSError as error:
            yield Problem(entry.label_where, f"cannot be read: {error.strerror}", "", "Check its permissions")
            continue
        read_count += 1
        yield from _image_items(entry, data, seen, rules, context)
    if missing_count:
        what = f"{missing_count:,} images have no label file (such as {', '.join(missing)})"
        remedy = "They count as not looked at; an empty .txt says that there is nothing to find"
        yield Problem(root, what, "a .txt for each image", remedy, "warning")
    elif not read_count:
        yield Problem(root, "no label file was found", "a .txt for each image", "Check the path")


def _image_items(
    entry: Entry, data: bytes, seen: Seen, rules: LineRules, context: ReadContext
) -> Iterator[LabeledImage | Problem]:
    where = entry.label_where
    if entry.stem_only:
        image = find_by_stem(context, entry.names, where)
    else:
        image = find_image(context, entry.names, where, path=entry.image)
    if isinstance(image, Problem):
        yield image
        return
    if (again := seen.again(image, where)) is not None:
        yield again
        return
    if image.width_px < 1 or image.height_px < 1:
        yield Problem(where, f"the size of {image.name} is not known", "width and height", "Import the image first")
        return
    found = parse_labels(decode(data), where, image, rules)
    yield from found.problems
    if found.objects or found.blank:
        yield LabeledImage(image, rules.author, found.objects)


class _Writer:
    """Writes one data set into a folder that is there and empty."""

    def __init__(self, folder: Path, context: WriteContext) -> None:
        self.folders, self.context = Folders(folder), context
        self.problems = ProblemList("yolo")
        self.taken: dict[str, str] = {}
        self.lists: dict[str, TextIO] = {}
        self.splits: dict[str, None] = {}
        self.images = self.objects = self.outlined = 0

    def write(self, images: Iterable[LabeledImage]) -> Written:
        try:
            for labeled in images:
                self._image(labeled)
        finally:
            for file in self.lists.values():
                file.close()
        self.folders.write("data.yaml", self._yaml())
        self.problems.outlined(self.outlined)
        return Written(self.images, self.objects, self.problems.all())

    def _image(self, labeled: LabeledImage) -> None:
        image = labeled.image
        name = target_name(image)
        if isinstance(name, Problem):
            self.problems.add(name)
            return
        if image.width_px < 1 or image.height_px < 1:
            self.problems.add(Problem(name, "has no known size", "width and height", "Import the image first"))
            return
        split = split_of(image, self.context)
        image_name = f"images/{split}/{name}"
        label = label_path("/" + image_name)[1:]
        if (other := self.taken.setdefault(label, name)) is not name:
            what = f"would have the same label file as {other}"
            self.problems.add(Problem(name, what, "names that differ in more than the suffix", "Left out: rename one image"))
            return
        lines = [line for obj in labeled.objects if (line := self._line(obj, image)) is not None]
        self.folders.write(label, "".join(f"{line}\n" for line in lines))
        self._list(split, image_name)
        if self.context.copy_image is not None:
            self.problems.add(self.context.copy_image(image, Path(self.folders.file(image_name))))
        self.images += 1
        self.objects += len(lines)

    def _list(self, split: str, image_name: str) -> None:
        self.splits.setdefault(split)
        if self.context.copy_image is not None:
            return
        if split not in self.lists:
            path = self.folders.file(f"{split}.txt")
            self.lists[split] = open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n")  # noqa: PTH123, SIM115
        self.lists[split].write(f"./{image_name}\n")

    def _line(self, obj: Labeled, image: ImageRef) -> str | None:
        where = f"{image.name}: object {obj.id}"
        if (problem := unknown_class(obj.class_name, where, self.context)) is not None:
            self.problems.add(problem)
            return None
        number = self.context.ontology.index(obj.class_name)
        shape = obj.shape
        if isinstance(shape, Box):
            return box_line(number, shape, image)
        if isinstance(shape, Point):
            self.problems.add(Problem(where, "a point has no place in YOLO", "a box or polygon", "Left out"))
            return None
        ring, left_out = single_ring(shape)
        if ring is None:
            self.problems.add(Problem(where, left_out, "a mask with pixels", "Left out"))
            return None
        self.outlined += isinstance(shape, Mask)
        if left_out:
            self.problems.add(Problem(where, left_out, "one ring without holes", "Written as said", "warning"))
        return ring_line(number, ring, image)

    def _yaml(self) -> str:
        import yaml

        copied = self.context.copy_image is not None
        keys: dict[str, object] = {s: f"images/{s}" if copied else f"{s}.txt" for s in self.splits}
        names = list(self.context.ontology.names)
        keys |= {"nc": len(names), "names": names}
        note = "# Written by Firstpass.\n"
        if "val" not in keys:
            note += "# No image is in the split val, which Ultralytics needs for training: export with splits.\n"
        if not copied:
            note += "# The images were not copied: put them under images/ as the .txt lists say.\n"
        return note + yaml.safe_dump(keys, allow_unicode=True, sort_keys=False, default_flow_style=False, width=120)
