"""Opening a labeler by name: unknown settings, missing packages, parts, cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from firstpass import registry
from firstpass.engines import open_labeler as room
from firstpass.engines.open_labeler import open_labeler
from firstpass.errors import FirstpassError, MissingExtra, UnknownPlugin, UsageError
from firstpass.labelers.base import Ask, Cue, Gives, LabelerSpec, Reply
from firstpass.media.image import Image


class Opened:
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, settings: Any) -> None:
        self.settings_given = dict(settings)

    @classmethod
    def open(cls, settings: Any) -> Opened:
        return cls(settings)

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        return [Reply() for _ in images]


def spec(name: str, **more: Any) -> LabelerSpec:
    given: dict[str, Any] = {"cues": frozenset(), "gives": frozenset({Gives.BOX}), **more}
    return LabelerSpec(name, "", **given)


SPECS = {
    "plain": spec("plain", settings={"threshold": "", "model": ""}),
    "far": spec("far", needs=("no_such_package_at_all",), extra="models"),
    "words": spec("words", cues=frozenset({Cue.TEXT}), settings={"limit": ""}),
    "built": spec("built", parts=("text-detector",)),
    "two-parts": spec("two-parts", parts=("text-detector", "embedder")),
}


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(wanted_room: str, name: str) -> registry.Plugin:
        if wanted_room == "embedders":
            module: Any = ModuleType("colors")
            module.SPEC, module.PLUGIN = SimpleNamespace(name="colors", needs=(), extra="", settings={"bins": ""}), Opened
            return registry.Plugin(wanted_room, "colors", "", module)
        if name == "broken":
            return registry.Plugin(wanted_room, name, "", None, "Traceback\nImportError: no")
        if name not in SPECS:
            raise UnknownPlugin(name)
        module = ModuleType(name)
        module.SPEC, module.PLUGIN = SPECS[name], Opened
        return registry.Plugin(wanted_room, name, "", module)

    def listing(wanted_room: str) -> tuple[registry.Plugin, ...]:
        names = ["colors"] if wanted_room == "embedders" else [*SPECS, "broken"]
        return tuple(find(wanted_room, name) for name in names)

    monkeypatch.setattr(registry, "find", find)
    monkeypatch.setattr(registry, "listing", listing)


def test_opens_with_its_settings() -> None:
    labeler, found = open_labeler("plain", {"threshold": 0.3})
    assert found.name == "plain"
    assert labeler.settings_given == {"threshold": 0.3}  # type: ignore[attr-defined]


def test_unknown_setting_names_the_near_ones() -> None:
    with pytest.raises(UsageError, match="labeler plain has no setting 'treshold'; did you mean: threshold\\?"):
        open_labeler("plain", {"treshold": 0.3})
    with pytest.raises(UsageError, match="it has: model, threshold"):
        open_labeler("plain", {"zzz": 0.3})


def test_unknown_and_broken_plugins() -> None:
    with pytest.raises(UnknownPlugin):
        open_labeler("nobody", {})
    with pytest.raises(FirstpassError, match="broken is broken: ImportError: no"):
        open_labeler("broken", {})


def test_missing_package() -> None:
    with pytest.raises(MissingExtra, match="pip install 'firstpass\\[models\\]'"):
        open_labeler("far", {})


@pytest.mark.parametrize("key", ["part", "parts"])
def test_a_part_is_opened_and_handed_over(key: str) -> None:
    choice = {"labeler": "words", "settings": {"limit": 3}}
    settings = {key: choice if key == "part" else {"text-detector": choice}}
    labeler, _ = open_labeler("built", settings)
    part = labeler.settings_given["parts"]["text-detector"]  # type: ignore[attr-defined]
    assert part.settings_given == {"limit": 3}
    assert "part" not in labeler.settings_given  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "built on a text-detector: choose one .* candidates: words"),
        ({"part": {"labeler": "plain"}}, "plain cannot be the text-detector of built; these can: words"),
        ({"part": "words"}, "needs a table"),
        ({"part": {"labeler": "words", "extra": 1}}, "needs a table"),
        ({"part": {"embedder": "words"}}, "name it with `labeler"),
        ({"part": {"labeler": "words", "settings": {"limt": 1}}}, "did you mean: limit"),
        ({"parts": {"embedder": {"embedder": "colors"}}}, "built has no part 'embedder'; it has: text-detector"),
        ({"parts": 3}, "must be a table"),
    ],
)
def test_wrong_parts(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_labeler("built", settings)


def test_part_is_refused_where_there_are_several() -> None:
    with pytest.raises(UsageError, match="name them in `parts`"):
        open_labeler("two-parts", {"part": {"labeler": "words"}})


def test_an_embedder_nobody_chose_is_the_first_that_opens() -> None:
    labeler, _ = open_labeler("two-parts", {"parts": {"text-detector": {"labeler": "words"}}})
    assert set(labeler.settings_given["parts"]) == {"text-detector", "embedder"}  # type: ignore[attr-defined]


def test_an_embedder_has_its_settings_checked() -> None:
    chosen = {"text-detector": {"labeler": "words"}, "embedder": {"embedder": "colors", "settings": {"bin": 3}}}
    with pytest.raises(UsageError, match="embedder colors has no setting 'bin'; did you mean: bins"):
        open_labeler("two-parts", {"parts": chosen})


def test_candidates_leave_broken_plugins_out() -> None:
    assert room.candidates("detector") == ("plain", "far", "words", "built", "two-parts")
    assert room.candidates("mind-reader") == ()


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"labeler": "other", "version": "1"}, "was trained for labeler 'other', not 'plain'"),
        ({"labeler": "plain", "version": "2"}, "was written by version 2 of plain; this is 1. Update Firstpass"),
        ({"version": "1"}, "names no labeler"),
        ({"labeler": "plain", "version": "1", "files": {"m.bin": "00"}}, "m.bin: is missing"),
        ({"labeler": "plain", "version": "1", "files": {"../m.bin": "00"}}, "lies outside the folder"),
        ({"labeler": "plain", "version": "1", "files": 3}, "`files` must be a table"),
        ([], "must hold one JSON object"),
    ],
)
def test_the_card_of_a_trained_model_is_policed(card: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(UsageError, match=message):
        open_labeler("plain", {"model": str(tmp_path)})


def test_a_good_card_opens(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps({"labeler": "plain", "version": "1"}))
    labeler, _ = open_labeler("plain", {"model": str(tmp_path)})
    assert labeler.settings_given == {"model": str(tmp_path)}  # type: ignore[attr-defined]
