"""Pictures reach the browser upright, as pictures and nothing else, once."""

import io

import numpy as np
import pytest
from _client import API, add_images, error_of, keys, opened, picture, sign_in
from PIL import Image

from firstpass.errors import Problem
from firstpass.labels import ImageRef
from firstpass.project import Project
from firstpass.web.pictures import picture as make_picture


def shown(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


@pytest.fixture
def desk_of(tmp_path):
    """A desk over files that the test makes."""

    def make(*files):
        folder = tmp_path / "pictures"
        folder.mkdir()
        for name, content in files:
            (folder / name).write_bytes(content)
        with Project.create(tmp_path / "p", images=str(folder), classes=["a"]) as project:
            add_images(project, folder)
        return tmp_path / "p"

    return make


def encoded(size_wh_px=(96, 72), kind="JPEG", **options):
    buffer = io.BytesIO()
    picture(buffer, size_wh_px, format=kind, **options)
    return buffer.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(exif=exif.tobytes(), quality=95)


def test_a_plain_jpeg_goes_as_it_is(desk_of):
    content = encoded(quality=90)
    with opened(desk_of(("a.jpg", content))) as desk:
        answer = sign_in(desk).get(f"{API}/images/{keys(desk)[0]}/picture")
        assert answer.content == content
        assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(("orientation", "dark"), [(3, "right"), (6, "top"), (8, "bottom"), (2, "right")])
def test_a_turned_jpeg_is_sent_upright(desk_of, orientation, dark):
    with opened(desk_of(("a.jpg", turned(orientation)))) as desk:
        key = keys(sign_in(desk))[0]
        head = desk.get(f"{API}/images/{key}").json()["image"]
        answer = desk.get(f"{API}/images/{key}/picture")
        rgb = shown(answer)
        assert not Image.open(io.BytesIO(answer.content)).getexif().get(0x0112)
        assert (rgb.shape[1], rgb.shape[0]) == (head["width_px"], head["height_px"])
        h, w = rgb.shape[:2]
        halves = {"left": rgb[:, : w // 2], "right": rgb[:, w // 2 :], "top": rgb[: h // 2], "bottom": rgb[h // 2 :]}
        assert min(halves, key=lambda side: halves[side].mean()) == dark


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_every_format_reaches_the_browser(desk_of, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(kind=kind, **options)
    with opened(desk_of((f"a.{kind.lower()}", content))) as desk:
        answer = sign_in(desk).get(f"{API}/images/{keys(desk)[0]}/picture")
        assert answer.headers["content-type"] == "image/png"
        assert (shown(answer) == np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))).all()


def test_a_reduced_picture_fits(desk_of):
    with opened(desk_of(("a.jpg", encoded((800, 600))))) as desk:
        key = keys(sign_in(desk))[0]
        assert shown(desk.get(f"{API}/images/{key}/picture?max_side_px=200")).shape == (150, 200, 3)
        assert shown(desk.get(f"{API}/images/{key}/picture?max_side_px=5000")).shape == (600, 800, 3)
        error_of(desk.get(f"{API}/images/{key}/picture?max_side_px=0"), 422)
        error_of(desk.get(f"{API}/images/{key}/picture?max_side_px=99999999"), 422)


def test_a_picture_is_sent_once(desk):
    path = f"{API}/images/{keys(desk)[0]}/picture"
    first = desk.get(path)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = desk.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = desk.get(path + "?max_side_px=32", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="72"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        b"\xff\xd8\xff not a picture",
        b"",
    ],
    ids=["svg", "html", "half a jpeg", "empty"],
)
def test_a_file_that_is_no_picture_is_refused(tmp_path, desk_of, content):
    """Whatever a project's file has become since import, and whatever its name says."""
    path = desk_of(("a.jpg", encoded()))
    (tmp_path / "pictures" / "a.jpg").write_bytes(content)
    with opened(path) as desk:
        key = keys(sign_in(desk))[0]
        for what in ("picture", "picture?max_side_px=64", "crop?x1=0&y1=0&x2=20&y2=20"):
            answer = desk.get(f"{API}/images/{key}/{what}")
            assert error_of(answer, 422)["what"]
            assert b"<script>" not in answer.content
            assert answer.headers["content-type"] == "application/json"


def test_another_picture_under_the_same_name_is_refused(tmp_path, desk_of):
    path = desk_of(("a.jpg", encoded(seed=1)))
    (tmp_path / "pictures" / "a.jpg").write_bytes(encoded(seed=2))
    with opened(path) as desk:
        assert "changed since import" in error_of(sign_in(desk).get(f"{API}/images/{keys(desk)[0]}/picture"), 422)["what"]


def test_a_picture_that_is_gone_is_told(tmp_path, desk_of):
    path = desk_of(("a.jpg", encoded()))
    (tmp_path / "pictures" / "a.jpg").unlink()
    with opened(path) as desk:
        key = keys(sign_in(desk))[0]
        error_of(desk.get(f"{API}/images/{key}/picture"), 422)
        assert desk.get(f"{API}/images/{key}").status_code == 200


def test_an_image_folder_may_move_with_the_project(tmp_path, desk_of):
    path = desk_of(("a.jpg", encoded()))
    (tmp_path / "moved").mkdir()
    path.rename(tmp_path / "moved" / "p")
    (tmp_path / "pictures").rename(tmp_path / "moved" / "pictures")
    with opened(tmp_path / "moved" / "p") as desk:
        assert sign_in(desk).get(f"{API}/images/{keys(desk)[0]}/picture").status_code == 200


def test_a_crop_is_a_small_jpeg(desk):
    key = keys(desk)[0]
    answer = desk.get(f"{API}/images/{key}/crop?x1=10&y1=10&x2=58&y2=34&side_px=24")
    assert answer.headers["content-type"] == "image/jpeg"
    assert shown(answer).shape == (12, 24, 3)


CROPS = ["x1=nan&y1=0&x2=9&y2=9", "x1=0&y1=0&x2=inf&y2=9", "x1=200&y1=0&x2=300&y2=9", "x1=0", "x1=9&y1=9&x2=0&y2=0"]


@pytest.mark.parametrize("query", CROPS)
def test_a_crop_that_cannot_be_is_refused(desk, query):
    error_of(desk.get(f"{API}/images/{keys(desk)[0]}/crop?{query}"), 422)


def test_a_ref_that_points_at_a_foreign_file_shows_nothing_of_it(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("password")
    assert isinstance(make_picture(ImageRef("", str(secret), "a.jpg", 96, 72)), Problem)
