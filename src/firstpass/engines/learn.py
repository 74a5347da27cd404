"""Trains a labeler that learns: `fit` writes its artifact whole or not at all, `open_artifact` opens one.

The artifact is made in a temporary neighbor of its folder, its card completed and checked, and renamed at the end; a run that
is killed leaves at most a folder whose name begins with ``.fit-``.
"""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from firstpass import registry
from firstpass.engines._card import read_card, write_card
from firstpass.engines.driver import check_reply
from firstpass.engines.open_labeler import check_needs, check_settings, choose_parts, open_labeler, with_parts
from firstpass.errors import LabelerBroke, UsageError
from firstpass.labelers.base import Artifact, Ask, Budget, Labeler, LabelerSpec, Progress, Settings, TrainingExample


def fit(
    labeler_name: str,
    settings: Settings,
    examples: Iterable[TrainingExample],
    ask: Ask,
    folder: Path,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Trains that labeler; `folder` (absent or empty before) then holds the artifact. No example: one that proposes nothing.

    settings reach a learner whose `fit` takes a keyword `settings`, with its opened parts under ``parts`` (the card notes
    which); given to one that does not, they are a UsageError. Raises UnknownPlugin; UsageError for a labeler that does not
    learn, unknown settings or a folder in use; MissingExtra; LabelerBroke when the artifact or its out-of-sample replies break
    the contract. On any failure `folder` is as before.
    """
    plugin = registry.find("labelers", labeler_name)
    spec = cast(LabelerSpec, plugin.spec)
    if not spec.learns:
        raise UsageError(f"labeler {spec.name} does not learn; these do: {', '.join(learners()) or 'none is installed'}")
    check_settings(spec, settings)
    check_needs(spec.name, spec.needs, spec.extra)
    parts = choose_parts(spec, settings)
    extra = _fit_settings(plugin.factory, spec, _chosen(settings, parts))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is in use; an artifact needs a folder of its own that is absent or empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".fit-{folder.name}-", dir=folder.parent))
    counted = _Counted(examples)
    try:
        made: Any = plugin.factory.fit(counted, ask, temporary, budget or Budget(), progress, **extra)
        artifact = _check_artifact(made, spec, temporary, ask, counted.names)
        opener = cast(LabelerSpec, registry.find("labelers", artifact.labeler).spec)
        classes = tuple(c.name for c in ask.classes)
        write_card(temporary, opener, classes, counted.count, parts)
        read_card(temporary, opener)
        if folder.exists():
            folder.rmdir()
        _sync(temporary)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return replace(artifact, folder=folder)


def learners() -> tuple[str, ...]:
    """The names of the labelers that learn; broken plug-ins are left out."""
    return tuple(p.name for p in registry.listing("labelers") if p.module is not None and p.spec.learns)


def open_artifact(folder: Path, settings: Settings | None = None) -> tuple[Labeler, LabelerSpec]:
    """Opens the labeler that the folder's card names. Raises UsageError for a bad card, and as :func:`open_labeler`."""
    card = read_card(folder)
    return open_labeler(str(card["labeler"]), {**(settings or {}), "model": str(folder)})


def _chosen(settings: Settings, parts: Mapping[str, Mapping[str, Any]]) -> Settings:
    return {**{k: v for k, v in settings.items() if k != "part"}, "parts": parts} if parts else settings


def _fit_settings(factory: Any, spec: LabelerSpec, settings: Settings) -> dict[str, Any]:
    if "settings" in inspect.signature(factory.fit).parameters:
        return {"settings": with_parts(spec, settings)}
    if settings:
        raise UsageError(f"labeler {spec.name} takes no settings for training, but got: {', '.join(settings)}")
    return {}


class _Counted:
    """The examples, counted and their images' names noted as they pass."""

    def __init__(self, examples: Iterable[TrainingExample]) -> None:
        self._examples = examples
        self.names: set[str] = set()

    @property
    def count(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[TrainingExample]:
        for example in self._examples:
            self.names.add(example.labeled.image.name)
            yield example


def _check_artifact(made: object, spec: LabelerSpec, folder: Path, ask: Ask, names: set[str]) -> Artifact:
    if not isinstance(made, Artifact):
        raise LabelerBroke(spec.name, f"fit gave a {type(made).__name__}, not an Artifact")
    if made.folder.resolve() != folder.resolve():
        raise LabelerBroke(spec.name, f"fit wrote into {made.folder}, not into the folder it was given")
    opener = cast(LabelerSpec, registry.find("labelers", made.labeler).spec)
    for held_out in made.out_of_sample:
        if held_out.image.name not in names:
            raise LabelerBroke(spec.name, f"out-of-sample answer for {held_out.image.name}, which was not among the examples")
        check_reply(held_out.reply, opener, held_out.image, ask)
    return made


def _sync(folder: Path) -> None:
    """The folder's files reach the disk before the rename makes them visible."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
