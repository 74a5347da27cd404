"""Reads an image safely: bytes, header, limits, pixels, in that order."""

from __future__ import annotations

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media.decode import decode, resize
from firstpass.media.files import read_bytes, shown
from firstpass.media.headers import read_header
from firstpass.media.image import Rgb
from firstpass.media.limits import Limits

__all__ = ["Limits", "read_image", "resize"]

_DEFAULT = Limits()


def read_image(ref_or_uri: ImageRef | str, *, max_side_px: int | None = None, limits: Limits = _DEFAULT) -> Rgb | Problem:
    """The upright picture, uint8 (height_px, width_px, 3), read-only; the first frame or page where there are several.

    max_side_px: the longest side is at most this, never enlarged (JPEGs are then decoded at 1/2, 1/4 or 1/8, much faster). A
    ref's size is compared with the file's; 0 = not known. Problem: gone, unreadable, no image, damaged, over a limit, or
    another size than the ref's, which means that the file was changed after import. Raises ValueError for max_side_px below
    1.
    """
    if max_side_px is not None and max_side_px < 1:
        raise ValueError(f"max_side_px must be at least 1, but got {max_side_px}")
    ref = ref_or_uri if isinstance(ref_or_uri, ImageRef) else None
    uri = ref.uri if ref else str(ref_or_uri)
    name = (ref.name if ref else "") or uri
    where = shown(name)
    data = read_bytes(uri, where, limits)
    if isinstance(data, Problem):
        return data
    header = read_header(data, name, where, limits)
    if isinstance(header, Problem):
        return header
    if ref and ref.width_px > 0 and ref.height_px > 0 and header.upright_wh_px != (ref.width_px, ref.height_px):
        return changed(where, ref, header.upright_wh_px)
    return decode(data, header, where, max_side_px)


def changed(where: str, ref: ImageRef, size_wh_px: tuple[int, int]) -> Problem:
    """The Problem for a file whose picture has another size than when it was imported."""
    what = f"the picture is {size_wh_px[0]}x{size_wh_px[1]} px: the file was changed after import"
    return Problem(where, what, f"{ref.width_px}x{ref.height_px} px", "Put the old file back, or import the images anew.")
