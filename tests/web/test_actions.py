"""What a person does is stored once, whole, against the version it was done to; what comes too late is kept, not lost."""

import json

import pytest
from _client import API, action, box_object, draw, error_of, keys, new_id, opened, post, sign_in

from firstpass.project import Project

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def key(desk):
    return keys(desk)[0]


def record(desk, key):
    return desk.get(f"{API}/images/{key}").json()


def act(desk, key, body, version):
    return post(desk, f"/images/{key}/actions", body, version)


def test_a_drawn_box_is_there_after_a_reload(desk, key):
    assert act(desk, key, draw(box_object()), 0).json() == {"version": 1}
    found = record(desk, key)
    assert found["objects"][-1] == box_object()
    assert [(item["kind"], item["author"]) for item in found["history"]] == [("draw", "anna")]


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "point", "xy_px": [3.5, 4.25]},
        {"type": "polygon", "parts": [{"outer": [[1, 1], [20, 1], [20, 20.5]], "holes": [[[3, 2], [9, 2], [9, 5]]]}]},
        {"type": "mask", "height_px": 72, "width_px": 96, "counts": "P3Q1_7"},
    ],
    ids=lambda shape: shape["type"],
)
def test_every_shape_comes_back_as_it_was_sent(desk, key, shape):
    if shape["type"] == "mask":
        import numpy as np

        from firstpass.labels import rle

        mask = np.zeros((72, 96), bool)
        mask[5:9, 7:20] = True
        shape = shape | {"counts": rle.encode(mask).counts}
    assert act(desk, key, draw(box_object(shape=shape)), 0).status_code == 200
    assert record(desk, key)["objects"][-1]["shape"] == shape


def test_sent_again_an_action_does_nothing(desk, key):
    body = draw(box_object())
    assert act(desk, key, body, 0).json() == {"version": 1}
    assert act(desk, key, body, 0).json() == {"version": 1}
    assert len(record(desk, key)["objects"]) == 3
    assert len(record(desk, key)["history"]) == 1


def test_the_later_of_two_is_told_of_and_both_are_kept(desk, key):
    act(desk, key, draw(box_object("mine")), 0)
    late = draw(box_object("theirs", (40, 40, 60, 60)))
    answer = act(desk, key, late, 0)
    assert error_of(answer, 409)["what"]
    assert answer.json()["current"]["version"] == 1
    found = record(desk, key)
    assert "mine" in [obj["id"] for obj in found["objects"]]
    assert [refused["id"] for refused in found["refused"]] == [late["id"]]
    assert found["refused"][0]["changes"][0]["after"] == box_object("theirs", (40, 40, 60, 60))
    assert post(desk, f"/images/{key}/refused/{late['id']}/settle", {}).status_code == 204
    assert record(desk, key)["refused"] == []
    error_of(post(desk, f"/images/{key}/refused/{late['id']}/settle", {}), 404)


def test_an_object_that_is_not_as_it_was_is_a_conflict(desk, key):
    before = record(desk, key)["objects"][0]
    wrong = before | {"class_name": SCRIPT}
    change = {"object_id": before["id"], "before": wrong, "after": None}
    error_of(act(desk, key, action("delete", [change]), 0), 409)
    change["before"] = before
    assert act(desk, key, action("delete", [change]), 0).json() == {"version": 1}


BAD_BOXES = {
    "NaN": "[NaN, 1, 2, 3]",
    "infinity": "[0, 1, Infinity, 3]",
    "too large": "[0, 1, 1e300, 3]",
    "inverted": "[30, 1, 2, 3]",
    "no area": "[1, 1, 1, 9]",
    "outside": "[200, 200, 300, 300]",
    "three numbers": "[1, 2, 3]",
    "text": '["a", 1, 2, 3]',
    "null": "null",
}


@pytest.mark.parametrize("bad", BAD_BOXES.values(), ids=BAD_BOXES)
def test_a_box_that_cannot_be_is_refused_in_words(desk, key, bad):
    body = json.dumps(draw(box_object())).replace("[1.0, 2.0, 30.0, 40.0]", bad)
    assert bad in body
    assert error_of(act(desk, key, body, 0), 422)["what"]
    assert record(desk, key)["version"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "no such class"},
        {"id": ""},
        {"extra": 1},
        {"score": 1.5},
        {"attributes": {"a": {"b": 1}}},
        {"shape": {"type": "circle", "r": 3}},
        {"shape": {"type": "mask", "height_px": 72, "width_px": 96, "counts": "zz"}},
        {"shape": {"type": "mask", "height_px": 1, "width_px": 1, "counts": "1"}},
        {"shape": {"type": "polygon", "parts": []}},
        {"shape": {"type": "polygon", "parts": [{"outer": [[1, 1], [2, 2]], "holes": []}]}},
        {"shape": {"type": "polygon", "parts": [{"outer": [[1, 1], [9, 2], [9, 9]], "holes": [[[1, 1]]]}]}},
    ],
    ids=str,
)
def test_an_object_that_cannot_be_is_refused_in_words(desk, key, change):
    obj = box_object() | change
    assert error_of(act(desk, key, draw(obj), 0), 422)["what"]
    assert record(desk, key)["version"] == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"id":"x"}', "\xff", '{"a":' * 5000], ids=lambda b: b[:8])
def test_a_body_that_is_no_action_is_refused(desk, key, body):
    assert act(desk, key, body, 0).status_code in (400, 422)


@pytest.mark.parametrize("version", [None, "x", "", "-1", "1.5", "9" * 40])
def test_a_change_names_the_version_it_changes(desk, key, version):
    error_of(act(desk, key, draw(box_object()), version), 400)


def test_a_time_without_a_zone_is_refused(desk, key):
    error_of(act(desk, key, draw(box_object()) | {"at": "2026-01-01T00:00:00"}, 0), 422)


def test_a_class_named_like_a_script_is_kept_as_text(desk, key):
    assert act(desk, key, draw(box_object(class_name=SCRIPT, text=SCRIPT)), 0).status_code == 200
    answer = desk.get(f"{API}/images/{key}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["objects"][-1]["class_name"] == SCRIPT
    assert SCRIPT in [c["name"] for c in desk.get(API + "/project").json()["classes"]]


def test_submitting_makes_the_image_the_experts_word(desk, key, project_path):
    act(desk, key, draw(box_object()), 0)
    body = {"id": new_id(), "decoded_wh_px": [96, 72], "effort": [{"action": "draw box", "count": 1, "seconds": 6.5}]}
    assert post(desk, f"/images/{key}/submit", body, 1).json() == {"version": 2, "status": "submitted"}
    assert post(desk, f"/images/{key}/submit", body, 1).json() == {"version": 2, "status": "submitted"}
    with Project.open(project_path) as project:
        found = project.reviewed.get("p0.png")
        assert [obj.id for obj in found.objects] == ["p0.png-a", "p0.png-b", "drawn-1"]
        assert found.author.name == "anna"
        assert [(t.action, t.seconds) for t in project.store.effort.totals()] == [("draw box", 6.5)]
    home = desk.get(API + "/home").json()
    assert (home["images"], home["reviewed"]) == (4, 1)
    assert home["saved"]["fraction"] is None


@pytest.mark.parametrize("size", [[72, 96], [95, 72], [0, 0], [192, 144]])
def test_a_picture_decoded_at_another_size_is_not_submitted(desk, key, size):
    error_of(post(desk, f"/images/{key}/submit", {"id": new_id(), "decoded_wh_px": size, "effort": []}, 0), 422)
    assert record(desk, key)["status"] == "open"


def test_skip_flag_and_reopen_go_by_version(desk, key):
    assert post(desk, f"/images/{key}/skip", {"id": new_id(), "reason": "blurred"}, 0).json()["status"] == "skipped"
    error_of(post(desk, f"/images/{key}/reopen", {"id": new_id()}, 0), 409)
    assert post(desk, f"/images/{key}/reopen", {"id": new_id()}, 1).json() == {"version": 2, "status": "open"}
    assert post(desk, f"/images/{key}/flag", {"id": new_id(), "note": "look"}, 2).json()["version"] == 3
    assert record(desk, key)["flag"] == "look"
    states = {item["image"]["key"]: item["state"] for item in desk.get(API + "/queue").json()["items"]}
    assert states[key] == "flagged"


def test_a_lease_is_held_by_one_browser(project_path):
    with opened(project_path) as one:
        sign_in(one)
        key = keys(one)[0]
        mine = post(one, f"/images/{key}/lease", {}).json()
        assert (mine["mine"], mine["holder"]) == (True, "anna")
        second = one.app.state.desk.sessions.begin()
        cookie = {"Cookie": f"{one.app.state.desk.sessions.cookie}={second}"}
        one.cookies.clear()
        csrf = one.get(API + "/session", headers=cookie).json()["csrf"]
        theirs = one.post(f"{API}/images/{key}/lease", headers={**cookie, "X-Firstpass-Csrf": csrf}).json()
        assert theirs["mine"] is False
        items = one.get(API + "/queue", headers=cookie).json()["items"]
        assert [item["leased_by"] for item in items] == ["anna", None, None, None]


def test_two_labelings_at_once_lose_nothing(desk, key):
    """Ten threads draw on ten versions; every one that was acknowledged is there."""
    from concurrent.futures import ThreadPoolExecutor

    def one(n):
        for version in range(40):
            if act(desk, key, draw(box_object(f"t{n}"), f"thread-{n}-{version}"), version).status_code == 200:
                return f"t{n}"
        return None

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one, range(6)))
    assert set(done) <= {obj["id"] for obj in record(desk, key)["objects"]}
    assert None not in done
