"""The prompt table of a trial: several ways to ask for the same classes, one file."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from firstpass.errors import UsageError

Prompts = Mapping[str, tuple[str, ...]]
BETWEEN = "|"


def read_prompts(path: Path) -> dict[str, Prompts]:
    """Variant name → class → phrases. Raises UsageError, with line or key, for a file that is no such table.

    CSV: a column ``class`` and one column per variant, phrases in a cell parted by ``|``; an empty cell keeps the class's own.
    TOML: one table per variant: ``[short]`` and ``"red cell" = ["cell", "red cell"]`` (or one text).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the prompts cannot be read: {error}") from error
    found = _toml(path, text) if path.suffix.lower() == ".toml" else _csv(path, text)
    if not found:
        raise UsageError(f"{path}: has no variant; it needs a column per variant beside `class`, or a TOML table per variant")
    return found


def _csv(path: Path, text: str) -> dict[str, Prompts]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, list[str]())]
        if "class" not in header or len(set(header)) != len(header):
            raise UsageError(
                f"{path}: line 1: needs a column `class` and different names, but has: {', '.join(header) or 'nothing'}"
            )
        variants: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in header if name and name != "class"}
        for cells in rows:
            if not any(cells):
                continue
            row = dict(zip(header, cells, strict=False))
            if not row.get("class", "").strip() or len(cells) > len(header):
                raise UsageError(
                    f"{path}: line {rows.line_num}: needs a class and at most {len(header)} cells, but got {cells}"
                )
            for name, variant in variants.items():
                phrases = tuple(p.strip() for p in row.get(name, "").split(BETWEEN) if p.strip())
                if phrases:
                    variant[row["class"].strip()] = phrases
    except csv.Error as error:
        raise UsageError(f"{path}: line {rows.line_num}: {error}") from error
    return dict(variants)


def _toml(path: Path, text: str) -> dict[str, Prompts]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from error
    out: dict[str, Prompts] = {}
    for name, table in content.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {name}: a variant is a table of class = [phrases], but got {table!r}")
        out[name] = {key: _phrases(path, f"{name}.{key}", value) for key, value in cast("dict[str, Any]", table).items()}
    return out


def _phrases(path: Path, where: str, value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    phrases = [p.strip() for p in items if isinstance(p, str) and p.strip()]
    if not items or len(phrases) < len(items):
        raise UsageError(f"{path}: {where}: needs a phrase or a list of phrases, but got {value!r}")
    return tuple(phrases)
