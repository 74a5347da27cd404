"""Whole or not at all: files and folders are written beside their target and renamed into place at the end.

A failure on the way (a raise, a full disk, Ctrl-C) leaves the target as it was and no temporary file. Only a kill of the
process itself can leave a ``.firstpass-….part`` neighbor, which may be deleted.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from firstpass.errors import FormatError

MANY_FILES = 256  # above this one sync of the whole system is cheaper than one per file


@contextmanager
def atomic_file(path: Path) -> Generator[Path, None, None]:
    """Yields the path of an empty temporary neighbor to write to; it replaces `path` when the block ends without a raise.

    Missing parent folders are made, an existing file is replaced and its permissions kept, a symbolic link is followed. Raises
    FormatError when `path` is not a plain file or the system refuses (no permission, disk full, name too long); any other raise
    goes through unchanged.
    """
    with _refusals(path):
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            raise FormatError(f"{path}: cannot be written: it is {_kind(target)}, not a file. Name a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        temp = _neighbor(target)
        temp.touch(exist_ok=False)
    try:
        with _refusals(path):
            yield temp
            if target.exists():
                temp.chmod(stat.S_IMODE(target.stat().st_mode))
            _sync(temp)
            temp.replace(target)
            _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temp.unlink()


@contextmanager
def atomic_folder(path: Path) -> Generator[Path, None, None]:
    """Yields an empty temporary folder to write into; it becomes `path` when the block ends without a raise.

    An existing empty folder is taken; one that holds anything is refused with FormatError, also when an earlier export made it:
    nothing that a person may have added is ever deleted. Otherwise as :func:`atomic_file`.
    """
    with _refusals(path):
        target = Path(os.path.realpath(path))
        check_folder_target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temp = _neighbor(target)
        temp.mkdir()
    try:
        with _refusals(path):
            yield temp
            _sync_tree(temp)
            check_folder_target(path)
            if target.exists():
                target.rmdir()
            temp.rename(target)
            _sync_folder(target.parent)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def check_folder_target(path: Path) -> None:
    """Raises FormatError unless `path` is free or an empty folder; for refusing before any work is done."""
    if not path.exists():
        return
    if not path.is_dir():
        raise FormatError(f"{path}: cannot be written: it is {_kind(path)}, not a folder. Name a new folder")
    if any(path.iterdir()):
        raise FormatError(f"{path}: the folder is not empty (expected a new or an empty one). Name another, or empty it first")


def _neighbor(target: Path) -> Path:
    return target.parent / f".firstpass-{secrets.token_hex(8)}.part"


def _kind(path: Path) -> str:
    return "a folder" if path.is_dir() else "a file" if path.is_file() else "a device or socket"


@contextmanager
def _refusals(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "Free some space and try again" if full else "Name another target, or change its permissions"
        raise FormatError(f"{path}: cannot be written: {error.strerror or error}. {remedy}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    files = [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
    if len(files) > MANY_FILES and hasattr(os, "sync"):
        os.sync()
        return
    for file in files:
        _sync(file)
    for inner in (*(p for p in folder.rglob("*") if p.is_dir() and not p.is_symlink()), folder):
        _sync_folder(inner)
