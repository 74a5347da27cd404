"""Where a YOLO data set keeps images, labels and class names: Ultralytics, Roboflow, lists, Darknet, plain folders.

A data set may have been made by anyone, so what its files say is followed only within what the person named: a folder, or a
data.yaml, whose keys are then followed wherever they point (``path: ../datasets/coco8``). Symbolic links in it are followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from firstpass.errors import FormatError, Problem
from firstpass.formats._find import clean
from firstpass.formats._text import read_bytes, read_text
from firstpass.formats._walk import IMAGE_SUFFIXES, walk, without_suffix

SPLITS = (
    "train",
    "val",
    "valid",
    "validation",
    "test",
)
CLASS_FILES = ("classes.txt", "obj.names", "predefined_classes.txt", "labels.txt")
NO_LABELS = frozenset(
    ("classes.txt", "predefined_classes.txt", "labels.txt", "readme.txt", "readme.roboflow.txt", "readme.dataset.txt",
     "requirements.txt", "license.txt", "train.txt", "val.txt", "valid.txt", "test.txt")
)  # fmt: skip
_SPLIT = "(?:train|val|valid|validation|test)"
_START = re.compile(rf"^(?:data/)?(?:obj_[a-z]+_data/|images/{_SPLIT}/|{_SPLIT}/images/|{_SPLIT}/|images/)")
_YAML_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the data set. names: spellings of its name (without suffix when there is no image file to see it from).

    label: its label file, which need not exist. label_where: how to call it in messages. image: the image file, "" = not there.
    """

    names: tuple[str, ...]
    stem_only: bool
    label: str
    label_where: str
    image: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """root: what names are relative to. sources: folders of images, or .txt lists of images. class_names: None = not said.

    within: the folders that images of a list must lie below, beside the root.
    """

    root: Path
    sources: tuple[Path, ...]
    class_names: Mapping[int, str] | None
    problems: tuple[Problem, ...] = ()
    pose_values: int = 0
    plain: bool = False
    within: tuple[Path, ...] = ()


def find_layout(path: Path) -> Layout:
    """How the data set at a folder or a data.yaml is laid out. Raises FormatError when nothing there can be YOLO labels."""
    if path.is_file():
        if path.suffix.lower() in {".yaml", ".yml"}:
            return _from_yaml(path, named=True)
        raise FormatError(f"{path}: is not a YOLO data set (expected data.yaml or a folder). Name the folder of the labels")
    if not path.is_dir():
        raise FormatError(f"{path}: is not there (expected a folder or data.yaml). Check the path")
    yaml_file = find_yaml(path)
    if yaml_file is not None:
        return _from_yaml(yaml_file, named=False)
    return _from_folder(path)


def find_yaml(folder: Path) -> Path | None:
    """The data set's yaml in a folder: data.yaml, dataset.yaml or the only one that has `names`."""
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (folder / name).is_file():
            return folder / name
    others = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])[:20]
    named = [file for file in others if re.search(r"^names\s*:", _start_of(file), re.MULTILINE)]
    return named[0] if len(named) == 1 else None


def _start_of(file: Path) -> str:
    text = read_text(file, file.name, _YAML_LIMIT)
    return "" if isinstance(text, Problem) else text[:65536]


def _from_yaml(file: Path, *, named: bool) -> Layout:
    """named: the person named this file, so its keys count wherever they point; else they named its folder."""
    import yaml

    data = read_bytes(file, file.name, _YAML_LIMIT)
    if isinstance(data, Problem):
        raise FormatError(f"{file.parent}/{data}")
    try:
        loaded: Any = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  # both are safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        place = f"{file}: line {line}" if line else str(file)
        raise FormatError(f"{place}: is not YAML ({getattr(error, 'problem', error)}). Correct the file") from error
    if not isinstance(loaded, dict):
        raise FormatError(f"{file}: holds {type(loaded).__name__} (expected keys: names, train, val). Correct the file")
    keys = cast("dict[str, Any]", loaded)
    problems: list[Problem] = []
    names = _names(keys, file.name, problems)
    root = _root(file, keys.get("path"), named, problems)
    sources = _sources(root, file, keys, named, problems)
    if not sources:
        below = _from_folder(file.parent)
        return Layout(below.root, below.sources, names, tuple(problems), _pose_values(keys.get("kpt_shape")), below.plain)
    within = (file.parent, *(source.parent for source in sources if source.is_file()))
    return Layout(root, tuple(sources), names, tuple(problems), _pose_values(keys.get("kpt_shape")), within=within)


def _root(file: Path, said: Any, named: bool, problems: list[Problem]) -> Path:
    folder = file.parent / said if isinstance(said, str) and said else file.parent  # an absolute one stays itself
    if not folder.is_dir():
        return file.parent
    if named or _inside(folder.as_posix(), (file.parent,)):
        return folder
    what, remedy = f"path: {said} leads out of the folder that was named", f"Not followed; {_ways_out(file)}"
    problems.append(Problem(file.name, what, "a path within the folder", remedy, "warning"))
    return file.parent


def _ways_out(file: Path) -> str:
    return f"to read what lies there, name {file.name} itself, or that folder"


def _inside(path: str, folders: Iterable[Path]) -> bool:
    """Whether a path lies in one of the folders: by its words, so that links in a data set may lead out of it; a path with
    ``..`` by where it really is.
    """
    bases = [folder.as_posix().rstrip("/") for folder in folders]
    if "/../" not in f"{path}/" and any(path == base or path.startswith(f"{base}/") for base in bases):
        return True
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(base or "/")) for base in bases)


def _sources(root: Path, file: Path, keys: Mapping[str, Any], named: bool, problems: list[Problem]) -> list[Path]:
    found: dict[str, Path] = {}
    for split in ("train", "val", "valid", "test"):
        said: Any = keys.get(split)
        for item in cast("list[Any]", said) if isinstance(said, list) else [said]:
            if item is None or item == "":
                continue
            there = _places(root, file.parent, str(item))
            source = next((place for place in there if named or _inside(place.as_posix(), (file.parent,))), None)
            if source is None and there:
                what = f"{split}: {item} leads out of the folder that was named"
                problems.append(Problem(file.name, what, "a path within the folder", f"Left out; {_ways_out(file)}"))
            elif source is None:
                what = f"{split}: {item} is neither a folder nor a list of images"
                problems.append(Problem(file.name, what, "a folder or .txt file in the data set", "Correct the path"))
            else:
                found.setdefault(os.path.realpath(source), source)
    return list(found.values())


def _places(root: Path, beside: Path, said: str) -> list[Path]:
    """The folders and lists that are there and may be meant, likeliest first."""
    text = said.replace("\\", "/")
    tries = [root / text, beside / text]
    if text.startswith("../"):
        tries += [root / text[3:], beside / text[3:]]  # Roboflow writes ../train/images for what lies beside data.yaml
    return [p for p in tries if p.is_dir() or p.is_file() or Path(label_path(f"{p}/x")).parent.is_dir()]


def _names(keys: Mapping[str, Any], where: str, problems: list[Problem]) -> dict[int, str] | None:
    said: Any = keys.get("names")
    if isinstance(said, str):
        said = [part.strip() for part in said.strip("[] ").split(",")]
    if isinstance(said, list):
        names = {i: str(name) for i, name in enumerate(cast("list[Any]", said))}
    elif isinstance(said, dict):
        pairs = cast("dict[Any, Any]", said).items()
        names = {int(key): str(name) for key, name in pairs if str(key).strip().isdigit()}
        if len(names) < len(pairs):
            problems.append(Problem(where, "names has keys that are not numbers", "0, 1, 2, …", "Correct the file", "warning"))
    else:
        problems.append(Problem(where, "has no list of names", "names: [first, second, …]", "Add the class names", "warning"))
        return None
    if isinstance(count := keys.get("nc"), int) and count != len(names):
        what = f"nc says {count} classes, names has {len(names)}"
        problems.append(Problem(where, what, "the same number", "The names were taken", "warning"))
    return checked_names(dict(sorted(names.items())), where, problems)


def checked_names(names: dict[int, str], where: str, problems: list[Problem]) -> dict[int, str]:
    """The class names with blank ones replaced by ``class_N``; doubled names stay and are told."""
    first: dict[str, int] = {}
    for number, name in names.items():
        if not name.strip():
            problems.append(Problem(where, f"class {number} has a blank name", "", f"Called class_{number}", "warning"))
            names[number] = f"class_{number}"
        elif (before := first.setdefault(name, number)) != number:
            what = f"classes {before} and {number} are both called {name!r}"
            problems.append(Problem(where, what, "", "They come as one class", "warning"))
    return names


def _pose_values(said: Any) -> int:
    shape = cast("list[Any]", said) if isinstance(said, list) else []
    if len(shape) != 2 or not all(isinstance(v, int) and v > 0 for v in shape):
        return 0
    return int(shape[0]) * int(shape[1])


def _from_folder(folder: Path) -> Layout:
    problems: list[Problem] = []
    names = _class_file(folder, problems)
    lists = [folder / f"{split}.txt" for split in SPLITS if (folder / f"{split}.txt").is_file()]
    if lists and (folder / "obj.names").is_file():
        return Layout(folder, tuple(lists), names, tuple(problems))
    if (folder / "images").is_dir() or (folder / "labels").is_dir():
        return Layout(folder, (folder / "images",), names, tuple(problems))
    roboflow = [folder / split / "images" for split in SPLITS if (folder / split / "labels").is_dir()]
    if roboflow:
        return Layout(folder, tuple(roboflow), names, tuple(problems))
    if lists:
        return Layout(folder, tuple(lists), names, tuple(problems))
    return Layout(folder, (folder,), names, tuple(problems), plain=True)


def _class_file(folder: Path, problems: list[Problem]) -> dict[int, str] | None:
    for place in (folder, folder / "labels", folder.parent):
        for name in CLASS_FILES:
            if (place / name).is_file() and not (place == folder.parent and name == "labels.txt"):
                text = read_text(place / name, name)
                if isinstance(text, Problem):
                    problems.append(text)
                    continue
                return checked_names(dict(enumerate(line.strip() for line in text.rstrip().splitlines())), name, problems)
    return None


def label_path(image_path: str) -> str:
    """Ultralytics' rule: the last folder ``images`` becomes ``labels``; without one the label lies beside the image."""
    path = without_suffix(image_path)
    before, found, after = path.rpartition("/images/")
    return f"{before}/labels/{after}.txt" if found else f"{path}.txt"


def _beside(image_path: str) -> str:
    return f"{without_suffix(image_path)}.txt"


def entries(layout: Layout) -> Iterator[Entry | Problem]:
    """Every image of the data set, with its label file; after each folder of images the label files without an image."""
    done: set[str] = set()
    for source in layout.sources:
        yield from _listed(layout, source, done) if source.is_file() else _in_folder(layout, source, done)


def _in_folder(layout: Layout, folder: Path, done: set[str]) -> Iterator[Entry | Problem]:
    base = f"{folder.as_posix()}/"
    beside = _beside if layout.plain else label_path
    if folder.is_dir():
        for found in walk(folder, IMAGE_SUFFIXES):
            if isinstance(found, Problem):
                yield found
            elif (label := beside(base + found)) in done:
                yield _shared(layout, label)
            else:
                done.add(label)
                names = (found, _START.sub("", found), _relative(layout, base + found))
                yield Entry(names, False, label, _relative(layout, label), base + found)
    labels = Path(beside(base + "x")).parent
    if not labels.is_dir():
        return
    for found in walk(labels, frozenset((".txt",))):
        if isinstance(found, Problem):
            yield found
            continue
        label = f"{labels.as_posix()}/{found}"
        if label in done or ("/" not in found and found.lower() in NO_LABELS):
            continue
        done.add(label)
        stem = without_suffix(found)
        names = (stem, _START.sub("", stem))
        yield Entry(names, True, label, _relative(layout, label))


def _shared(layout: Layout, label: str) -> Problem:
    what = "is the label file of two images that differ only in their suffix"
    return Problem(_relative(layout, label), what, "one image", "Rename one; read for the first")


def _listed(layout: Layout, file: Path, done: set[str]) -> Iterator[Entry | Problem]:
    text = read_text(file, file.name)
    if isinstance(text, Problem):
        yield text
        return
    refused: list[str] = []
    for line in dict.fromkeys(text.splitlines()):
        said = line.strip().replace("\\", "/")
        if not said:
            continue
        image_path = _listed_path(layout, file, said)
        if image_path is None:
            refused.append(said)
            continue
        label = label_path(image_path)
        if label in done:
            continue
        done.add(label)
        name = clean(said)
        names = (_START.sub("", name), name, _relative(layout, image_path))
        yield Entry(names, False, label, _relative(layout, label), image_path)
    if refused:
        what = f"{len(refused):,} of its images lie outside the data set (such as {', '.join(refused[:3])})"
        remedy = "Left out; name a data.yaml whose `path` is the folder that holds them"
        yield Problem(file.name, what, "images within the data set", remedy)


def _listed_path(layout: Layout, file: Path, said: str) -> str | None:
    """Where a line's image is, or would be; None when that is outside the data set."""
    beside = f"{file.parent.as_posix()}/{said[2:]}" if said.startswith("./") else ""
    if beside and _inside(beside, (layout.root, *layout.within)):
        return beside
    tries = [said] if said.startswith("/") or said[1:2] == ":" else [beside] if beside else []
    tail = clean(said)
    tries += [f"{layout.root.as_posix()}/{tail}", f"{file.parent.as_posix()}/{tail}"]
    if "/" in tail:
        tries.append(f"{layout.root.as_posix()}/{tail.partition('/')[2]}")  # Darknet lists start with data/
    there, within = os.path.exists, (layout.root, *layout.within)
    outside = False
    for path in tries:
        if there(label_path(path)) or there(path):
            if _inside(path, within):
                return path
            outside = True
    return None if outside else next((path for path in tries if _inside(path, within)), None)


def _relative(layout: Layout, path: str) -> str:
    root = f"{layout.root.as_posix()}/"
    return path.removeprefix(root)
