import os
import sys
from pathlib import Path

import pytest

from firstpass.errors import Problem, UsageError
from firstpass.media import join_uri, probe, scan

PNG = b"\x89PNG\r\n\x1a\n"


def put_all(root: Path, *names: str, data: bytes = PNG) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def listing(root: Path) -> tuple[list[str], list[Problem]]:
    found = list(scan(str(root)))
    return [f for f in found if isinstance(f, str)], [f for f in found if isinstance(f, Problem)]


def test_names_are_relative_sorted_and_recursive(tmp_path):
    put_all(tmp_path, "b.png", "a/z.jpg", "a/b/c.tif", "B.JPEG", "a.png", "10.png", "9.png")
    names, problems = listing(tmp_path)
    assert names == sorted(["b.png", "a/z.jpg", "a/b/c.tif", "B.JPEG", "a.png", "10.png", "9.png"])
    assert problems == []


def test_hidden_and_other_files_are_passed_over(tmp_path):
    put_all(tmp_path, ".hidden.png", ".git/a.png", "a/.b/c.png", "notes.txt", "labels.json", "a.xml", "a/._d.png", "ok.png")
    assert listing(tmp_path) == (["ok.png"], [])


def test_files_without_suffix_are_told_by_their_bytes(tmp_path):
    put_all(tmp_path, "0a1b2c", "x.0001")
    put_all(tmp_path, "README", data=b"hello")
    assert listing(tmp_path) == (["0a1b2c"], [])


def test_empty_folder(tmp_path):
    assert listing(tmp_path) == ([], [])


def test_no_such_folder_is_a_usage_error(tmp_path):
    put_all(tmp_path, "a.png")
    for path in (tmp_path / "none", tmp_path / "a.png"):
        with pytest.raises(UsageError, match="name a folder of images"):
            scan(str(path))


def test_24_link_loop_ends_with_a_warning(tmp_path):
    put_all(tmp_path, "a/b/c.png")
    (tmp_path / "a/b/up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/self").symlink_to("self")
    names, problems = listing(tmp_path)
    assert names == ["a/b/c.png"]
    assert [(p.where, p.severity) for p in problems] == [("a/b/up", "warning"), ("a/self", "error")]


def test_24_a_folder_is_entered_once_and_under_its_real_name(tmp_path):
    put_all(tmp_path, "z/c.png")
    (tmp_path / "a").symlink_to(tmp_path / "z", target_is_directory=True)
    names, problems = listing(tmp_path)
    assert names == ["z/c.png"]
    assert [p.where for p in problems] == ["a"]


def test_24_links_to_files_and_folders_outside_are_followed(tmp_path):
    put_all(tmp_path / "outside", "d/c.png", "e.png")
    root = tmp_path / "images"
    root.mkdir()
    (root / "d").symlink_to(tmp_path / "outside/d", target_is_directory=True)
    (root / "e.png").symlink_to(tmp_path / "outside/e.png")
    assert listing(root) == (["d/c.png", "e.png"], [])


def test_24_broken_link_and_pipe(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    names, problems = listing(tmp_path)
    assert names == []
    assert [p.where for p in problems] == ["gone.png", "pipe.png"]


def test_24_unreadable_folder_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    put_all(tmp_path, "a/x.png", "b/y.png", "c/z.png")
    real = os.scandir

    def refuse(path: str):
        if path.endswith("b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("os.scandir", refuse)
    names, problems = listing(tmp_path)
    assert names == ["a/x.png", "c/z.png"]
    assert "b: it may not be read (permission denied)" in str(problems[0])


def test_21_names_equal_but_for_case(tmp_path):
    put_all(tmp_path, "a/x.png", "A/x.png", "b/x.png")
    if len(list(tmp_path.iterdir())) == 2:
        pytest.skip("this file system knows no case")
    names, problems = listing(tmp_path)
    assert names == ["A/x.png", "a/x.png", "b/x.png"]
    assert [(p.where, p.severity) for p in problems] == [("a/x.png", "warning")]
    assert "A/x.png" in problems[0].what


def test_22_names_equal_but_for_unicode_form(tmp_path):
    put_all(tmp_path, "caf\u00e9.png", "cafe\u0301.png")
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system normalizes names")
    names, problems = listing(tmp_path)
    assert len(names) == 2
    assert [p.severity for p in problems] == ["warning"]


ODD = ["🍎.png", "line\nbreak.png", "tab\t.png", "CON.png", "a b.png", ".x.png", "a" * 251 + ".png", "#1?%20.png", "a\\b.png"]


@pytest.mark.parametrize("name", ODD)
def test_22_odd_names_are_taken_or_hidden(tmp_path, name, make):
    put_all(tmp_path, name, data=make.encode(make.quarters()))
    names, problems = listing(tmp_path)
    assert problems == []
    assert names == ([] if name.startswith(".") else [name])
    for found in names:
        assert probe(join_uri(str(tmp_path), found), found).ref.name == name


def test_22_problems_of_odd_names_stay_on_one_line(tmp_path):
    put_all(tmp_path, "line\nbreak.png", data=b"")
    got = str(probe(str(tmp_path / "line\nbreak.png"), "line\nbreak.png"))
    assert got.startswith("line\\nbreak.png: the file is empty")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_22_name_that_is_no_unicode(tmp_path):
    put_all(tmp_path, os.fsdecode(b"\xff\xfe.png"), "a.png")
    names, problems = listing(tmp_path)
    assert names == ["a.png"]
    assert "not valid Unicode" in problems[0].what
    str(problems[0]).encode("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="path limits differ")
def test_22_path_longer_than_the_system_takes(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(20):
            os.mkdir("d" * 250, dir_fd=here)
            deeper = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        put_all(tmp_path, "a.png")
        names, problems = listing(tmp_path)
        assert names == ["a.png"]
        assert len(problems) == 1
    finally:
        os.close(here)


def test_folder_gone_while_scanning(tmp_path, monkeypatch):
    put_all(tmp_path, "a.png")
    found = scan(str(tmp_path))
    (tmp_path / "a.png").unlink()
    tmp_path.rmdir()
    assert [type(item) for item in found] == [Problem]


def test_many_files_are_quick(tmp_path):
    for i in range(2000):
        (tmp_path / f"{i}.png").touch()
    assert len(listing(tmp_path)[0]) == 2000
