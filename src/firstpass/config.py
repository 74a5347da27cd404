"""Reads ``firstpass.toml``: every mistake is told with file, line, key and the nearest right name.

The file is for people. What the program changes in it, :mod:`firstpass.config_text` writes, leaving comments as they are.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from firstpass.errors import ConfigError
from firstpass.labels import AttributeSpec, GuideExample, LabelClass, Ontology

FILE_NAME = "firstpass.toml"
DATABASE_NAME = "firstpass.db"
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*[=.]""")


@dataclass(frozen=True, slots=True)
class LabelerChoice:
    """The labeler that makes the first pass. name "" = not chosen yet.

    thresholds: per class, proposals below the score are not shown; ``inf`` = none of the class are.
    """

    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """What ``firstpass.toml`` says, checked, with places resolved.

    images: the image folder (absolute) or URL. database: its URL. costs: seconds per action where they are not the published
    ones. latency_ms, size_mb: the budget of production, None = none given. rules: the free table of metadata rules.
    """

    name: str
    images: str
    database: str
    ontology: Ontology = field(default_factory=Ontology)
    labeler: LabelerChoice = field(default_factory=LabelerChoice)
    costs: Mapping[str, float] = field(default_factory=dict[str, float])
    latency_ms: float | None = None
    size_mb: float | None = None
    rules: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _attribute(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Project(_Section):
    images: Annotated[str, Field(min_length=1)]
    name: str = ""
    database: Annotated[str, Field(min_length=1)] = DATABASE_NAME


class _Attribute(_Section):
    name: Annotated[str, Field(min_length=1)]
    values: list[str] = []
    default: str = ""


class _Example(_Section):
    image: str
    note: str = ""
    xyxy_px: Annotated[list[float], Field(min_length=4, max_length=4)] | None = None
    counter: bool = False


class _Class(_Section):
    name: Annotated[str, Field(min_length=1, pattern=r"\S")]
    phrases: list[str] = []
    color: Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6})?$")] = ""
    attributes: list[Annotated[_Attribute, BeforeValidator(_attribute)]] = []
    guide: str = ""
    examples: list[_Example] = []


class _Labeler(_Section):
    name: str = ""
    settings: dict[str, Any] = {}
    thresholds: dict[str, Annotated[float, Field(ge=0)]] = {}


class _Budget(_Section):
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    size_mb: Annotated[float, Field(gt=0)] | None = None


class _File(_Section):
    project: _Project
    classes: list[_Class] = []
    labeler: _Labeler = _Labeler()
    costs: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    budget: _Budget = _Budget()
    rules: dict[str, Any] = {}


_SECTIONS: Mapping[str, type[_Section]] = {
    "": _File,
    "project": _Project,
    "classes": _Class,
    "attributes": _Attribute,
    "examples": _Example,
    "labeler": _Labeler,
    "budget": _Budget,
}


def read_config(file: Path) -> ProjectConfig:
    """The configuration in `file`. Raises ConfigError with each mistake on a line of its own; OSError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text: {error}. Save it as UTF-8") from error
    return parse_config(text, file)


def parse_config(text: str, file: Path) -> ProjectConfig:
    """The configuration in `text`; relative paths start at the folder of `file`. Raises ConfigError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = line.group(1) if line else str(text.count("\n") + 1)
        raise ConfigError(f"{file}:{at}: not valid TOML: {error}") from error
    try:
        parsed = _File.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, text, file))) from error
    problems = list(_mismatches(parsed, text, file))
    if problems:
        raise ConfigError("\n".join(problems))
    return _resolved(parsed, file.parent)


def _resolved(parsed: _File, folder: Path) -> ProjectConfig:
    images, database = parsed.project.images, parsed.project.database
    root = folder.absolute()
    return ProjectConfig(
        name=parsed.project.name or root.name,
        images=images if "://" in images else os.path.normpath(root / Path(images).expanduser()),
        database=database if "://" in database else f"sqlite:///{os.path.normpath(root / Path(database).expanduser())}",
        ontology=Ontology(tuple(_label_class(c) for c in parsed.classes)),
        labeler=LabelerChoice(
            parsed.labeler.name, MappingProxyType(parsed.labeler.settings), MappingProxyType(parsed.labeler.thresholds)
        ),
        costs=MappingProxyType(parsed.costs),
        latency_ms=parsed.budget.latency_ms,
        size_mb=parsed.budget.size_mb,
        rules=MappingProxyType(parsed.rules),
    )


def _label_class(parsed: _Class) -> LabelClass:
    return LabelClass(
        parsed.name,
        tuple(parsed.phrases),
        parsed.color,
        tuple(AttributeSpec(a.name, tuple(a.values), a.default) for a in parsed.attributes),
        parsed.guide,
        tuple(GuideExample(e.image, e.note, _corners(e.xyxy_px), e.counter) for e in parsed.examples),
    )


def _corners(values: list[float] | None) -> tuple[float, float, float, float] | None:
    return None if values is None else (values[0], values[1], values[2], values[3])


def _mismatches(parsed: _File, text: str, file: Path) -> Iterator[str]:
    """What only several keys together get wrong."""
    seen: set[str] = set()
    for number, one in enumerate(parsed.classes):
        if one.name in seen:
            place = _place(text, file, ("classes", number, "name"))
            yield f"{place}: the class {one.name!r} stands twice. Remove or rename one"
        seen.add(one.name)
    for name in parsed.labeler.thresholds:
        if name not in seen:
            place = _place(text, file, ("labeler", "thresholds", name))
            yield f"{place}: a threshold for a class that there is not{_near(name, sorted(seen))}"


def _told(error: ValidationError, text: str, file: Path) -> Iterator[str]:
    for one in error.errors():
        location = one["loc"]
        place = _place(text, file, location)
        if one["type"] == "extra_forbidden":
            section = next((str(part) for part in reversed(location[:-1]) if isinstance(part, str)), "")
            known = list(_SECTIONS[section].model_fields) if section in _SECTIONS else []
            yield f"{place}: unknown key{_near(str(location[-1]), known)}"
        elif one["type"] == "missing":
            yield f"{place}: this key is missing"
        else:
            yield f"{place}: {one['msg'][0].lower()}{one['msg'][1:]}, but got {one['input']!r}"


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 3) or known
    return f"; did you mean: {', '.join(near)}?" if near else ""


def _place(text: str, file: Path, location: Sequence[int | str]) -> str:
    words = ""
    for part in location:
        words += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if words else part
    return f"{file}:{line_of(text, location)}: {words}"


def line_of(text: str, location: Sequence[int | str]) -> int:
    """The line, from 1, where the key at `location` (("classes", 1, "color")) stands; its table's header where the key is
    absent; 1 where neither is found.
    """
    best, depth = 1, 0
    for line, path in _keys(text):
        common = 0
        for mine, theirs in zip(location, path, strict=False):
            if mine != theirs:
                break
            common += 1
        if common == len(path) and common > depth:
            best, depth = line, common
    return best


def _keys(text: str) -> Iterator[tuple[int, tuple[int | str, ...]]]:
    """Every header and key with its line, as a path; arrays of tables are counted."""
    table: tuple[int | str, ...] = ()
    counted: dict[str, int] = {}
    for number, line in lines_outside_strings(text):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            name = header.group(2)
            if header.group(1) == "[[":
                counted[name] = counted.get(name, -1) + 1
            table = _with_numbers([part.strip().strip("\"'") for part in name.split(".")], counted)
            yield number, table
        elif key:
            yield number, (*table, next(part for part in key.groups() if part is not None))


def lines_outside_strings(text: str) -> Iterator[tuple[int, str]]:
    """The lines, from 1, that do not begin inside a multi-line string."""
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
            continue
        yield number, line
        inside = next((q for q in ('"""', "'''") if line.count(q) % 2), "")


def _with_numbers(parts: Sequence[str], counted: Mapping[str, int]) -> tuple[int | str, ...]:
    path: list[int | str] = []
    for i, part in enumerate(parts):
        path.append(part)
        name = ".".join(parts[: i + 1])
        if name in counted:
            path.append(counted[name])
    return tuple(path)
