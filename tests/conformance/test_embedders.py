"""Every embedder, whoever wrote it, keeps the contract of firstpass.embedders.base."""

import subprocess
import sys

import numpy as np
import pytest

from firstpass import registry
from firstpass.embedders.base import EmbedderSpec
from firstpass.errors import MissingExtra, MissingWeights

NAMES = registry.names("embedders")


def pictures():
    rng = np.random.default_rng(0)
    sizes = [(40, 60), (200, 150), (1, 1), (1, 300), (33, 2), (64, 64)]
    noise = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    flat = [np.full((50, 50, 3), value, np.uint8) for value in (0, 128, 255)]
    gray = np.repeat(rng.integers(0, 256, (70, 90, 1), np.uint8), 3, axis=2)
    return [*noise, *flat, gray]


def opened(name, tiny_backbone):
    plugin = registry.find("embedders", name)
    settings = {"model": str(tiny_backbone)} if "model" in plugin.spec.settings else {}
    try:
        return plugin.factory.open(settings)
    except (MissingWeights, MissingExtra) as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory):
    """A one-convolution model in ONNX: (n, 3, 32, 32) -> embedding (n, 5)."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Div", ["image", "scale"], ["x"]),
            helper.make_node("Conv", ["x", "kernel"], ["map"]),
            helper.make_node("Relu", ["map"], ["positive"]),
            helper.make_node("GlobalAveragePool", ["positive"], ["pooled_map"]),
            helper.make_node("Flatten", ["pooled_map"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 5])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.float32(255), "scale")],
    )
    path = tmp_path_factory.mktemp("backbone") / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_spec_is_whole(name):
    spec = registry.find("embedders", name).spec
    assert isinstance(spec, EmbedderSpec)
    assert spec.name == name
    assert spec.summary
    assert all(help_text for help_text in spec.settings.values())


@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_finite_and_of_unit_length(name, tiny_backbone):
    vectors = opened(name, tiny_backbone).embed(pictures())
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == len(pictures())
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch_has_the_same_length(name, tiny_backbone):
    embedder = opened(name, tiny_backbone)
    assert embedder.embed([]).shape == (0, embedder.embed(pictures()[:1]).shape[1])
    assert embedder.embed([]).dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_batch_equals_singles(name, tiny_backbone):
    embedder = opened(name, tiny_backbone)
    singles = np.concatenate([embedder.embed([picture]) for picture in pictures()])
    assert np.allclose(embedder.embed(pictures()), singles, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_same_picture_same_vector(name, tiny_backbone):
    first, second = opened(name, tiny_backbone), opened(name, tiny_backbone)
    assert np.array_equal(first.embed(pictures()), second.embed(pictures()))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_not_changed(name, tiny_backbone):
    given = pictures()
    for picture in given:
        picture.setflags(write=False)
    opened(name, tiny_backbone).embed(given)
    assert all(np.array_equal(a, b) for a, b in zip(given, pictures(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_import_is_light(name):
    module = registry.find("embedders", name).path
    code = f"import sys, {module}; print(sorted({{'cv2', 'onnxruntime', 'torch', 'onnx'}} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
