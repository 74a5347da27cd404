"""The conditions of metadata rules: read from tables into small frozen values, asked of one image's columns.

A condition answers with a :class:`Hit` (which column, what text) or None. The tables:
``{column = "report", contains = "scratch"}``, ``{all = […]}``, ``{any = […]}``, ``{not = {…}}``; several tests in one table
must all hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from firstpass.labelers._rules_regex import compile_safely, search
from firstpass.labels import ImageRef

FOUND_CHARS = 200
Columns = Callable[[str], tuple[str, ...]]  # a column's values; () = the image has no such column


@dataclass(frozen=True, slots=True)
class Hit:
    """Why a condition holds: the column and the text found there (at most 200 characters); both "" for a negation."""

    column: str = ""
    found: str = ""


class Condition(Protocol):
    """Something that holds for an image or not."""

    def holds(self, columns: Columns) -> Hit | None:
        """The hit, or None when the condition does not hold."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How texts are compared. window_chars: see :func:`firstpass.labelers._rules_regex.search`."""

    case_sensitive: bool = False
    window_chars: int = 2000

    def fold(self, text: str) -> str:
        """The text as it is compared."""
        return text if self.case_sensitive else text.casefold()


Test = Callable[[str], str | None]  # a value → the text found in it, or None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One or several tests on one column; a column of several values (folder) needs one value that passes all."""

    column: str
    tests: tuple[Test, ...]
    empty: bool | None = None

    def holds(self, columns: Columns) -> Hit | None:
        """The hit, or None."""
        values = columns(self.column)
        if self.empty is not None and (not any(v.strip() for v in values)) is not self.empty:
            return None
        if not self.tests:
            return Hit(self.column, "" if self.empty else next((v.strip() for v in values if v.strip()), "")[:FOUND_CHARS])
        for value in values:
            found = [test(value) for test in self.tests]
            if all(f is not None for f in found):
                return Hit(self.column, (found[0] or "")[:FOUND_CHARS])
        return None


@dataclass(frozen=True, slots=True)
class Combined:
    """all or any of several conditions; the hit is the first that names a column."""

    parts: tuple[Condition, ...]
    needs_all: bool

    def holds(self, columns: Columns) -> Hit | None:
        """The hit, or None."""
        hits: list[Hit] = []
        for part in self.parts:
            hit = part.holds(columns)
            if hit is not None and not self.needs_all:
                return hit
            if hit is None and self.needs_all:
                return None
            if hit is not None:
                hits.append(hit)
        return next((h for h in hits if h.column), Hit()) if self.needs_all else None


@dataclass(frozen=True, slots=True)
class Not:
    """A condition turned round."""

    part: Condition

    def holds(self, columns: Columns) -> Hit | None:
        """A hit without column, or None."""
        return Hit() if self.part.holds(columns) is None else None


def read_condition(table: object, manner: Manner) -> Condition:
    """A condition from its table. Raises ValueError saying what is wrong."""
    if not isinstance(table, Mapping) or not table:
        raise ValueError(f'a condition must be a table like {{column = "report", contains = "scratch"}}, but got {table!r}')
    given = {str(k): v for k, v in cast(Mapping[Any, Any], table).items()}
    for word in ("all", "any"):
        if word in given:
            parts = given.pop(word)
            _refuse_rest(given, word)
            if not isinstance(parts, list | tuple) or not parts:
                raise ValueError(f"`{word}` needs a list of conditions, but got {parts!r}")
            return Combined(tuple(read_condition(p, manner) for p in cast(list[object], parts)), word == "all")
    if "not" in given:
        part = given.pop("not")
        _refuse_rest(given, "not")
        return Not(read_condition(part, manner))
    return _leaf(given, manner)


def _refuse_rest(rest: Mapping[str, Any], word: str) -> None:
    if rest:
        raise ValueError(f"`{word}` must stand alone in its table, but there is also {', '.join(rest)}")


def _leaf(given: dict[str, Any], manner: Manner) -> Leaf:
    column = given.pop("column", None)
    if not isinstance(column, str) or not column.strip():
        raise ValueError("a condition needs `column`, or one of all, any, not")
    empty = given.pop("empty", None)
    if empty is not None and not isinstance(empty, bool):
        raise ValueError(f"`empty` must be true or false, but got {empty!r}")
    if not given and empty is None:
        raise ValueError(f"the condition on column {column!r} has no test; give one of {', '.join([*_TESTS, 'empty'])}")
    tests: list[Test] = []
    for word, wanted in given.items():
        if word not in _TESTS:
            near = difflib.get_close_matches(word, _TESTS, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"give one of {', '.join([*_TESTS, 'empty'])}"
            raise ValueError(f"there is no test `{word}`; {hint}")
        tests.append(_TESTS[word](wanted, manner))
    return Leaf(column.strip(), tuple(tests), empty)


def _matches(wanted: object, manner: Manner) -> Test:
    if not isinstance(wanted, str):
        raise ValueError(f"`matches` needs a regular expression as text, but got {wanted!r}")
    pattern: re.Pattern[str] = compile_safely(wanted, manner.case_sensitive)
    return lambda value: search(pattern, value, manner.window_chars)


def _one_of(wanted: object, manner: Manner) -> Test:
    if not isinstance(wanted, list | tuple) or not wanted:
        raise ValueError(f"`one_of` needs a list of values, but got {wanted!r}")
    return _equal_to([_text(w, "one_of") for w in cast(list[object], wanted)], manner)


def _equals(wanted: object, manner: Manner) -> Test:
    return _equal_to([_text(wanted, "equals")], manner)


def _equal_to(wanted: list[str], manner: Manner) -> Test:
    texts = {manner.fold(w.strip()) for w in wanted}
    numbers = {n for w in wanted if (n := number(w)) is not None and _is_number(w)}

    def test(value: str) -> str | None:
        same = manner.fold(value.strip()) in texts or (_is_number(value) and number(value) in numbers)
        return value.strip() if same else None

    return test


def _contains(wanted: object, manner: Manner) -> Test:
    options = [_text(w, "contains") for w in (cast(list[object], wanted) if isinstance(wanted, list | tuple) else [wanted])]
    if not options or not all(options):
        raise ValueError("`contains` needs a text, or a list of texts of which one must occur")

    def test(value: str) -> str | None:
        folded = manner.fold(value)
        return next((option for option in options if manner.fold(option) in folded), None)

    return test


def _greater(wanted: object, _manner: Manner) -> Test:
    limit = _limit(wanted, "greater")
    return lambda value: value.strip() if (n := number(value)) is not None and n > limit else None


def _less(wanted: object, _manner: Manner) -> Test:
    limit = _limit(wanted, "less")
    return lambda value: value.strip() if (n := number(value)) is not None and n < limit else None


_TESTS: Mapping[str, Callable[[object, Manner], Test]] = {
    "matches": _matches, "equals": _equals, "contains": _contains, "greater": _greater, "less": _less, "one_of": _one_of,
}  # fmt: skip


def _text(value: object, word: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"`{word}` needs a text or a number, but got {value!r}")
    return str(value)


def _limit(value: object, word: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ValueError(f"`{word}` needs a number, but got {value!r}")
    return float(value)


_NUMBER = re.compile(r"\s*([-+]?\d[\d.,']*(?:[eE][-+]?\d+)?)")


def number(text: str) -> float | None:
    """The number that a text begins with: ``3.5``, ``3,5``, ``1.234,5``, ``1,234.5``, ``3.5 mm``; None for none.

    With both signs the last is the decimal one; a single comma is a decimal comma; a sign that occurs twice groups thousands.
    """
    found = _NUMBER.match(text)
    if found is None:
        return None
    digits = found.group(1).replace("'", "").rstrip(".,")
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands = "," if comma < dot else "."
        digits = digits.replace(thousands, "")
    for sign in ",.":
        if digits.count(sign) > 1:
            digits = digits.replace(sign, "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    found = _NUMBER.match(text)
    return found is not None and found.end() == len(text.rstrip())


def columns_of(ref: ImageRef, metadata: Mapping[str, str]) -> Columns:
    """How one image's columns are looked up, upper or lower case alike.

    ``name``: the file's name; ``path``: with its folders; ``folder``: the folders together and each one; ``width``, ``height``.
    Any other name, with or without ``metadata.`` or ``exif.`` before it: that column of the metadata table.
    """
    folded = {key.casefold(): value for key, value in metadata.items()}
    *folders, name = ref.name.split("/")
    own: dict[str, tuple[str, ...]] = {
        "name": (name,),
        "path": (ref.name,),
        "folder": tuple(dict.fromkeys(["/".join(folders), *folders])),
        "width": (str(ref.width_px),),
        "height": (str(ref.height_px),),
    }

    def values(column: str) -> tuple[str, ...]:
        key = column.casefold()
        if key in own:
            return own[key]
        for prefix in ("metadata.", "exif."):
            if key not in folded and key.startswith(prefix):
                key = key.removeprefix(prefix)
        return (folded[key],) if key in folded else ()

    return values
