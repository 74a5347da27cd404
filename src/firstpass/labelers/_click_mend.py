"""Candidates for what one more click adds to a mask or takes from it, and how each would change the mask."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from firstpass.labelers import _click_candidates, _click_polar
from firstpass.labelers._click_features import Candidate, around, depths, measure, part_with
from firstpass.labelers._click_refine import seen_from
from firstpass.labelers._click_scene import Bytes, Scene, Window
from firstpass.labelers.base import Click

HALF_PX = 56
_LEAST_DISTANCE = 1.8  # window px
_DISKS = (0.7, 1.0, 1.5)  # radii, in distances from the click to the mask's edge
_api: Any = cv2
Change = tuple[Candidate, NDArray[np.float64]]  # what is added or taken, and the figures of the change


def changes(scene: Scene, click: Click, before: Bytes, pool: Sequence[Candidate]) -> list[Change]:
    """Candidates around a click that lie outside (positive) or inside (negative) the mask so far, with figures.

    before: uint8 0/1, the full picture. pool: the candidates of the first cue, looked through again. Figures: the candidate's
    depth and area against the click's distance to the mask's edge, the share of its outline on that edge, its area against the
    mask's, whether the click is positive.
    """
    windows = _click_candidates.windows(scene, click.x, click.y, HALF_PX)
    views = [(window, window.pixel_of(click.x, click.y)) for window in windows]
    domains = [_domain(window, before, pixel, click) for window, pixel in views]
    useful = [i for i, (view, domain) in enumerate(zip(views, domains, strict=True)) if _is_useful(i, domain, view[1])]
    views, domains = [views[i] for i in useful], [domains[i] for i in useful]
    found: list[Candidate] = list(_click_polar.rings(views, domains))
    for (window, pixel), domain in zip(views, domains, strict=True):
        found += _click_candidates.floods(window, pixel, domain)
        found += _disks(window, pixel, domain)
    mask_px = max(int(before.sum()), 1)
    seen = {id(w): (domain, _edge_distance(domain, pixel)) for (w, pixel), domain in zip(views, domains, strict=True)}
    out = [(c, _figures(c, *seen[id(c.window)], click, mask_px)) for c in found]
    for candidate in pool:
        window, pixel = candidate.window, candidate.window.pixel_of(click.x, click.y)
        if id(window) not in seen:
            domain = _domain(window, before, pixel, click)
            seen[id(window)] = domain, _edge_distance(domain, pixel)
        again = _again(candidate, seen[id(window)][0], click)
        if again is not None:
            out.append((again, _figures(again, *seen[id(window)], click, mask_px)))
    return out


def _is_useful(i: int, domain: Bytes, pixel: tuple[int, int]) -> bool:
    """Whether a level can show what the click means: not one in which the mask's edge is nearer than its pixels can tell."""
    return not i or _edge_distance(domain, pixel) >= _LEAST_DISTANCE


def _domain(window: Window, before: Bytes, pixel: tuple[int, int], click: Click) -> Bytes:
    mask = seen_from(window, before)
    domain = 1 - mask if click.positive else mask.copy()
    domain[pixel[1], pixel[0]] = 1
    return domain


def _again(candidate: Candidate, domain: Bytes, click: Click) -> Candidate | None:
    """What the mask lacks of (positive click), or has beyond (negative), an earlier candidate that agrees with the click."""
    window = candidate.window
    x1, y1, x2, y2 = window.region((1 << 30, 1 << 30))
    if not (x1 <= click.x < x2 and y1 <= click.y < y2):
        return None
    column, row = window.pixel_of(click.x, click.y)
    if bool(candidate.mask[row, column]) != click.positive:
        return None
    part = part_with(domain & (candidate.mask if click.positive else 1 - candidate.mask), column, row)
    if not 4 <= int(part.sum()) < 0.95 * part.size:
        return None
    return Candidate(window, part, "again", measure(window, part, (column, row)))


def _disks(window: Window, pixel: tuple[int, int], domain: Bytes) -> Iterator[Candidate]:
    distance = _edge_distance(domain, pixel)
    if not 2 <= distance < HALF_PX / 2:
        return
    for share in _DISKS:
        mask = _api.circle(np.zeros_like(domain), pixel, round(share * distance), 1, thickness=-1) & domain
        yield Candidate(window, mask, "disk", measure(window, mask, pixel))


def _edge_distance(domain: Bytes, pixel: tuple[int, int]) -> float:
    """From the click to the nearest pixel outside the domain, window px; the window's half when there is none."""
    if domain.all():
        return float(HALF_PX)
    return min(float(_api.distanceTransform(domain, _api.DIST_L2, 3)[pixel[1], pixel[0]]), float(HALF_PX))


def _figures(candidate: Candidate, domain: Bytes, distance: float, click: Click, mask_px: int) -> NDArray[np.float64]:
    window, place = candidate.window, around(candidate.mask)[0]
    mask, domain = candidate.mask[place], domain[place]
    depth = float(depths(mask).max())
    area = float(mask.sum())
    rim = _api.dilate(mask, np.ones((3, 3), np.uint8)) - mask
    touching = float((rim & (1 - domain)).sum()) / max(float(rim.sum()), 1.0)
    relative = area * window.scale_xy[0] * window.scale_xy[1] / mask_px
    return np.asarray([
        math.log((depth + 0.5) / (distance + 0.5)), math.log(area / (math.pi * distance * distance + 1)) / 4,
        touching, math.log(relative + 1e-3) / 4, min(relative, 4.0) / 4, float(click.positive),
    ])  # fmt: skip
