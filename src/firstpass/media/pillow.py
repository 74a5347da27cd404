"""The one place that touches Pillow: opens a file as one given format, and makes RGB of every mode.

``Image.open`` is not used: it guesses the format, and tells of large pictures by a Python warning that no thread can silence
for itself. The class of the format that the first bytes show is called instead, and sizes are checked against Limits before
loading.

How modes become RGB (each pixel uint8): 1-bit, gray and palette as they are; alpha and transparent palette entries are laid
over white; CMYK by the plain inverse (no color profile is applied to any picture). 16-bit gray is divided by its own depth,
the smallest of 8, 10, 12, 14 and 16 bits that holds its largest value: a 12-bit camera writes 0..4095 into 16 bits, and by
65535 it would be black. 32-bit integers do the same within 0..65535, else go from their minimum to their maximum, as floats
do (NaN and infinity left out of the range; NaN is shown black). 16-bit color comes from Pillow by its high byte.
"""

from __future__ import annotations

import io
import struct
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firstpass.errors import Problem
from firstpass.media.files import one_line
from firstpass.media.image import Rgb

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage
    from PIL.ImageFile import ImageFile

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_OPENERS = {
    "JPEG": ("JpegImagePlugin", "JpegImageFile"), "PNG": ("PngImagePlugin", "PngImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"), "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"), "GIF": ("GifImagePlugin", "GifImageFile"),
    "PPM": ("PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"), "JPEG2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
}  # fmt: skip
_REMEDY = "Copy it anew from its source."
_ENDS_EARLY = (
    "truncated", "broken data stream", "not enough", "expected to read", "unexpected end", "bmff parsing failed", "unpack_from",
    "no more images",
)  # fmt: skip
_DEPTHS_BITS = (8, 10, 12, 14, 16)

# set once, when this module is first imported, and for Pillow's modules alone: what they warn of is odd tags, harmless here
warnings.filterwarnings("ignore", module=r"PIL\.")


def open_file(data: bytes, kind: str, where: str) -> ImageFile | Problem | None:
    """The file opened as `kind` (JPEG, PNG …), not decoded. None: this Pillow lacks the format. Problem: damaged."""
    try:
        opener = _opener(kind)
    except ImportError:
        return None
    if opener is None:
        return None
    try:
        return opener(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  # decoders fail in many ways on hostile bytes; each is a fact about the file
        return _damaged(where, f"the {kind} header", error, len(data))


def is_animated(image: ImageFile) -> bool:
    """True when more than one frame follows; False when that cannot be told."""
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001  # a damaged second frame does not matter
        return False


def without_orientation(data: bytes, at: int, code: str) -> bytes:
    """A TIFF file's bytes with orientation 1, since some versions of Pillow turn TIFF pictures themselves and others do not."""
    if at < 0 or not code or at + struct.calcsize(code) > len(data) or struct.unpack_from(code, data, at)[0] == 1:
        return data
    changed = bytearray(data)
    struct.pack_into(code, changed, at, 1)
    return bytes(changed)


def decode(data: bytes, kind: str, where: str, *, plain_cmyk: bool = False) -> Rgb | Problem:
    """The first picture as stored (not turned), uint8 (h, w, 3). plain_cmyk: a JPEG's CMYK is not inverted (no Adobe
    marker)."""
    opened = open_file(data, kind, where)
    if opened is None:
        return Problem(where, f"the installed Pillow cannot decode {kind}", "", "Update Pillow, or convert the picture to PNG.")
    if isinstance(opened, Problem):
        return opened
    try:
        with opened as image:
            image.load()
            return _to_rgb(image, plain_cmyk)
    except Exception as error:  # noqa: BLE001  # as above
        return _damaged(where, f"the {kind} picture", error, len(data))


def _damaged(where: str, what: str, error: Exception, byte_count: int) -> Problem:
    said = one_line(error)
    if isinstance(error, (struct.error, EOFError, IndexError)) or any(word in said.lower() for word in _ENDS_EARLY):
        return Problem(where, f"{what} ends early: only {byte_count:,} bytes are there", "the whole file", _REMEDY)
    if type(error).__name__.startswith("DecompressionBomb"):
        return Problem(where, f"{what} is too large: not decoded, it may be a decompression bomb", "", "Make it smaller.")
    if isinstance(error, MemoryError):
        return Problem(where, f"{what} needs more memory than there is", "", "Make it smaller, or use a larger machine.")
    return Problem(where, f"{what} is damaged: {said}", "", _REMEDY)


def _opener(kind: str) -> type[ImageFile] | None:
    """Pillow's class for one format; None when it was built without. Raises ImportError when it is too old for the format."""
    from PIL import features

    codec = {"WEBP": "webp", "JPEG2000": "jpg_2000", "JPEG": "jpg", "PNG": "zlib"}.get(kind)
    if codec is not None and not features.check(codec):
        return None
    plugin, opener = _OPENERS[kind]
    module = import_module(f"PIL.{plugin}")
    return getattr(module, opener) if getattr(module, "SUPPORTED", True) else None


def _to_rgb(image: PilImage, plain_cmyk: bool) -> Rgb:
    mode = image.mode
    if mode == "F" or mode.startswith("I"):
        gray = _numbers_to_gray(np.asarray(image), _white_is_zero(image))
        return np.repeat(gray[:, :, None], 3, axis=2)
    if mode == "CMYK" and plain_cmyk:
        from PIL import ImageChops

        image = ImageChops.invert(image)
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _over_white(image)
    return np.array(image if mode == "RGB" else image.convert("RGB"))


def _over_white(image: PilImage) -> Rgb:
    from PIL import Image

    rgba = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return np.array(rgba.convert("RGB"))
    paper = Image.new("RGB", rgba.size, (255, 255, 255))
    paper.paste(rgba, mask=alpha)
    return np.array(paper)


def _white_is_zero(image: PilImage) -> bool:
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _numbers_to_gray(values: NDArray[Any], white_is_zero: bool) -> NDArray[np.uint8]:
    """Gray (h, w) of any number type → uint8; the rule stands in the module's docstring."""
    low, top = _finite_range(values)
    if values.dtype.kind in "iu" and low >= 0 and top < 1 << 16:
        full = (1 << next(bits for bits in _DEPTHS_BITS if top < 1 << bits)) - 1
        table = np.rint(np.arange(full + 1) * (255.0 / full)).astype(np.uint8)
        return (255 - table if white_is_zero else table)[values]
    span = top - low if top > low else 1.0
    scaled = (values.astype(np.float64) - low) * (255.0 / span)
    gray = np.nan_to_num(np.clip(np.rint(scaled), 0, 255), nan=0.0).astype(np.uint8)
    return 255 - gray if white_is_zero else gray


def _finite_range(values: NDArray[Any]) -> tuple[float, float]:
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
