"""What is printed on a package: made-up brands in flat colors, with a sign, a word and small print."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb8 = NDArray[np.uint8]
Color = tuple[int, int, int]

WORDS = (
    "LUMA", "TAVI", "OKO", "MILLA", "PURA", "SOLA", "ZESTO", "NORI", "BELLO", "FARO", "KIVA", "RUMI", "ALTO", "DUNE",
    "PIPA", "VELA", "MORA", "TINTO", "YUMA", "CASCA", "LINDO", "OSLO", "PEPPI", "RIVA",
)  # fmt: skip
SIGNS = ("disc", "diamond", "star", "leaf", "sun", "wave")
STYLES = ("band", "split", "badge", "stripes")
FONTS = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)


@dataclass(frozen=True, slots=True)
class Design:
    """How one product's print looks. base, second, ink: RGB 0..255. sign, style: see SIGNS and STYLES. font: place in FONTS."""

    word: str
    base: Color
    second: Color
    ink: Color
    sign: str
    style: str
    font: int


def from_hsv(hue_deg: float, saturation: float, value: float) -> Color:
    """RGB 0..255 from hue in degrees, saturation and value in 0..1."""
    pixel = np.asarray([[[hue_deg % 360, saturation, value]]], np.float32)
    red, green, blue = np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB))[0, 0] * 255
    return int(red), int(green), int(blue)


def face(design: Design, width_px: int, height_px: int) -> Rgb8:
    """The printed face, uint8 (height_px, width_px, 3)."""
    out = np.full((height_px, width_px, 3), design.base, np.uint8)
    _background(out, design)
    _sign(out, design)
    _word(out, design)
    _small_print(out, design)
    return out


def _background(out: Rgb8, design: Design) -> None:
    height, width = out.shape[:2]
    match design.style:
        case "band":
            out[int(height * 0.16) : int(height * 0.44)] = design.second
        case "split":
            corners = np.asarray([[0, height * 0.62], [width, height * 0.42], [width, height], [0, height]], np.int32)
            cv2.fillPoly(out, [corners], design.second, cv2.LINE_AA)
        case "badge":
            center, axes = (width // 2, int(height * 0.3)), (int(width * 0.44), int(height * 0.17))
            cv2.ellipse(out, center, axes, 0, 0, 360, design.second, -1, cv2.LINE_AA)
            cv2.ellipse(out, center, axes, 0, 0, 360, design.ink, max(1, width // 40), cv2.LINE_AA)
        case _:
            step = max(4, width // 5)
            for left in range(0, width, 2 * step):
                out[int(height * 0.5) :, left : left + step] = design.second


def _sign(out: Rgb8, design: Design) -> None:
    height, width = out.shape[:2]
    x, y, r = width / 2, height * 0.66, min(width * 0.26, height * 0.17)
    color = design.ink if design.style in ("split", "stripes") else design.second
    match design.sign:
        case "disc":
            cv2.circle(out, (int(x), int(y)), int(r), color, -1, cv2.LINE_AA)
            cv2.circle(out, (int(x), int(y)), int(r * 0.55), design.base, -1, cv2.LINE_AA)
        case "diamond":
            _fill(out, [(x, y - r), (x + r, y), (x, y + r), (x - r, y)], color)
        case "star":
            _fill(out, _star(x, y, r, 5, 0.45), color)
        case "leaf":
            cv2.ellipse(out, (int(x), int(y)), (int(r), int(r * 0.42)), -35, 0, 360, color, -1, cv2.LINE_AA)
            cv2.line(
                out, (int(x - r * 0.8), int(y + r * 0.5)), (int(x + r * 0.7), int(y - r * 0.45)), design.base, 2, cv2.LINE_AA
            )
        case "sun":
            _fill(out, _star(x, y, r, 12, 0.7), color)
            cv2.circle(out, (int(x), int(y)), int(r * 0.5), design.base, -1, cv2.LINE_AA)
        case _:
            for k in range(3):
                ts = np.linspace(-1.3, 1.3, 24)
                points = np.stack([x + ts * r, y + (k - 1) * r * 0.5 + np.sin(ts * 5) * r * 0.18], axis=1)
                cv2.polylines(out, [points.astype(np.int32)], False, color, max(2, int(r * 0.16)), cv2.LINE_AA)


def _star(x: float, y: float, r: float, points: int, inner: float) -> list[tuple[float, float]]:
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2 == 0, r, r * inner)
    return [(x + float(a), y + float(b)) for a, b in zip(radii * np.cos(angles), radii * np.sin(angles), strict=True)]


def _fill(out: Rgb8, points: list[tuple[float, float]], color: Color) -> None:
    cv2.fillPoly(out, [np.round(np.asarray(points)).astype(np.int32)], color, cv2.LINE_AA)


def _word(out: Rgb8, design: Design) -> None:
    height, width = out.shape[:2]
    font, thick = FONTS[design.font], max(1, round(width / 45))
    (text_width, text_height), _ = cv2.getTextSize(design.word, font, 1.0, 1)
    scale = min(0.8 * width / text_width, 0.16 * height / text_height)
    (real_width, _), _ = cv2.getTextSize(design.word, font, scale, thick)
    if real_width > 0.84 * width:  # thick letters are wider than scaled ones
        scale *= 0.84 * width / real_width
    (real_width, text_height), _ = cv2.getTextSize(design.word, font, scale, thick)
    left = int((width - real_width) / 2)
    base = int(height * 0.3 + text_height / 2)
    cv2.putText(out, design.word, (left, base), font, scale, design.ink, thick, cv2.LINE_AA)


def _small_print(out: Rgb8, design: Design) -> None:
    height, width = out.shape[:2]
    rng = np.random.default_rng(sum(map(ord, design.word)))
    for line in range(3):
        y = int(height * (0.87 + 0.035 * line))
        end = width * (0.12 + rng.uniform(0.3, 0.7))
        cv2.line(out, (int(width * 0.12), y), (int(end), y), design.ink, max(1, height // 160), cv2.LINE_AA)
    cv2.line(out, (0, int(height * 0.05)), (width, int(height * 0.05)), design.second, max(1, height // 60))
