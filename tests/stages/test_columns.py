"""Import and export move plain boxes as columns; classes refused, hidden scores and counts are as for other objects."""

import json

import pytest
from PIL import Image as Picture

from firstpass import Project
from firstpass.labels import PackedObjects
from firstpass.stages import import_ as stage
from firstpass.stages.export import export
from firstpass.stages.import_ import import_images, import_labels


@pytest.fixture
def project(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(5):
        Picture.new("RGB", (64, 48), (i, 0, 0)).save(photos / f"{i}.png")
    with Project.create(tmp_path / "shelf", images=str(photos), classes=["cat", "dog"]) as made:
        import_images(made)
        yield made


@pytest.fixture(params=["columns", "values"])
def labels(request, tmp_path):
    """Cats and dogs with scores 0.1 .. 0.9, elks on image 3 only; as values: each with an attribute."""
    more = {"attributes": {"a": "b"}} if request.param == "values" else {}
    annotations = [
        {"id": n, "image_id": n % 4, "category_id": 1 + n % 2, "bbox": [n, 2, 5, 6], "score": (1 + n % 9) / 10} | more
        for n in range(36)
    ]
    annotations += [{"id": 99, "image_id": 3, "category_id": 3, "bbox": [1, 2, 3, 4]} | more]
    names = ("cat", "dog", "elk")
    data = {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 48} for i in range(5)],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(names, 1)],
    }
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(data))
    return path, request.param == "columns"


def test_a_refused_class_is_counted_and_left_out(project, labels):
    path, packed = labels
    done = import_labels(project, path)
    assert (done.images, done.objects, done.already) == (5, 36, 0)
    assert [p.what for p in done.problems] == ["class 'elk' is not in the project: 1 left out"]
    layer = project.layers[done.layer]
    assert layer.counts() == {"cat": 18, "dog": 18}
    assert all(isinstance(item.objects, PackedObjects) == packed for item in layer if item.objects)
    assert import_labels(project, path).already == 5


def test_a_welcome_class_comes_in(project, labels):
    done = import_labels(project, labels[0], add_classes=True)
    assert done.new_classes == ("elk",)
    assert project.layers[done.layer].counts() == {"cat": 18, "dog": 18, "elk": 1}


def test_chunks_of_any_size_bring_the_same(project, labels, monkeypatch):
    monkeypatch.setattr(stage, "CHUNK_LABELS", 2)
    assert import_labels(project, labels[0]).objects == 36


@pytest.mark.parametrize(
    ("asked", "objects"),
    [
        ({}, 37),
        ({"min_score": 0.5}, 21),
        ({"min_score": 0.5, "class_names": ["cat"]}, 10),
        ({"class_names": ["elk"]}, 1),
        ({"class_names": []}, 0),
    ],
)
def test_export_hides_what_is_not_asked_for(project, labels, tmp_path, asked, objects):
    done = import_labels(project, labels[0], add_classes=True)
    out = export(project, "coco", tmp_path / "out.json", layer=done.layer, **asked)
    assert (out.objects, out.hidden) == (objects, 37 - objects)
    written = json.loads((tmp_path / "out.json").read_text())
    assert len(written["annotations"]) == objects
    assert all(a.get("score", 1) >= asked.get("min_score", 0) for a in written["annotations"])
    assert len(written["images"]) == 5
