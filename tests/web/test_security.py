"""The door: nobody without a session, nothing from another site, nothing too large, nothing by another name."""

import httpx
import pytest
from _client import API, BASE, box_object, draw, error_of, keys, opened, post, sign_in, token_of

UNSAFE = ["actions", "submit", "skip", "flag", "reopen", "lease", "segment", "refused/x/settle"]


@pytest.mark.parametrize(
    "path", ["/session", "/project", "/home", "/queue", "/images/1", "/images/1/picture", "/jobs", "/grid"]
)
def test_without_a_session_nothing_is_told(stranger, path):
    assert error_of(stranger.get(API + path), 401)["remedy"]


@pytest.mark.parametrize("what", UNSAFE)
def test_without_a_session_nothing_is_done(stranger, what):
    error_of(post(stranger, f"/images/1/{what}", {}), 401)


def test_a_token_opens_one_session(stranger):
    token = token_of(stranger)
    answer = stranger.get("/", params={"token": token})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    stranger.cookies.clear()
    error_of(stranger.get("/", params={"token": token}), 403)


def test_the_browser_that_has_a_session_may_open_the_address_again(desk):
    answer = desk.get("/", params={"token": token_of(desk)})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "x", "ü" * 43, "A" * 10_000])
def test_a_wrong_token_opens_nothing(stranger, token):
    error_of(stranger.get("/?token=" + token), 403) if token else stranger.get("/?token=")
    error_of(stranger.get(API + "/session"), 401)
    sign_in(stranger)  # and the right one still works


def test_a_made_up_cookie_is_no_session(stranger):
    name = stranger.app.state.desk.sessions.cookie
    for value in ("", "x" * 43, '"', "a=b;c"):
        error_of(stranger.get(API + "/session", headers={"Cookie": f"{name}={value}"}), 401)


@pytest.mark.parametrize("csrf", [None, "", "wrong"])
def test_a_change_needs_the_csrf_token(desk, csrf):
    key = keys(desk)[0]
    del desk.headers["X-Firstpass-Csrf"]
    if csrf is not None:
        desk.headers["X-Firstpass-Csrf"] = csrf
    error_of(post(desk, f"/images/{key}/actions", draw(box_object()), 0), 403)
    assert desk.get(f"{API}/images/{key}").json()["version"] == 0


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:8001", "http://127.0.0.1:8000.evil.example"]
)
def test_another_sites_requests_are_refused(desk, origin):
    key = keys(desk)[0]
    desk.headers["Origin"] = origin
    error_of(post(desk, f"/images/{key}/actions", draw(box_object()), 0), 403)
    error_of(desk.get(API + "/session"), 403)
    desk.headers["Origin"] = BASE
    assert post(desk, f"/images/{key}/actions", draw(box_object()), 0).status_code == 200


HOSTS = ["evil.example", "127.0.0.1.evil.example", "169.254.0.1:8000", "[::1", "", "localhost@evil.example:80"]


@pytest.mark.parametrize("host", HOSTS)
def test_another_name_is_refused(desk, host):
    error_of(desk.get(API + "/session", headers={"Host": host}), 421)
    error_of(desk.get("/", headers={"Host": host}), 421)


def test_localhost_is_a_name_of_the_desk(desk):
    assert desk.get("/", headers={"Host": "localhost:9"}).status_code == 200


def test_a_body_of_100_mb_is_refused_unread(desk):
    error_of(post(desk, "/images/1/actions", b" " * (100 << 20), 0), 413)


def test_a_body_that_does_not_tell_its_size_is_cut_off(desk):
    read = 0

    def endless():
        nonlocal read
        for _ in range(100):
            read += 1
            yield b" " * (1 << 20)

    answer = desk.post(API + "/images/1/actions", content=endless(), headers={"If-Match": '"0"'})
    error_of(answer, 413)


@pytest.mark.parametrize("path", ["/", "/nothing.js", API + "/session", API + "/images/999", "/?token=x"])
def test_every_answer_carries_the_headers(stranger, path):
    headers = stranger.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "cache-control" in headers


TRAVERSALS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/firstpass.toml",
    "1%00",
    "-1",
    "1e3",
    "99999999999999999999999",
]


@pytest.mark.parametrize("key", TRAVERSALS)
def test_an_image_is_asked_for_by_number_alone(desk, key):
    for path in (f"/images/{key}", f"/images/{key}/picture", f"/images/{key}/crop?x1=0&y1=0&x2=1&y2=1"):
        answer = desk.get(httpx.URL(BASE + API + path))
        assert answer.status_code in (404, 422), (path, answer.text)


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "assets/../../app.py", "..\\app.py", "a%00.js", "/etc/passwd", "app.py"],
)
def test_only_files_of_the_front_end_are_served(stranger, path):
    assert stranger.get(httpx.URL(f"{BASE}/{path}")).status_code == 404


def test_pages_can_only_be_read(stranger):
    error_of(stranger.post("/", content=b"x"), 405)
    error_of(stranger.put("/index.html", content=b"x"), 405)


def test_each_project_has_its_own_cookie(project_path, tmp_path):
    from firstpass.project import Project

    Project.create(tmp_path / "other", images=str(tmp_path / "photos")).close()
    with opened(project_path) as one, opened(tmp_path / "other") as two:
        assert one.app.state.desk.sessions.cookie != two.app.state.desk.sessions.cookie
