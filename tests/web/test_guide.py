"""The guide is written version by version."""

import json
from urllib.parse import quote

import pytest
from _client import API, error_of

SCRIPT = "<script>alert(1)</script>"


def put(desk, name, body, version):
    headers = {"If-Match": f'"{version}"', "Content-Type": "application/json"}
    return desk.put(f"{API}/guide/{quote(name, safe='')}", content=json.dumps(body), headers=headers)


def test_the_guide_is_written_version_by_version(desk):
    assert desk.get(API + "/guide").json()["version"] == 0
    example = {"image_name": "p1.png", "xyxy_px": [1, 2, 30, 40], "note": "round", "counter": False}
    made = put(desk, "disk", {"guide": "Round *things*.", "examples": [example]}, 0).json()
    assert (made["version"], made["author"]) == (1, "anna")
    assert made["classes"][0] == {"name": "disk", "guide": "Round *things*.", "examples": [example]}
    error_of(put(desk, "disk", {"guide": "Other."}, 0), 409)
    assert put(desk, SCRIPT, {"guide": SCRIPT}, 1).json()["version"] == 2
    assert desk.get(API + "/guide").json()["classes"][1]["guide"] == SCRIPT


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("none", {"guide": "x"}),
        ("disk", {}),
        ("disk", {"guide": "x", "examples": [{"image_name": "nowhere.png"}]}),
        ("disk", {"guide": "x", "examples": [{"image_name": "p1.png", "xyxy_px": [0, 0, 999, 9]}]}),
        ("../../etc", {"guide": "x"}),
    ],
    ids=str,
)
def test_a_page_of_the_guide_that_cannot_be_is_refused(desk, name, body):
    error_of(put(desk, name, body, 0), 422)
