"""What formats with one label file per image share: listing the files, their classes, and the loop that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from firstpass.errors import FormatError, Problem
from firstpass.formats._find import Seen
from firstpass.formats._walk import first_names, suffix_of, walk
from firstpass.labels import ImageRef, LabeledImage

F = TypeVar("F")  # a label file as the format parsed it
SNIFFED = 3  # files looked into to tell a format


def files_to_sniff(path: Path, folder: Path, suffixes: frozenset[str], *, deep: bool) -> list[Path]:
    """`path` itself if it is such a file; else the first three in `folder`; deep: else the first one anywhere below it."""
    if path.is_file():
        return [path] if suffix_of(path.name) in suffixes else []
    names = sorted(name for name in first_names(folder) if suffix_of(name) in suffixes)[:SNIFFED]
    if not names and deep and folder.is_dir():
        found = next((name for name in walk(folder, suffixes) if isinstance(name, str)), None)
        names = [found] if found else []
    return [folder / name for name in names]


def label_files(path: Path, folder: Path, suffixes: frozenset[str], kind: str, place: str) -> tuple[Path, list[str | Problem]]:
    """The folder and the names in it: of the one file `path`, else of all below `folder`.

    kind, place: "XML" and where such files are expected, for words. Raises FormatError when there is none.
    """
    if path.is_file():
        return path.parent, [path.name]
    if not folder.is_dir():
        raise FormatError(f"{path}: is not there (expected a folder of {kind} files, or one {kind} file). Check the path")
    files = list(walk(folder, suffixes))
    if not any(isinstance(file, str) for file in files):
        raise FormatError(f"{path}: holds no {kind} file (expected {place})")
    return folder, files


def class_names(
    files: Iterable[str | Problem], load: Callable[[str], F | Problem], names_of: Callable[[F], Iterable[str]]
) -> list[str]:
    """Every class that a readable file names, sorted; blank ones are left out."""
    found: set[str] = set()
    for name in files:
        file = name if isinstance(name, Problem) else load(name)
        if not isinstance(file, Problem):
            found.update(names_of(file))
    return sorted(found - {""})


def read_each(
    files: Sequence[str | Problem],
    load: Callable[[str], F | Problem],
    find: Callable[[str, F], ImageRef | Problem],
    items: Callable[[str, F, ImageRef], Iterable[LabeledImage | Problem]],
    prefix: str = "",
) -> Iterator[LabeledImage | Problem]:
    """What the files say, in their order; a file that cannot be read, means no image, or one that another meant before, costs
    itself only.

    load, find, items: the format's own steps, each given the file's name. prefix: put before the name in messages.
    """
    seen = Seen()
    for name in files:
        if isinstance(name, Problem):
            yield name
            continue
        file = load(name)
        if isinstance(file, Problem):
            yield file
            continue
        image = find(name, file)
        if isinstance(image, Problem):
            yield image
        elif (again := seen.again(image, prefix + name)) is not None:
            yield again
        else:
            yield from items(name, file, image)
