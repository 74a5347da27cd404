"""Reads an image safely: bytes, header, limits, pixels, in that order."""

from __future__ import annotations

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media.decode import decode, resize
from firstpass.media.digest import digest_bytes
from firstpass.media.files import read_bytes, shown
from firstpass.media.headers import read_header
from firstpass.media.image import Rgb
from firstpass.media.limits import Limits

__all__ = ["Limits", "read_image", "resize"]

_DEFAULT = Limits()


def read_image(
    ref_or_uri: ImageRef | str, *, max_side_px: int | None = None, limits: Limits = _DEFAULT, verify: bool = False
) -> Rgb | Problem:
    """The upright picture, uint8 (height_px, width_px, 3), read-only; the first frame or page where there are several.

    max_side_px: the longest side is at most this, never enlarged (JPEGs are then decoded at 1/2, 1/4 or 1/8, much faster). A
    ref's size is compared with the file's; 0 = not known. verify: its digest too, which tells another picture of the same size,
    for 5 to 12 % of the time of decoding (blake2b: 1 ms per MB); "" = not known. Problem: gone, unreadable, no image, damaged,
    over a limit, or not the ref's file any more. Raises ValueError for max_side_px below 1.
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
        is_px, was_px = (f"{w}x{h} px" for w, h in (header.upright_wh_px, (ref.width_px, ref.height_px)))
        return changed(where, f"the picture is {is_px}", was_px)
    if verify and ref and ref.digest and digest_bytes(data) != ref.digest:
        return changed(where, "its bytes are others", "the same file")
    return decode(data, header, where, max_side_px)


def changed(where: str, what: str, expected: str) -> Problem:
    """The Problem for a file that is not the one that was imported."""
    remedy = "Put the old file back, or register the new one: firstpass import PROJECT --recheck"
    return Problem(where, f"the file has changed since import: {what}", expected, remedy)
