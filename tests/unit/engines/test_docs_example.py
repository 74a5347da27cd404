"""The labeler on the how-to page keeps the contract."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from firstpass.engines.driver import label_checked
from firstpass.engines.open_labeler import CAPABILITIES
from firstpass.errors import UsageError
from firstpass.labelers.base import Ask, AskedClass, Task
from firstpass.labels import Box, ImageRef
from firstpass.media.image import Image

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-a-labeler.md"


@pytest.fixture(scope="module")
def example() -> Any:
    code = re.findall(r"```python\n(# src.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    module = ModuleType("bright_spot")
    exec(compile(code, "bright_spot.py", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("size", [(60, 40), (1, 1), (3, 80)])
def test_it_finds_the_spot_within_the_contract(size: tuple[int, int], example: Any) -> None:
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    rgb[size[1] // 2, size[0] // 2] = 255
    rgb.setflags(write=False)
    image = Image(ImageRef("d", "x", "x", *size), rgb)
    ask = Ask(Task.DETECT, (AskedClass("star"),))
    reply = label_checked(example.PLUGIN.open({"side_px": 10}), example.SPEC, [image], ask)[0]
    assert [(o.class_name, o.score) for o in reply.objects] == [("star", 1.0)]
    shape = reply.objects[0].shape
    assert isinstance(shape, Box)
    assert shape.x1 <= size[0] // 2 <= shape.x2


def test_it_refuses_a_bad_setting(example: Any) -> None:
    with pytest.raises(UsageError, match="side_px"):
        example.PLUGIN.open({"side_px": -1})


def test_the_page_names_every_capability() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [c for c in [*CAPABILITIES, "embedder"] if f"`{c}`" not in text] == []
