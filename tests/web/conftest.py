"""A small project with a first pass, and its desk behind a client that has or has not a session."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode leaves the helpers here off the path

from _client import make_project, opened, sign_in


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Made once, copied for each test: most of a project's making is its data base's schema."""
    place = tmp_path_factory.mktemp("template")
    make_project(place)
    return place


@pytest.fixture
def project_path(template, tmp_path):
    """Four pictures, two classes, a first pass of two boxes on each."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shelf"


@pytest.fixture
def stranger(project_path):
    """A client without a session."""
    with opened(project_path) as client:
        yield client


@pytest.fixture
def desk(stranger):
    """A client with a session that sends its CSRF token."""
    return sign_in(stranger)
