"""The rules on the how-to page are read and do what the page says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from firstpass.engines.driver import label_checked
from firstpass.labelers.base import Ask, Task
from firstpass.labelers.metadata_rules import PLUGIN, SPEC
from firstpass.labels import ImageRef
from firstpass.media.image import Image

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "metadata-rules.md"


def documented() -> list[dict[str, Any]]:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [rule for block in blocks for rule in tomllib.loads(block)["rules"]["rule"]]


def tags(name: str = "a.jpg", **metadata: str) -> set[str]:
    image = Image(ImageRef("d", name, name, 10, 10), np.zeros((0, 0, 3), np.uint8), metadata)
    labeler = PLUGIN.open({"rules": {"rule": documented()}})
    return {t.name for t in label_checked(labeler, SPEC, [image], Ask(Task.TAG))[0].tags}


def test_reports_in_german_and_english() -> None:
    assert tags(report="Deep scratch on the left") == {"scratch"}
    assert tags(report="Oberfläche verkratzt") == {"scratch"}
    assert tags(report="No visible scratch") == tags(report="Kein Kratzer zu sehen") == set()
    assert tags(report="zwei Beulen, tief", depth_mm="0,7") == {"dent", "reject"}
    assert tags(report="zwei Beulen, flach", depth_mm="0,2") == set()


def test_folders_and_cameras() -> None:
    assert tags("line 2/Ausschuss/part.jpg") == {"reject"}
    assert tags("part_N12.jpeg", Model="IR-7b") == {"night"}
    assert tags("part_12.jpeg", Model="IR-7b") == set()


def test_every_setting_and_test_is_on_the_page() -> None:
    from firstpass.labelers._rules_conditions import _TESTS

    text = PAGE.read_text(encoding="utf-8")
    words = [*_TESTS, "empty", "unless", "unasked", "window_chars", "case_sensitive", "file"]
    assert [word for word in words if word not in text] == []
