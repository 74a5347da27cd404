"""Typed results as plain values, for ``--json`` and for the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, cast


def plain(value: Any) -> Any:
    """Dataclasses become dicts, sequences lists, paths and enums text; NaN and infinity None, as JSON has neither."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str) or value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path | datetime):
        return str(value)
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    to_list: Any = getattr(value, "tolist", None)  # numpy scalars and arrays
    if to_list is not None:
        return plain(to_list())
    return str(value)
