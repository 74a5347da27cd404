"""From a file's bytes and their header to upright RGB.

JPEG goes through libjpeg-turbo (simplejpeg), which frees Python's lock and can decode at 1/2, 1/4 or 1/8 of the size by
leaving out frequencies of each block; what that refuses (CMYK, 12 bits, odd streams) and every other format goes through
Pillow.
"""

from __future__ import annotations

import numpy as np

from firstpass.errors import Problem
from firstpass.media.headers import Header, truncated
from firstpass.media.image import Rgb

_FACTORS = (8, 4, 2)
_DAMAGE = ("premature end", "bad huffman code")  # libjpeg's warnings for missing and wrong picture data
_END = b"\xff\xd9"


def decode(data: bytes, header: Header, where: str, max_side_px: int | None = None) -> Rgb | Problem:
    """Upright uint8 (h, w, 3), read-only and contiguous; longest side at most max_side_px, never enlarged.

    Problem: damaged or truncated data (says how much is there), or a kind that no decoder here reads.
    """
    stored = _decode_jpeg(data, header, where, max_side_px) if header.format == "JPEG" else _decode_other(data, header, where)
    if isinstance(stored, Problem):
        return stored
    rgb = np.ascontiguousarray(upright(resize(stored, max_side_px), header.orientation))
    rgb.flags.writeable = False
    return rgb


def upright(rgb: Rgb, orientation: int) -> Rgb:
    """The picture turned and mirrored as EXIF orientation 1..8 asks (EXIF 3.0, tag 0x0112)."""
    if orientation == 1:
        return rgb
    import cv2

    if orientation >= 5:
        rgb = np.asarray(cv2.transpose(rgb), np.uint8)
    mirrored = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)  # cv2.flip: 1 = left-right, 0 = up-down, -1 = both
    return rgb if mirrored is None else np.asarray(cv2.flip(rgb, mirrored), np.uint8)


def resize(rgb: Rgb, max_side_px: int | None) -> Rgb:
    """Made smaller by area averaging so that the longest side is at most max_side_px; as it is when it already fits or for
    None."""
    height_px, width_px = rgb.shape[:2]
    longest = max(height_px, width_px)
    if max_side_px is None or longest <= max_side_px:
        return rgb
    import cv2

    scale = max_side_px / longest
    wanted = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    return np.asarray(cv2.resize(rgb, wanted, interpolation=cv2.INTER_AREA), np.uint8)


def jpeg_factor(width_px: int, height_px: int, max_side_px: int | None) -> int:
    """The largest of 1, 2, 4, 8 by which a JPEG can be reduced without its longest side falling below max_side_px."""
    longest = max(width_px, height_px)
    return next((f for f in _FACTORS if max_side_px is not None and -(-longest // f) >= max_side_px), 1)


def _decode_other(data: bytes, header: Header, where: str) -> Rgb | Problem:
    from firstpass.media import pillow

    plain = pillow.without_orientation(data, header.orientation_at, header.orientation_code)
    return pillow.decode(plain, header.format, where)


def _decode_jpeg(data: bytes, header: Header, where: str, max_side_px: int | None) -> Rgb | Problem:
    import simplejpeg  # pyright: ignore[reportMissingTypeStubs]

    from firstpass.media import pillow

    damage = ""
    if header.channels in (1, 3):
        factor = jpeg_factor(header.width_px, header.height_px, max_side_px)
        sides = (0, 0) if factor == 1 else (-(-header.height_px // factor), -(-header.width_px // factor))
        try:
            # with an end marker put in place of a missing one, the decoder complains only when picture data are missing too
            return simplejpeg.decode_jpeg(
                data if header.complete else data + _END, "RGB", min_height=sides[0], min_width=sides[1]
            )  # fmt: skip
        except ValueError as error:
            damage = str(error)
    if any(word in damage.lower() for word in _DAMAGE):
        if not header.complete:
            return truncated(where, "JPEG", f"{len(data):,} bytes, {_rows_there(data, header)}")
        return Problem(where, f"the JPEG picture is damaged: {damage}", "", "Copy it anew from its source.")
    return pillow.decode(data, "JPEG", where, plain_cmyk=header.channels == 4 and not header.adobe)


def _rows_there(data: bytes, header: Header) -> str:
    """How much of a truncated JPEG can be seen: the decoder fills what is missing with one color."""
    import simplejpeg  # pyright: ignore[reportMissingTypeStubs]

    if header.progressive:
        return "all rows, coarse"
    try:
        rgb = simplejpeg.decode_jpeg(data, "RGB", strict=False)
    except ValueError:
        return f"none of {header.height_px} rows"
    same_as_last = (rgb == rgb[-1:, -1:]).all(axis=(1, 2))[::-1]
    missing = len(rgb) if same_as_last.all() else int(np.argmin(same_as_last))
    return f"about {len(rgb) - missing} of {len(rgb)} rows"
