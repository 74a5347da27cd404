"""Words typed at the desk are kept, also those that came too late; an id belongs to one image; all survive a reload."""

import pytest

from firstpass.errors import UsageError
from firstpass.labels import Author
from firstpass.store import Queued, Store
from firstpass.store.desk import Conflict, WorkingCopy

ANN, BOB = Author("human", "ann"), Author("human", "bob")
START = {"start": WorkingCopy("a.jpg")}


def test_a_note_that_came_too_late_is_kept_and_stays_refused(store, url, refs):
    store.desk.mark("a.jpg", action_id="m1", expected_version=0, author=ANN, flag="look!", **START)
    for expected in (0, 1):
        late = store.desk.mark("a.jpg", action_id="m2", expected_version=expected, author=BOB, flag="my note", **START)
        assert isinstance(late, Conflict)
        assert late.current.flag == "look!"
    skipped = store.desk.mark("a.jpg", action_id="m3", expected_version=0, author=BOB, status="skipped", reason="dark", **START)
    assert isinstance(skipped, Conflict)
    with Store.open(url) as again:
        assert [(r.action.kind, r.action.words, r.author_name) for r in again.desk.refused("a.jpg")] == [
            ("flag", "my note", "bob"),
            ("skip", "dark", "bob"),
        ]


def test_an_id_used_on_another_image_is_refused(store, refs):
    store.desk.mark("a.jpg", action_id="m", expected_version=0, author=ANN, flag="x", **START)
    with pytest.raises(UsageError, match="another image"):
        store.desk.mark("b.jpg", action_id="m", expected_version=0, author=ANN, flag="x", start=WorkingCopy("b.jpg"))


def test_images_by_number_and_back(store, refs):
    keys = store.images.keys(["a.jpg", "b.jpg", "no.jpg"])
    assert set(keys) == {"a.jpg", "b.jpg"}
    assert store.images.by_keys([*keys.values(), 10**9]) == {keys["a.jpg"]: refs[0], keys["b.jpg"]: refs[1]}
    assert store.images.by_key(keys["b.jpg"]) == refs[1]
    assert store.images.by_key(10**9) is None


def test_the_film_is_the_queue_by_priority_then_place(store, refs, look):
    review = store.layers.create("review", ANN, "review")
    store.queue.put([Queued("c.jpg", 1, "w", "s"), Queued("a.jpg", 2, "w", "s"), Queued("e.jpg", 1, "w", "s")])
    review.write([look(refs[0], "cat")])
    store.desk.mark("c.jpg", action_id="m", expected_version=0, author=ANN, status="skipped", start=WorkingCopy("c.jpg"))
    film = store.film.stretch("review", None, 1, 1)
    assert [(f.ref.name, f.status, f.looked) for f in film.frames] == [("c.jpg", "skipped", False), ("e.jpg", None, False)]
    assert (film.total, film.done) == (3, 1)
    aside = store.film.stretch("review", "b.jpg", 0, 0)
    assert [f.ref.name for f in aside.frames] == ["b.jpg", "e.jpg"]
    assert store.queue.count_pending() == len(store.queue.pending()) == 2


def test_no_images_no_film(store):
    assert store.film.stretch("review", None, 5, 5).frames == ()


def test_an_image_opened_again_is_not_done(store, refs):
    layer = store.layers.create("review", ANN, "review")
    ask = {"author": ANN, "start": WorkingCopy("a.jpg")}
    store.desk.submit(refs[0], action_id="s", expected_version=0, layer_key=layer.ensure(), **ask)
    assert store.film.stretch("review", None, 0, 0).done == 1
    store.desk.mark("a.jpg", action_id="o", expected_version=1, status="open", **ask)
    film = store.film.stretch("review", None, 0, 0)
    assert (film.done, film.frames[0].ref.name) == (0, "a.jpg")
