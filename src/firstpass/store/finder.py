"""Finds the image that a label file means, by whatever it calls it.

In this order, the first that gives exactly one image wins; where one gives several, that is a Problem that names them:

1. the exact name relative to the image folder;
2. the same name written otherwise: backslashes, a leading ``./``, Unicode composed (NFC) or decomposed (NFD);
3. the digest of the file's bytes, as the whole text or as the file's stem;
4. the longest common tail of the path (``/data/run3/left/1.jpg`` means ``left/1.jpg``, or the only ``1.jpg`` there is);
5. 2 and 4 without regard to upper and lower case, for names that went through Windows;
6. a name without an image suffix that is the stem of exactly one image.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from firstpass.errors import Problem
from firstpass.labels import ImageRef

_DIGEST = re.compile(r"[0-9a-f]{32}")
_SHOWN = 5


class Finder:
    """An `ImageFinder` over a fixed set of images. Its indexes are built at the first question that needs them."""

    def __init__(self, images: Callable[[], Iterable[ImageRef]]) -> None:
        self._images = images

    def find(self, name: str) -> ImageRef | Problem:
        """The image meant by `name`; a Problem (with `name` as its place) when there is none or more than one."""
        exact = self._by_name.get(name)
        if exact is not None:
            return exact
        plain = _plain(name)
        if not plain:
            return Problem(name, "an empty image name", "a path relative to the image folder")
        for candidates, why in (
            (self._by_plain.get(plain, ()), "differ only in how the name is written (Unicode form, slashes)"),
            (self._of_digest(plain), "have this digest"),
            (self._of_tail(plain, fold=False), "end like this"),
            (self._by_folded.get(plain.casefold(), ()), "differ only in upper and lower case"),
            (self._of_tail(plain, fold=True), "end like this but for upper and lower case"),
            (self._by_stem.get(plain.rsplit("/", 1)[-1], ()), "have this name without its suffix"),
        ):
            if len(candidates) == 1:
                return candidates[0]
            if candidates:
                return _ambiguous(name, candidates, why)
        remedy = "Check the spelling, or register the image folder again"
        return Problem(name, f"no image is called {name!r}", "a name relative to the image folder", remedy)

    @cached_property
    def _by_name(self) -> dict[str, ImageRef]:
        return {ref.name: ref for ref in self._images()}

    @cached_property
    def _by_plain(self) -> dict[str, list[ImageRef]]:
        return _grouped((_plain(name), ref) for name, ref in self._by_name.items())

    @cached_property
    def _by_folded(self) -> dict[str, list[ImageRef]]:
        return _grouped((plain.casefold(), ref) for plain, refs in self._by_plain.items() for ref in refs)

    @cached_property
    def _by_digest(self) -> dict[str, list[ImageRef]]:
        return _grouped((ref.digest, ref) for ref in self._by_name.values() if ref.digest)

    @cached_property
    def _by_last(self) -> dict[str, list[tuple[str, ImageRef]]]:
        groups: dict[str, list[tuple[str, ImageRef]]] = {}
        for plain, refs in self._by_plain.items():
            groups.setdefault(plain.rsplit("/", 1)[-1], []).extend((plain, ref) for ref in refs)
        return groups

    @cached_property
    def _by_last_folded(self) -> dict[str, list[tuple[str, ImageRef]]]:
        groups: dict[str, list[tuple[str, ImageRef]]] = {}
        for last, items in self._by_last.items():
            groups.setdefault(last.casefold(), []).extend((plain.casefold(), ref) for plain, ref in items)
        return groups

    @cached_property
    def _by_stem(self) -> dict[str, list[ImageRef]]:
        lasts = ((last, ref) for last, items in self._by_last.items() for _, ref in items)
        return _grouped((last.rpartition(".")[0], ref) for last, ref in lasts if last.rpartition(".")[0])

    def _of_digest(self, plain: str) -> Sequence[ImageRef]:
        last = plain.rsplit("/", 1)[-1].split(".", 1)[0].lower()
        return self._by_digest.get(last, ()) if _DIGEST.fullmatch(last) else ()

    def _of_tail(self, plain: str, *, fold: bool) -> Sequence[ImageRef]:
        wanted = plain.casefold() if fold else plain
        index = self._by_last_folded if fold else self._by_last
        items = index.get(wanted.rsplit("/", 1)[-1], ())
        if len(items) < 2:
            return [ref for _, ref in items]
        parts = wanted.split("/")
        ranked = [(_common_tail(parts, text.split("/")), ref) for text, ref in items]
        best = max(rank for rank, _ in ranked)
        return [ref for rank, ref in ranked if rank == best]


def _plain(name: str) -> str:
    text = name.replace("\\", "/")
    while text.startswith("./"):
        text = text[2:]
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _common_tail(a: Sequence[str], b: Sequence[str]) -> int:
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count


def _grouped(pairs: Iterable[tuple[str, ImageRef]]) -> dict[str, list[ImageRef]]:
    groups: dict[str, list[ImageRef]] = {}
    for key, ref in pairs:
        groups.setdefault(key, []).append(ref)
    return groups


def _ambiguous(name: str, candidates: Sequence[ImageRef], why: str) -> Problem:
    shown = ", ".join(ref.name for ref in candidates[:_SHOWN])
    more = f" and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
    what = f"{name!r} may mean {len(candidates)} images that {why}: {shown}{more}"
    return Problem(name, what, "one image", "Write the name relative to the image folder, as the project has it")
