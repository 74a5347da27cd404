"""Finds the image files below a folder, local or by fsspec URL.

Taken: regular files with an image suffix, and files without any suffix whose first bytes are an image's. Passed over: hidden
files and folders (".…") and other suffixes. Names that are not valid Unicode are Problems, since no data base or JSON file
can hold them; newlines and other odd characters are accepted. A folder is entered once, however many links lead to it.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from firstpass.errors import Problem, UsageError
from firstpass.media.files import filesystem, is_url, join_uri, one_line, os_problem, read_head, shown
from firstpass.media.sniff import HEAD_BYTES, SUFFIXES, format_of, suffix_of

_Found = tuple[str, str | Problem]


def scan(folder: str) -> Iterator[str | Problem]:
    """Names of image files relative to `folder`, with forward slashes, in plain sort order; Problems stand at their name's
    place.

    An empty folder gives nothing. Raises UsageError, at once, when there is no such folder.
    """
    if is_url(folder):
        return _in_order(_walk_url(folder))
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{shown(folder)} is {'not a folder' if root.exists() else 'not there'}: name a folder of images")
    return _in_order(_walk(str(root)))


def _in_order(found: Iterable[_Found]) -> Iterator[str | Problem]:
    ordered = sorted(found, key=lambda pair: pair[0])
    seen: dict[str, str] = {}
    for name, item in ordered:
        yield item
        if isinstance(item, Problem):
            continue
        key = unicodedata.normalize("NFC", name).casefold()
        first = seen.setdefault(key, name)
        if first != name:
            what = f"its name differs from {shown(first)} only in case or in how accents are written"
            yield Problem(shown(name), what, "names that differ on every file system", "Rename one of them.", "warning")


def _walk(root: str) -> Iterator[_Found]:
    """Real folders first, links to folders after them, so that the real name wins."""
    entered: set[tuple[int, int]] = set()
    real, links = [""], list[str]()
    while real or links:
        is_link = not real
        below = real.pop() if real else links.pop(0)
        path = os.path.join(root, below)  # noqa: PTH118  # names may hold surrogates and be very long: plain strings
        try:
            status = os.stat(path)  # noqa: PTH116
            identity = (status.st_dev, status.st_ino)
            if identity in entered:
                if is_link:
                    what = "a link to a folder that is scanned already"
                    yield below, Problem(shown(below), what, "", "Nothing is lost: it was not entered again.", "warning")
                continue
            entered.add(identity)
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield below, os_problem(shown(below) or shown(root), error)
            continue
        for entry in listed:
            if entry.name.startswith("."):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            kind = _kind(entry)
            if kind == "folder":
                (links if entry.is_symlink() else real).append(name)
            elif isinstance(kind, Problem):
                yield name, Problem(shown(name), kind.what, kind.expected, kind.remedy)
            elif kind == "file":
                yield from _take(name, entry.path)
        links.sort()


def _kind(entry: os.DirEntry[str]) -> str | Problem:
    """ "folder", "file", "" (to pass over), or a Problem without its place."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        broken = entry.is_symlink()
    except OSError as error:
        return os_problem("", error) if suffix_of(entry.name) in SUFFIXES or entry.is_symlink() else ""
    if suffix_of(entry.name) not in SUFFIXES:
        return ""
    what = "a link that leads nowhere" if broken else "a device or pipe, not a file"
    return Problem("", what, "a regular file", "Remove it.")


def _take(name: str, uri: str) -> Iterator[_Found]:
    suffix = suffix_of(name)
    if suffix not in SUFFIXES and (suffix or not format_of(read_head(uri, HEAD_BYTES))):
        return
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        yield name, Problem(shown(name), "its name is not valid Unicode (UTF-8)", "", "Rename it.")
        return
    yield name, name


def _walk_url(folder: str) -> Iterator[_Found]:
    opened = filesystem(folder, shown(folder))
    if isinstance(opened, Problem):
        yield "", opened
        return
    fs, root = opened
    problems: list[OSError] = []
    try:
        if not fs.isdir(root):
            raise UsageError(f"{shown(folder)} is not there, or not a folder: name a folder of images")
        if type(fs).__name__ == "LocalFileSystem":
            yield from _walk(root)
            return
        base = root.rstrip("/")
        for place, folders, files in fs.walk(root, on_error=problems.append, detail=True):
            below = str(place).rstrip("/")[len(base) :].strip("/")
            for hidden in [name for name in folders if str(name).startswith(".")]:
                del folders[hidden]
            for file in sorted(map(str, files)):
                name = f"{below}/{file}" if below else file
                if file and not any(part.startswith(".") for part in name.split("/")):
                    yield from _take(name, join_uri(folder, name))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  # the driver's client (HTTP, S3) raises its own kinds
        yield "", Problem(shown(folder), f"it cannot be listed: {one_line(error)}")
    for error in problems:
        yield "", os_problem(shown(folder), error)
