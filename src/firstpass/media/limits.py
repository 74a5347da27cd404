"""How much one image file may ask of the machine before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from firstpass.errors import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds checked before anything is decoded; what exceeds one becomes a Problem.

    max_pixels: width times height; the default is where Pillow itself refuses (twice its MAX_IMAGE_PIXELS of 1 GiB / 4 / 3).
    max_bytes: of the file. max_text_bytes: of one PNG text chunk when decompressed. max_scans: of a progressive JPEG (a few
    kilobytes of empty scans can keep a decoder busy for minutes).
    """

    max_pixels: int = 178_956_970
    max_bytes: int = 1 << 30
    max_text_bytes: int = 1 << 20
    max_scans: int = 200

    def check_size(self, where: str, width_px: int, height_px: int) -> Problem | None:
        """A Problem for a picture without pixels or with too many, else None."""
        if width_px <= 0 or height_px <= 0:
            return Problem(where, f"the header gives a size of {width_px}x{height_px} px", "at least 1x1 px", "Save it anew.")
        if width_px * height_px <= self.max_pixels:
            return None
        what = f"{width_px}x{height_px} px are {width_px * height_px:,} pixels: not decoded, it may be a decompression bomb"
        return Problem(where, what, f"at most {self.max_pixels:,}", "If it is a real picture, split it or make it smaller.")
