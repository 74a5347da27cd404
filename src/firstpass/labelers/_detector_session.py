"""Opens an ONNX file safely: no pickle, no data from outside the model's folder, and one clear error for what is wrong.

ONNX is not inert: a tensor may say that its data lie in another file, by any path (CVE-2022-25882, CVE-2024-27318). Every
location is checked before onnxruntime sees the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from numpy.typing import NDArray

from firstpass.errors import MissingWeights, UsageError

_PICKLES = frozenset({".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".npz", ".h5", ".keras", ".tflite", ".pb"})
_SEEN_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: name, shape (None = any), onnxruntime's type such as ``tensor(float)``."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Session:
    """An opened model."""

    def __init__(self, path: Path, threads: int, providers: Sequence[str]) -> None:
        """threads: of onnxruntime within one operator; 0 = one per core. Raises MissingWeights, UsageError."""
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

        ort: Any = onnxruntime
        check_model_file(path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        there: list[str] = ort.get_available_providers()
        for provider in providers:
            if provider not in there:
                raise UsageError(f"labeler onnx-detector, setting providers: {provider!r} is not one of {', '.join(there)}")
        try:
            self._session: Any = ort.InferenceSession(str(path), options, providers=list(providers))
        except Exception as error:  # onnxruntime raises its own C++ exceptions
            line = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise UsageError(f"{path}: onnxruntime cannot open it: {line}") from error
        self.inputs = tuple(_port(p) for p in self._session.get_inputs())
        self.outputs = tuple(_port(p) for p in self._session.get_outputs())
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, input_name: str, batch: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """The named outputs for a batch. Raises MemoryError when onnxruntime could not get memory."""
        try:
            return self._session.run(list(outputs), {input_name: batch})
        except Exception as error:
            text = str(error).lower()
            if "allocat" in text or "out of memory" in text or "bad_alloc" in text:
                raise MemoryError(str(error)[:200]) from error
            raise


def _port(port: Any) -> Port:
    return Port(port.name, tuple(d if isinstance(d, int) and d > 0 else None for d in port.shape), port.type)


def find_model(choice: object) -> Path:
    """The ONNX file that the setting `model` means: a file, or a folder with one. Raises UsageError, MissingWeights."""
    if not isinstance(choice, str | Path) or not str(choice):
        raise UsageError("labeler onnx-detector needs the setting model: the path of an .onnx file")
    path = Path(choice).expanduser()
    if path.is_dir():
        inside = sorted(path.glob("*.onnx"))
        if len(inside) != 1:
            seen = ", ".join(p.name for p in inside[:5]) or "none"
            raise UsageError(f"{path}: needs exactly one .onnx file to be opened as a folder; there are: {seen}")
        path = inside[0]
    if not path.exists():
        raise MissingWeights(f"{path}: there is no such model. Put the .onnx file there, or set model to where it is")
    return path


def check_model_file(path: Path) -> None:
    """Raises UsageError for a pickle or another format, a damaged file, and external data that leaves the model's folder."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if path.suffix.lower() in _PICKLES or head[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
        what = "a pickle, zip or another framework's file, which can run code when it is opened"
        raise UsageError(f"{path}: is {what}. Firstpass opens ONNX only: export the model to .onnx")
    import onnx

    loader: Any = onnx
    try:
        model: Any = loader.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf raises its own
        raise UsageError(f"{path}: is not an ONNX file, or is damaged ({type(error).__name__})") from error
    folder = path.parent.resolve()
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _check_location(path, folder, {entry.key: entry.value for entry in tensor.external_data}.get("location", ""))


def _check_location(path: Path, folder: Path, location: str) -> None:
    windows = PureWindowsPath(location)
    absolute = PurePosixPath(location).is_absolute() or windows.drive or windows.root
    parts = [*PurePosixPath(location).parts, *windows.parts]
    if not location or absolute or ".." in parts or not (folder / location).resolve().is_relative_to(folder):
        raise UsageError(f"{path}: wants data from {location!r}, outside the model's folder; such a model is not opened")
    if not (folder / location).is_file():
        raise MissingWeights(f"{path}: its data file {location!r} is missing; put it beside the model")


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor anywhere in a model: initializers, attributes, subgraphs, functions, training info."""
    yield from _graph_tensors(model.graph, 0)
    for function in model.functions:
        yield from _node_tensors(function.node, 0)
    for training in model.training_info:
        yield from _graph_tensors(training.initialization, 0)
        yield from _graph_tensors(training.algorithm, 0)


def _graph_tensors(graph: Any, depth: int) -> Iterator[Any]:
    if depth > _SEEN_DEPTH:
        raise UsageError("the model's graphs are nested too deeply to be opened safely")
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    yield from _node_tensors(graph.node, depth)


def _node_tensors(nodes: Any, depth: int) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in [attribute.sparse_tensor, *attribute.sparse_tensors]:
                yield sparse.values
                yield sparse.indices
            if attribute.HasField("g"):
                yield from _graph_tensors(attribute.g, depth + 1)
            for graph in attribute.graphs:
                yield from _graph_tensors(graph, depth + 1)
