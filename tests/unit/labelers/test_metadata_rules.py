"""Metadata rules: tests, combinations, columns, reasons, guards, and what a bad rule is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.engines.driver import label_checked
from firstpass.errors import UsageError
from firstpass.labelers._rules_conditions import number
from firstpass.labelers._rules_regex import compile_safely, search
from firstpass.labelers.base import Ask, AskedClass, Task
from firstpass.labelers.metadata_rules import PLUGIN, SPEC
from firstpass.labels import ImageRef, Tag
from firstpass.media.image import Image

EMPTY = np.zeros((0, 0, 3), np.uint8)


def picture(name: str = "line 2/2024-05/part_017.jpg", /, **metadata: str) -> Image:
    return Image(ImageRef("d", name, name, 640, 480), EMPTY, metadata)


def tags(when: Any, image: Image, **more: Any) -> tuple[Tag, ...]:
    settings = {"rule": [{"name": "r", "when": when, "tag": "scratch", **more}]}
    return label_checked(PLUGIN.open(settings), SPEC, [image], Ask(Task.TAG))[0].tags


def fires(when: Any, image: Image | None = None, **metadata: str) -> bool:
    return bool(tags(when, image or picture(**metadata)))


def reason(when: Any, image: Image) -> dict[str, str]:
    return dict(tags(when, image)[0].attributes)


REPORT = "Oberfläche: tiefer Kratzer links oben, sonst i. O."


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"contains": "kratzer"}, True),
        ({"contains": "KRATZER"}, True),
        ({"contains": ["Riss", "Kratzer"]}, True),
        ({"contains": "Riss"}, False),
        ({"matches": r"tiefer\s+kratzer"}, True),
        ({"matches": r"^kratzer"}, False),
        ({"equals": REPORT.upper()}, True),
        ({"equals": "Kratzer"}, False),
        ({"one_of": ["x", REPORT]}, True),
        ({"empty": True}, False),
        ({"empty": False}, True),
        ({"contains": "kratzer", "matches": "links"}, True),
        ({"contains": "kratzer", "matches": "rechts"}, False),
    ],
)
def test_each_test_on_a_german_report(test: dict[str, Any], expected: bool) -> None:
    assert fires({"column": "report", **test}, report=REPORT) is expected


def test_case_sensitive_on_request() -> None:
    rule = {"when": {"column": "report", "contains": "kratzer"}, "tag": "scratch"}
    labeler = PLUGIN.open({"rule": [rule], "case_sensitive": True})
    assert label_checked(labeler, SPEC, [picture(report=REPORT)], Ask(Task.TAG))[0].tags == ()


def test_german_sharp_s_and_umlauts_fold() -> None:
    assert fires({"column": "report", "contains": "STRASSE"}, report="Straße 7")
    assert fires({"column": "report", "contains": "ÖL"}, report="Hydrauliköl")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5), ("3,5", 3.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("3.5 mm", 3.5), ("-2", -2), ("1'200", 1200),
        ("1.234.567", 1234567), ("2e3", 2000), ("  7 ", 7), ("about 7", None), ("", None), ("n/a", None), ("5.", 5),
        ("12%", 12),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, value: float | None) -> None:
    assert number(text) == value


@given(st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3)))
def test_plain_numbers_come_back(value: float) -> None:
    text = f"{value:.3f}"
    assert number(text) == pytest.approx(value)
    assert number(text.replace(".", ",")) == pytest.approx(value)


@given(st.text(max_size=50))
def test_no_text_breaks_the_number_reader(text: str) -> None:
    number(text)


@pytest.mark.parametrize(
    ("test", "depth", "expected"),
    [
        ({"greater": 0.5}, "0,7 mm", True),
        ({"greater": 0.7}, "0,7 mm", False),
        ({"less": 1}, "0.7", True),
        ({"less": 1, "greater": 0.8}, "0.7", False),
        ({"greater": 0.5}, "unknown", False),
        ({"less": 0.5}, "", False),
        ({"equals": 0.7}, "0.70", True),
        ({"equals": 7}, "7", True),
        ({"one_of": [1, 2, 7]}, "7", True),
        ({"equals": 7}, "7 mm", False),
    ],
)
def test_numbers(test: dict[str, Any], depth: str, expected: bool) -> None:
    assert fires({"column": "depth", **test}, depth=depth) is expected


def test_combinations() -> None:
    scratch, deep = {"column": "report", "contains": "scratch"}, {"column": "depth", "greater": 1}
    both, shallow = picture(report="scratch", depth="2"), picture(report="scratch", depth="0.5")
    none = picture(report="ok", depth="0")
    assert [fires({"all": [scratch, deep]}, i) for i in (both, shallow, none)] == [True, False, False]
    assert [fires({"any": [scratch, deep]}, i) for i in (both, shallow, none)] == [True, True, False]
    assert [fires({"not": scratch}, i) for i in (both, shallow, none)] == [False, False, True]
    assert [fires({"all": [scratch, {"not": deep}]}, i) for i in (both, shallow, none)] == [False, True, False]
    assert fires({"any": [{"all": [scratch, {"not": deep}]}, {"not": scratch}]}, none)


def test_unless_is_and_not() -> None:
    when, unless = {"column": "report", "contains": "scratch"}, {"column": "report", "matches": r"\bno\s+scratch"}
    assert tags(when, picture(report="one scratch"), unless=unless)
    assert not tags(when, picture(report="No scratch seen"), unless=unless)


def test_file_name_folder_and_size_are_columns() -> None:
    image = picture()
    assert fires({"column": "name", "equals": "part_017.jpg"}, image)
    assert fires({"column": "folder", "equals": "2024-05"}, image)
    assert fires({"column": "folder", "equals": "line 2/2024-05"}, image)
    assert not fires({"column": "folder", "equals": "line"}, image)
    assert fires({"column": "path", "matches": r"^line \d/.*\.jpg$"}, image)
    assert fires({"column": "width", "greater": 600}, image)
    assert fires({"column": "folder", "empty": True}, picture("a.jpg"))


def test_exif_and_metadata_columns() -> None:
    image = picture(Model="Camera 7", name="the part's own name")
    for column in ("Model", "model", "exif.Model", "metadata.model"):
        assert fires({"column": column, "contains": "camera"}, image)
    assert fires({"column": "metadata.name", "contains": "own"}, image)
    assert not fires({"column": "name", "contains": "own"}, image)


def test_a_missing_column_is_empty() -> None:
    assert fires({"column": "report", "empty": True})
    assert fires({"column": "report", "empty": True}, report="  ")
    assert not fires({"column": "report", "contains": ""[:0] or "x"})
    assert not fires({"column": "report", "empty": False})


def test_the_tag_says_which_rule_fired_and_why() -> None:
    image = picture(report=REPORT, depth="2")
    both = {"all": [{"not": {"column": "depth", "less": 1}}, {"column": "report", "matches": r"tiefer \w+"}]}
    assert reason(both, image) == {"rule": "r", "column": "report", "found": "tiefer Kratzer"}
    assert reason({"not": {"column": "depth", "less": 1}}, image) == {"rule": "r", "column": "", "found": ""}
    assert reason({"column": "depth", "greater": 1}, image) == {"rule": "r", "column": "depth", "found": "2"}
    assert len(reason({"column": "report", "empty": False}, picture(report="x" * 900))["found"]) == 200


def test_several_tags_scores_attributes_and_also() -> None:
    rules = [
        {"name": "a", "when": {"column": "report", "contains": "kratzer"}, "tag": ["scratch", "defect"], "score": 0.9},
        {"name": "b", "when": {"column": "report", "contains": "tief"}, "class": "defect", "attributes": {"depth": "deep"}},
        {"name": "c", "when": {"column": "report", "contains": "links"}, "tag": "defect"},
    ]
    found = label_checked(PLUGIN.open({"rules": {"rule": rules}}), SPEC, [picture(report=REPORT)], Ask(Task.TAG))[0].tags
    assert [(t.name, t.score, t.attributes["rule"], t.attributes.get("also")) for t in found] == [
        ("scratch", 0.9, "a", None),
        ("defect", 0.9, "a", "b, c"),
    ]
    assert tags({"column": "report", "empty": True}, picture(), attributes={"k": "v"})[0].attributes["k"] == "v"


def test_rules_from_a_file_add_to_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "f"\nwhen = { column = "name", contains = "part" }\ntag = "part"\n')
    own = {"name": "o", "when": {"column": "name", "contains": "part"}, "tag": "own"}
    found = label_checked(PLUGIN.open({"file": str(path), "rules": [own]}), SPEC, [picture()], Ask(Task.TAG))[0].tags
    assert [t.name for t in found] == ["own", "part"]
    path.write_text("[[rule")
    with pytest.raises(UsageError, match="cannot be read"):
        PLUGIN.open({"file": str(path)})


def test_without_rules_every_image_is_looked_at() -> None:
    assert label_checked(PLUGIN.open({}), SPEC, [picture()], Ask(Task.TAG))[0].tags == ()


def test_a_tag_that_was_not_asked_for_names_the_rule_or_is_dropped() -> None:
    rule = {"name": "r", "when": {"column": "name", "contains": "part"}, "tag": "scrach"}
    ask = Ask(Task.TAG, (AskedClass("scratch"),))
    with pytest.raises(UsageError, match=r"metadata rule 'r' gives 'scrach', .* did you mean: scratch\?"):
        label_checked(PLUGIN.open({"rule": [rule]}), SPEC, [picture()], ask)
    assert label_checked(PLUGIN.open({"rule": [rule], "unasked": "drop"}), SPEC, [picture()], ask)[0].tags == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"tag": "a"}, "`when` is missing"),
        ({"when": {"column": "c", "contains": "x"}}, "`tag` is missing"),
        ({"when": {"column": "c", "contains": "x"}, "tag": 3}, "`tag` needs a name"),
        ({"when": {"column": "c", "contains": "x"}, "tag": "a", "scor": 1}, "no key 'scor'; did you mean score"),
        ({"when": {"column": "c", "contains": "x"}, "tag": "a", "score": 2}, "`score` needs a number in 0..1"),
        ({"when": {"column": "c", "contains": "x"}, "tag": "a", "attributes": 2}, "`attributes` needs a table"),
        ({"when": {"column": "c", "match": "x"}, "tag": "a"}, "no test `match`; did you mean `matches`"),
        ({"when": {"column": "c"}, "tag": "a"}, "has no test"),
        ({"when": {"contains": "x"}, "tag": "a"}, "a condition needs `column`"),
        ({"when": {}, "tag": "a"}, "a condition must be a table"),
        ({"when": {"all": [], "any": []}, "tag": "a"}, "must stand alone"),
        ({"when": {"all": []}, "tag": "a"}, "`all` needs a list of conditions"),
        ({"when": {"not": {"column": "c", "contains": "x"}, "column": "c"}, "tag": "a"}, "must stand alone"),
        ({"when": {"column": "c", "matches": "(a"}, "tag": "a"}, r"'\(a' is not a regular expression: .* at character 1"),
        ({"when": {"column": "c", "matches": 3}, "tag": "a"}, "needs a regular expression"),
        ({"when": {"column": "c", "matches": "(a+)+$"}, "tag": "a"}, "could take forever"),
        ({"when": {"column": "c", "greater": "x"}, "tag": "a"}, "`greater` needs a number"),
        ({"when": {"column": "c", "one_of": "x"}, "tag": "a"}, "`one_of` needs a list"),
        ({"when": {"column": "c", "contains": ""}, "tag": "a"}, "`contains` needs a text"),
        ({"when": {"column": "c", "empty": "yes"}, "tag": "a"}, "`empty` must be true or false"),
        ({"when": {"column": "c", "equals": True}, "tag": "a"}, "`equals` needs a text"),
    ],
)
def test_a_bad_rule_is_named(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"(?s)metadata rule 'bad'.*{message}"):
        PLUGIN.open({"rule": [{"name": "bad", **rule}]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rule": "x"}, "must be a list"),
        ({"rule": ["x"]}, "rule 1: must be a table"),
        ({"case_sensitive": "yes"}, "case_sensitive"),
        ({"window_chars": 5}, "window_chars"),
        ({"unasked": "maybe"}, "unasked"),
        ({"rule": [{"name": "a", "when": {"column": "c", "empty": True}, "tag": "t"}] * 2}, "two rules are called 'a'"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PLUGIN.open(settings)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a*)*b", r"(\w+\s?)+:", "(a|ab)*c", "(foo|f.o|bar)+", "(.*)+", "((ab)*c?)*", "(?:x+y*){2,}"]
)
def test_explosive_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="could take forever"):
        compile_safely(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\bkratzer\w*", r"no\s+(scratch|dent)", "(ab|cd)+", "(a|b)*", r"\d{1,3}(\.\d{3})*", "^.*foo.*bar", "(?:un)?deep", ".*"],
)
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    assert compile_safely(pattern).pattern == pattern


def test_long_texts_are_searched_whole_and_in_bounded_time() -> None:
    text = "foo " * 25_000
    started = time.perf_counter()
    assert search(compile_safely("foo.*bar"), text, 2_000) is None
    assert time.perf_counter() - started < 5
    with pytest.raises(ValueError, match="leave the leading repetition out"):
        compile_safely(".*foo.*bar")
    needle = compile_safely("needle at the end")
    for at in (0, 499, 500, 1_750, 1_999, 2_000, 9_983):
        haystack = "x" * at + "needle at the end" + "x" * (10_000 - at)
        assert search(needle, haystack, 2_000) == "needle at the end"


@given(st.integers(0, 3000), st.integers(100, 900))
def test_no_place_in_a_long_text_is_missed(at: int, window: int) -> None:
    assert search(compile_safely("QQ"), "x" * at + "QQ" + "x" * (3000 - at), window) == "QQ"
