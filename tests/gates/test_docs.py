"""The documentation is true: generated pages are fresh, links lead somewhere, every verb, plug-in and error is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from firstpass import errors, registry

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


def test_generated_pages_are_fresh():
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_plugin_is_documented():
    text = "".join(p.read_text(encoding="utf-8") for p in PAGES)
    for room in ("labelers", "formats", "strategies", "embedders"):
        for name in registry.names(room):
            assert f"### {name}\n" in text


def test_the_error_tree_in_the_docstring_is_whole():
    classes = [n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, Exception)]
    for name in classes:
        assert re.search(rf"\b{name}\b", errors.__doc__), name


def test_the_readme_opens_with_the_two_commands():
    head = (ROOT / "README.md").read_text(encoding="utf-8")[:400]
    assert head.index("make demo") < head.index("make test")


def test_no_plugin_is_broken():
    for room in ("labelers", "formats", "strategies", "embedders"):
        for plugin in registry.listing(room):
            assert plugin.module is not None, plugin.reason
