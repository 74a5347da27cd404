"""Images: registered by name, idempotent, a sequence in order of name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firstpass.errors import UsageError
from firstpass.labels import ImageRef
from firstpass.store import Added, NewImage, Store


def ref(name: str, digest: str = "") -> ImageRef:
    return ImageRef(digest, f"/pictures/{name}", name, 640, 480)


def test_adding_twice_changes_nothing(store: Store) -> None:
    items = [NewImage(ref(f"{n}.jpg"), {"Make": "Acme"}) for n in range(3)]
    assert store.images.add(items) == Added(3, 0, 0)
    assert store.images.add(iter(items)) == Added(0, 3, 0)
    assert store.images.count() == 3
    assert store.images.metadata(["1.jpg"]) == {"1.jpg": {"Make": "Acme"}}


def test_an_image_named_twice_counts_once(store: Store) -> None:
    assert store.images.add([NewImage(ref("a")), NewImage(ref("a")), NewImage(ref("b"))]) == Added(2, 1, 0)


def test_a_changed_file_is_updated_and_told(store: Store) -> None:
    store.images.add([NewImage(ref("a.jpg", "1" * 32))])
    other = replace(ref("a.jpg", "2" * 32), width_px=10)
    assert store.images.add([NewImage(other)]) == Added(0, 0, 1)
    assert store.images.get("a.jpg") == other


def test_names_that_cannot_be_kept_are_problems_and_the_rest_is_taken(store: Store) -> None:
    added = store.images.add(NewImage(ref(name)) for name in ("caf\udce9.jpg", "", "nul\0.jpg", "ok.jpg"))
    assert (added.new, added.known, added.changed) == (1, 0, 0)
    assert ["not valid Unicode" in str(p) for p in added.problems] == [True, False, False]
    assert [r.name for r in store.images] == ["ok.jpg"]


ODD = ["\U0001f600.jpg", "a\nb.jpg", "../up.jpg", "CON", "x" * 300, "%41.jpg", "a'b\".jpg", "\u00e9.jpg", "e\u0301.jpg"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_survive(store: Store, name: str) -> None:
    store.images.add([NewImage(ref(name))])
    assert store.images.get(name) == ref(name)
    assert store.images.finder().find(name) == ref(name)


def test_images_are_a_sequence_in_order_of_code_points(store: Store) -> None:
    names = ["b", "B", "a/2", "a/10", "ä", "z", "Z", "\U0001f600", "\uff5e"]
    store.images.add(NewImage(ref(name)) for name in names)
    images, ordered = store.images, sorted(names)
    assert [r.name for r in images.all()] == ordered
    assert len(images) == 9
    assert (images[0].name, images[-1].name, images["ä"]) == (ordered[0], ordered[-1], ref("ä"))
    assert [r.name for r in images[2:5]] == ordered[2:5]
    assert [r.name for r in images[::-2]] == ordered[::-2]
    assert [r.name for r in images[7:100]] == ordered[7:]
    assert images[5:2] == []
    assert "a/2" in images
    assert ref("a/2") in images
    assert "none" not in images
    for bad in (9, -10):
        with pytest.raises(IndexError):
            images[bad]
    with pytest.raises(KeyError):
        images["none"]


def test_metadata_are_merged(store: Store) -> None:
    store.images.add([NewImage(ref("a"), {"Make": "Acme", "Model": "1"}), NewImage(ref("b"))])
    store.images.set_metadata({"a": {"Model": "2", "shelf": "9"}, "b": {}})
    store.images.add([NewImage(ref("a"), {"Software": "x"})])
    assert store.images.metadata() == {"a": {"Make": "Acme", "Model": "2", "shelf": "9", "Software": "x"}, "b": {}}
    assert store.images.metadata([]) == {}


def test_metadata_of_an_unknown_image_change_nothing(store: Store) -> None:
    store.images.add([NewImage(ref("a"))])
    with pytest.raises(UsageError, match="'c'"):
        store.images.set_metadata({"a": {"x": "1"}, "c": {"x": "1"}})
    assert store.images.metadata() == {}


def test_more_images_than_a_page(store: Store) -> None:
    names = [f"{n:05d}" for n in range(10_000)]
    store.images.add(NewImage(ref(name)) for name in reversed(names))
    assert [r.name for r in store.images.all()] == names
    assert len(store.images.metadata(names)) == 0
