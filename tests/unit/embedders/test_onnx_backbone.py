"""Reading an ONNX backbone's wishes from its file, and refusing what does not fit."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from firstpass.embedders.onnx_backbone import PLUGIN
from firstpass.errors import MissingWeights, UsageError
from firstpass.media.onnx_input import layout_of


def model(tmp_path, *, shape=("n", 3, 16, 16), kind=TensorProto.FLOAT, first="Div", outputs=("embedding",), external=""):
    """input -> [Cast] -> first -> mean over places; outputs all give the same."""
    nodes = [helper.make_node("Cast", ["image"], ["f"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node(first, ["f", "c"] if first == "Div" else ["f"], ["x"])]
    axes = [2, 3] if shape[1] == 3 else [1, 2]
    nodes += [helper.make_node("ReduceMean", ["x"], [name], axes=axes, keepdims=0) for name in outputs]
    constant = numpy_helper.from_array(np.float32(255), "c")
    if external:
        constant.data_location = TensorProto.EXTERNAL
        constant.ClearField("raw_data")
        constant.external_data.add(key="location", value=external)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", kind, list(shape))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], 3]) for name in outputs],
        [constant],
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString())
    return path


def opened(path, **settings):
    return PLUGIN.open({"model": str(path), **settings})


def red(size=(20, 30)):
    picture = np.zeros((*size, 3), np.uint8)
    picture[..., 0] = 255
    return picture


def test_graph_that_scales_itself_gets_raw_values(tmp_path):
    assert layout_of(model(tmp_path), {}).values == "0-255"
    assert layout_of(model(tmp_path, first="Relu"), {}).values == "imagenet"
    assert layout_of(model(tmp_path, first="Relu", kind=TensorProto.UINT8), {}).values == "0-255"


def test_axes_are_read_from_the_file(tmp_path):
    layout = layout_of(model(tmp_path, shape=(1, 24, 40, 3)), {})
    assert (layout.channels_first, layout.height_px, layout.width_px, layout.fixed_batch) == (False, 24, 40, 1)
    free = layout_of(model(tmp_path, shape=("n", 3, "h", "w")), {})
    assert (free.channels_first, free.height_px, free.width_px, free.fixed_batch) == (True, 224, 224, 0)


@pytest.mark.parametrize("shape", [("n", 3, 16, 16), (1, 16, 16, 3), (4, 3, 16, 16)])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
def test_red_comes_out_red_in_any_layout(tmp_path, shape, kind):
    vectors = opened(model(tmp_path, shape=shape, kind=kind)).embed([red(), red(), red()])
    assert np.allclose(vectors, [[1, 0, 0]] * 3, atol=1e-6)


def test_bgr_models_get_bgr(tmp_path):
    assert np.allclose(opened(model(tmp_path), channels="bgr").embed([red()]), [[0, 0, 1]], atol=1e-6)


def test_silent_model_still_gives_unit_length(tmp_path):
    assert np.allclose(np.linalg.norm(opened(model(tmp_path)).embed([np.zeros((5, 5, 3), np.uint8)])), 1)


def test_output_named_embedding_is_taken(tmp_path):
    path = model(tmp_path, outputs=("logits", "embedding"))
    assert opened(path)._output == "embedding"
    assert opened(path, output="logits")._output == "logits"
    with pytest.raises(UsageError, match="no output 'x'; its outputs are: logits, embedding"):
        opened(path, output="x")


def test_no_model_says_what_to_do(tmp_path):
    with pytest.raises(MissingWeights, match=r"set `model` to an .onnx file"):
        PLUGIN.open({})
    with pytest.raises(MissingWeights, match="there is no file"):
        opened(tmp_path / "absent.onnx")


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "x.onnx"
    for content in (b"", b"\x80\x04 a pickle", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="is not an ONNX model"):
            opened(path)


@pytest.mark.parametrize("place", ["/etc/passwd", "../secret.bin", "a/../../b", "c:\\x.bin"])
def test_weights_outside_the_folder_are_refused(tmp_path, place):
    with pytest.raises(UsageError, match="keeps weights outside its folder"):
        opened(model(tmp_path, external=place))


@pytest.mark.parametrize(("name", "value"), [("values", "0..1"), ("channels", "gbr"), ("batch_size", 0), ("threads", "two")])
def test_bad_settings_are_refused(tmp_path, name, value):
    with pytest.raises(UsageError, match=f"setting {name} must be"):
        opened(model(tmp_path), **{name: value})


def test_wrong_channel_count_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not take 3 color channels"):
        opened(model(tmp_path, shape=("n", 1, 16, 16)))
    assert onnx.__version__
