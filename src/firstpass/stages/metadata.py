"""Brings metadata in: a table (CSV, TSV, JSON, JSON lines) with one row per image, such as defect reports or store data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from firstpass.errors import FormatError, Problem
from firstpass.project import Project

KEY_COLUMNS = ("image", "file_name", "filename", "file", "name", "path", "image_name", "bild", "datei")
MAX_CELL_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class MetadataReport:
    """rows: table rows read. images: images that got metadata. columns: the table's columns. problems: rows left out."""

    rows: int
    images: int
    columns: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def import_metadata(project: Project, path: str | Path, *, key: str | None = None) -> MetadataReport:
    """Merges the table's columns into the images' metadata; a later import of a column overwrites its values.

    key: the column that names the image (None = the first of the usual names). Values are kept as text.
    Raises FormatError when the file is no table or has no such column.
    """
    source = Path(path)
    columns, rows = _read_table(source)
    by_lower = {column.strip().lower(): column for column in columns}
    wanted = [key.strip().lower()] if key else list(KEY_COLUMNS)
    found = next((by_lower[name] for name in wanted if name in by_lower), None)
    if found is None:
        hint = f"a column {key!r}" if key else f"a column called {', '.join(KEY_COLUMNS[:6])}"
        raise FormatError(f"{source.name}: no column names the image (expected {hint}; there are: {', '.join(columns)})")
    finder = project.store.images.finder()
    merged: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    count = 0
    for where, row in rows:
        count += 1
        name = str(row.get(found) or "").strip()
        image = finder.find(name) if name else Problem("", "no image is named", f"a name in column {found}")
        if isinstance(image, Problem):
            problems.append(Problem(where, image.what, image.expected, image.remedy))
            continue
        cells = {column: _text(value) for column, value in row.items() if column != found}
        merged.setdefault(image.name, {}).update({c: v for c, v in cells.items() if v != ""})
    project.store.images.set_metadata(merged)
    return MetadataReport(count, len(merged), tuple(c for c in columns if c != found), tuple(problems))


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.strip()[:MAX_CELL_CHARS]


def _read_table(source: Path) -> tuple[list[str], Iterable[tuple[str, Mapping[str, Any]]]]:
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"{source}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        text = source.read_bytes().decode("cp1252", "replace")
    if source.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return _read_json(source, text)
    return _read_csv(source, text)


def _read_csv(source: Path, text: str) -> tuple[list[str], Iterator[tuple[str, Mapping[str, Any]]]]:
    head = text[:10_000]
    try:
        dialect = csv.Sniffer().sniff(head, delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=dialect)
    columns = [c for c in (reader.fieldnames or []) if c]
    if not columns:
        raise FormatError(f"{source.name}: the table is empty (expected a header line and one row per image)")

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for row in reader:
            kept = {column: value for column, value in row.items() if column in columns}
            yield f"{source.name}: line {reader.line_num}", kept

    return columns, rows()


def _read_json(source: Path, text: str) -> tuple[list[str], list[tuple[str, Mapping[str, Any]]]]:
    try:
        if source.suffix.lower() == ".json":
            records: Any = json.loads(text)
            if isinstance(records, dict):
                by_name = cast("dict[str, Any]", records).items()
                records = [{"image": name, **cast("dict[str, Any]", row)} for name, row in by_name if isinstance(row, dict)]
        else:
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise FormatError(f"{source.name}: not JSON: {error}") from error
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in cast("list[Any]", records)):
        raise FormatError(f"{source.name}: expected a list of objects, one per image, or an object keyed by image name")
    rows = cast("list[dict[str, Any]]", records)
    columns = list(dict.fromkeys(str(column) for row in rows for column in row))
    return columns, [(f"{source.name}: record {i}", row) for i, row in enumerate(rows, 1)]
