"""Mistakes in firstpass.toml are told with file, line, key and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstpass.config import parse_config
from firstpass.config_text import new_text, with_classes
from firstpass.errors import ConfigError
from firstpass.labels import AttributeSpec, LabelClass, Ontology

FILE = Path("/shelf/firstpass.toml")
HEAD = '[project]\nimages = "pictures"\n'
TWO = HEAD + "[[classes]]\nname = 'a'\n[[classes]]\n"

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=15).filter(str.strip)
classes = st.builds(
    LabelClass,
    words,
    st.lists(words, max_size=2).map(tuple),
    st.sampled_from(["", "#00ff7F"]),
    st.lists(st.builds(AttributeSpec, words, st.lists(words, max_size=2).map(tuple), words), max_size=2).map(tuple),
    words,
)


def said(text: str) -> str:
    with pytest.raises(ConfigError) as told:
        parse_config(text, FILE)
    return str(told.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "naem = 'x'\n", "/shelf/firstpass.toml:3: project.naem: unknown key; did you mean: name"),
        (HEAD + "[labler]\n", ":3: labler: unknown key; did you mean: labeler"),
        ("[project]\nname = 'x'\n", ":1: project.images: this key is missing"),
        ("", ":1: project: this key is missing"),
        (HEAD + "[[classes]]\nname = 'a'\n\n[[classes]]\nname = 'b'\ncolor = 'red'\n", ":8: classes[2].color: "),
        (TWO + "colour = ''\nname = 'b'\n", ":6: classes[2].colour: unknown key; did you mean: color"),
        (TWO + "phrases = ['x']\n", ":5: classes[2].name: this key is missing"),
        (TWO + "name = 'a'\n", ":6: classes[2].name: the class 'a' stands twice"),
        (
            HEAD + "[[classes]]\nname = 'a'\nphrases = 'x'\n",
            ":5: classes[1].phrases: input should be a valid list, but got 'x'",
        ),
        (HEAD + "[[classes]]\nname = ' '\n", ":4: classes[1].name: "),
        (HEAD + '[[classes]]\nname = "a"\nguide = """\n[budget]\ncolor = 1\n"""\ncolor = "x"\n', ":9: classes[1].color: "),
        (
            HEAD + "[[classes]]\nname = 'cat'\n[labeler.thresholds]\nact = 0.5\n",
            ":6: labeler.thresholds.act: a threshold for a class",
        ),
        (HEAD + "[[classes]]\nname = 'cat'\n[labeler.thresholds]\nact = 0.5\n", "did you mean: cat?"),
        (HEAD + "[labeler]\nthresholds = { cat = -1 }\n", ":4: labeler.thresholds.cat: "),
        (HEAD + "[costs]\ndraw_box_s = 'fast'\n", ":4: costs.draw_box_s: "),
        (HEAD + "[costs]\ndraw_box_s = inf\n", ":4: costs.draw_box_s: "),
        (HEAD + "[budget]\nlatency_ms = 0\n", ":4: budget.latency_ms: "),
        (HEAD + "[budget\n", ":3: not valid TOML"),
        (HEAD + "name = 'a'\nname = 'b'\n", ":4: not valid TOML"),
        (HEAD + 'name = "unclosed\n', ":3: not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    assert told in said(text)


def test_every_mistake_is_told_at_once() -> None:
    lines = said("[project]\nimages = 3\nnaem = 'x'\n[budget]\nsize_mb = -1\n").splitlines()
    assert [line.split(":")[1] for line in lines] == ["2", "3", "5"]


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    from firstpass.config import read_config

    (tmp_path / "firstpass.toml").write_bytes(b"[project]\nimages = '\xe9'\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_config(tmp_path / "firstpass.toml")
    (tmp_path / "firstpass.toml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert read_config(tmp_path / "firstpass.toml").images == str(tmp_path / "pictures")


def test_places_start_at_the_file() -> None:
    config = parse_config(HEAD, FILE)
    assert (config.name, config.images, config.database) == ("shelf", "/shelf/pictures", "sqlite:////shelf/firstpass.db")
    far = parse_config('[project]\nimages = "s3://b/p"\ndatabase = "postgresql+psycopg://h/d"\n', FILE)
    assert (far.images, far.database) == ("s3://b/p", "postgresql+psycopg://h/d")


def test_whole_numbers_and_short_forms_are_welcome() -> None:
    text = HEAD + "[[classes]]\nname='a'\nattributes = ['brand']\n[costs]\ndraw_box_s = 7\n"
    text += "[budget]\nlatency_ms = 30\n[rules]\nx = [1]\n"
    config = parse_config(text, FILE)
    assert config.ontology.classes[0].attributes == (AttributeSpec("brand"),)
    assert (config.costs, config.latency_ms, config.size_mb, config.rules) == ({"draw_box_s": 7.0}, 30.0, None, {"x": [1]})


some_classes = st.lists(classes, max_size=3, unique_by=lambda c: c.name)


@given(some_classes, some_classes, words)
def test_any_class_can_be_written_and_read(first: list[LabelClass], more: list[LabelClass], name: str) -> None:
    text = new_text(name, "pictures", first)
    config = parse_config(text, FILE)
    assert (config.name, config.ontology) == (name, Ontology(tuple(first)))
    fresh = config.ontology.with_classes(more).classes[len(first) :]
    assert parse_config(with_classes(text, fresh), FILE).ontology == Ontology((*first, *fresh))
