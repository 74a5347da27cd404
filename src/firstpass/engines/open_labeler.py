"""Opens a labeler by name: finds the plug-in, refuses unknown settings, says what is missing, opens the parts it is built on.

A labeler that builds on another names the *capability* in ``SPEC.parts``; which plug-in fills it is chosen in the settings::

    parts = { text-detector = { labeler = "grounding-dino", settings = { box_threshold = 0.3 } } }
    part = { labeler = "grounding-dino" }        # the same, for a labeler with one part

and the labeler finds the opened parts in its settings under ``parts``: capability → opened labeler or embedder.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from firstpass import registry
from firstpass.engines._card import CARD_NAME, read_card
from firstpass.errors import FirstpassError, MissingExtra, UsageError
from firstpass.labelers.base import Cue, Gives, Labeler, LabelerSpec, Settings

EMBEDDER = "embedder"


def _needs(*cues: Cue, gives: Gives) -> Callable[[LabelerSpec], bool]:
    return lambda spec: spec.cues.issuperset(cues) and gives in spec.gives


CAPABILITIES: Mapping[str, Callable[[LabelerSpec], bool]] = {
    "detector": _needs(gives=Gives.BOX),
    "segmenter": _needs(gives=Gives.MASK),
    "tagger": _needs(gives=Gives.TAG),
    "text-detector": _needs(Cue.TEXT, gives=Gives.BOX),
    "text-segmenter": _needs(Cue.TEXT, gives=Gives.MASK),
    "box-segmenter": _needs(Cue.BOX, gives=Gives.MASK),
    "click-segmenter": _needs(Cue.CLICK, gives=Gives.MASK),
    "mask-segmenter": _needs(Cue.MASK, gives=Gives.MASK),
}


def open_labeler(name: str, settings: Settings) -> tuple[Labeler, LabelerSpec]:
    """The labeler of that name, opened with these settings, and its SPEC.

    Raises UnknownPlugin; UsageError for a setting that the labeler does not have (with near names), for a part that is not
    chosen or cannot do what is needed, and for a ``model`` folder whose card names another labeler or a later version;
    MissingExtra for a package that is not installed; FirstpassError for a broken plug-in; and what the labeler itself raises.
    """
    plugin = registry.find("labelers", name)
    spec = cast(LabelerSpec, plugin.spec)
    check_settings(spec, settings)
    check_needs(spec.name, spec.needs, spec.extra)
    card = _card_of(spec, settings)
    as_trained = spec.parts and "parts" in card and "part" not in settings and "parts" not in settings
    chosen = {**settings, "parts": card["parts"]} if as_trained else settings
    return cast(Labeler, plugin.factory.open(with_parts(spec, chosen))), spec


def with_parts(spec: LabelerSpec, settings: Settings) -> dict[str, Any]:
    """The settings as a labeler gets them: `parts` holds the opened parts. Raises UsageError and what opening a part raises."""
    given = {key: value for key, value in settings.items() if key not in ("part", "parts")}
    if spec.parts:
        chosen = choose_parts(spec, settings)
        given["parts"] = {capability: _open_part(spec, capability, choice) for capability, choice in chosen.items()}
    return given


def check_settings(spec: LabelerSpec, settings: Settings) -> None:
    """Raises UsageError for a setting that SPEC.settings lacks, with the near names; values are the labeler's to check."""
    known = list(spec.settings) + (["part", "parts"] if spec.parts else [])
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 3)
            help_text = f"did you mean: {', '.join(near)}?" if near else f"it has: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"labeler {spec.name} has no setting {key!r}; {help_text}")


def check_needs(name: str, needs: tuple[str, ...], extra: str) -> None:
    """Raises MissingExtra for the first package that cannot be found; nothing is imported."""
    for package in needs:
        if importlib.util.find_spec(package.partition(".")[0]) is None:
            raise MissingExtra(name, package, extra or "all")


def _card_of(spec: LabelerSpec, settings: Settings) -> Mapping[str, Any]:
    model = settings.get("model")
    if isinstance(model, str | Path) and (Path(model) / CARD_NAME).is_file():
        return read_card(Path(model), spec)
    return {}


def choose_parts(spec: LabelerSpec, settings: Settings) -> dict[str, Mapping[str, Any]]:
    """capability → {labeler | embedder, settings}, as the settings say, else the one taken unasked. Raises UsageError."""
    named = _named_parts(spec, settings)
    return {capability: named.get(capability) or _unchosen(spec, capability) for capability in spec.parts}


def _named_parts(spec: LabelerSpec, settings: Settings) -> dict[str, Mapping[str, Any]]:
    parts: object = settings.get("parts", {})
    if "part" in settings:
        if len(spec.parts) != 1 or parts:
            raise UsageError(f"labeler {spec.name} has the parts {', '.join(spec.parts)}: name them in `parts`, not `part`")
        parts = {spec.parts[0]: settings["part"]}
    if not isinstance(parts, Mapping):
        raise UsageError(f"labeler {spec.name}: `parts` must be a table of {', '.join(spec.parts)}, but got {parts!r}")
    chosen = {str(key): value for key, value in cast(Mapping[Any, Any], parts).items()}
    for key, value in chosen.items():
        if key not in spec.parts:
            raise UsageError(f"labeler {spec.name} has no part {key!r}; it has: {', '.join(spec.parts)}")
        if not isinstance(value, Mapping) or not set(cast(Mapping[str, Any], value)) <= {"labeler", "embedder", "settings"}:
            raise UsageError(f'labeler {spec.name}, part {key}: needs a table like {{labeler = "...", settings = {{...}}}}')
    return chosen


def _open_part(spec: LabelerSpec, capability: str, choice: Mapping[str, Any]) -> Any:
    settings = choice.get("settings", {})
    key = "embedder" if capability == EMBEDDER else "labeler"
    name = choice.get(key)
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        raise UsageError(f'labeler {spec.name}, part {capability}: name it with `{key} = "..."` and a table `settings`')
    if capability == EMBEDDER:
        return open_embedder(name, cast(Settings, settings))
    part = registry.find("labelers", name)
    fits = CAPABILITIES.get(capability)
    if fits is None:
        raise UsageError(f"labeler {spec.name} needs a part {capability!r}, which Firstpass does not know")
    if not fits(part.spec):
        able = ", ".join(candidates(capability)) or "none here"
        raise UsageError(f"labeler {name} cannot be the {capability} of {spec.name}; these can: {able}")
    return open_labeler(name, cast(Settings, settings))[0]


def candidates(capability: str) -> tuple[str, ...]:
    """The names of the plug-ins that can fill a part, in order of name; broken plug-ins are left out."""
    if capability == EMBEDDER:
        return tuple(p.name for p in registry.listing("embedders") if p.module is not None)
    fits = CAPABILITIES.get(capability, lambda _spec: False)
    return tuple(p.name for p in registry.listing("labelers") if p.module is not None and fits(p.spec))


def _unchosen(spec: LabelerSpec, capability: str) -> Mapping[str, Any]:
    """A part that nobody chose: an embedder is the first, by name, that needs no extra and opens; a labeler must be chosen."""
    able = candidates(capability)
    for name in able if capability == EMBEDDER else ():
        if registry.find("embedders", name).spec.needs:
            continue
        try:
            open_embedder(name, {})
        except FirstpassError:
            continue
        return {"embedder": name}
    key = "embedder" if capability == EMBEDDER else "labeler"
    raise UsageError(
        f"labeler {spec.name} is built on a {capability}: choose one in its settings, "
        f'parts = {{ {capability} = {{ {key} = "..." }} }}; candidates: {", ".join(able) or "none is installed"}'
    )


def open_embedder(name: str, settings: Settings) -> Any:
    """The embedder of that name, opened. Raises as :func:`open_labeler`."""
    plugin = registry.find("embedders", name)
    known = list(plugin.spec.settings)
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 3) or known
            raise UsageError(f"embedder {name} has no setting {key!r}; did you mean: {', '.join(near) or 'it has none'}?")
    check_needs(name, plugin.spec.needs, plugin.spec.extra)
    return plugin.factory.open(settings)
