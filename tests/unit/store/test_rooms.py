"""Edits, effort, runs, queue, vectors, meta, check."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from firstpass.errors import UsageError
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.store import Edit, Effort, EffortTotal, Layer, Queued, Store

ANN = Author("human", "ann")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def edit(number: int, image: str = "a.jpg", thing: str = "o1") -> Edit:
    after = Labeled(ObjectId(thing), "cat", Box(0, 0, number, 1))
    return Edit(f"e{number}", image, "review", ObjectId(thing), None, after, ANN, NOON + timedelta(seconds=number), "draw", 1.5)


def test_edits_are_idempotent_by_id_and_keep_their_order(store: Store, refs: list[ImageRef]) -> None:
    assert store.edits.append([edit(3), edit(1), edit(3), edit(2, "b.jpg", "o2")]) == 3
    assert store.edits.append([edit(1), edit(4)]) == 1
    assert [e.id for e in store.edits.of_image("a.jpg")] == ["e3", "e1", "e4"]
    assert [e.id for e in store.edits.of_object("o2")] == ["e2"]
    assert store.edits.of_object("none") == []
    assert store.edits.count() == 4


@pytest.mark.parametrize(
    "bad",
    [edit(9, "nowhere.jpg"), Edit("e", "a.jpg", "r", ObjectId("o"), None, None, ANN, datetime(2026, 1, 1), "draw")],  # noqa: DTZ001
)
def test_a_bad_edit_is_refused_with_its_whole_chunk(store: Store, refs: list[ImageRef], bad: Edit) -> None:
    with pytest.raises(UsageError):
        store.edits.append([edit(1), bad])
    assert store.edits.count() == 0


def test_effort_is_summed_by_person_action_and_simulation(store: Store, refs: list[ImageRef]) -> None:
    rows = [
        Effort("1", "a.jpg", "ann", "verify", 2, 3.4, NOON),
        Effort("2", "b.jpg", "ann", "verify", 1, 1.6, NOON),
        Effort("3", "b.jpg", "ann", "draw_box", 1, 7.0, NOON, simulated=True),
        Effort("4", "b.jpg", "bob", "verify", 1, 2.0, NOON),
    ]
    assert store.effort.log(rows) == 4
    assert store.effort.log([rows[0], Effort("5", "c.jpg", "bob", "verify", 1, 2.0, NOON)]) == 1
    assert store.effort.totals() == [
        EffortTotal("ann", "draw_box", True, 1, 7.0, 1),
        EffortTotal("ann", "verify", False, 3, 5.0, 2),
        EffortTotal("bob", "verify", False, 2, 4.0, 2),
    ]


def test_no_effort_sums_to_nothing(store: Store) -> None:
    assert store.effort.totals() == []


def test_a_run_is_running_until_it_is_finished(store: Store) -> None:
    first = store.runs.start("prelabel", {"labeler": "fake", "nested": {"n": [1, 2]}})
    second = store.runs.start("trial", {})
    store.runs.finish(first, "done", {"images": 3})
    runs = store.runs.all()
    assert [(r.id, r.kind, r.status) for r in runs] == [(first, "prelabel", "done"), (second, "trial", "running")]
    assert runs[0].settings == {"labeler": "fake", "nested": {"n": [1, 2]}}
    assert runs[0].stats == {"images": 3}
    assert runs[0].finished_at is not None
    assert runs[0].started_at <= runs[0].finished_at
    assert runs[1].finished_at is None


def test_runs_refuse_what_they_cannot_keep(store: Store) -> None:
    with pytest.raises(UsageError, match="JSON"):
        store.runs.start("trial", {"x": object()})
    with pytest.raises(UsageError, match="no run"):
        store.runs.finish("nothing", "done", {})


def test_the_queue_gives_what_is_not_yet_reviewed_most_wanted_first(
    store: Store, layer: Layer, refs: list[ImageRef], look: Callable[..., LabeledImage]
) -> None:
    store.queue.put(Queued(f"{name}.jpg", priority, "unsure", "u") for name, priority in (("a", 0.5), ("b", 0.9), ("c", 0.5)))
    layer.write([look(refs[0], "cat")])  # a prelabel is no review
    assert [q.image_name for q in store.queue.pending()] == ["b.jpg", "a.jpg", "c.jpg"]
    store.layers.create("review", ANN, "review").write([look(refs[1], author=ANN)])
    assert [q.image_name for q in store.queue.pending()] == ["a.jpg", "c.jpg"]
    store.queue.put([Queued("c.jpg", 2.0, "rare", "d")])
    assert store.queue.pending(limit=1) == [Queued("c.jpg", 2.0, "rare", "d")]
    with pytest.raises(UsageError):
        store.queue.put([Queued("d.jpg", 1, "", ""), Queued("nowhere.jpg", 1, "", "")])
    assert len(store.queue.pending()) == 2
    store.queue.clear()
    assert store.queue.pending() == []


def test_vectors_are_kept_by_kind(store: Store, refs: list[ImageRef]) -> None:
    values = np.random.default_rng(1).random((3, 8)).astype(np.float32)
    store.vectors.put("color/1", ["a.jpg", "b.jpg", "c.jpg"], values)
    store.vectors.put("color/1", ["a.jpg"], values[:1] * 2)
    back = store.vectors.get("color/1", ["a.jpg", "c.jpg", "e.jpg", "nowhere.jpg"])
    assert sorted(back) == ["a.jpg", "c.jpg"]
    assert np.array_equal(back["a.jpg"], values[0] * 2)
    assert back["c.jpg"].dtype == np.float32
    assert store.vectors.get("other", ["a.jpg"]) == {}
    with pytest.raises(UsageError, match="shape"):
        store.vectors.put("color/1", ["a.jpg"], values)


def test_meta_is_overwritten(store: Store) -> None:
    assert store.meta.get("k") is None
    store.meta.set("k", "1")
    store.meta.set("k", "2")
    assert store.meta.get("k") == "2"


def test_the_check_finds_wrong_counts_lost_objects_and_orphans(
    url: str, store: Store, layer: Layer, refs: list[ImageRef], look: Callable[..., LabeledImage]
) -> None:
    layer.write(look(ref, "cat", "dog") for ref in refs)
    assert store.check() == []
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE looks SET objects = 0, block = NULL WHERE id = 1")
        raw.execute("UPDATE looks SET objects = 3 WHERE id = 2")
        raw.execute("UPDATE layer_counts SET objects = 99 WHERE class_id = (SELECT id FROM classes WHERE name = 'dog')")
        raw.execute("INSERT INTO vectors VALUES ('k', 777, x'00')")
    raw.close()
    said = "\n".join(map(str, store.check()))
    assert "layer first, image b.jpg: its objects are damaged: it should hold 3 objects, but has 2" in said
    assert "class dog: counted as 99 objects, but there are 4" in said
    assert "class cat: counted as 5 objects, but there are 4" in said
    assert "a row of vectors points to a missing row of images" in said
