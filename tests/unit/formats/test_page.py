"""docs/reference/formats.md says of each format exactly what its SPEC declares to lose."""

import re
from pathlib import Path

import pytest

from firstpass import registry

PAGE = Path(__file__).parents[3] / "docs/reference/formats.md"
LOST = re.compile(r"^Lost in writing: (.*)\.$", re.MULTILINE)
NAMES = registry.names("formats")


def section(name):
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = [part for part in parts if part.split("\n", 1)[0].strip() == name]
    assert found, f"{PAGE.name} has no section ## {name}"
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_losses_on_the_page_are_those_declared(name):
    (said,) = LOST.findall(section(name))
    declared = {loss.value.split(" (")[0] for loss in registry.find("formats", name).spec.losses}
    assert {item for item in said.split("; ") if item != "nothing"} == declared


@pytest.mark.parametrize("name", NAMES)
def test_overview_lists_the_format(name):
    assert f"| [{name}](#{name}) | {registry.find('formats', name).spec.target} |" in PAGE.read_text(encoding="utf-8")
