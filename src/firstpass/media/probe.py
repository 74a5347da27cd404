"""What is known of an image without decoding it: size, format, orientation, text fields, and the digest of its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media.decode import decode
from firstpass.media.digest import digest_bytes
from firstpass.media.files import read_bytes, shown
from firstpass.media.headers import read_header
from firstpass.media.limits import Limits
from firstpass.media.sniff import SUFFIXES, suffix_of

_DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Probed:
    """One image file as found.

    ref: digest of the bytes, upright size. format: JPEG, PNG, WEBP, TIFF, BMP, GIF, PPM, AVIF, JPEG2000. orientation: EXIF,
    1..8. exif: any of DateTimeOriginal, Make, Model, ImageDescription, UserComment, Software, Description (XMP or PNG),
    Comment (JPEG, PNG or GIF), each at most 2 kB; no GPS. notes: oddities that were accepted, e.g. a JPEG named .png.
    """

    ref: ImageRef
    format: str
    orientation: int
    exif: Mapping[str, str] = field(default_factory=dict[str, str])
    byte_size: int = 0
    notes: tuple[str, ...] = ()


def probe(uri: str, name: str, *, limits: Limits = _DEFAULT) -> Probed | Problem:
    """Reads the file once for header and digest; decodes only a JPEG or PNG whose end marker is missing, to tell whether it
    is whole.

    name: relative to the image folder, as it goes into the ref. Problem: gone, unreadable, empty, no image, truncated, over a
    limit.
    """
    where = shown(name)
    data = read_bytes(uri, where, limits)
    if isinstance(data, Problem):
        return data
    header = read_header(data, name, where, limits)
    if isinstance(header, Problem):
        return header
    notes = header.notes
    claimed = SUFFIXES.get(suffix_of(name), "")
    if claimed and claimed != header.format:
        notes = (f"it is {header.format}, though its name says {claimed}", *notes)
    if not header.complete:
        decoded = decode(data, header, where)
        if isinstance(decoded, Problem):
            return decoded
        notes = (*notes, "the end marker is missing, the picture is whole")
    ref = ImageRef(digest_bytes(data), uri, name, *header.upright_wh_px)
    return Probed(ref, header.format, header.orientation, header.exif, len(data), notes)
