"""Lists the files of a folder: sorted, recursive, with `os.scandir`, safe from symlink loops and unreadable folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from firstpass.errors import Problem

IMAGE_SUFFIXES = frozenset(
    (
        ".avif", ".bmp", ".dng", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pgm", ".png",
        ".ppm", ".tif", ".tiff", ".webp",
    )
)  # fmt: skip


def suffix_of(name: str) -> str:
    """The lower-case suffix with its dot; "" for none. Much faster than `Path.suffix`."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  # speed


def without_suffix(name: str) -> str:
    """The name without its last suffix."""
    return os.path.splitext(name)[0]  # noqa: PTH122  # speed


def walk(root: Path, suffixes: frozenset[str]) -> Iterator[str | Problem]:
    """Names of the files with one of the suffixes, relative to `root`, with forward slashes, sorted folder by folder.

    Hidden files and folders are passed over. A folder that cannot be read, or that a symbolic link leads back to, is a Problem.
    """
    stack: list[tuple[str, str]] = [(str(root), "")]
    seen = {os.path.realpath(root)}
    while stack:
        folder, prefix = stack.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
            folders = [e for e in entries if e.is_dir()]
        except OSError as error:
            yield Problem(prefix or str(root), f"folder cannot be read: {error.strerror}", "", "Check its permissions")
            continue
        inner = {e.name for e in folders}
        yield from (prefix + e.name for e in entries if e.name not in inner and suffix_of(e.name) in suffixes)
        for entry in reversed(folders):
            real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
            if real in seen:
                yield Problem(prefix + entry.name, "symbolic link leads back to a folder already read", severity="warning")
                continue
            if entry.is_symlink():
                seen.add(real)
            stack.append((entry.path, f"{prefix}{entry.name}/"))


def first_names(folder: Path, count: int = 200) -> list[str]:
    """Up to `count` names in a folder, unsorted and not recursive; [] when it cannot be read. For sniffing."""
    try:
        with os.scandir(folder) as found:
            return [entry.name for entry in islice(found, count)]
    except OSError:
        return []
