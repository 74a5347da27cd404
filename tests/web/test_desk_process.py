"""The real command: serves, is killed in the midst of labeling, serves again, and nothing that was acknowledged is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import httpx
import pytest
from _client import API, box_object, draw, new_id

from firstpass.project import Project

pytestmark = pytest.mark.slow


@contextmanager
def desk_process(project_path, *words):
    command = [sys.executable, "-m", "firstpass", "review", str(project_path), "--no-browser", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        url = json.loads(line)["url"] if "--json" in words else line.removeprefix("Desk: ").strip()
        assert url.startswith("http://127.0.0.1:"), (line, process.poll() is not None and process.stderr.read())
        yield process, url
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def signed_in(url):
    client = httpx.Client(base_url=url.partition("/?")[0], timeout=30, trust_env=False)
    assert client.get(url).status_code == 303
    client.headers["X-Firstpass-Csrf"] = client.get(API + "/session").json()["csrf"]
    return client


def act(client, key, obj, version):
    return client.post(f"{API}/images/{key}/actions", json=draw(obj), headers={"If-Match": f'"{version}"'})


def label_until_it_is_gone(client, keys, acknowledged):
    """Draws on one image after the other; notes what the server said it has."""
    try:
        for version in range(10_000):
            for key in keys:
                if act(client, key, box_object(f"k{key}-v{version}"), version).status_code == 200:
                    acknowledged.append((key, f"k{key}-v{version}"))
    except httpx.TransportError:
        return


def test_killed_in_the_midst_of_labeling_nothing_acknowledged_is_lost(project_path):
    acknowledged = []
    with desk_process(project_path) as (process, url), closing(signed_in(url)) as client:
        keys = [item["image"]["key"] for item in client.get(API + "/queue").json()["items"]]
        submit = {"id": new_id(), "decoded_wh_px": [96, 72], "effort": []}
        done = client.post(f"{API}/images/{keys[3]}/submit", json=submit, headers={"If-Match": '"0"'})
        assert done.json()["status"] == "submitted"
        worker = threading.Thread(target=label_until_it_is_gone, args=(client, keys[:2], acknowledged))
        worker.start()
        while len(acknowledged) < 6:
            worker.join(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        worker.join(30)
    with desk_process(project_path) as (process, url), closing(signed_in(url)) as client:
        found = {key: client.get(f"{API}/images/{key}").json() for key in keys}
        there = {(key, obj["id"]) for key, record in found.items() for obj in record["objects"]}
        assert set(acknowledged) <= there
        assert len(found[keys[0]]["history"]) == found[keys[0]]["version"] >= 3
        assert found[keys[3]]["status"] == "submitted"
        assert act(client, keys[0], box_object("after"), found[keys[0]]["version"]).status_code == 200
    with Project.open(project_path) as project:
        assert [labeled.image.name for labeled in project.reviewed] == ["p3.png"]


def test_the_address_comes_as_json_and_ctrl_c_ends_in_order(project_path):
    with desk_process(project_path, "--json") as (process, url):
        assert httpx.get(url, trust_env=False).status_code == 303
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)


def test_ctrl_c_stops_the_jobs(project_path):
    with desk_process(project_path) as (process, url), closing(signed_in(url)) as client:
        settings = {"labeler": "fake", "settings": {"delay_ms": 500}, "layer": "slow", "batch_size": 1}
        job = client.post(API + "/jobs", json={"verb": "prelabel", "settings": settings}).json()
        while "of" not in (now := client.get(f"{API}/jobs/{job['id']}").json())["words"]:
            assert now["status"] == "running"
        process.send_signal(signal.SIGINT)
        process.wait(30)
    with Project.open(project_path) as project:
        assert [run.status for run in project.store.runs.all()] == ["stopped"]


@pytest.mark.parametrize(
    ("words", "said"), [(["--port", "1"], "port 1"), (["--layer", "no-such"], "no-such"), (["--port", "99999"], "port")]
)
def test_a_desk_that_cannot_be_says_why(project_path, words, said, request):
    if words == ["--port", "1"]:
        import socket

        taken = socket.socket()
        request.addfinalizer(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["--port", str(taken.getsockname()[1])]
        said = f"port {words[1]}"
    command = [sys.executable, "-m", "firstpass", "review", str(project_path), "--no-browser", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
