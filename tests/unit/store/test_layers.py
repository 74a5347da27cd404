"""Layers: made once, appended to, superseded, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from firstpass.errors import UsageError
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId, Polygon, PolygonPart
from firstpass.store import Layer, NewImage, Store

Look = Callable[..., LabeledImage]


def test_the_same_author_gets_the_same_layer(store: Store, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write([look(refs[0], "cat")])
    again = store.layers.create("first", Author("labeler", "fake", "1", "another run", "abc"), "prelabel")
    assert list(again) == [look(refs[0], "cat")]


@pytest.mark.parametrize(
    ("author", "kind", "said"),
    [
        (Author("labeler", "fake", "2", "", "abc"), "prelabel", "belongs to labeler fake (1, abc)"),
        (Author("human", "fake", "1", "", "abc"), "prelabel", "one layer, one author"),
        (Author("labeler", "fake", "1", "", "abc"), "truth", "as prelabel and not truth"),
        (Author("labeler", "fake", "1", "", "abc"), "guess", "one of: import, prelabel, review, truth"),
    ],
)
def test_a_layer_has_one_author_and_one_kind(store: Store, layer: Layer, author: Author, kind: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(").replace(")", r"\)")):
        store.layers.create("first", author, kind)  # type: ignore[arg-type]


def test_the_review_is_everybodys_and_each_row_has_its_author(store: Store, refs: list[ImageRef], look: Look) -> None:
    ann, bob = Author("human", "ann"), Author("human", "bob")
    store.layers.create("review", ann, "review").write([look(refs[0], "cat", author=ann)])
    store.layers.create("review", bob, "review").write([look(refs[1], "dog", author=bob), look(refs[0], author=bob)])
    assert [item.author.name for item in store.layers["review"]] == ["bob", "bob"]
    assert [item.author.name for item in store.layers["review"].history("a.jpg")] == ["ann", "bob"]


def test_an_unknown_layer_names_the_near_ones(store: Store, layer: Layer) -> None:
    with pytest.raises(UsageError, match="did you mean: first"):
        store.layers.get("fist")
    assert "fist" not in store.layers
    assert "first" in store.layers


def test_a_later_look_supersedes_and_the_earlier_stays(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    first, second, third = look(refs[0], "cat", "cat"), look(refs[0], "dog"), look(refs[0])
    layer.write([first, look(refs[1], "cat")])
    layer.write([second, third])
    assert layer.history("a.jpg") == [first, second, third]
    assert layer.get("a.jpg") == third
    assert layer.counts() == {"cat": 1}
    assert len(layer) == 2
    assert len(layer.table()) == 1


def test_looked_and_found_none_is_not_the_same_as_not_looked(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write([look(refs[2])])
    assert layer.looked() == {"c.jpg"}
    assert layer.get("c.jpg") == look(refs[2])
    assert layer.get("a.jpg") is None
    assert layer.get("nowhere.jpg") is None
    assert layer.history("nowhere.jpg") == []
    assert "c.jpg" in layer
    assert "a.jpg" not in layer


def test_an_empty_layer_gives_empty_answers(layer: Layer) -> None:
    assert (list(layer), len(layer), layer.looked(), layer.counts(), layer.history("a.jpg")) == ([], 0, frozenset(), {}, [])
    assert layer.table().xyxy_px.shape == (0, 4)
    assert layer.write([]).images == 0


def test_iteration_is_by_image_name_and_read_by_the_order_asked(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write([look(refs[n], "cat") for n in (3, 0, 4, 1)])
    assert [item.image.name for item in layer] == ["a.jpg", "b.jpg", "d.jpg", "e.jpg"]
    assert [item.image.name for item in layer.read(["e.jpg", "c.jpg", "a.jpg"])] == ["e.jpg", "a.jpg"]


def test_one_may_write_while_iterating(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write(look(ref, "cat") for ref in refs)
    seen = 0
    for item in layer:
        layer.write([look(item.image, "dog", "dog")])
        seen += len(item.objects)
    assert seen == 5
    assert layer.counts() == {"dog": 10}


def test_a_chunk_is_written_whole_or_not_at_all(store: Store, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    stranger = ImageRef("", "", "stranger.jpg", 1, 1)
    with pytest.raises(UsageError, match=r"stranger\.jpg"):
        layer.write([look(refs[0], "cat"), look(refs[1], "new"), look(stranger, "cat")], chunk=2)
    assert layer.looked() == {"a.jpg", "b.jpg"}
    with pytest.raises(UsageError):
        layer.write([look(refs[2], "only in vain"), look(stranger, "cat")])
    assert layer.looked() == {"a.jpg", "b.jpg"}
    layer.write([look(refs[2], "only in vain")])  # the rolled-back class is made again
    assert layer.counts() == {"cat": 1, "new": 1, "only in vain": 1}
    assert store.check() == []


def test_a_generator_that_fails_leaves_whole_chunks(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    def source() -> Iterator[LabeledImage]:
        for ref in refs[:3]:
            yield look(ref, "cat")
        raise RuntimeError("the labeler died")

    with pytest.raises(RuntimeError, match="died"):
        layer.write(source(), chunk=2)
    assert layer.looked() == {"a.jpg", "b.jpg"}


def test_text_that_is_not_unicode_is_refused_with_advice(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    with pytest.raises(UsageError, match="not valid Unicode"):
        layer.write([look(refs[0], "caf\udce9")])
    assert len(layer) == 0


def test_layers_are_told_at_a_glance(store: Store, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    store.layers.create("truth", Author("file", "coco.json"), "truth")
    layer.write([look(refs[0], "cat", "dog"), look(refs[1])])
    infos = store.layers.all()
    assert [(i.name, i.kind, i.images, i.objects) for i in infos] == [("first", "prelabel", 2, 2), ("truth", "truth", 0, 0)]
    assert infos[0].created_at.tzinfo is not None
    assert "first: prelabel by fake, 2 images, 2 objects" in repr(store.layers)
    assert "2 images" in repr(layer)


def test_the_table_filters_by_class_score_and_number(layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write([look(refs[1], "cat", "dog", score=0.9), look(refs[0], "cat", score=0.2), look(refs[2], "cat", score=None)])
    table = layer.table()
    assert list(table.image_names) == ["a.jpg", "b.jpg", "b.jpg", "c.jpg"]
    assert list(table.class_names) == ["cat", "cat", "dog", "cat"]
    assert list(table.object_ids) == ["a.jpg-0", "b.jpg-0", "b.jpg-1", "c.jpg-0"]
    assert table.scores.dtype == np.float32
    assert np.array_equal(table.scores, np.asarray([0.2, 0.9, 0.9, np.nan], np.float32), equal_nan=True)
    assert table.xyxy_px.tolist()[2] == [1, 1, 11, 21]
    assert list(layer.table(class_names=["dog"]).image_names) == ["b.jpg"]
    assert list(layer.table(min_score=0.9).image_names) == ["b.jpg", "b.jpg"]
    assert list(layer.table(max_score=0.5).image_names) == ["a.jpg"]
    assert list(layer.table(class_names=["cat"], min_score=0.1, max_score=0.95, limit=1).image_names) == ["a.jpg"]
    assert len(layer.table(class_names=["elk"])) == 0
    assert len(layer.table(class_names=[])) == 0


def test_the_table_holds_the_bounds_of_other_shapes(layer: Layer, refs: list[ImageRef]) -> None:
    triangle = Polygon((PolygonPart(((5.0, 1.0), (9.0, 8.0), (2.0, 4.0))),))
    things = (Labeled(ObjectId("p"), "tri", triangle), Labeled(ObjectId("b"), "box", Box(0, 0, 1, 1)))
    layer.write([LabeledImage(refs[0], layer.author, things)])
    assert layer.table().xyxy_px.tolist() == [[2, 1, 9, 8], [0, 0, 1, 1]]


def test_more_looks_than_a_page_stream_in_order(store: Store, look: Look) -> None:
    many = [ImageRef("", f"/x/{n:05d}", f"{n:05d}", 10, 10) for n in range(1203)]
    store.images.add(NewImage(ref) for ref in many)
    layer = store.layers.create("big", Author("labeler", "x"), "prelabel")
    layer.write((look(ref, "cat") for ref in reversed(many)), chunk=97)
    assert [item.image for item in layer] == many
    assert [item.image for item in layer.read(ref.name for ref in many)] == many
