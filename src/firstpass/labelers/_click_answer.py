"""From clicks, or a box and clicks, to one mask of the picture: the first cue is answered whole, each next click mends it.

Answers are remembered by the cues that led to them, so the k-th click costs one step and not k.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from firstpass.labelers import _click_box, _click_candidates, _click_polar
from firstpass.labelers._click_features import Candidate, part_with
from firstpass.labelers._click_mend import changes
from firstpass.labelers._click_refine import keep_clicks, to_full
from firstpass.labelers._click_scene import Bytes, Scene
from firstpass.labelers._click_score import score, score_change
from firstpass.labelers.base import Click

Xyxy = tuple[float, float, float, float]
_REMEMBERED = 8
_CUTS = 2
_api: Any = cv2


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A mask of the whole picture (uint8 0/1), its expected IoU with what was meant (0..1), and the first cue's candidates."""

    mask: Bytes
    score: float
    pool: tuple[Candidate, ...] = ()


def answer(scene: Scene, clicks: Sequence[Click], box: Xyxy | None) -> Answer | None:
    """One mask. clicks: inside the picture; box: xyxy px, inside the picture. None: neither a box nor a positive click."""
    positives = [i for i, click in enumerate(clicks) if click.positive]
    if box is None and not positives:
        return None
    if box is None and not clicks[0].positive:  # what is taken away needs something to be taken from
        clicks = [clicks[positives[0]], *clicks[: positives[0]], *clicks[positives[0] + 1 :]]
    done = 0 if box is not None else 1
    state: Answer | None = None
    for k in range(len(clicks), done - 1, -1):
        if (box, tuple(clicks[:k])) in scene.answers:
            state, done = scene.answers[box, tuple(clicks[:k])], k
            break
    if state is None:
        state = _first(scene, clicks[0]) if box is None else _click_box_answer(scene, box)
        _remember(scene, box, clicks[:done], state)
    for k in range(done, len(clicks)):
        state = _mended(scene, state, clicks[: k + 1])
        _remember(scene, box, clicks[: k + 1], state)
    return state


def _remember(scene: Scene, box: Xyxy | None, clicks: Sequence[Click], state: Answer) -> None:
    scene.answers[box, tuple(clicks)] = state
    while len(scene.answers) > _REMEMBERED:
        scene.answers.popitem(last=False)


def _first(scene: Scene, click: Click) -> Answer:
    pool = around(scene, click)
    best = choose(pool)
    if best is None:
        return Answer(keep_clicks(np.zeros(scene.wh[::-1], np.uint8), [click]), 0.0)
    return Answer(keep_clicks(to_full(scene, best[0]), [click]), best[1], tuple(pool))


def _click_box_answer(scene: Scene, box: Xyxy) -> Answer:
    candidate, value, pool = _click_box.best_in(scene, box)
    return Answer(_click_box.kept_inside(to_full(scene, candidate), box), value, pool)


def around(scene: Scene, click: Click) -> list[Candidate]:
    """The candidates around a first click."""
    views = [(window, window.pixel_of(click.x, click.y)) for window in _click_candidates.windows(scene, click.x, click.y)]
    pool: list[Candidate] = []
    for window, pixel in views:
        pool += _click_candidates.floods(window, pixel)
    pool += _click_polar.rings(views)
    return [*pool, *_cuts(sorted(pool, key=score, reverse=True)[:_CUTS], click)]


def _cuts(pool: Iterable[Candidate], click: Click) -> Iterable[Candidate]:
    for candidate in pool:
        window = candidate.window
        pixel = window.pixel_of(click.x, click.y)
        sure = _api.circle(np.zeros_like(candidate.mask), pixel, 1, 1, thickness=-1)
        found = _click_candidates.cut(window, candidate.mask, pixel, sure, np.zeros_like(sure))
        if found is not None:
            yield found


def choose(pool: Sequence[Candidate]) -> tuple[Candidate, float] | None:
    """The candidate with the highest score, and the score in 0..1; none of none."""
    if not pool:
        return None
    values = [score(candidate) for candidate in pool]
    best = int(np.argmax(values))
    return pool[best], float(np.clip(values[best], 0, 1))


def _mended(scene: Scene, state: Answer, clicks: Sequence[Click]) -> Answer:
    """The answer after one more click, the last of the clicks."""
    click = clicks[-1]
    if bool(state.mask[int(click.y), int(click.x)]) == click.positive:
        return state
    mask = state.mask.copy()
    stray = _stray_piece(mask, clicks)
    if stray is not None:
        return Answer(keep_clicks(mask & (1 - stray), clicks), state.score, state.pool)
    found = [change for change in changes(scene, click, state.mask, state.pool) if not _holds_rival(change[0], clicks)]
    if found:
        part = to_full(scene, max(found, key=lambda change: score_change(*change))[0])
        mask = mask | part if click.positive else mask & (1 - part)
    return Answer(keep_clicks(mask, clicks), state.score, state.pool)


def _stray_piece(mask: Bytes, clicks: Sequence[Click]) -> Bytes | None:
    """The piece of the mask that the last click, a negative one, lies in, when all positive clicks lie in other pieces."""
    positives = [click for click in clicks if click.positive]
    if clicks[-1].positive or not positives:
        return None
    piece = part_with(mask, int(clicks[-1].x), int(clicks[-1].y))
    return None if any(piece[int(click.y), int(click.x)] for click in positives) else piece


def _holds_rival(candidate: Candidate, clicks: Sequence[Click]) -> bool:
    """Whether a candidate of the last click covers an earlier click of the other kind."""
    x1, y1, x2, y2 = candidate.window.region((1 << 30, 1 << 30))
    for click in clicks[:-1]:
        if click.positive != clicks[-1].positive and x1 <= click.x < x2 and y1 <= click.y < y2:
            column, row = candidate.window.pixel_of(click.x, click.y)
            if candidate.mask[row, column]:
                return True
    return False
