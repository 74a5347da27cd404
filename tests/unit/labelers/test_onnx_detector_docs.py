"""The cards on the how-to page are good cards, and the page names every key and setting."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from firstpass.labelers._detector_card import Card, parse_card
from firstpass.labelers._detector_decode import DECODERS
from firstpass.labelers.onnx_detector import SPEC

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "onnx-detector.md"
TEXT = PAGE.read_text(encoding="utf-8")


def cards() -> dict[str, dict[str, Any]]:
    blocks = [tomllib.loads(b) for b in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)]
    return {block["title"]: block for block in blocks if "decode" in block}


def test_the_cards_are_good() -> None:
    assert set(cards()) == {"YOLOX-nano", "FastestDet"}
    for title, table in cards().items():
        assert parse_card(table, title).size[0] > 0


def test_every_key_setting_and_decode_is_on_the_page() -> None:
    words = [*Card.model_fields, *SPEC.settings, *DECODERS]
    assert [word for word in words if f"`{word}`" not in TEXT and f"{word} = " not in TEXT] == []
