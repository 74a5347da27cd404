"""What the suites of the desk share: pictures, a client with or without a session, bodies of requests."""

import json
import uuid
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from firstpass.labels import Author, Box, LabelClass, Labeled, LabeledImage, ObjectId
from firstpass.media.probe import Probed, probe
from firstpass.project import Project
from firstpass.store import NewImage
from firstpass.web.app import create_app

with warnings.catch_warnings():  # starlette wants httpx2 from 1.10 on and takes httpx before; both do here
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

BASE = "http://127.0.0.1:8000"
API = "/api/v1"
LABELER = Author("labeler", "fake", "1")


def picture(path, size_wh_px=(96, 72), seed=0, **options):
    """Left half dark, right half light, so that a turn is seen."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(180, 230, (size_wh_px[1], size_wh_px[0], 3)).astype(np.uint8)
    rgb[:, : size_wh_px[0] // 2] //= 4
    Image.fromarray(rgb).save(path, **options)


def add_images(project, folder):
    found = [probe(str(path), path.name) for path in sorted(folder.iterdir())]
    return project.images.add(NewImage(one.ref) for one in found if isinstance(one, Probed))


def make_project(place):
    """Four pictures, two classes, a first pass of two boxes on each; the project's folder."""
    folder = place / "photos"
    folder.mkdir()
    for i in range(4):
        picture(folder / f"p{i}.png", seed=i)
    classes = (LabelClass("disk"), LabelClass("<script>alert(1)</script>"))
    with Project.create(place / "shelf", images=str(folder), classes=classes) as project:
        add_images(project, folder)
        layer = project.layers.create("first", LABELER, "prelabel")
        layer.write(
            LabeledImage(
                ref, LABELER,
                (
                    Labeled(ObjectId(f"{ref.name}-a"), "disk", Box(10, 10, 30.5, 40), 0.9),
                    Labeled(ObjectId(f"{ref.name}-b"), "disk", Box(50, 20, 70, 60), 0.6),
                ),
            )
            for ref in project.images
        )  # fmt: skip
    return place / "shelf"


@contextmanager
def opened(path, **settings):
    app = create_app(path, user="anna", **settings)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        yield client


def sign_in(client):
    answer = client.get("/", params={"token": token_of(client)})
    assert answer.status_code == 303
    client.headers["X-Firstpass-Csrf"] = client.get(API + "/session").json()["csrf"]
    return client


def token_of(client):
    return client.app.state.desk.sessions.token


def keys(client):
    return [item["image"]["key"] for item in client.get(API + "/queue").json()["items"]]


def new_id():
    return str(uuid.uuid4())


def box_object(object_id="drawn-1", xyxy_px=(1.0, 2.0, 30.0, 40.0), class_name="disk", **more):
    shape = {"type": "box", "xyxy_px": list(xyxy_px)}
    return {"id": object_id, "class_name": class_name, "shape": shape, "score": None, "text": None, "attributes": {}} | more


def draw(obj, action_id=None):
    change = {"object_id": obj["id"], "before": None, "after": obj}
    return action("draw", [change], action_id)


def action(kind, changes, action_id=None, **more):
    at = datetime.now(UTC).isoformat()
    return {"id": action_id or new_id(), "kind": kind, "changes": changes, "tags": None, "seconds": 1.5, "at": at} | more


def post(client, path, body, version=None):
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(API + path, content=content, headers={"Content-Type": "application/json", **headers})


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]
