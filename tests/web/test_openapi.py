"""The schema is what types are made from: each operation named once and in its subject; the command's help stays light."""

import subprocess
import sys

from _client import API, error_of

from firstpass.web.app import bare_app

SUBJECTS = {"session", "project", "images", "actions", "segment", "jobs", "grid", "guide"}


def test_every_operation_has_a_name_of_its_own_and_a_subject():
    paths = bare_app().openapi()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) >= 24
    assert {tag for operation in operations for tag in operation["tags"]} == SUBJECTS
    assert all(path.startswith(API) for path in paths)


def test_help_brings_no_server():
    find = "[m for m in ('fastapi', 'uvicorn', 'starlette') if m in sys.modules]"
    code = f"from firstpass.cli.app import main; import sys; print({find})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_bug_is_told_in_words_and_the_desk_goes_on(desk, monkeypatch, caplog):
    monkeypatch.setattr(type(desk.app.state.desk.jobs), "all", lambda _: 1 / 0)
    assert "ZeroDivisionError" in error_of(desk.get(API + "/jobs"), 500)["what"]
    assert "ZeroDivisionError" in caplog.text
    assert desk.get(API + "/session").status_code == 200
