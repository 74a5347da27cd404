"""Regular expressions for rules: compiled case-insensitively, guarded against patterns that can take forever.

Python's `re` backtracks. Two guards keep a careless pattern from hanging a run: patterns whose cost can grow exponentially are
refused when the rules are read, a repetition of something that itself repeats, ``(a+)+``, or of alternatives that can begin
with the same character, ``(a|ab)*``; and a long text is searched in overlapping windows, so that the cost of the rest, which is
polynomial, stays bounded. A leading ``.*``, which only adds cost, is refused too.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any, cast

OVERLAP_CHARS = 500
_UNBOUNDED = 64  # a repetition of up to this many counts as bounded


def compile_safely(pattern: str, case_sensitive: bool = False) -> re.Pattern[str]:
    """The compiled pattern. Raises ValueError saying what is wrong with it and where."""
    try:
        compiled = re.compile(pattern, re.NOFLAG if case_sensitive else re.IGNORECASE)
    except re.error as error:
        at = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"{pattern!r} is not a regular expression: {error.msg}{at}") from error
    except (RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern[:80]!r}… is too large a regular expression") from error
    parser: Any = importlib.import_module("re._parser")
    parsed = parser.parse(pattern)
    trouble = _explosive(parsed, inside=False)
    if trouble:
        raise ValueError(f"{pattern!r} could take forever on some texts: {trouble}; rewrite it without")
    if len(parsed) > 1 and str(parsed[0][0]).endswith("_REPEAT") and _is_anything(parsed[0][1]):
        raise ValueError(f"{pattern!r} is slow on long texts: leave the leading repetition out, a match may begin anywhere")
    return compiled


def search(pattern: re.Pattern[str], text: str, window_chars: int) -> str | None:
    """The matched text, "" for an empty match, None for no match.

    A text longer than `window_chars` is searched piece by piece, the pieces overlapping by 500 characters (half a window when
    that is less): ``^`` and ``$`` then mean a piece's ends too, and a match longer than the overlap may be missed.
    """
    for piece in _pieces(text, window_chars):
        found = pattern.search(piece)
        if found is not None:
            return found.group(0)
    return None


def _is_anything(repeat: Any) -> bool:
    """Whether a repetition is ``.*`` or ``.+`` or alike."""
    _low, high, body = repeat
    return int(high) > _UNBOUNDED and len(body) == 1 and str(body[0][0]) == "ANY"


def _pieces(text: str, window_chars: int) -> Iterator[str]:
    if len(text) <= window_chars:
        yield text
        return
    step = window_chars - min(OVERLAP_CHARS, window_chars // 2)
    for start in range(0, len(text) - window_chars + step, step):
        yield text[start : start + window_chars]


def _explosive(parsed: Any, inside: bool) -> str:
    """What makes a parsed pattern exponential, "" for nothing. inside: within an unbounded repetition."""
    for op, argument in parsed:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _low, high, body = argument
            many = int(high) > _UNBOUNDED
            if many and inside:
                return "a repetition inside a repetition"
            trouble = _explosive(body, inside or many)
        elif name == "BRANCH":
            branches = cast(list[Any], argument[1])
            if inside and not _distinct(branches):
                return "a repetition of alternatives that can begin alike"
            trouble = next(filter(None, (_explosive(branch, inside) for branch in branches)), "")
        else:
            trouble = next(filter(None, (_explosive(part, inside) for part in _bodies(name, argument))), "")
        if trouble:
            return trouble
    return ""


def _bodies(name: str, argument: Any) -> list[Any]:
    """The patterns within one element."""
    if name == "SUBPATTERN":
        return [argument[-1]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    if name == "GROUPREF_EXISTS":
        return [part for part in argument[1:] if part is not None]
    return []  # an atomic group or possessive repeat never backtracks into itself


def _distinct(branches: list[Any]) -> bool:
    """Whether every alternative begins with a letter of its own."""
    firsts: list[int] = []
    for branch in branches:
        items = list(branch)
        if not items or str(items[0][0]) != "LITERAL":
            return False
        firsts.append(int(items[0][1]))
    lowered = [chr(code).casefold() for code in firsts]
    return len(set(lowered)) == len(lowered)
