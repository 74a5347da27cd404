"""LabelMe: one JSON beside each image, shapes in pixels; also X-AnyLabeling's, which adds scores and attributes.

The picture that LabelMe may embed (``imageData``) is never decoded, and never written. See ``docs/reference/formats.md``.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec

from firstpass.atomic import atomic_folder
from firstpass.errors import Problem
from firstpass.formats._find import find_by_stem, find_image, locate
from firstpass.formats._labelme_shapes import from_shape, join, to_shape
from firstpass.formats._one_per_image import class_names, files_to_sniff, label_files, read_each
from firstpass.formats._targets import Folders, ProblemList, target_name, unknown_class
from firstpass.formats._text import decode, head, read_bytes, read_text
from firstpass.formats._walk import without_suffix
from firstpass.formats.base import FormatSpec, Loss, ReadContext, Reading, Sniff, WriteContext, Written
from firstpass.labels import ImageRef, LabelClass, Labeled, LabeledImage, ObjectId, Point, Polygon, Shape, Tag, stable_id
from firstpass.labels.validate import check_object

SPEC = FormatSpec(
    name="labelme",
    title="LabelMe and X-AnyLabeling",
    target="folder",
    losses=frozenset((Loss.HOLES, Loss.CLASS_DETAILS, Loss.AUTHOR)),
    reference="https://github.com/wkentaro/labelme",
)

_JSON = frozenset((".json",))
_LIMIT_BYTES = 1024 * 1024 * 1024
_VERSION = "5.5.0"  # the LabelMe version whose keys are written; LabelMe warns about files of another


class _File(msgspec.Struct):
    """The keys that matter; everything else, such as imageData, is skipped by the decoder without being built."""

    shapes: Any = None
    flags: Any = None
    tags: Any = None
    imagePath: Any = None  # noqa: N815
    imageWidth: Any = None  # noqa: N815
    imageHeight: Any = None  # noqa: N815


class Labelme:
    """The LabelMe format, see the module."""

    def sniff(self, path: Path) -> Sniff:
        """Sure for JSON that begins with LabelMe's keys."""
        for file in files_to_sniff(path, path, _JSON, deep=True):
            start = head(file, 65536)
            if '"shapes"' in start and any(key in start for key in ('"imagePath"', '"shape_type"', '"flags"')):
                return Sniff(0.95, f"{file.name} has LabelMe's keys")
        return Sniff(0.0, "no JSON with LabelMe's keys")

    def read(self, path: Path, context: ReadContext) -> Reading:
        """Reads a folder of JSON files, or one. Raises FormatError when no JSON file is there."""
        root, files = label_files(path, path, _JSON, "JSON", "one beside each image")
        load = partial(_load, root)
        classes = _label_file(root)
        if classes is None:
            classes = class_names(files, load, _labels)
        items = read_each(files, load, partial(_image, context), partial(_image_items, context))
        return Reading(tuple(LabelClass(name) for name in classes), items)

    def write(self, path: Path, images: Iterable[LabeledImage], context: WriteContext) -> Written:
        """Writes NAME.json, labels.txt and, with `copy_image`, NAME. A polygon with holes becomes a mask, told as a warning."""
        with atomic_folder(path) as folder:
            return _Writer(folder, context).write(images)


PLUGIN = Labelme()


def _label_file(root: Path) -> list[str] | None:
    if not (root / "labels.txt").is_file():
        return None
    text = read_text(root / "labels.txt", "labels.txt")
    if isinstance(text, Problem):
        return None
    names = (line for line in text.splitlines() if line.strip() and line not in {"__ignore__", "_background_"})
    return list(dict.fromkeys(names))


def _labels(file: _File) -> set[str]:
    return {_label(shape) for shape in _dicts(file.shapes)}


def _load(root: Path, name: str) -> _File | Problem:
    data = read_bytes(root / name, name, _LIMIT_BYTES)
    if isinstance(data, Problem):
        return data
    try:
        file = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_File)
    except (ValueError, RecursionError):
        file = _load_slowly(data, name)
    if isinstance(file, _File) and not isinstance(file.shapes, list):
        return Problem(name, "has no list of shapes", "LabelMe's keys: shapes, imagePath, …", "Is this another JSON format?")
    return file


def _load_slowly(data: bytes, name: str) -> _File | Problem:
    try:
        loaded: Any = json.loads(decode(data))  # takes NaN and UTF-16, which msgspec does not
    except json.JSONDecodeError as error:
        place = f"{name}: line {error.lineno} column {error.colno}"
        return Problem(place, f"is not JSON: {error.msg}", "a LabelMe file", "Correct the file or save it again")
    except (ValueError, RecursionError) as error:
        return Problem(name, f"is not JSON: {type(error).__name__}", "a LabelMe file", "Correct the file or save it again")
    if not isinstance(loaded, dict):
        return Problem(name, "holds no JSON object", "LabelMe's keys: shapes, imagePath, …", "Is this another JSON format?")
    keys = cast("dict[str, Any]", loaded)
    return _File(**{field: keys.get(field) for field in _File.__struct_fields__})


def _image_items(context: ReadContext, name: str, file: _File, image: ImageRef) -> Iterator[LabeledImage | Problem]:
    problems: list[Problem] = []
    shapes = _shapes(file, name, image, problems)
    ids: set[str] = set()
    objects: list[Labeled] = []
    for place, said, group in shapes:
        attributes = _attributes(said)
        if len(group) == 1 and said.get("group_id") is not None:
            attributes.setdefault("group_id", str(said["group_id"]))
        object_id = str(said.get("object_id") or "")
        if not object_id or object_id in ids:
            object_id = stable_id(context.author.name, image.digest or image.name, place)
        ids.add(object_id)
        score = _score(said.get("score"), f"{name}: {place}", problems)
        obj = Labeled(ObjectId(object_id), _label(said), join(group, image), score, _words(said.get("description")), attributes)
        checked, problem = check_object(obj, image, f"{name}: {place}")
        if problem is not None:
            problems.append(problem)
        if checked is not None:
            objects.append(checked)
    tags = _tags(file, name, problems)
    yield from problems
    if objects or tags or not file.shapes:
        yield LabeledImage(image, context.author, tuple(objects), tags)


def _shapes(file: _File, name: str, image: ImageRef, problems: list[Problem]) -> list[tuple[str, dict[str, Any], list[Shape]]]:
    """(place, first shape as said, values) of every object; shapes of one group and label are one object."""
    found: list[tuple[str, dict[str, Any], list[Shape]]] = []
    groups: dict[tuple[str, str], list[Shape]] = {}
    for i, said in enumerate(cast("list[Any]", file.shapes), 1):
        where = f"{name}: shape {i}"
        if not isinstance(said, dict) or not _label(cast("dict[str, Any]", said)):
            problems.append(Problem(where, "has no label", "a class name", "Name its class or remove the shape"))
            continue
        keys = cast("dict[str, Any]", said)
        shape = to_shape(keys, where, image)
        if isinstance(shape, Problem):
            problems.append(shape)
            continue
        group_id = keys.get("group_id")
        if group_id is None or isinstance(shape, Point):
            found.append((f"shape {i}", keys, [shape]))
            continue
        group = groups.setdefault((str(group_id), _label(keys)), [])
        if not group:
            found.append((f"shape {i}", keys, group))
        group.append(shape)
    return found


def _image(context: ReadContext, name: str, file: _File) -> ImageRef | Problem:
    said = file.imagePath.replace("\\", "/") if isinstance(file.imagePath, str) else ""
    folder, base = posixpath.dirname(name), posixpath.basename(said)
    names = [posixpath.normpath(posixpath.join(folder, said)), posixpath.join(folder, base), said] if base else []
    width, height = file.imageWidth, file.imageHeight
    size = (width, height) if isinstance(width, int) and isinstance(height, int) and width > 0 < height else None
    if locate(context, names) is None:
        by_stem = find_by_stem(context, (without_suffix(name),), name)
        if isinstance(by_stem, ImageRef):
            return context.image(by_stem.name, name, size)
    return find_image(context, names or [f"{without_suffix(name)}.jpg"], name, size)


def _label(said: dict[str, Any]) -> str:
    label = said.get("label")
    text = "" if label is None else str(label)
    return text if text.strip() else ""


def _words(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None


def _score(said: Any, where: str, problems: list[Problem]) -> float | None:
    if said is None:
        return None
    if isinstance(said, int | float) and not isinstance(said, bool) and 0.0 <= said <= 1.0:
        return float(said)
    problems.append(Problem(where, f"score is {said!r:.30}", "a number in 0..1", "Left out; the object was taken", "warning"))
    return None


def _attributes(said: dict[str, Any]) -> dict[str, str]:
    flags: Any = said.get("flags")
    found = {str(k): "true" for k, v in cast("dict[Any, Any]", flags).items() if v is True} if isinstance(flags, dict) else {}
    if said.get("difficult") is True:
        found["difficult"] = "true"
    more: Any = said.get("attributes")
    if isinstance(more, dict):
        found |= {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in cast("dict[Any, Any]", more).items()}
    return found


def _tags(file: _File, name: str, problems: list[Problem]) -> tuple[Tag, ...]:
    tags: list[Tag] = []
    for i, said in enumerate(_dicts(file.tags), 1):
        kind, score = said.get("kind"), _score(said.get("score"), f"{name}: tag {i}", problems)
        if kind not in {"class", "caption", "answer"}:
            problems.append(Problem(f"{name}: tag {i}", f"kind is {kind!r:.30}", "class, caption or answer", "Left out"))
            continue
        text = said.get("text")
        text = text if text is None or isinstance(text, str) else json.dumps(text)
        tags.append(Tag(str(said.get("name") or ""), kind, text, score, _attributes(said)))
    known = {tag.name for tag in tags if tag.kind == "class"}
    said_flags: Any = file.flags
    flags = cast("dict[str, Any]", said_flags) if isinstance(said_flags, dict) else {}
    return (*tags, *(Tag(flag) for flag, on in flags.items() if on is True and flag not in known))


def _dicts(said: Any) -> list[dict[str, Any]]:
    return [item for item in cast("list[Any]", said) if isinstance(item, dict)] if isinstance(said, list) else []


class _Writer:
    """Writes JSON files into a folder that is there and empty."""

    def __init__(self, folder: Path, context: WriteContext) -> None:
        self.folders, self.context = Folders(folder), context
        self.problems = ProblemList("labelme")
        self.taken: dict[str, str] = {}
        self.images = self.objects = 0

    def write(self, images: Iterable[LabeledImage]) -> Written:
        for labeled in images:
            self._image(labeled)
        names = [name for name in self.context.ontology.names if not set(name) & set("\r\n")]
        self.folders.write("labels.txt", "".join(f"{name}\n" for name in names))
        return Written(self.images, self.objects, self.problems.all())

    def _image(self, labeled: LabeledImage) -> None:
        image = labeled.image
        name = target_name(image)
        if isinstance(name, Problem):
            self.problems.add(name)
            return
        stem = without_suffix(name)
        if (other := self.taken.setdefault(stem, name)) is not name:
            what = f"would have the same JSON file as {other}"
            self.problems.add(Problem(name, what, "names that differ in more than the suffix", "Left out: rename one image"))
            return
        shapes: list[dict[str, Any]] = []
        written = 0
        for i, obj in enumerate(labeled.objects, 1):
            if (problem := unknown_class(obj.class_name, f"{name}: object {obj.id}", self.context)) is not None:
                self.problems.add(problem)
                continue
            shapes += self._shapes(obj, image, i)
            written += 1
        try:
            text = msgspec.json.format(msgspec.json.encode(_keys(labeled, name, shapes)), indent=2).decode()
        except UnicodeEncodeError:
            self.problems.add(Problem(repr(name), "has text that is not valid Unicode", "", "Left out: correct the text"))
            return
        self.folders.write(f"{stem}.json", text)
        if self.context.copy_image is not None:
            self.problems.add(self.context.copy_image(image, Path(self.folders.file(name))))
        self.images += 1
        self.objects += written

    def _shapes(self, obj: Labeled, image: ImageRef, group_id: int) -> list[dict[str, Any]]:
        if isinstance(obj.shape, Polygon) and any(part.holes for part in obj.shape.parts):
            what = "a polygon with holes was written as a mask"
            self.problems.add(Problem(f"{image.name}: object {obj.id}", what, "a polygon without holes", "", "warning"))
        more: dict[str, Any] = {"object_id": obj.id, "attributes": dict(obj.attributes)}
        if obj.score is not None:
            more["score"] = obj.score
        base: dict[str, Any] = {"label": obj.class_name, "description": obj.text or "", "flags": {}}
        return [base | shape | more for shape in from_shape(obj.shape, image, group_id)]


def _keys(labeled: LabeledImage, name: str, shapes: list[dict[str, Any]]) -> dict[str, Any]:
    plain = all(tag == Tag(tag.name) and tag.name for tag in labeled.tags)
    keys: dict[str, Any] = {
        "version": _VERSION,
        "flags": {tag.name: True for tag in labeled.tags if tag.kind == "class" and tag.name},
        "shapes": shapes,
        "imagePath": posixpath.basename(name),
        "imageData": None,
        "imageHeight": labeled.image.height_px,
        "imageWidth": labeled.image.width_px,
    }
    if not plain:
        keys["tags"] = [
            {"name": t.name, "kind": t.kind, "text": t.text, "score": t.score, "attributes": dict(t.attributes)}
            for t in labeled.tags
        ]
    return keys
