"""Thumbnails and crops as small JPEG files on disk, made when first asked for.

A file's path follows from the image's digest and what was asked, so a changed image gets new files. Several processes may
share the folder: files appear whole (written beside, then renamed), the size bound is kept by removing what was used least
recently, and a file that is found broken is made anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from pathlib import Path

import numpy as np

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.media.decode import jpeg_factor, resize
from firstpass.media.files import os_problem, shown
from firstpass.media.image import Rgb
from firstpass.media.read import read_image

_QUALITY = 87
_KEEP_DECODED_BYTES = 64 << 20
_LOW_WATER = 0.85
_STALE_S = 3600.0
_TOUCH_S = 60.0
_MAX_SIDE_PX = 8192


class ImageCache:
    """A folder of derived pictures, bounded in size. May be used from several threads and several processes."""

    def __init__(self, folder: str | Path, max_bytes: int = 1 << 30) -> None:
        """folder: made when needed; nothing else should lie in it. max_bytes: about how much it may hold, at least one file."""
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._known_bytes: int | None = None
        self._written_bytes = 0
        self._decoded: tuple[tuple[str, str, int], Rgb] | None = None

    def thumbnail(self, ref: ImageRef, side_px: int) -> Path | Problem:
        """A JPEG whose longest side is at most side_px (1..8192), never enlarged. Problem: as read_image, or the folder is
        not writable."""
        _check_side(side_px)
        path = self._path(ref, f"t{side_px}")
        if self._usable(path):
            return path
        rgb = read_image(ref, max_side_px=side_px)
        return rgb if isinstance(rgb, Problem) else self._keep(path, rgb, shown(ref.name), "420")

    def crop(self, ref: ImageRef, xyxy_px: tuple[float, float, float, float], side_px: int) -> Path | Problem:
        """The part of the upright image within the box, clipped to the image and rounded outward, at least 1x1 px, its longest
        side at most side_px, never enlarged. Problem: as thumbnail, or the box lies outside the image or is not finite.
        """
        _check_side(side_px)
        where = shown(ref.name)
        box = _whole_box(xyxy_px, ref.width_px, ref.height_px) if ref.width_px and ref.height_px else None
        if box is None:
            what = f"the box {', '.join(f'{v:g}' for v in xyxy_px)} lies outside the image"
            return Problem(where, what, f"within {ref.width_px}x{ref.height_px} px")
        path = self._path(ref, "c{}-{}-{}-{}-{}".format(*box, side_px))
        if self._usable(path):
            return path
        factor = jpeg_factor(box[2] - box[0], box[3] - box[1], side_px)
        rgb = self._decode(ref, factor)
        if isinstance(rgb, Problem):
            return rgb
        x_scale, y_scale = rgb.shape[1] / ref.width_px, rgb.shape[0] / ref.height_px
        scaled = (box[0] * x_scale, box[1] * y_scale, box[2] * x_scale, box[3] * y_scale)
        left, top, right, bottom = _whole_box(scaled, rgb.shape[1], rgb.shape[0]) or (0, 0, rgb.shape[1], rgb.shape[0])
        return self._keep(path, resize(rgb[top:bottom, left:right], side_px), where, "444")

    def _path(self, ref: ImageRef, what: str) -> Path:
        key = ref.digest or hashlib.blake2b(ref.uri.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() + "u"
        if not key.isalnum():
            raise ValueError(f"a digest must be hex digits, but got {key!r}")
        return self.folder / key[:2] / f"{key}-{what}.jpg"

    def _decode(self, ref: ImageRef, factor: int) -> Rgb | Problem:
        """The image at 1/factor, the last one kept: the objects of one image are mostly asked for one after the other."""
        key = (ref.digest, ref.uri, factor)
        last = self._decoded
        if last is not None and last[0] == key:
            return last[1]
        side_px = None if factor == 1 else -(-max(ref.width_px, ref.height_px) // factor)
        rgb = read_image(ref, max_side_px=side_px)
        if not isinstance(rgb, Problem) and rgb.nbytes <= _KEEP_DECODED_BYTES:
            self._decoded = (key, rgb)
        return rgb

    def _usable(self, path: Path) -> bool:
        """True when the file is there and whole by its first and last bytes; then it counts as used now."""
        try:
            with path.open("rb") as file:
                whole = file.read(3) == b"\xff\xd8\xff" and file.seek(-2, os.SEEK_END) > 3 and file.read(2) == b"\xff\xd9"
                if whole and time.time() - os.fstat(file.fileno()).st_mtime > _TOUCH_S:
                    os.utime(path)
        except (OSError, ValueError):
            return False
        return whole

    def _keep(self, path: Path, rgb: Rgb, where: str, color: str) -> Path | Problem:
        """color: how coarse the colors are stored; crops keep them whole, since a defect may be a pixel wide."""
        import simplejpeg  # pyright: ignore[reportMissingTypeStubs]

        data = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), _QUALITY, "RGB", color)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            refused = os_problem(where, error)
            return Problem(where, f"its small picture cannot be written to {shown(str(self.folder))}: {refused.what}")
        self._make_room(len(data), path)
        return path

    def _make_room(self, added: int, newest: Path) -> None:
        with self._lock:
            self._written_bytes += added
            if self._known_bytes is not None:
                self._known_bytes += added
                if self._known_bytes <= self.max_bytes and self._written_bytes < self.max_bytes // 16:
                    return
            self._known_bytes = _evict(self.folder, self.max_bytes, newest)
            self._written_bytes = 0


def _check_side(side_px: int) -> None:
    if not 1 <= side_px <= _MAX_SIDE_PX:
        raise ValueError(f"side_px must be in 1..{_MAX_SIDE_PX}, but got {side_px}")


def _whole_box(xyxy_px: tuple[float, float, float, float], width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    """Rounded outward and clipped; None when nothing of it lies inside. A box without area inside the image becomes 1 px."""
    corners = np.asarray(xyxy_px, np.float64)
    if corners.shape != (4,) or not np.isfinite(corners).all():
        return None
    limits = np.array([width_px, height_px, width_px, height_px])
    if (corners[:2] >= limits[:2]).any() or (corners[2:] < 0).any() or (corners[2:] < corners[:2]).any():
        return None
    left, top = (int(v) for v in np.clip(np.floor(corners[:2]), 0, limits[:2] - 1))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners[2:]), [left + 1, top + 1], limits[2:]))
    return left, top, right, bottom


def _evict(folder: Path, max_bytes: int, newest: Path) -> int:
    """Removes the least recently used files down to 85 % of the bound when it is exceeded, and stale temporaries; gives what
    is left."""
    now = time.time()
    files: list[tuple[float, int, str]] = []
    for below in _folders(folder):
        try:
            with os.scandir(below) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if not entry.name.startswith("."):
                        files.append((status.st_mtime, status.st_size, entry.path))
                    elif now - status.st_mtime > _STALE_S:
                        Path(entry.path).unlink(missing_ok=True)
        except OSError:
            continue
    total = sum(size for _, size, _ in files)
    if total <= max_bytes:
        return total
    for _, size, path in sorted(files):
        if total <= max_bytes * _LOW_WATER:
            break
        if path != str(newest):
            try:
                Path(path).unlink(missing_ok=True)
            except OSError:
                continue
            total -= size
    return total


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if len(entry.name) == 2 and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
