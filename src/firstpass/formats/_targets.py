"""What every folder format needs to write: safe file names, splits, a bounded list of problems, the class's number."""

from __future__ import annotations

import re
from pathlib import Path

from firstpass.errors import Problem
from firstpass.formats.base import WriteContext
from firstpass.labels import ImageRef

MOST_PROBLEMS = 1000
_BAD_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\\]")


class ProblemList:
    """Problems met while writing: the first thousand as they are, the rest as one count, so that memory stays bounded."""

    def __init__(self, where: str) -> None:
        self._where, self._kept, self._more = where, list[Problem](), 0

    def add(self, problem: Problem | None) -> None:
        """Keeps or counts a problem; None is nothing."""
        if problem is None:
            return
        if len(self._kept) < MOST_PROBLEMS:
            self._kept.append(problem)
        else:
            self._more += 1

    def outlined(self, count: int) -> None:
        """Tells once how many masks became polygons."""
        if count:
            what = f"{count:,} masks were written as their outlines, along the pixels' edges"
            self._kept.append(Problem(self._where, what, "polygons", severity="warning"))

    def all(self) -> tuple[Problem, ...]:
        """The problems, with a last one that says how many more there were."""
        if not self._more:
            return tuple(self._kept)
        more = Problem(self._where, f"{self._more:,} more problems like these were not listed", severity="warning")
        return (*self._kept, more)


def target_name(image: ImageRef) -> str | Problem:
    """The image's name as a relative path that is safe to make inside a target folder, or a Problem that says why not."""
    name = image.name
    parts = name.split("/")
    if not name or name.startswith("/") or any(part in {"", ".", ".."} for part in parts):
        return _refused(name, "a path inside the image folder")
    if _BAD_CHARACTERS.search(name):
        return _refused(name, "a name without line breaks, control characters or backslashes")
    if any(len(part.encode("utf-8", "surrogateescape")) > 250 for part in parts):
        return _refused(name, "at most 250 bytes per part of the name")
    return name


def split_of(image: ImageRef, context: WriteContext) -> str:
    """The image's split, by digest or name; "train" where none is given."""
    by_digest = context.splits.get(image.digest) if image.digest else None
    return by_digest or context.splits.get(image.name) or "train"


def unknown_class(class_name: str, where: str, context: WriteContext) -> Problem | None:
    """A Problem when the class is not in the ontology and so cannot be written."""
    if class_name in context.ontology:
        return None
    known = ", ".join(context.ontology.names[:10]) or "no class"
    remedy = "Add the class to firstpass.toml and export again"
    return Problem(where, f"class {class_name!r} is not in the project", known, remedy)


class Folders:
    """Makes the parent folders of files to be written, each once."""

    def __init__(self, root: Path) -> None:
        self.root, self._made = root, {str(root)}

    def file(self, name: str) -> str:
        """The path of a file in the target folder; its parent exists."""
        path = f"{self.root}/{name}"
        parent = path.rpartition("/")[0]
        if parent not in self._made:
            Path(parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        return path

    def write(self, name: str, text: str) -> None:
        """Writes a small text file, UTF-8, line ends as given."""
        with open(self.file(name), "w", encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
            file.write(text)


def _refused(name: str, expected: str) -> Problem:
    return Problem(repr(name), "cannot be a file name in the target folder", expected, "Rename the image and import it again")
