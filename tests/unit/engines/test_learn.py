"""Training a labeler: whole or not at all, a complete card, honest refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from firstpass import registry
from firstpass.engines import learn
from firstpass.errors import LabelerBroke, UsageError
from firstpass.labelers.base import (
    Artifact,
    Ask,
    AskedClass,
    Budget,
    Gives,
    LabelerSpec,
    OutOfSample,
    Reply,
    Task,
    TrainingExample,
)
from firstpass.labels import Author, Box, ImageRef, Labeled, LabeledImage, ObjectId
from firstpass.media.image import Image

SPEC = LabelerSpec("pupil", "", frozenset(), frozenset({Gives.BOX}), learns=True, settings={"model": "", "depth": ""})
ASK = Ask(Task.DETECT, (AskedClass("cat"), AskedClass("dog")))


def example(name: str) -> TrainingExample:
    ref = ImageRef(name, name, name, 10, 10)
    return TrainingExample(LabeledImage(ref, Author("human", "a"), ()), lambda: Image(ref, np.zeros((10, 10, 3), np.uint8)))


class Pupil:
    made: Any = None
    fails: Exception | None = None

    def __init__(self, settings: Any) -> None:
        self.text = (Path(settings["model"]) / "weights" / "w.bin").read_bytes()

    @classmethod
    def open(cls, settings: Any) -> Pupil:
        return cls(settings)

    @classmethod
    def fit(
        cls, examples: Iterable[TrainingExample], ask: Ask, folder: Path, budget: Budget, progress: Any = None,
        *, settings: Any = None,
    ) -> Any:  # fmt: skip
        names = [e.labeled.image.name for e in examples]
        (folder / "weights").mkdir()
        (folder / "weights" / "w.bin").write_bytes(json.dumps([names, dict(settings or {})]).encode())
        (folder / "card.json").write_text(json.dumps({"labeler": "pupil", "trees": 7}))
        if cls.fails is not None:
            raise cls.fails
        artifact = Artifact(folder, "pupil", tuple(OutOfSample(example(n).labeled.image, Reply()) for n in names))
        return cls.made(artifact) if cls.made else artifact


class Stubborn(Pupil):
    @classmethod
    def fit(cls, examples: Any, ask: Ask, folder: Path, budget: Budget, progress: Any = None) -> Any:  # type: ignore[override]
        return Pupil.fit(examples, ask, folder, budget, progress)


@pytest.fixture(autouse=True)
def pupil(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_room: str, name: str) -> registry.Plugin:
        module: Any = ModuleType(name)
        module.SPEC = replace(SPEC, name=name, learns=name != "fixed")
        module.PLUGIN = Stubborn if name == "stubborn" else Pupil
        return registry.Plugin("labelers", name, "", module)

    monkeypatch.setattr(registry, "find", find)
    monkeypatch.setattr(registry, "listing", lambda room: (find(room, "pupil"), find(room, "fixed")))
    monkeypatch.setattr(Pupil, "made", None)
    monkeypatch.setattr(Pupil, "fails", None)


def test_fit_writes_a_whole_artifact_with_a_complete_card(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "one"
    artifact = learn.fit("pupil", {"depth": 3}, [example("a"), example("b")], ASK, folder)
    assert artifact.folder == folder
    assert [o.image.name for o in artifact.out_of_sample] == ["a", "b"]
    card = json.loads((folder / "card.json").read_text())
    assert {k: card[k] for k in ("labeler", "version", "classes", "examples", "trees")} == {
        "labeler": "pupil", "version": "1", "classes": ["cat", "dog"], "examples": 2, "trees": 7,
    }  # fmt: skip
    assert card["created"].endswith("+00:00")
    assert set(card["files"]) == {"weights/w.bin"}
    assert [p.name for p in folder.parent.iterdir()] == ["one"]


def test_settings_reach_the_learner_or_are_refused(tmp_path: Path) -> None:
    learn.fit("pupil", {"depth": 3}, [], ASK, tmp_path / "m")
    assert json.loads((tmp_path / "m/weights/w.bin").read_text()) == [[], {"depth": 3}]
    with pytest.raises(UsageError, match="takes no settings for training, but got: depth"):
        learn.fit("stubborn", {"depth": 3}, [], ASK, tmp_path / "n")
    with pytest.raises(UsageError, match="did you mean: depth"):
        learn.fit("pupil", {"dept": 3}, [], ASK, tmp_path / "n")
    assert not (tmp_path / "n").exists()


def test_an_empty_folder_may_be_there_a_full_one_not(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    learn.fit("pupil", {}, [], ASK, empty)
    before = sorted(p.name for p in empty.rglob("*"))
    with pytest.raises(UsageError, match="is in use"):
        learn.fit("pupil", {}, [], ASK, empty)
    assert sorted(p.name for p in empty.rglob("*")) == before


def test_a_failed_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pupil, "fails", RuntimeError("diverged"))
    with pytest.raises(RuntimeError, match="diverged"):
        learn.fit("pupil", {}, [example("a")], ASK, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_only_learners_learn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fixed does not learn; these do: pupil"):
        learn.fit("fixed", {}, [], ASK, tmp_path / "m")


CAT = Labeled(ObjectId(""), "cat", Box(0, 0, 50, 5), 0.5)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda _a: None, "fit gave a NoneType, not an Artifact"),
        (lambda a: replace(a, folder=a.folder.parent), "not into the folder it was given"),
        (lambda a: replace(a, out_of_sample=(OutOfSample(example("z").labeled.image, Reply()),)), "z, which was not among"),
        (lambda a: replace(a, out_of_sample=(OutOfSample(example("a").labeled.image, Reply((CAT,))),)), "outside the image"),
    ],
)
def test_the_artifact_is_policed(made: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pupil, "made", staticmethod(made))
    with pytest.raises(LabelerBroke, match=message):
        learn.fit("pupil", {}, [example("a")], ASK, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_card_for_another_labeler_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pupil, "made", staticmethod(lambda a: replace(a, labeler="other")))
    with pytest.raises(LabelerBroke, match="names labeler 'pupil', but the artifact is for 'other'"):
        learn.fit("pupil", {}, [], ASK, tmp_path / "m")


def test_opening_checks_the_files(tmp_path: Path) -> None:
    folder = learn.fit("pupil", {}, [], ASK, tmp_path / "m").folder
    labeler, spec = learn.open_artifact(folder)
    assert spec.name == "pupil"
    assert labeler.text == b"[[], {}]"  # type: ignore[attr-defined]
    (folder / "weights/w.bin").write_bytes(b"other")
    with pytest.raises(UsageError, match="is not the file that was trained"):
        learn.open_artifact(folder)
    (folder / "card.json").unlink()
    with pytest.raises(UsageError, match="is not there"):
        learn.open_artifact(folder)


def test_the_parts_it_was_trained_with_are_noted_and_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firstpass.engines import open_labeler as room

    asked: list[tuple[str, Any]] = []
    monkeypatch.setattr(room, "open_embedder", lambda name, settings: asked.append((name, dict(settings))) or f"opened {name}")
    spec = replace(SPEC, parts=("embedder",))

    class Built(Pupil):
        def __init__(self, settings: Any) -> None:
            assert settings["parts"] == {"embedder": "opened colors"}
            super().__init__(settings)

        @classmethod
        def fit(cls, *given: Any, settings: Any) -> Any:  # type: ignore[override]
            assert settings == {"depth": 2, "parts": {"embedder": "opened colors"}}
            return Pupil.fit(*given, settings={})

    def find(_room: str, name: str) -> registry.Plugin:
        module: Any = ModuleType(name)
        module.SPEC, module.PLUGIN = spec, Built
        return registry.Plugin("labelers", name, "", module)

    monkeypatch.setattr(registry, "find", find)
    part = {"embedder": "colors", "settings": {"bins": 8}}
    folder = learn.fit("pupil", {"depth": 2, "part": part}, [], ASK, tmp_path / "m").folder
    assert json.loads((folder / "card.json").read_text())["parts"] == {"embedder": part}
    asked.clear()
    learn.open_artifact(folder)
    assert asked == [("colors", {"bins": 8})]
