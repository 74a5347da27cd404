"""The comparer of the formats' suite sees what a format must not do; else the suite could not fail."""

from dataclasses import replace

import pytest
from _compare import Comparer
from _finder import READER
from _sheets import AUTHOR, rich_sheet

from firstpass.formats.base import FormatSpec, Loss
from firstpass.labels import Box, Tag

EXACT = FormatSpec("exact", "Exact", "file", frozenset())
WRITTEN = rich_sheet().images
PLAIN = WRITTEN[2]


def told(read, spec=EXACT):
    return list(Comparer(spec).differences(WRITTEN, read, READER))


def with_plain(**changes):
    return (*WRITTEN[:2], replace(PLAIN, objects=(replace(PLAIN.objects[0], **changes),)))


def test_same_is_no_difference():
    assert told(WRITTEN) == []


@pytest.mark.parametrize(
    "read",
    [
        WRITTEN[:2],
        (WRITTEN[0], WRITTEN[2]),
        (*WRITTEN, WRITTEN[2]),
        with_plain(class_name="dog"),
        with_plain(shape=Box(10.0, 20.0, 30.0, 40.0001)),
        with_plain(score=1.0),
        with_plain(text="x"),
        with_plain(attributes={"a": "b"}),
        with_plain(id="other"),
        (*WRITTEN[:2], replace(PLAIN, objects=())),
        (*WRITTEN[:2], replace(PLAIN, objects=PLAIN.objects * 2)),
        (*WRITTEN[:2], replace(PLAIN, tags=(Tag("cat"),))),
        (replace(WRITTEN[0], tags=()), *WRITTEN[1:]),
        (*WRITTEN[:2], replace(PLAIN, author=READER)),
        (*WRITTEN[:2], replace(PLAIN, image=replace(PLAIN.image, width_px=99))),
    ],
)
def test_undeclared_loss_is_seen(read):
    assert told(read) != []


def test_declared_loss_is_allowed_and_no_more():
    lossy = replace(EXACT, losses=frozenset({Loss.EMPTY_IMAGES, Loss.ROUNDING}), tolerance_px=0.01)
    assert told((WRITTEN[0], with_plain(shape=Box(10.0, 20.0, 30.0, 40.005))[2]), lossy) == []
    assert told((WRITTEN[0], with_plain(shape=Box(10.0, 20.0, 30.0, 40.02))[2]), lossy) != []
    assert AUTHOR != READER
