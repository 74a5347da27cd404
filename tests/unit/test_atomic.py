"""Files and folders are written whole or not at all."""

import os
import stat

import pytest

from firstpass import atomic
from firstpass.atomic import atomic_file, atomic_folder, check_folder_target
from firstpass.errors import FormatError


def test_file_appears_whole(tmp_path):
    with atomic_file(tmp_path / "new" / "a.txt") as temp:
        temp.write_text("hello")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert (tmp_path / "new" / "a.txt").read_text() == "hello"


def test_file_has_ordinary_permissions(tmp_path):
    old = os.umask(0o022)
    try:
        with atomic_file(tmp_path / "a") as temp:
            temp.write_text("x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_an_old_files_permissions_stay(tmp_path):
    (tmp_path / "a").touch(mode=0o640)
    with atomic_file(tmp_path / "a") as temp:
        temp.write_text("x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_raise_keeps_old_file_and_no_temp(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "a") as temp:  # noqa: PT012
        temp.write_text("new")
        raise KeyboardInterrupt
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_file(tmp_path / "link") as temp:
        temp.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_folder_in_place_of_file_is_refused(tmp_path):
    with pytest.raises(FormatError, match="not a file"), atomic_file(tmp_path):
        pass


def test_long_name_is_a_format_error(tmp_path):
    with pytest.raises(FormatError, match="cannot be written"), atomic_file(tmp_path / ("x" * 300)) as temp:
        temp.write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_said_plainly(tmp_path):
    with pytest.raises(FormatError, match="No space left on device"), atomic_file(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_folder_appears_whole(tmp_path):
    (tmp_path / "set").mkdir()
    with atomic_folder(tmp_path / "set") as temp:
        (temp / "in").mkdir()
        (temp / "in" / "a.txt").write_text("a")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    assert (tmp_path / "set" / "in" / "a.txt").read_text() == "a"


def test_many_files_are_synced_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "MANY_FILES", 3)
    with atomic_folder(tmp_path / "set") as temp:
        for i in range(5):
            (temp / str(i)).touch()
    assert len(list((tmp_path / "set").iterdir())) == 5


def test_filled_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "theirs").touch()
    with pytest.raises(FormatError, match="not empty"), atomic_folder(tmp_path):
        pytest.fail("the block must not run")
    with pytest.raises(FormatError, match="not a folder"):
        check_folder_target(tmp_path / "theirs")


def test_folder_filled_meanwhile_is_refused(tmp_path):
    with pytest.raises(FormatError, match="not empty"), atomic_folder(tmp_path / "set"):  # noqa: PT012
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "theirs").touch()
    assert [p.name for p in tmp_path.rglob("*")] == ["set", "theirs"]


def test_raise_leaves_no_folder(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "set") as temp:  # noqa: PT012
        (temp / "a").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
