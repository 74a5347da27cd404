"""Pictures for the browser: upright, safe to show, small enough. The file's own bytes where they are that already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media.decode import decode
from firstpass.media.digest import digest_bytes
from firstpass.media.files import read_bytes, shown
from firstpass.media.headers import Header, read_header
from firstpass.media.image import Rgb
from firstpass.media.limits import Limits
from firstpass.media.read import changed

SMALL_PX = 512 * 512  # up to here a PNG, which changes no pixel, is sent
_QUALITY = 95
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a picture file and its media type."""

    data: bytes
    media_type: str


def picture(ref: ImageRef, max_side_px: int | None = None) -> Picture | Problem:
    """The upright picture as JPEG or PNG, of the ref's size or reduced to max_side_px.

    A plain, whole, upright JPEG goes as it is; anything else is decoded and encoded anew, so that no SVG, script or orientation
    reaches the browser. Problem: as `read_image`, and a file whose bytes are not those of the import.
    """
    where = shown(ref.name)
    data = read_bytes(ref.uri, where, _LIMITS)
    if isinstance(data, Problem):
        return data
    header = read_header(data, ref.name, where, _LIMITS)
    if isinstance(header, Problem):
        return header
    if ref.digest and digest_bytes(data) != ref.digest:
        return changed(where, "its bytes are others", "the same file")
    fits = max_side_px is None or max_side_px >= max(header.width_px, header.height_px)
    if fits and _is_plain(header):
        return Picture(data, "image/jpeg")
    rgb = decode(data, header, where, max_side_px)
    if isinstance(rgb, Problem):
        return rgb
    return encoded(rgb, lossless=header.format != "JPEG")


def encoded(rgb: Rgb, *, lossless: bool) -> Picture:
    """(height, width, 3) as PNG when it is small and lossless is wished, else as JPEG of quality 95 with whole colors."""
    if lossless and rgb.shape[0] * rgb.shape[1] <= SMALL_PX:
        import cv2

        done, buffer = cv2.imencode(".png", rgb[:, :, ::-1])
        if done:
            return Picture(buffer.tobytes(), "image/png")
    import simplejpeg  # pyright: ignore[reportMissingTypeStubs]

    return Picture(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), _QUALITY, "RGB", "444"), "image/jpeg")


def _is_plain(header: Header) -> bool:
    """A JPEG that every browser shows as we decode it: gray or YCbCr, whole, not turned."""
    return header.format == "JPEG" and header.complete and header.orientation == 1 and header.channels in (1, 3)
