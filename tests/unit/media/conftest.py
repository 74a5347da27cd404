"""Pictures made in code: each factory gives the bytes of one file."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image


def quarters(height_px: int = 40, width_px: int = 60) -> np.ndarray:
    """An asymmetric picture: red, blue over green, yellow, and a white corner top left."""
    rgb = np.empty((height_px, width_px, 3), np.uint8)
    half_h, half_w = height_px // 2, width_px // 2
    rgb[:half_h, :half_w], rgb[:half_h, half_w:] = (220, 30, 40), (40, 60, 210)
    rgb[half_h:, :half_w], rgb[half_h:, half_w:] = (30, 200, 60), (240, 230, 90)
    rgb[: height_px // 5, : width_px // 5] = 255
    return rgb


def smooth(height_px: int, width_px: int, seed: int = 0) -> np.ndarray:
    """A soft random picture, as photographs are, so that codecs and resizing differ little."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width_px, height_px), Image.Resampling.BICUBIC))


def encode(picture: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int | None = None, tags: dict[int, object] | None = None, deep: dict[int, object] | None = None) -> bytes:
    block = Image.Exif()
    if orientation is not None:
        block[0x0112] = orientation
    for tag, value in (tags or {}).items():
        block[tag] = value
    if deep:
        block[0x8769] = deep
    return block.tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width_px: int, height_px: int, depth_bits: int, color: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG by hand. rows: scan lines with their filter bytes. extra: chunks between IHDR and IDAT."""
    header = struct.pack(">IIBBBBB", width_px, height_px, depth_bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels(data: bytes) -> np.ndarray:
    """Pillow's own reading, as the oracle."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    return SimpleNamespace(
        quarters=quarters, smooth=smooth, encode=encode, exif=exif, chunk=chunk, png=png, pixels=pixels
    )  # fmt: skip


@pytest.fixture
def put(tmp_path: Path):
    """Writes bytes under a name and gives the path as text."""

    def write(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    return write
