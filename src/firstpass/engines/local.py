"""Maps a labeler over images on this machine: decodes ahead in threads, batches, hands finished work on as it goes.

Memory stays flat: pictures decoded ahead are bounded by count and by bytes. Order is kept: the sink gets the images in the
order of `refs`, batch by batch. One broken image never stops the rest; a labeler that breaks its contract does, after all that
was finished before has been handed on. To resume, pass only the images not yet looked at.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from firstpass.engines import driver
from firstpass.errors import Problem
from firstpass.labelers.base import Ask, Labeler, LabelerSpec
from firstpass.labels import Author, ImageRef, LabeledImage
from firstpass.media.image import Image

Load = Callable[[ImageRef], Image | Problem]
Sink = Callable[[Sequence[LabeledImage]], None]
Metadata = Callable[[Sequence[str]], Mapping[str, Mapping[str, str]]]

QUEUE_BYTES = 256 << 20  # decoded pictures waiting; about 50 of 1,920 x 1,080
_UNKNOWN_BYTES = 6 << 20  # charged for a picture whose size was never read
_RATE_WINDOW_S = 20.0
HAND_ON_IMAGES, HAND_ON_S = 64, 2.0
"""Finished work is handed on at so many images, or so many seconds after the last time: what a kill of the process can cost."""


@dataclass(frozen=True, slots=True)
class EngineProgress:
    """How far a run is. images_per_s: over the last 20 s; seconds_left: None until there is a rate."""

    done: int
    total: int
    images_per_s: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class EngineReport:
    """How a run ended. done: images looked at. problems: those that could not be, in order. stopped: by the stop event."""

    done: int
    problems: tuple[Problem, ...]
    seconds: float
    stopped: bool = False


def run(
    labeler: Labeler,
    spec: LabelerSpec,
    refs: Sequence[ImageRef],
    load: Load,
    ask: Ask,
    sink: Sink,
    *,
    author: Author,
    batch_size: int = 8,
    decode_threads: int = 2,
    progress: Callable[[EngineProgress], None] | None = None,
    stop: threading.Event | None = None,
    metadata: Metadata | None = None,
    queue_bytes: int = QUEUE_BYTES,
    hand_on_images: int = HAND_ON_IMAGES,
) -> EngineReport:
    """Every image of `refs` through the labeler; `sink` is called in this thread, with some whole batches at a time: 64 images
    (hand_on_images) or more, or what 2 s brought, and in any case with all that was finished before this returns or raises.

    load: decodes one image, in a decode thread; a Problem, or an exception, is that image's problem. metadata: names → rows,
    asked batch by batch, and only for a labeler that needs no pixels (`load` is then never called). stop: when set, the batch
    in hand is finished and handed on. No refs: an empty report. Raises ValueError for sizes below 1, LabelerBroke, and
    whatever `sink` raises.
    """
    if min(batch_size, decode_threads, queue_bytes, hand_on_images) < 1:
        raise ValueError("batch_size, decode_threads, queue_bytes and hand_on_images must be at least 1")
    started = time.monotonic()
    meter = _Meter(len(refs), started, progress)
    drive = driver.Driver(labeler, spec, ask)
    problems: list[Problem] = []
    finished = _Finished(sink, hand_on_images, started)
    if spec.needs_pixels:
        source = _decoded(refs, load, decode_threads, batch_size, queue_bytes)
    else:
        source = _bare(refs, metadata, batch_size)
    try:
        while not (stop is not None and stop.is_set()) and (batch := next(source, None)) is not None:
            labeled, wrong = _look(drive, batch, author)
            problems += wrong
            finished.add(labeled)
            meter.add(len(batch))
    finally:
        source.close()
        finished.hand_on()
    return EngineReport(finished.looked, tuple(problems), time.monotonic() - started, stopped=meter.done < len(refs))


def _look(
    drive: driver.Driver, batch: Sequence[Image | Problem], author: Author
) -> tuple[tuple[LabeledImage, ...], list[Problem]]:
    """One batch: what was said, signed, and what could not be looked at, both in the batch's order."""
    images = [item for item in batch if isinstance(item, Image)]
    replies = iter(drive.label(images))
    labeled: list[LabeledImage] = []
    problems: list[Problem] = []
    for item in batch:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        reply = next(replies)
        if reply.problem is not None:
            problems.append(reply.problem)
        else:
            labeled.append(driver.to_labeled(reply, item.ref, author))
    return tuple(labeled), problems


def _bare(refs: Sequence[ImageRef], metadata: Metadata | None, batch_size: int) -> Generator[list[Image | Problem]]:
    """Batches of images without pixels, for labelers that read only names and metadata."""
    empty = np.zeros((0, 0, 3), np.uint8)
    empty.setflags(write=False)
    for start in range(0, len(refs), batch_size):
        some = [refs[i] for i in range(start, min(start + batch_size, len(refs)))]
        rows: Mapping[str, Mapping[str, str]] = metadata([ref.name for ref in some]) if metadata is not None else {}
        nothing: Mapping[str, str] = {}
        yield [Image(ref, empty, rows.get(ref.name, nothing)) for ref in some]


def _decoded(
    refs: Sequence[ImageRef], load: Load, threads: int, batch_size: int, queue_bytes: int
) -> Generator[list[Image | Problem]]:
    """Batches of decoded images in order, decoded ahead by `threads` threads within the bounds of count and bytes."""
    ahead = batch_size + 2 * threads
    waiting: deque[tuple[Future[Image | Problem], int]] = deque()
    rest = iter(range(len(refs)))
    held = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="firstpass-decode")
    upcoming = next(rest, None)
    try:
        while upcoming is not None or waiting:
            batch: list[Image | Problem] = []
            while len(batch) < batch_size and (upcoming is not None or waiting):
                while upcoming is not None and len(waiting) < ahead:
                    ref = refs[upcoming]
                    size = _bytes_of(ref)
                    if waiting and held + size > queue_bytes:
                        break
                    waiting.append((pool.submit(_load_safely, load, ref), size))
                    held += size
                    upcoming = next(rest, None)
                future, size = waiting.popleft()
                held -= size
                batch.append(future.result())
                del future
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _bytes_of(ref: ImageRef) -> int:
    return 3 * ref.width_px * ref.height_px or _UNKNOWN_BYTES


def _load_safely(load: Load, ref: ImageRef) -> Image | Problem:
    try:
        return load(ref)
    except MemoryError:
        return Problem(ref.name, "not enough memory to decode the image", remedy="Decode it at a smaller size")
    except Exception as error:  # noqa: BLE001  # a decoder may fail in any way; it is this image's problem only
        line = next(iter(str(error).strip().splitlines()), "")[:300]
        return Problem(ref.name, f"the image could not be read: {type(error).__name__}: {line}")


class _Finished:
    """Gathers finished work, so that a quick labeler does not wait for the disk after every batch."""

    def __init__(self, sink: Sink, images: int, started: float) -> None:
        self._sink, self._images, self._last_s = sink, images, started
        self._held: list[LabeledImage] = []
        self.looked = 0

    def add(self, labeled: Sequence[LabeledImage]) -> None:
        self._held += labeled
        self.looked += len(labeled)
        if len(self._held) >= self._images or time.monotonic() - self._last_s >= HAND_ON_S:
            self.hand_on()

    def hand_on(self) -> None:
        """Gives the sink what is held; if it raises, that is not given to it a second time."""
        held, self._held = tuple(self._held), []
        if held:
            self._sink(held)
        self._last_s = time.monotonic()


class _Meter:
    """Counts, and tells how fast it goes."""

    def __init__(self, total: int, started: float, tell: Callable[[EngineProgress], None] | None) -> None:
        self.total, self.tell, self.done = total, tell, 0
        self._marks: deque[tuple[float, int]] = deque([(started, 0)])

    def add(self, images: int) -> None:
        self.done += images
        if self.tell is None:
            return
        now = time.monotonic()
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _RATE_WINDOW_S:
            self._marks.popleft()
        then, before = self._marks[0]
        rate = (self.done - before) / max(now - then, 1e-9)
        left = (self.total - self.done) / rate if rate > 0 else None
        self.tell(EngineProgress(self.done, self.total, rate, left))
