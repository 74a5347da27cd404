"""Each verb as a person runs it: exit codes, one JSON object, words on standard error."""

import json
from pathlib import Path

import pytest

from firstpass import Project, __version__


def test_init_brings_images_and_labels(firstpass, photos, tmp_path):
    done = firstpass("init", "shelf", "--images", photos, "--labels", "coco.json", "--json", check=0)
    assert done.json["images"]["new"] == 12
    assert done.json["labels"]["objects"] == 36
    with Project.open(tmp_path / "shelf") as project:
        assert project.ontology.names == ("disk",)
        assert len(project.layers["coco"]) == 12


def test_init_does_not_touch_a_project_that_is_there(firstpass, photos, shelf):
    before = (shelf / "firstpass.toml").read_bytes()
    done = firstpass("init", "shelf", "--images", photos)
    assert done.code == 1
    assert "shelf" in done.err
    assert (shelf / "firstpass.toml").read_bytes() == before


def test_an_import_run_twice_adds_nothing_twice(firstpass, shelf):
    done = firstpass("import", "shelf", "coco.json", "--json", check=0)
    assert (done.json["images"], done.json["already"], done.json["layer"]) == (0, 12, "coco")


@pytest.mark.parametrize("name", ["native", "coco", "yolo", "voc", "labelme", "csv"])
def test_what_is_exported_comes_back(firstpass, shelf, tmp_path, name):
    out = f"out-{name}.csv" if name == "csv" else f"out-{name}"
    firstpass("export", "shelf", out, "--format", name, "--layer", "coco", "--copy-images", check=0)
    done = firstpass("import", "shelf", out, "--layer", f"back-{name}", "--json", check=0)
    assert (done.json["format"], done.json["objects"]) == (name, 36)
    with Project.open(tmp_path / "shelf") as project:
        first, back = project.layers["coco"].get("p000.png"), project.layers[f"back-{name}"].get("p000.png")
    boxes = [sorted(o.shape.xyxy_px for o in item.objects) for item in (first, back)]
    for a, b in zip(*boxes, strict=True):
        assert b == pytest.approx(a, abs=0.01)


def test_export_refuses_a_target_that_is_there(firstpass, shelf, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    done = firstpass("export", "shelf", "out", "--format", "yolo", "--layer", "coco")
    assert done.code == 1
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep me"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith((".out", "out"))] == ["out"]


def test_export_of_nothing_says_which_layers_have_labels(firstpass, shelf):
    done = firstpass("export", "shelf", "x.json")
    assert done.code == 2
    assert "layers with labels: coco" in done.err


def test_the_loop_by_hand(firstpass, shelf):
    """select → review → train → prelabel → select → review → export → report, all from the command line."""
    firstpass("select", "shelf", "--strategy", "diversity", "--count", "5", check=0)
    drawn = firstpass("review", "shelf", "--simulate", "coco", "--json", check=0).json
    assert (drawn["images"], drawn["actions"]) == (5, {"draw box": 15})
    trained = firstpass("train", "shelf", "--seconds", "10", "--json", check=0).json
    assert trained["examples"] == 5
    made = firstpass("prelabel", "shelf", "--json", check=0).json
    assert made["images"] == 12
    again = firstpass("prelabel", "shelf", "--json", check=0).json
    assert (again["images"], again["already"], again["layer"]) == (0, 12, made["layer"])
    firstpass("select", "shelf", "--count", "7", check=0)
    corrected = firstpass("review", "shelf", "--simulate", "coco", "--layer", made["layer"], "--json", check=0).json
    assert corrected["images"] == 7
    assert corrected["seconds"] <= corrected["baseline_seconds"]
    out = firstpass("export", "shelf", "final.json", "--json", check=0).json
    assert out["objects"] >= 30
    report = firstpass("report", "shelf", "--json", check=0).json
    assert Path(report["path"]).stat().st_size > 5000


def test_metadata_comes_in_and_rules_tag(firstpass, shelf, tmp_path):
    (tmp_path / "reports.csv").write_text("image;report\np000.png;Kratzer links\np001.png;ok\nnone.png;x\n", encoding="utf-8")
    done = firstpass("import", "shelf", "--metadata", "reports.csv", "--json")
    assert done.code == 3
    assert done.json["images"] == 2
    assert "none.png" in done.json["problems"][0]["what"]
    with Project.open(tmp_path / "shelf") as project:
        assert project.store.images.metadata(["p000.png"])["p000.png"]["report"] == "Kratzer links"


def test_rules_of_the_toml_tag_images_and_say_why(firstpass, shelf, tmp_path):
    (tmp_path / "reports.csv").write_text("image;report\np000.png;Kratzer links\np001.png;ok\n", encoding="utf-8")
    firstpass("import", "shelf", "--metadata", "reports.csv", check=0)
    toml = tmp_path / "shelf" / "firstpass.toml"
    rule = '\n[[rules.rule]]\nname = "says so"\nwhen = { column = "report", contains = "kratzer" }\ntag = "scratch"\n'
    toml.write_text(toml.read_text().replace("[rules]\n", "[rules]\n" + rule) + '\n[[classes]]\nname = "scratch"\n')
    firstpass("prelabel", "shelf", "--labeler", "metadata-rules", "--layer", "rules", check=0)
    with Project.open(tmp_path / "shelf") as project:
        tags = {item.image.name: item.tags for item in project.layers["rules"]}
    assert [(t.name, t.attributes["rule"]) for t in tags["p000.png"]] == [("scratch", "says so")]
    assert tags["p001.png"] == ()


def test_simulate_takes_a_file_that_was_imported_before(firstpass, shelf, tmp_path):
    done = firstpass("simulate", "shelf", "--truth", "coco.json", "--labeler", "fake", "--json", check=0).json
    assert set(done["saved_fraction"]) == {"7.0", "25.5"}
    assert done["labels_f1_50"] == 1.0
    assert [c["labeled"] for c in done["curve"]][-1] == 12
    with Project.open(tmp_path / "shelf") as project:
        assert [info.name for info in project.store.layers.all() if info.images] == ["coco"]


def test_labelers_lists_and_explains(firstpass):
    names = {row["name"] for row in firstpass("labelers", "--json", check=0).json["labelers"]}
    assert {"pixel-forest", "onnx-detector", "metadata-rules", "fake", "few-shot"} <= names
    assert "model" in firstpass("labelers", "onnx_detector", check=0).out


def test_doctor_finds_a_lost_image(firstpass, shelf, photos):
    firstpass("doctor", "shelf", check=0)
    (photos / "p003.png").unlink()
    done = firstpass("doctor", "shelf")
    assert done.code in (1, 3)
    assert "p003.png" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("prelabel", "nowhere"), "firstpass init"),
        (("prelabel", "shelf", "--labeler", "pixelforest"), "pixel-forest"),
        (("prelabel", "shelf", "--labeler", "fake", "--set", "seeed=1"), "seed"),
        (("prelabel", "shelf", "--labeler", "fake", "--set", "seed"), "NAME=VALUE"),
        (("prelabel", "shelf"), "no labeler yet"),
        (("export", "shelf", "x", "--format", "coko"), "coco"),
        (("export", "shelf", "x", "--layer", "coko"), "coco"),
        (("export", "shelf", "x", "--layer", "coco", "--classes", "dsik"), "disk"),
        (("select", "shelf", "--strategy", "uncertain"), "uncertainty"),
        (("simulate", "shelf", "--truth", "coco", "--labeler", "nobody"), "nobody"),
        (("train", "shelf"), "no image to learn from"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_wrong_usage_is_one_line_with_the_way_out_and_code_2(firstpass, shelf, words, says):
    done = firstpass(*words)
    assert done.code == 2, done
    assert says in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_version_is_the_package_s(firstpass):
    assert firstpass("--version", check=0).out.strip() == __version__


def test_errors_are_json_too(firstpass):
    done = firstpass("prelabel", "nowhere", "--json")
    assert done.code == 2
    assert json.loads(done.out)["kind"] == "ProjectNotFound"
