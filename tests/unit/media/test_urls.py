import importlib
import uuid
import zipfile

import fsspec
import numpy as np
import pytest

from firstpass.errors import Problem, UsageError
from firstpass.media import Limits, digest_of, is_url, join_uri, probe, read_image, scan
from firstpass.media.files import shown


@pytest.fixture
def bucket():
    """An empty folder of the in-memory file system."""
    url = f"memory://{uuid.uuid4().hex}"
    fs = fsspec.filesystem("memory")
    fs.makedirs(url)
    yield lambda name, data: fs.pipe(f"{url}/{name}", data) or url
    fs.rm(url, recursive=True)


def test_memory_url_from_scan_to_pixels(make, bucket):
    for name in ("b.png", "a/c d.png", "a/.hidden.png", ".git/x.png", "notes.txt", "a/bare"):
        url = bucket(name, make.encode(make.quarters()))
    names = list(scan(url))
    assert names == ["a/bare", "a/c d.png", "b.png"]
    for name in names:
        found = probe(join_uri(url, name), name)
        assert found.ref.name == name
        assert np.array_equal(read_image(found.ref), make.quarters())
        assert digest_of(found.ref.uri) == found.ref.digest


def test_file_url_equals_path(make, put, tmp_path):
    path = put("a/b.png", make.encode(make.quarters()))
    url = f"file://{tmp_path}"
    assert list(scan(url)) == ["a/b.png"]
    assert probe(f"{url}/a/b.png", "a/b.png").ref.digest == probe(path, "a/b.png").ref.digest


def test_pictures_within_a_zip(make, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("d/a.png", make.encode(make.quarters()))
    url = f"zip://::{tmp_path}/x.zip"
    assert list(scan(url)) == ["d/a.png"]
    assert join_uri(url, "d/a.png") == f"zip://d/a.png::{tmp_path}/x.zip"
    assert read_image(join_uri(url, "d/a.png")).shape == (40, 60, 3)


def test_gone_empty_and_too_large(make, bucket):
    url = bucket("empty.png", b"")
    bucket("a.png", make.encode(make.quarters()))
    assert "not there" in str(read_image(f"{url}/none.png"))
    assert "0 bytes" in str(read_image(f"{url}/empty.png"))
    assert "at most 9" in str(read_image(f"{url}/a.png", limits=Limits(max_bytes=9)))


def test_no_such_folder(bucket):
    url = bucket("a.png", b"x")
    with pytest.raises(UsageError, match="not there"):
        list(scan(f"{url}/none"))


def test_missing_driver_names_the_package(monkeypatch):
    registry = importlib.import_module("fsspec.registry")
    absent = {"class": "no_such_s3fs.core.S3", "err": "Install s3fs to access S3"}
    monkeypatch.setitem(registry.known_implementations, "s3", absent)
    monkeypatch.delitem(registry._registry, "s3", raising=False)
    found = [probe("s3://bucket/a.png", "a.png"), read_image("s3://bucket/a.png"), *scan("s3://bucket")]
    for problem in found:
        assert isinstance(problem, Problem)
        assert "Install s3fs" in problem.what
        assert problem.remedy == "Run: pip install s3fs"


def test_unknown_scheme():
    for problem in (probe("nosuch://a/b.png", "b.png"), *scan("nosuch://a")):
        assert isinstance(problem, Problem)
        assert "nosuch" in problem.what


def test_driver_that_fails_in_its_own_way(make, bucket, monkeypatch):
    url = bucket("a.png", make.encode(make.quarters()))

    class ClientError(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise ClientError("AccessDenied:\nno right")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.open", fail)
    assert "AccessDenied: no right" in str(read_image(f"{url}/a.png"))
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.walk", fail)
    assert "AccessDenied" in str(next(scan(url)))


def test_credentials_do_not_reach_messages():
    assert shown("ftp://user:secret@host/a.png") == "ftp://host/a.png"
    assert shown("https://host/a.png?X-Signature=secret") == "https://host/a.png"
    assert shown("a?b@c.png") == "a?b@c.png"


def test_what_is_a_url():
    expected = {"s3://a": True, "zip://a::/b": True, "/a/b": False, "C:\\a": False, "a:b.png": False}
    assert {uri: is_url(uri) for uri in expected} == expected


def test_join():
    assert join_uri("/a", "b/c.png") == "/a/b/c.png"
    assert join_uri("s3://bucket/x/", "b/c.png") == "s3://bucket/x/b/c.png"
    assert join_uri("memory://", "c.png") == "memory://c.png"
