"""The grid: guesses of a class judged together, safely sent twice, taken back as one, never over a colleague's change."""

import pytest
from _client import API, action, error_of, keys, new_id, post

SCRIPT = "<script>alert(1)</script>"


def page(desk, **query):
    answer = desk.get(API + "/grid", params={"class_name": "disk", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def decision(item, verdict="accept", **more):
    return {"image_key": item["image"]["key"], "version": item["version"], "object_id": item["object"]["id"],
            "decision": verdict, "class_name": None} | more  # fmt: skip


def decide(desk, decisions, action_id=None):
    answer = post(desk, "/grid/decide", {"id": action_id or new_id(), "decisions": decisions})
    assert answer.status_code == 200, answer.text
    return answer.json()


def objects(desk, item):
    return {obj["id"]: obj for obj in desk.get(f"{API}/images/{item['image']['key']}").json()["objects"]}


def test_the_least_certain_come_first_and_pages_join_without_gap_or_double(desk):
    whole = page(desk)
    scores = [item["object"]["score"] for item in whole["items"]]
    assert (whole["total"], whole["cursor"], len(scores)) == (8, None, 8)
    assert scores == sorted(scores)
    first = page(desk, limit=3)
    rest = page(desk, limit=48, cursor=first["cursor"])
    assert first["items"] + rest["items"] == whole["items"]
    assert page(desk, order="certain")["items"][0]["object"]["score"] == pytest.approx(0.9)


def test_every_piece_is_a_picture(desk):
    for item in page(desk)["items"]:
        answer = desk.get(item["crop_url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text


def test_verdicts_are_taken_once_and_taken_back_as_one(desk):
    first, second, third = page(desk)["items"][:3]
    wanted = [decision(first), decision(second, "delete"), decision(third, "relabel", class_name=SCRIPT)]
    action_id = new_id()
    assert decide(desk, wanted, action_id) == {"done": 3, "conflicts": []}
    assert decide(desk, wanted, action_id) == {"done": 3, "conflicts": []}
    assert objects(desk, first)[first["object"]["id"]]["score"] is None
    assert second["object"]["id"] not in objects(desk, second)
    assert objects(desk, third)[third["object"]["id"]]["class_name"] == SCRIPT
    assert page(desk)["total"] == 5
    assert post(desk, "/grid/undo", {"id": action_id}).json() == {"done": 3, "conflicts": []}
    for item in (first, second, third):
        assert objects(desk, item)[item["object"]["id"]] == item["object"]
    assert page(desk)["total"] == 8


def test_a_verdict_on_what_a_colleague_changed_is_left_out_and_named(desk):
    first, second = page(desk)["items"][:2]
    key, obj = first["image"]["key"], first["object"]
    change = {"object_id": obj["id"], "before": obj, "after": obj | {"class_name": SCRIPT}}
    assert post(desk, f"/images/{key}/actions", action("relabel", [change]), first["version"]).status_code == 200
    assert decide(desk, [decision(first, "delete"), decision(second)]) == {"done": 1, "conflicts": [key]}
    assert objects(desk, first)[obj["id"]]["class_name"] == SCRIPT


@pytest.mark.parametrize(
    "query",
    [{}, {"class_name": "no such"}, {"class_name": "disk", "limit": "0"}, {"class_name": "disk", "limit": "501"},
     {"class_name": "disk", "cursor": "x"}, {"class_name": "disk", "order": "random"}],
    ids=str,
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused(desk, query):
    error_of(desk.get(API + "/grid", params=query), 422)


def test_verdicts_that_cannot_be_change_nothing(desk):
    item = page(desk)["items"][0]
    send = lambda *decisions: post(desk, "/grid/decide", {"id": new_id(), "decisions": list(decisions)})  # noqa: E731
    error_of(send(), 422)
    error_of(send(decision(item), decision(item, "delete")), 422)
    error_of(send(decision(item, "relabel", class_name="no such")), 422)
    error_of(send(decision(item, "relabel")), 422)
    error_of(send(decision(item), decision(item, image_key=max(keys(desk)) + 1)), 404)
    error_of(send(decision(item, "destroy")), 422)
    error_of(post(desk, "/grid/undo", {"id": new_id()}), 422)
    assert page(desk)["total"] == 8
    assert objects(desk, item)[item["object"]["id"]]["score"] is not None


def test_a_stranger_sees_no_grid(stranger):
    error_of(stranger.get(API + "/grid", params={"class_name": "disk"}), 401)


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "point", "xy_px": [0, 0]},
        {"type": "point", "xy_px": [95.5, 71.5]},
        {"type": "polygon", "parts": [{"outer": [[60, 40], [95, 40], [80, 71]], "holes": []}]},
        {"type": "box", "xyxy_px": [0, 0, 96, 72]},
    ],
    ids=str,
)
def test_a_piece_of_any_shape_anywhere_is_a_picture(desk, shape):
    key = keys(desk)[0]
    obj = {"id": "guess", "class_name": SCRIPT, "shape": shape, "score": 0.4, "text": None, "attributes": {}}
    change = {"object_id": "guess", "before": None, "after": obj}
    assert post(desk, f"/images/{key}/actions", action("draw", [change]), 0).status_code == 200
    (item,) = page(desk, class_name=SCRIPT)["items"]
    assert item["object"]["class_name"] == SCRIPT
    answer = desk.get(item["crop_url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
