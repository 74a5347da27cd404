"""The card of a trained artifact: `card.json` in its folder, which says what opens it and proves that it is whole.

Fields that every card has: labeler, version (of that labeler), classes, created (UTC), examples, files (relative path →
blake2b-128 hex); parts, where it is built on others: which ones. A learner may add its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, cast

from firstpass.engines.driver import file_digest
from firstpass.errors import LabelerBroke, UsageError
from firstpass.labelers.base import LabelerSpec

CARD_NAME = "card.json"


def write_card(
    folder: Path, spec: LabelerSpec, classes: tuple[str, ...], examples: int, parts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Completes the learner's card (its own fields stay), or writes one, and digests every other file.

    Raises UsageError for a card that cannot be read, LabelerBroke for one that names another labeler.
    """
    path = folder / CARD_NAME
    own = load_json(path) if path.exists() else {}
    named = str(own.get("labeler", spec.name)).replace("_", "-")
    if named != spec.name:
        raise LabelerBroke(spec.name, f"{path.name} names labeler {named!r}, but the artifact is for {spec.name!r}")
    card = {
        **own,
        "labeler": spec.name,
        "version": spec.version,
        "classes": own.get("classes", list(classes)),
        "created": own.get("created", datetime.now(UTC).isoformat(timespec="seconds")),
        "examples": examples,
        "files": _digests(folder),
    }
    if parts:
        card["parts"] = dict(parts)
    text = json.dumps(card, indent=2, ensure_ascii=False, sort_keys=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    return card


def read_card(folder: Path, spec: LabelerSpec | None = None) -> dict[str, Any]:
    """The card of an artifact, checked: its files are whole; with `spec`, it is that labeler's and not of a later version.

    Raises UsageError: which file or field is wrong, and what to do. A card without `files` (made elsewhere) is taken as is.
    """
    path = folder / CARD_NAME
    card = load_json(path)
    labeler = card.get("labeler")
    if not isinstance(labeler, str) or not labeler:
        raise UsageError(f"{path}: names no labeler; it is not the card of a trained labeler")
    if spec is not None and labeler.replace("_", "-") != spec.name:
        raise UsageError(f"{path}: was trained for labeler {labeler!r}, not {spec.name!r}; open it with {labeler}")
    version = str(card.get("version", ""))
    if spec is not None and _is_later(version, spec.version):
        raise UsageError(f"{path}: was written by version {version} of {labeler}; this is {spec.version}. Update Firstpass")
    files = card.get("files", {})
    if not isinstance(files, Mapping):
        raise UsageError(f"{path}: `files` must be a table of relative path and digest")
    for name, digest in cast(Mapping[str, Any], files).items():
        _check_file(folder, name, digest)
    return card


def load_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises UsageError for a missing or unreadable one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: is not there; a trained labeler's folder has a {CARD_NAME}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: must hold one JSON object")
    return cast(dict[str, Any], content)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != CARD_NAME)
    return {p.relative_to(folder).as_posix(): file_digest(p) for p in files}


def _check_file(folder: Path, name: str, digest: object) -> None:
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise UsageError(f"{folder / CARD_NAME}: file {name!r} lies outside the folder")
    path = folder / relative
    if not path.is_file():
        raise UsageError(f"{path}: is missing; the artifact is not whole. Train again or copy the whole folder")
    if file_digest(path) != digest:
        raise UsageError(f"{path}: is not the file that was trained (its digest differs). Train again or copy it anew")


def _is_later(version: str, ours: str) -> bool:
    def parts(text: str) -> list[int] | None:
        pieces = text.split(".")
        return [int(p) for p in pieces] if all(p.isdigit() for p in pieces) else None

    a, b = parts(version), parts(ours)
    if a is None or b is None:
        return bool(version) and version != ours
    return a > b
