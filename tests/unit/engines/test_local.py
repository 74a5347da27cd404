"""The local engine: order, bounds of memory, one bad image, stopping, what reaches the sink."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from firstpass.engines import local
from firstpass.errors import LabelerBroke, Problem
from firstpass.labelers.base import Ask, Gives, LabelerSpec, Reply, Task
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.media.image import Image

SPEC = LabelerSpec("one-box", "", frozenset(), frozenset({Gives.BOX}))
NO_PIXELS = LabelerSpec("one-box", "", frozenset(), frozenset({Gives.BOX}), needs_pixels=False)
AUTHOR = Author("labeler", "one-box")
ASK = Ask(Task.DETECT)


class OneBox:
    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.metadata: list[dict[str, str]] = []

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        self.batches.append([i.ref.name for i in images])
        self.metadata += [dict(i.metadata) for i in images]
        return [Reply((Labeled(ObjectId(""), "thing", Box(0, 0, 1, 1), 0.5),)) for _ in images]


def refs(count: int, side: int = 4) -> list[ImageRef]:
    return [ImageRef(f"d{i}", f"{i:04}.jpg", f"{i:04}.jpg", side, side) for i in range(count)]


def load(ref: ImageRef) -> Image | Problem:
    return Image(ref, np.zeros((ref.height_px, ref.width_px, 3), np.uint8))


class Sink:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, items: Sequence[LabeledImage]) -> None:
        self.calls.append([item.image.name for item in items])

    @property
    def names(self) -> list[str]:
        return [name for call in self.calls for name in call]


def test_every_image_in_order_batch_by_batch() -> None:
    labeler, sink = OneBox(), Sink()
    report = local.run(
        labeler, SPEC, refs(11), load, ASK, sink, author=AUTHOR, batch_size=4, decode_threads=3, hand_on_images=1
    )
    assert sink.calls == labeler.batches == [[f"{i:04}.jpg" for i in part] for part in (range(4), range(4, 8), range(8, 11))]
    assert (report.done, report.problems, report.stopped) == (11, (), False)


def test_finished_work_is_handed_on_in_larger_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    local.run(OneBox(), SPEC, refs(150), load, ASK, sink, author=AUTHOR, batch_size=8)
    assert [len(call) for call in sink.calls] == [64, 64, 22]
    assert sink.names == [f"{i:04}.jpg" for i in range(150)]
    sink = Sink()
    monkeypatch.setattr(local, "HAND_ON_S", 0.0)
    local.run(OneBox(), SPEC, refs(20), load, ASK, sink, author=AUTHOR, batch_size=8)
    assert [len(call) for call in sink.calls] == [8, 8, 4]


def test_what_is_finished_is_handed_on_when_a_person_breaks_off() -> None:
    def impatient(now: local.EngineProgress) -> None:
        if now.done >= 12:
            raise KeyboardInterrupt

    sink = Sink()
    with pytest.raises(KeyboardInterrupt):
        local.run(OneBox(), SPEC, refs(40), load, ASK, sink, author=AUTHOR, batch_size=4, progress=impatient)
    assert len(sink.names) == 12


def test_order_holds_when_decoding_finishes_out_of_order() -> None:
    def slow(ref: ImageRef) -> Image | Problem:
        time.sleep(0.003 if int(ref.digest[1:]) % 3 == 0 else 0)
        return load(ref)

    sink = Sink()
    local.run(OneBox(), SPEC, refs(40), slow, ASK, sink, author=AUTHOR, batch_size=7, decode_threads=4)
    assert sink.names == [f"{i:04}.jpg" for i in range(40)]


def test_no_images() -> None:
    report = local.run(OneBox(), SPEC, [], load, ASK, Sink(), author=AUTHOR)
    assert (report.done, report.problems, report.stopped) == (0, (), False)


def test_broken_images_never_stop_the_rest_and_are_told_in_order() -> None:
    def broken(ref: ImageRef) -> Image | Problem:
        number = int(ref.digest[1:])
        if number == 1:
            return Problem(ref.name, "is cut off")
        if number == 2:
            raise OSError("disk gone")
        if number == 3:
            raise MemoryError
        return load(ref)

    class Picky(OneBox):
        def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
            if any(i.ref.name == "0000.jpg" for i in images):
                raise RuntimeError("no")
            return super().label(images, ask)

    sink = Sink()
    report = local.run(Picky(), SPEC, refs(6), broken, ASK, sink, author=AUTHOR, batch_size=8)
    assert sink.names == ["0004.jpg", "0005.jpg"]
    assert [p.where for p in report.problems] == ["0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg"]
    assert report.problems[2].what == "the image could not be read: OSError: disk gone"
    assert report.done == 2


def test_a_batch_of_broken_images_calls_neither_labeler_nor_sink() -> None:
    labeler, sink = OneBox(), Sink()
    report = local.run(labeler, SPEC, refs(3), lambda r: Problem(r.name, "bad"), ASK, sink, author=AUTHOR)
    assert (labeler.batches, sink.calls, len(report.problems)) == ([], [], 3)


def test_stop_finishes_the_batch_in_hand() -> None:
    stop, sink = threading.Event(), Sink()

    class Stopper(OneBox):
        def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
            if len(self.batches) == 1:
                stop.set()
            return super().label(images, ask)

    report = local.run(Stopper(), SPEC, refs(20), load, ASK, sink, author=AUTHOR, batch_size=4, stop=stop)
    assert len(sink.names) == report.done == 8
    assert report.stopped


def test_stopped_before_it_began() -> None:
    stop, labeler = threading.Event(), OneBox()
    stop.set()
    assert local.run(labeler, SPEC, refs(3), load, ASK, Sink(), author=AUTHOR, stop=stop).stopped
    assert labeler.batches == []


def test_resumed_with_the_rest_gives_the_same_ids() -> None:
    kept: dict[str, LabeledImage] = {}

    def sink(items: Sequence[LabeledImage]) -> None:
        kept.update({i.image.name: i for i in items})

    local.run(OneBox(), SPEC, refs(9)[:5], load, ASK, sink, author=AUTHOR, batch_size=2)
    local.run(OneBox(), SPEC, [r for r in refs(9) if r.name not in kept], load, ASK, sink, author=AUTHOR, batch_size=4)
    resumed = dict(kept)
    kept.clear()
    local.run(OneBox(), SPEC, refs(9), load, ASK, sink, author=AUTHOR, batch_size=3)
    assert resumed == kept


def test_a_labeler_that_breaks_its_contract_stops_the_run_after_what_was_finished() -> None:
    class Breaks(OneBox):
        def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
            return [] if self.batches and len(self.batches) == 2 else super().label(images, ask)

    sink = Sink()
    with pytest.raises(LabelerBroke, match="0 replies for a batch of 2"):
        local.run(Breaks(), SPEC, refs(10), load, ASK, sink, author=AUTHOR, batch_size=2)
    assert len(sink.names) == 4


def test_an_error_of_the_sink_comes_through_and_leaves_no_thread() -> None:
    calls = []

    def full(_items: Sequence[LabeledImage]) -> None:
        calls.append(len(_items))
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        local.run(OneBox(), SPEC, refs(200), load, ASK, full, author=AUTHOR, batch_size=2)
    assert calls == [64]  # and not a second time
    assert not [t for t in threading.enumerate() if t.name.startswith("firstpass-decode")]


def test_decoded_pictures_ahead_are_bounded_by_bytes_and_count() -> None:
    lock, alive, most = threading.Lock(), 0, 0

    def counted(ref: ImageRef) -> Image | Problem:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return load(ref)

    class Slow(OneBox):
        def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
            nonlocal alive
            time.sleep(0.002)
            with lock:
                alive -= len(images)
            return super().label(images, ask)

    local.run(Slow(), SPEC, refs(60, 100), counted, ASK, Sink(), author=AUTHOR, batch_size=2, queue_bytes=3 * 30_000)
    assert most <= 2 + 3
    alive = most = 0
    local.run(Slow(), SPEC, refs(60, 100), counted, ASK, Sink(), author=AUTHOR, batch_size=2, decode_threads=2)
    assert most <= 2 + (2 + 2 * 2)


def test_one_picture_larger_than_the_bound_still_goes_through() -> None:
    sink = Sink()
    local.run(OneBox(), SPEC, refs(3, 100), load, ASK, sink, author=AUTHOR, queue_bytes=10)
    assert len(sink.names) == 3


def test_without_pixels_nothing_is_decoded_and_metadata_comes_along() -> None:
    def never(_ref: ImageRef) -> Image | Problem:
        raise AssertionError("decoded")

    labeler, sink = OneBox(), Sink()
    asked: list[list[str]] = []

    def metadata(names: Sequence[str]) -> dict[str, dict[str, str]]:
        asked.append(list(names))
        return {"0001.jpg": {"report": "scratch"}}

    report = local.run(labeler, NO_PIXELS, refs(3), never, ASK, sink, author=AUTHOR, batch_size=2, metadata=metadata)
    assert report.done == 3
    assert labeler.metadata == [{}, {"report": "scratch"}, {}]
    assert asked == [["0000.jpg", "0001.jpg"], ["0002.jpg"]]


def test_progress_ends_at_the_total() -> None:
    told: list[local.EngineProgress] = []
    local.run(OneBox(), SPEC, refs(10), load, ASK, Sink(), author=AUTHOR, batch_size=4, progress=told.append)
    assert [p.done for p in told] == [4, 8, 10]
    assert all(p.total == 10 and p.images_per_s > 0 for p in told)
    assert told[-1].seconds_left == 0
    assert told[0].seconds_left is not None
    assert told[0].seconds_left > 0


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"decode_threads": 0}, {"queue_bytes": 0}])
def test_sizes_below_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        local.run(OneBox(), SPEC, refs(1), load, ASK, Sink(), author=AUTHOR, **wrong)
