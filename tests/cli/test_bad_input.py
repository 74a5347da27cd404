"""Bad files and hostile surroundings, from the command line: told in one line, everything else comes in, nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from firstpass import Project


def test_broken_pictures_are_told_and_the_rest_comes_in(firstpass, photos, tmp_path):
    whole = (photos / "p000.png").read_bytes()
    (photos / "zero.png").write_bytes(b"")
    (photos / "text.jpg").write_text("not a picture")
    (photos / "page.png").write_bytes(b"<html><script>alert(1)</script></html>")
    (photos / "cut.png").write_bytes(whole[: len(whole) // 3])
    done = firstpass("init", "shelf", "--images", photos, "--json")
    assert done.code == 3
    said = {p["where"]: p for p in done.json["problems"]}
    for name in ("zero.png", "text.jpg", "page.png"):
        assert any(name in where for where in said), name
    assert done.json["images"]["new"] >= 12
    assert (tmp_path / "shelf" / "reports" / "problems.csv").read_text().count("\n") >= 4


@pytest.mark.parametrize("content", [None, "readme only"])
def test_no_images_is_said_and_nothing_is_made(firstpass, tmp_path, content):
    (tmp_path / "empty").mkdir()
    if content:
        (tmp_path / "empty" / "readme.txt").write_text(content)
    done = firstpass("init", "shelf", "--images", "empty")
    assert done.code == 2
    assert "no images" in done.err
    assert not (tmp_path / "shelf").exists()


def test_a_folder_that_is_not_there(firstpass, tmp_path):
    done = firstpass("init", "shelf", "--images", "nowhere")
    assert done.code == 2
    assert "nowhere" in done.err
    assert not (tmp_path / "shelf").exists()


def test_bad_records_are_told_with_their_place_and_the_good_ones_come_in(firstpass, shelf, tmp_path):
    coco = json.loads((tmp_path / "coco.json").read_text())
    coco["annotations"] = [
        *coco["annotations"][:6],
        {"id": 101, "image_id": 1, "category_id": 1, "bbox": [10, 10, -5, 5], "iscrowd": 0, "area": 1},
        {"id": 102, "image_id": 1, "category_id": 99, "bbox": [10, 10, 5, 5], "iscrowd": 0, "area": 25},
        {"id": 103, "image_id": 999, "category_id": 1, "bbox": [10, 10, 5, 5], "iscrowd": 0, "area": 25},
        {"id": 104, "image_id": 1, "category_id": 1, "bbox": [1000, 1000, 5, 5], "iscrowd": 0, "area": 25},
    ]
    (tmp_path / "bad.json").write_text(json.dumps(coco))
    done = firstpass("import", "shelf", "bad.json", "--json")
    assert done.code == 3
    assert done.json["objects"] == 6
    text = " ".join(p["where"] for p in done.json["problems"])
    assert all(str(n) in text for n in (101, 102, 103, 104))


@pytest.mark.parametrize("content", ["", "{", '{"images": [', "[1, 2", "\x00\x01\x02"])
def test_a_file_of_no_format_is_refused_and_leaves_no_layer(firstpass, shelf, tmp_path, content):
    (tmp_path / "what.json").write_text(content)
    done = firstpass("import", "shelf", "what.json")
    assert done.code == 1
    assert "what.json" in done.err
    assert "Traceback" not in done.err
    with Project.open(tmp_path / "shelf") as project:
        assert [info.name for info in project.store.layers.all() if info.images] == ["coco"]


def test_an_unknown_class_is_left_out_and_said_once(firstpass, shelf, tmp_path):
    coco = json.loads((tmp_path / "coco.json").read_text().replace('"disk"', '"<script>"'))
    (tmp_path / "other.json").write_text(json.dumps(coco))
    done = firstpass("import", "shelf", "other.json", "--json")
    assert done.code == 3
    assert [p for p in done.json["problems"] if "36 left out" in p["what"]]
    done = firstpass("import", "shelf", "other.json", "--layer", "again", "--add-classes", "--json", check=0)
    assert done.json["objects"] == 36


def test_labels_of_missing_images_are_kept_when_asked(firstpass, photos, tmp_path):
    for name in ("p001.png", "p002.png"):
        (photos / name).unlink()
    firstpass("init", "shelf", "--images", photos, check=0)
    lost = firstpass("import", "shelf", "coco.json", "--layer", "a", "--json")
    assert (lost.code, lost.json["images"]) == (3, 10)
    kept = firstpass("import", "shelf", "coco.json", "--layer", "b", "--keep-missing", "--json", check=0)
    assert (kept.json["images"], kept.json["placeholders"]) == (12, 2)


def test_a_damaged_data_base_is_refused_and_left_as_it_is(firstpass, shelf):
    file = shelf / "firstpass.db"
    broken = b"\x13" * 4096 + file.read_bytes()[4096:]
    file.write_bytes(broken)
    done = firstpass("prelabel", "shelf", "--labeler", "fake")
    assert done.code == 1
    assert "damaged" in done.err or "not a" in done.err
    assert file.read_bytes() == broken


def test_a_wrong_key_in_the_toml_is_named(firstpass, shelf):
    file = shelf / "firstpass.toml"
    file.write_text(file.read_text().replace("[budget]", "[budgte]"))
    done = firstpass("prelabel", "shelf", "--labeler", "fake")
    assert done.code == 1
    assert "budgte" in done.err
    assert "budget" in done.err


def test_two_processes_on_one_project_lose_nothing(firstpass, shelf, tmp_path):
    commands = [
        [
            sys.executable,
            "-m",
            "firstpass",
            "prelabel",
            str(shelf),
            "--labeler",
            "fake",
            "--set",
            f"seed={n}",
            "--layer",
            f"l{n}",
        ]
        for n in (1, 2)
    ]
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) for c in commands]
    assert [p.wait(120) for p in running] == [0, 0]
    for p in running:
        p.communicate()
    with Project.open(shelf) as project:
        assert [len(project.layers["l1"]), len(project.layers["l2"])] == [12, 12]


def _mount(path: Path, size: str) -> bool:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True, check=False)
    return done.returncode == 0


def test_a_full_disk_is_said_and_what_was_there_stays(firstpass, photos, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _mount(disk, "1m"):
        pytest.skip("no right to mount a small disk here")
    try:
        firstpass("init", disk / "shelf", "--images", photos, "--classes", "disk", check=0)
        (disk / "filler").write_bytes(b"x" * 300_000)
        code, err = 0, ""
        for n in range(40):
            done = firstpass("prelabel", disk / "shelf", "--labeler", "fake", "--set", f"seed={n}", "--layer", f"l{n}")
            code, err = done.code, done.err
            if code:
                break
        assert code == 1
        assert "full" in err
        assert "Traceback" not in err
        (disk / "filler").unlink()
        with Project.open(disk / "shelf") as project:
            assert all(info.images == 12 for info in project.store.layers.all()[: n - 1])
        firstpass("prelabel", disk / "shelf", "--labeler", "fake", "--set", f"seed={n}", "--layer", f"l{n}", check=0)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
