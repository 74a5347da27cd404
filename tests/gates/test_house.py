"""The gates that keep the house in order: sizes, layers, lazy imports, exported names."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60
HEAVY = ("torch", "onnxruntime", "cv2", "sklearn", "scipy", "sqlalchemy", "matplotlib", "pycocotools", "PIL")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src")))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_test_files_stay_small() -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in TESTS}
    assert not {name: count for name, count in lines.items() if count > MAX_FILE_LINES}


def test_no_room_is_called_utils() -> None:
    assert not [p for p in SOURCES if "utils" in p.stem]


def test_layers_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("statement", ["import firstpass", "from firstpass.cli.app import main"])
def test_importing_brings_nothing_heavy(statement: str) -> None:
    code = f"{statement}; import sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_quick_and_light() -> None:
    best_s = 9.0
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-X", "importtime", "-m", "firstpass", "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        best_s = min(best_s, time.perf_counter() - start)
    assert "prelabel" in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert not loaded & set(HEAVY)
    assert best_s < 1.5  # a gate against a heavy import; the 0.5 s target is measured in bench/startup.py


def test_public_names_are_frozen() -> None:
    import firstpass

    assert sorted(firstpass.__all__) == [
        "Author", "Box", "FirstpassError", "ImageRef", "LabelClass", "Labeled", "LabeledImage", "Mask", "Ontology", "Point",
        "Polygon", "PolygonPart", "Problem", "Project", "Tag", "__version__",
    ]  # fmt: skip
    for name in firstpass.__all__:
        assert getattr(firstpass, name) is not None
