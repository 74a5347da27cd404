"""Tags images by rules over what is known beside the pixels: report texts, table columns, file names, folders, EXIF.

No model and no pixels: the cheapest first pass there is. A rule says when it holds and which tags it then gives; each tag tells
which rule fired, on which column and what it found, so that an expert can see why. See docs/how-to/metadata-rules.md.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from firstpass.errors import UsageError
from firstpass.labelers._rules_conditions import Combined, Condition, Manner, Not, columns_of, read_condition
from firstpass.labelers.base import Ask, Cue, Gives, LabelerSpec, Reply, Settings
from firstpass.labels import Tag
from firstpass.media.image import Image

SPEC = LabelerSpec(
    name="metadata-rules",
    summary="Rules over report texts, table columns, file names and EXIF give class tags; needs no pixels and no model.",
    cues=frozenset({Cue.METADATA}),
    gives=frozenset({Gives.TAG}),
    scored=False,
    needs_pixels=False,
    settings={
        "rule": "list of rules: name, when = {column, matches | equals | contains | greater | less | one_of | empty}, tag",
        "rules": "the same list, or a table with `rule` in it (none)",
        "file": "TOML file with [[rule]] tables, read in addition (none)",
        "case_sensitive": "whether upper and lower case differ (false)",
        "window_chars": "longer texts are searched in overlapping pieces of so many characters (2000)",
        "unasked": "a rule's tag that is not among the asked classes: error or drop (error)",
    },
)
_KEYS = ("name", "when", "unless", "tag", "class", "score", "attributes")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: when `when` holds, the image gets `tags`. score None = a fact, not a guess."""

    name: str
    when: Condition
    tags: tuple[str, ...]
    score: float | None
    attributes: Mapping[str, str]


class MetadataRules:
    """The opened rules."""

    def __init__(self, rules: Sequence[Rule], drop_unasked: bool) -> None:
        self._rules = tuple(rules)
        self._drop_unasked = drop_unasked

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """No rule: every image is looked at and gets no tag. Raises UsageError naming the rule that cannot be read."""
        manner = Manner(_flag(settings, "case_sensitive"), _whole(settings, "window_chars", 2000))
        unasked = settings.get("unasked", "error")
        if unasked not in ("error", "drop"):
            raise UsageError(f"labeler metadata-rules, setting unasked: needs error or drop, but got {unasked!r}")
        tables = [*_list(settings.get("rule")), *_list(settings.get("rules")), *_from_file(settings.get("file"))]
        rules = [_read_rule(table, place, manner) for place, table in enumerate(tables, 1)]
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"labeler metadata-rules: two rules are called {name!r}; a tag could not tell which one fired")
        return cls(rules, unasked == "drop")

    def label(self, images: Sequence[Image], ask: Ask) -> Sequence[Reply]:
        """One tag per name, from the first rule that gives it; `also` names the others. Raises UsageError for unasked tags."""
        asked = ask.class_names
        if asked and not self._drop_unasked:
            self._check_asked(asked)
        return [self._one(image, asked) for image in images]

    def _check_asked(self, asked: frozenset[str]) -> None:
        for rule in self._rules:
            for tag in rule.tags:
                if tag not in asked:
                    near = difflib.get_close_matches(tag, asked, 3)
                    hint = f"did you mean: {', '.join(near)}?" if near else 'add it to the classes, or set unasked = "drop"'
                    raise UsageError(f"metadata rule {rule.name!r} gives {tag!r}, which is no class that was asked for; {hint}")

    def _one(self, image: Image, asked: frozenset[str]) -> Reply:
        columns = columns_of(image.ref, image.metadata)
        tags: dict[str, Tag] = {}
        for rule in self._rules:
            hit = rule.when.holds(columns)
            if hit is None:
                continue
            why = {**rule.attributes, "rule": rule.name, "column": hit.column, "found": hit.found}
            for name in rule.tags:
                if asked and name not in asked:
                    continue
                known = tags.get(name)
                if known is None:
                    tags[name] = Tag(name, score=rule.score, attributes=why)
                else:
                    also = ", ".join(filter(None, [known.attributes.get("also", ""), rule.name]))
                    tags[name] = Tag(name, score=known.score, attributes={**known.attributes, "also": also})
        return Reply(tags=tuple(tags.values()))


PLUGIN = MetadataRules


def _read_rule(table: object, place: int, manner: Manner) -> Rule:
    if not isinstance(table, Mapping):
        raise UsageError(f"metadata rule {place}: must be a table with {', '.join(_KEYS)}, but got {table!r}")
    given = {str(k): v for k, v in cast(Mapping[Any, Any], table).items()}
    name = str(given.get("name", f"rule {place}"))
    try:
        for key in given:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, 1) or [", ".join(_KEYS)]
                raise ValueError(f"there is no key {key!r}; did you mean {near[0]}?")
        if "when" not in given:
            raise ValueError("`when` is missing: the condition under which the rule holds")
        when = read_condition(given["when"], manner)
        if "unless" in given:
            when = Combined((when, Not(read_condition(given["unless"], manner))), needs_all=True)
        return Rule(name, when, _tags(given), _score(given.get("score")), _attributes(given.get("attributes", {})))
    except ValueError as error:
        raise UsageError(f"metadata rule {name!r}: {error}") from error


def _tags(given: Mapping[str, Any]) -> tuple[str, ...]:
    names: list[str] = []
    for key in ("tag", "class"):
        value: object = given.get(key, [])
        for name in cast(list[object], value) if isinstance(value, list | tuple) else [value]:
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"`{key}` needs a name or a list of names, but got {value!r}")
            names.append(name.strip())
    if not names:
        raise ValueError("`tag` is missing: the class or classes that an image gets when the rule holds")
    return tuple(dict.fromkeys(names))


def _score(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"`score` needs a number in 0..1, but got {value!r}")
    return float(value)


def _attributes(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"`attributes` needs a table of texts, but got {value!r}")
    return {str(k): str(v) for k, v in cast(Mapping[Any, Any], value).items()}


def _list(value: object) -> list[object]:
    if isinstance(value, Mapping):
        value = cast(Mapping[str, Any], value).get("rule", [])
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise UsageError(f"labeler metadata-rules: rules must be a list of tables, but got {value!r}")
    return list(cast(list[object], value))


def _from_file(path: object) -> list[object]:
    if path in (None, ""):
        return []
    try:
        content = tomllib.loads(Path(str(path)).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"labeler metadata-rules, setting file: {path} cannot be read: {error}") from error
    return [*_list(content.get("rule")), *_list(content.get("rules"))]


def _flag(settings: Settings, name: str) -> bool:
    value = settings.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"labeler metadata-rules, setting {name}: needs true or false, but got {value!r}")
    return value


def _whole(settings: Settings, name: str, default: int) -> int:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 1_000_000:
        raise UsageError(f"labeler metadata-rules, setting {name}: needs a whole number in 100..1000000, but got {value!r}")
    return value
