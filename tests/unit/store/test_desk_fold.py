"""Any sequence of actions, undos and redos leaves what a plain model of them has; late and resent ones change nothing."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstpass.labels import Author, Box, ImageRef, Labeled, ObjectId
from firstpass.store import NewImage, Store
from firstpass.store.desk import Conflict, WorkingCopy
from firstpass.store.desk_log import Action, ObjectChange

ANN = Author("human", "ann")
STEP = st.tuples(st.sampled_from(["draw", "adjust", "relabel", "delete", "undo", "redo", "late", "resend"]), st.integers(0, 5))


def change_of(kind, number, place, objects):
    if kind == "draw":
        new = Labeled(ObjectId(f"o{number}"), "cat", Box(number, 1, number + 5, 9))
        return ObjectChange(new.id, None, new)
    if not objects:
        return None
    old = list(objects.values())[place % len(objects)]
    after = {"adjust": replace(old, shape=Box(place, 2, place + 9, 30)), "relabel": replace(old, class_name="dog")}
    return ObjectChange(old.id, old, after.get(kind))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=20))
def test_the_copy_is_what_the_model_says(tmp_path_factory, steps):
    url = f"sqlite:///{tmp_path_factory.mktemp('fold') / 'f.db'}"
    start = WorkingCopy("a.jpg")
    model, undo, redo, version, last, refused = {}, [], [], 0, None, 0
    with Store.open(url, create=True) as store:
        store.images.add([NewImage(ImageRef("", "a", "a.jpg", 640, 480))])
        for number, (kind, place) in enumerate(steps):
            if kind == "resend" and last is not None:
                made = store.desk.apply("a.jpg", last, expected_version=place, author=ANN, start=start)
                assert (made.version, {o.id: o for o in made.objects}) == (version, model)
                continue
            if kind == "late":
                change = change_of("draw", number, place, model)
                late = Action(f"x{number}", "draw", (change,))
                made = store.desk.apply("a.jpg", late, expected_version=version + 1, author=ANN, start=start)
                assert isinstance(made, Conflict)
                refused += 1
                continue
            stack = {"undo": undo, "redo": redo}.get(kind)
            if stack is not None:
                if not stack:
                    continue
                done = stack.pop()
                (redo if kind == "undo" else undo).append(done)
                change = ObjectChange(done.object_id, done.after, done.before) if kind == "undo" else done
            else:
                change = change_of(kind, number, place, model) if kind != "resend" else None
                if change is None:
                    continue
                undo.append(change)
                redo.clear()
            last = Action(f"x{number}", kind, (change,))
            made = store.desk.apply("a.jpg", last, expected_version=version, author=ANN, start=start)
            version += 1
            if change.after is None:
                model.pop(change.object_id)
            else:
                model[change.object_id] = change.after
            assert (made.version, {o.id: o for o in made.objects}) == (version, model)
    with Store.open(url) as again:
        copy = again.desk.get(["a.jpg"]).get("a.jpg", start)
        assert (copy.version, {o.id: o for o in copy.objects}) == (version, model)
        assert [a.version_after for a in again.desk.actions("a.jpg")] == list(range(1, version + 1))
        assert len(again.desk.refused("a.jpg")) == refused
        assert again.check() == []
