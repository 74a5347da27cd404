"""Writes ``firstpass.toml``: a new one with words for people, and changes that leave comments and order as they are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import tomlkit

from firstpass.atomic import atomic_file
from firstpass.config import DATABASE_NAME, LabelerChoice, lines_outside_strings
from firstpass.errors import UsageError
from firstpass.labels import LabelClass

_HEADER = re.compile(r"^\s*\[")
_CLASSES = re.compile(r"""^\s*\[\[?\s*classes\s*[\].]""")

_TEMPLATE = """\
# A Firstpass project. This file is for you to read and edit; what Firstpass changes in it leaves your comments alone.

[project]
name = {name}
images = {images}  # the image folder (relative to this file, or absolute), or a URL such as s3://bucket/photos
database = "{database}"  # or postgresql+psycopg://user@host/name

# The classes, in order, one [[classes]] table each. Only the name is needed:
#
#   [[classes]]
#   name = "bottle"
#   phrases = ["glass bottle", "bottle of wine"]  # what a model is asked for; without them, the name
#   color = "#E69F00"                             # without it, one of a color-blind-safe palette
#   attributes = [{{ name = "label", values = ["whole", "torn"], default = "whole" }}]
#   guide = \"\"\"When is it a bottle? The rule in words, for your experts.\"\"\"
{classes}
# The labeler that makes the first pass, and its settings. `firstpass labelers` lists them; `firstpass train` writes this too.
[labeler]
name = ""

[labeler.settings]

# Per class: proposals with a lower score are not shown to the experts; inf = none are.
[labeler.thresholds]

# Seconds of human work per action, where you measured other than the published figures, for example draw_box_s = 9.5
[costs]

# What the trained model may take in production, for example latency_ms = 30 and size_mb = 10
[budget]

# Rules over metadata, for the labeler metadata-rules.
[rules]
"""


def new_text(name: str, images: str, classes: Iterable[LabelClass]) -> str:
    """The text of a new project's file."""
    tables = "".join(f"\n{_class_text(c)}" for c in classes)
    return _TEMPLATE.format(name=_quoted(name), images=_quoted(images), database=DATABASE_NAME, classes=tables)


def with_classes(text: str, classes: Iterable[LabelClass]) -> str:
    """The text with these classes appended to those that are there, or behind [project] where there are none."""
    document: Any = tomlkit.parse(text)
    inline = document.get("classes")
    if inline is not None and not _has_class_tables(text):
        for label_class in classes:
            table: Any = tomlkit.inline_table()
            table.update(_class_values(label_class))
            inline.append(table)
        return tomlkit.dumps(document)
    return _insert(text, "".join(f"\n{_class_text(c)}" for c in classes))


def with_labeler(text: str, choice: LabelerChoice) -> str:
    """The text with [labeler] saying this choice. Raises UsageError for a setting that TOML cannot hold, such as None."""
    document = tomlkit.parse(text)
    labeler: Any = document.setdefault("labeler", tomlkit.table())
    thresholds = {name: float(value) for name, value in choice.thresholds.items()}
    with _words_last(labeler):
        labeler["name"] = choice.name
        for key, values in (("settings", choice.settings), ("thresholds", thresholds)):
            if key not in labeler:
                labeler[key] = tomlkit.table()
            _replace(labeler[key], values, f"labeler.{key}")
    return _dumped(document, text)


def with_phrases(text: str, phrases: Mapping[str, Sequence[str]]) -> str:
    """The text with these phrases in the classes of these names; none = the class is asked for by its name."""
    document: Any = tomlkit.parse(text)
    for table in document.get("classes", ()):
        wanted = phrases.get(str(table["name"]))
        if wanted is None or list(table.get("phrases", ())) == list(wanted):
            continue
        with _words_last(table):
            if wanted:
                table["phrases"] = _item(list(wanted))
            else:
                del table["phrases"]
    return _dumped(document, text)


def _dumped(document: Any, text: str) -> str:
    """The document as text, with the line ends that the text before had."""
    written = tomlkit.dumps(document)
    return re.sub(r"\r?\n", "\r\n", written) if "\r\n" in text else written


def write_text(file: Path, text: str) -> None:
    """Writes the file whole or not at all, its line ends as they are. Raises FormatError."""
    with atomic_file(file) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextlib.contextmanager
def _words_last(table: Any) -> Generator[None]:
    """Keeps what leads the next table (blank lines, comments) behind the keys that are added to this one."""
    body: list[Any] = getattr(table.value, "body", [])
    words: list[Any] = []
    while body and body[-1][0] is None:
        words.insert(0, body.pop())
    yield
    body.extend(words)


def _replace(table: Any, values: Mapping[str, Any], where: str) -> None:
    with _words_last(table):
        for key in [key for key in table if key not in values]:
            del table[key]
        for key, value in values.items():
            try:
                if key not in table or table[key] != value:
                    table[key] = _item(value)
            except (ValueError, TypeError) as error:
                raise UsageError(f"{where}.{key} = {value!r} cannot be written to a TOML file: {error}") from error


def _item(value: Any) -> Any:
    if isinstance(value, Mapping):
        table: Any = tomlkit.inline_table()
        for key, inner in cast("Mapping[Any, Any]", value).items():
            table[str(key)] = _item(inner)
        return table
    if isinstance(value, list | tuple):
        array: Any = tomlkit.array()
        for inner in cast("Sequence[Any]", value):
            array.append(_item(inner))
        return array
    return tomlkit.item(str(value) if isinstance(value, Path) else value)


def _quoted(text: str) -> str:
    return tomlkit.item(text).as_string()


def _class_text(label_class: LabelClass) -> str:
    table: Any = tomlkit.table()
    table.update(_class_values(label_class))
    return f"[[classes]]\n{table.as_string()}"


def _class_values(label_class: LabelClass) -> dict[str, Any]:
    values: dict[str, Any] = {"name": label_class.name}
    if label_class.phrases:
        values["phrases"] = list(label_class.phrases)
    if label_class.color:
        values["color"] = label_class.color
    if label_class.attributes:
        attributes = [{"name": a.name, "values": list(a.values), "default": a.default} for a in label_class.attributes]
        values["attributes"] = _inline_tables(attributes)
    if label_class.guide:
        values["guide"] = tomlkit.string(label_class.guide, multiline="\n" in label_class.guide)
    if label_class.examples:
        examples = [
            {"image": e.image_name, "note": e.note, "counter": e.counter}
            | ({} if e.xyxy_px is None else {"xyxy_px": [float(v) for v in e.xyxy_px]})
            for e in label_class.examples
        ]
        values["examples"] = _inline_tables(examples)
    return values


def _inline_tables(rows: Iterable[Mapping[str, Any]]) -> Any:
    array: Any = tomlkit.array()
    for row in rows:
        table: Any = tomlkit.inline_table()
        table.update(row)
        array.append(table)
    return array


def _has_class_tables(text: str) -> bool:
    return any(_CLASSES.match(line) for _, line in lines_outside_strings(text))


def _insert(text: str, added: str) -> str:
    """The text with class tables put behind the last class or else [project], above the words that lead the next table."""
    lines = text.splitlines(keepends=True)
    headers = [(number - 1, line) for number, line in lines_outside_strings(text) if _HEADER.match(line)]
    last = max((n for n, line in headers if _CLASSES.match(line)), default=-1)
    if last < 0:
        last = next((n for n, line in headers if re.match(r"^\s*\[\s*project\s*\]", line)), len(lines) - 1)
    at = next((n for n, _ in headers if n > last), len(lines))
    while last + 1 < at < len(lines) and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    while at > last + 1 and not lines[at - 1].strip():
        at -= 1
    newline = "\r\n" if "\r\n" in text else "\n"
    before = "".join(lines[:at])
    return before + ("" if before.endswith("\n") else newline) + added.replace("\n", newline) + "".join(lines[at:])
