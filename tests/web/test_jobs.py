"""Jobs run beside the desk: they tell how far they are, can be stopped, and may fail or die without touching it."""

import os
import signal
import time

import pytest
from _client import API, error_of, post

from firstpass.project import Project

WAIT_S = 60.0


def wait_for(desk, job, until=lambda job: job["status"] != "running"):
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        now = desk.get(f"{API}/jobs/{job['id']}").json()
        if until(now):
            return now
        time.sleep(0.05)
    raise AssertionError(now)


def start(desk, verb, **settings):
    answer = post(desk, "/jobs", {"verb": verb, "settings": settings})
    assert answer.status_code == 200, answer.text
    return answer.json()


def runs(project_path):
    with Project.open(project_path) as project:
        return [(run.kind, run.status) for run in project.store.runs.all()]


def process_of(desk):
    return desk.app.state.desk.jobs._running._process


def test_a_first_pass_runs_beside_the_desk(desk, project_path):
    job = start(desk, "prelabel", labeler="fake", layer="second")
    assert job["status"] == "running"
    done = wait_for(desk, job)
    assert (done["status"], done["share"]) == ("done", 1.0), done
    assert (done["result"]["layer"], done["result"]["images"]) == ("second", 4)
    assert runs(project_path) == [("prelabel", "done")]
    assert "second" in [layer["name"] for layer in desk.get(API + "/home").json()["layers"]]
    assert [one["id"] for one in desk.get(API + "/jobs").json()["jobs"]] == [job["id"]]


def test_a_slow_job_tells_how_far_it_is_and_stops_when_asked(desk, project_path):
    job = start(desk, "prelabel", labeler="fake", settings={"delay_ms": 1000}, layer="slow", batch_size=1)
    error_of(post(desk, "/jobs", {"verb": "select", "settings": {}}), 409)
    seen = wait_for(desk, job, lambda now: now["words"] != "starting" or now["status"] != "running")
    assert seen["status"] == "running", seen
    assert post(desk, f"/jobs/{job['id']}/cancel", {}).json()["words"] == "stopping"
    assert wait_for(desk, job)["status"] == "stopped"
    assert post(desk, f"/jobs/{job['id']}/cancel", {}).json()["status"] == "stopped"
    assert runs(project_path) == [("prelabel", "stopped")]


def test_a_job_that_does_not_listen_is_ended(desk, project_path):
    desk.app.state.desk.jobs._grace_s = 0.5
    job = start(desk, "prelabel", labeler="fake", settings={"delay_ms": 600_000}, layer="stuck")
    wait_for(desk, job, lambda _: ("prelabel", "running") in runs(project_path))
    post(desk, f"/jobs/{job['id']}/cancel", {})
    assert wait_for(desk, job)["status"] == "stopped"
    assert runs(project_path) == [("prelabel", "stopped")]
    assert start(desk, "select", strategy="random", count=2)["status"] == "running"


@pytest.mark.parametrize(
    ("verb", "settings", "words"),
    [
        ("prelabel", {"labeler": "no-such"}, "no-such"),
        ("train", {}, "review"),
        ("trial", {"labelers": ["fake"], "truth": "nothing"}, "nothing"),
    ],
)
def test_a_job_that_fails_says_why_and_leaves_the_desk_at_work(desk, verb, settings, words):
    done = wait_for(desk, start(desk, verb, **settings))
    assert done["status"] == "failed"
    assert words in done["words"]
    assert desk.get(API + "/queue").status_code == 200


def test_a_job_whose_process_is_killed_is_told(desk, project_path):
    job = start(desk, "prelabel", labeler="fake", settings={"delay_ms": 600_000}, layer="stuck")
    wait_for(desk, job, lambda _: ("prelabel", "running") in runs(project_path))
    os.kill(process_of(desk).pid, signal.SIGKILL)
    done = wait_for(desk, job)
    assert done["status"] == "failed"
    assert "-9" in done["words"]
    assert runs(project_path) == [("prelabel", "failed")]


def test_a_selection_fills_the_queue(desk, project_path):
    assert wait_for(desk, start(desk, "select", strategy="random", count=2))["status"] == "done"
    page = desk.get(API + "/queue").json()
    assert (page["total"], {item["strategy"] for item in page["items"]}) == (2, {"random"})
    assert runs(project_path) == [("select", "done")]


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "export", "settings": {}},
        {"verb": "select", "settings": {"cuont": 3}},
        {"verb": "select", "settings": {"count": "3"}},
        {"verb": "select", "settings": {"count": True}},
        {"verb": "trial", "settings": {"labelers": "fake"}},
        {"settings": {}},
        {"verb": "select", "settings": {}, "project": "/etc"},
    ],
    ids=str,
)
def test_a_job_that_cannot_be_is_refused_before_it_starts(desk, body):
    error_of(post(desk, "/jobs", body), 422)
    assert desk.get(API + "/jobs").json() == {"jobs": []}


def test_an_unknown_job_is_not_found(desk):
    error_of(desk.get(API + "/jobs/nothing"), 404)
    error_of(post(desk, "/jobs/nothing/cancel", {}), 404)
