"""Finds the image that a label file means, when the file gives only part of its name or several spellings of it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from firstpass.errors import Problem
from firstpass.formats._walk import IMAGE_SUFFIXES, suffix_of
from firstpass.formats.base import ReadContext
from firstpass.labels import ImageRef

# Tried in this order where a label file says no suffix.
COMMON_SUFFIXES = (".jpg", ".png", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".JPG", ".PNG", ".JPEG")


def find_image(
    context: ReadContext, names: Iterable[str], where: str, size_wh_px: tuple[int, int] | None = None, path: str = ""
) -> ImageRef | Problem:
    """The image that one of the names means: first a name that is exactly one of the project's, then the first that is found.

    names: the most telling first; that one is what a Problem or a placeholder will be called. path: the image file itself,
    where it is at hand: decides when two names are two images.
    """
    asked = list(dict.fromkeys(clean(name) for name in names if name))
    if not asked:
        return Problem(where, "names no image", "the image's file name", "Check the file")
    found = locate(context, asked, path)
    return context.image(asked[0] if found is None else found.name, where, size_wh_px)


def locate(context: ReadContext, names: Iterable[str], path: str = "") -> ImageRef | None:
    """As :func:`find_image`, but None when no name is found, and no look at sizes."""
    exact: list[ImageRef] = []
    loose: ImageRef | None = None
    for name in dict.fromkeys(clean(name) for name in names if name):
        found = context.images.find(name)
        if isinstance(found, ImageRef):
            if found.name != name:
                loose = loose or found
            elif not path:
                return found
            else:
                exact.append(found)
    if len(exact) > 1:
        real = os.path.realpath(path)
        same = [ref for ref in exact if os.path.realpath(ref.uri.removeprefix("file://")) == real]
        exact = same or exact
    return exact[0] if exact else loose


def find_by_stem(context: ReadContext, stems: Iterable[str], where: str) -> ImageRef | Problem:
    """The image whose name without suffix is one of the stems. Two such images (``a.jpg``, ``a.png``) are a Problem."""
    asked = list(dict.fromkeys(clean(stem) for stem in stems if stem))
    for stem in asked:
        exact: dict[str, ImageRef] = {}
        loose: dict[str, ImageRef] = {}
        for suffix in COMMON_SUFFIXES if suffix_of(stem) not in IMAGE_SUFFIXES else ("", *COMMON_SUFFIXES):
            found = context.images.find(stem + suffix)
            if isinstance(found, ImageRef):
                (exact if found.name == stem + suffix else loose)[found.name] = found
        hits = exact or loose
        if len(hits) == 1:
            return next(iter(hits.values()))
        if hits:
            said = " or ".join(sorted(hits)[:3])
            return Problem(where, f"may mean {said}", "one image", "Rename one of the images and its label file")
    return context.image(asked[0] if asked else "", where)


def clean(name: str) -> str:
    """A file's name with forward slashes, without ``./``, ``..`` or empty parts and without a drive letter."""
    parts = [part for part in name.strip().replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    if parts and len(parts[0]) == 2 and parts[0][1] == ":":
        parts = parts[1:]
    return "/".join(parts)


class Seen:
    """Tells when two label files speak of one image: the first counts, the second is a Problem."""

    def __init__(self) -> None:
        self._by_name: dict[str, str] = {}

    def again(self, image: ImageRef, where: str) -> Problem | None:
        """None the first time an image comes, else what to say about the second label file."""
        first = self._by_name.setdefault(image.name, where)
        if first is where:
            return None
        remedy = "Only the first was read: remove or merge one"
        return Problem(where, f"labels {image.name} a second time", f"only {first}", remedy)
