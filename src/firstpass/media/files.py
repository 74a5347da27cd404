"""Bytes of a local path or an fsspec URL (memory://, file://, s3://, http:// …), with every failure told as a Problem.

Local paths take the plain ``open`` way; fsspec is imported only when a URL is met.
"""

from __future__ import annotations

import os
import re
import stat
from importlib import import_module
from typing import Any

from firstpass.errors import Problem
from firstpass.media.limits import Limits

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_DRIVERS = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp", "abfs": "adlfs",
    "abfss": "adlfs", "az": "adlfs", "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol", "hf": "huggingface_hub",
}  # fmt: skip
_SECRET = re.compile(r"(?<=://)[^/@]*@|\?.*$")


def is_url(uri: str) -> bool:
    """True for ``scheme://…`` and chained fsspec URLs (``zip://…::…``); a drive letter is a path."""
    return _SCHEME.match(uri) is not None


def join_uri(folder: str, name: str) -> str:
    """The uri of the image that :func:`firstpass.media.scan.scan` called `name` in `folder` (a path or a URL)."""
    if is_url(folder):
        first, chain, rest = folder.partition("::")
        return f"{first.rstrip('/')}/{name}{chain}{rest}" if not first.endswith("://") else f"{first}{name}{chain}{rest}"
    return os.path.join(folder, *name.split("/"))  # noqa: PTH118  # pathlib would drop a leading "./" and refuse nothing


def shown(name: str) -> str:
    """A name or uri as it may stand in a one-line message: control characters and stray surrogates escaped, credentials left
    out."""
    if is_url(name):
        name = _SECRET.sub("", name)
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def read_bytes(uri: str, where: str, limits: Limits) -> bytes | Problem:
    """The whole file. Problem: gone, not a regular file, unreadable, empty, over limits.max_bytes, or no driver for the URL."""
    got = _read_url(uri, where, limits.max_bytes) if is_url(uri) else _read_path(uri, where, limits.max_bytes)
    if isinstance(got, Problem):
        return got
    if not got:
        return Problem(where, "the file is empty (0 bytes)", "an image", "Copy it anew from its source.")
    if len(got) > limits.max_bytes:
        return _too_large(where, len(got), limits.max_bytes)
    return got


def read_head(uri: str, count: int) -> bytes:
    """The first `count` bytes; b"" when they cannot be had."""
    if is_url(uri):
        opened = filesystem(uri, uri)
        if isinstance(opened, Problem):
            return b""
        fs, path = opened
        try:
            with fs.open(path, "rb") as file:
                return bytes(file.read(count))
        except Exception:  # noqa: BLE001  # a driver's client may fail in any way; reading tells why later
            return b""
    try:
        if not stat.S_ISREG(os.stat(uri).st_mode):  # noqa: PTH116
            return b""
        with open(uri, "rb") as file:  # noqa: PTH123
            return file.read(count)
    except (OSError, ValueError):
        return b""


def filesystem(uri: str, where: str) -> tuple[Any, str] | Problem:
    """The fsspec file system and the path within it. Problem: unknown scheme, or a driver that is not installed (named)."""
    core: Any = import_module("fsspec.core")  # it has no types
    scheme = uri.partition("::")[0].partition("://")[0]
    try:
        fs, path = core.url_to_fs(uri)
    except ImportError as error:
        what = f"{scheme}:// needs a package that is not installed: {one_line(error)}"
        return Problem(where, what, "", _install(scheme))
    except Exception as error:  # noqa: BLE001  # drivers read their own settings here and fail in their own ways
        return Problem(where, f"{scheme}:// cannot be opened: {one_line(error)}", "a local path or a URL that fsspec knows")
    return fs, str(path)


def one_line(error: BaseException) -> str:
    """What an exception says, on one line and without its last full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return shown(text.rstrip("."))


def gone(where: str) -> Problem:
    """The Problem for a file that is not there (any more)."""
    return Problem(where, "the file is not there (any more)", "", "Put it back, or import the images anew.")


def os_problem(where: str, error: OSError) -> Problem:
    """The Problem for a file or folder that the operating system refuses."""
    if isinstance(error, FileNotFoundError):
        return gone(where)
    if isinstance(error, PermissionError):
        return Problem(where, "it may not be read (permission denied)", "", "Give yourself the right to read it.")
    return Problem(where, f"it cannot be read: {error.strerror or one_line(error)}")


def _install(scheme: str) -> str:
    package = _DRIVERS.get(scheme)
    return f"Run: pip install {package}" if package else ""


def _too_large(where: str, size: int, most: int) -> Problem:
    return Problem(where, f"the file has {size:,} bytes", f"at most {most:,}", "Split the picture or make it smaller.")


def _read_path(path: str, where: str, most: int) -> bytes | Problem:
    try:
        status = os.stat(path)  # noqa: PTH116
        if not stat.S_ISREG(status.st_mode):
            return Problem(where, "it is a folder or a device", "a regular file")
        if status.st_size > most:
            return _too_large(where, status.st_size, most)
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(status.st_size + 1)
    except OSError as error:
        return os_problem(where, error)
    except ValueError:
        return Problem(where, "the path holds a NUL character", "a path the system can open")


def _read_url(uri: str, where: str, most: int) -> bytes | Problem:
    opened = filesystem(uri, where)
    if isinstance(opened, Problem):
        return opened
    fs, path = opened
    try:
        with fs.open(path, "rb") as file:
            size = getattr(file, "size", None)
            if isinstance(size, int) and size > most:
                return _too_large(where, size, most)
            return bytes(file.read(size + 1 if isinstance(size, int) else most + 1))
    except OSError as error:
        return os_problem(where, error)
    except Exception as error:  # noqa: BLE001  # the driver's client (HTTP, S3) raises its own kinds
        return Problem(where, f"it cannot be read: {one_line(error)}")
