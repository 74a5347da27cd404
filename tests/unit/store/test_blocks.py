"""Blocks: what is packed comes back, an older data base's objects move into them, and damage is told where it is."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstpass.errors import StoreCorrupt
from firstpass.labels import (
    Author,
    Box,
    ImageRef,
    Labeled,
    LabeledImage,
    ObjectId,
    PackedObjects,
    Point,
    Polygon,
    PolygonPart,
    rle,
)
from firstpass.labels.packed import packed
from firstpass.store import Layer, NewImage, Store
from firstpass.store.blocks import BlockError, pack_blocks, unpack_blocks
from firstpass.store.codec import pack_details, pack_geometry
from firstpass.store.connect import connect, prepare_empty
from firstpass.store.migrate import run_migrations

Look = Callable[..., LabeledImage]
RING = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
SHAPES = (Box(1, 2, 3.5, 4), Point(5, 6), Polygon((PolygonPart(RING, (RING,)),)), rle.encode(np.eye(9, 12)), Box(0, 0, 0, 0))
MIXED = tuple(
    Labeled(
        ObjectId(f"ö{n}" * n), "cat" if n % 2 else "dög", shape, [None, 0.25, 1.0][n % 3], ["t", None][n % 2], {"a": str(n)}
    )
    for n, shape in enumerate(SHAPES)
)
PLAIN = tuple(Labeled(ObjectId(f"p{n}"), "cat", Box(n, n, n + 1, n + 2), n / 10) for n in range(4))
KEYS = {"cat": 1, "dög": 7}
NAMES = {1: "cat", 7: "dög"}


def blocks_of(*looks: tuple[Labeled, ...] | PackedObjects) -> list[bytes]:
    found = [block for block in pack_blocks(looks, KEYS) if block is not None]
    assert len(found) == len(looks)
    return found


def test_layout_is_the_one_in_the_words_above_the_code() -> None:
    (block,) = blocks_of(MIXED[1:2])
    extra = struct.pack("<III", 0, 1, len(pack_details(None, {"a": "1"}) or "")) + b"." + b'{"attributes":{"a":"1"}}'
    head = struct.pack("<BBHIII", 1, 3, 0, 1, 3, len(extra))
    assert block == head + struct.pack("<II4dd", 1, 2, 5, 6, 5, 6, 0.25) + "ö1".encode() + extra


def test_columns_and_values_give_the_same_blocks() -> None:
    looks = [PLAIN, PLAIN[:1], PLAIN[2:], (), MIXED]
    as_columns = [packed(look) or look for look in looks]
    assert pack_blocks(as_columns, KEYS) == pack_blocks(looks, KEYS)
    assert pack_blocks(looks, KEYS)[3] is None
    page = unpack_blocks(blocks_of(PLAIN, MIXED, PLAIN[:2])).looks(NAMES)
    assert page == [PLAIN, MIXED, PLAIN[:2]]
    assert isinstance(page[0], PackedObjects)


def test_any_changed_byte_is_an_error_or_other_objects_but_no_crash() -> None:
    rng = random.Random(3)
    for block in blocks_of(MIXED, PLAIN, MIXED[3:4], MIXED[2:3]):
        for _ in range(600):
            bad = bytearray(block)
            for _ in range(rng.randint(1, 3)):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            cut = bytes(bad[: rng.randrange(len(bad))]) if rng.random() < 0.2 else bytes(bad)
            try:
                found = unpack_blocks([block, cut]).looks(NAMES)
            except BlockError as error:
                found = [PLAIN, ()][: error.place + 1]
            assert len(found) == 2
            assert all(isinstance(obj, Labeled) for obj in found[1])


def spoil(url: str, change: Callable[[bytes], bytes], image: str = "c.jpg") -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        query = "SELECT looks.id, block FROM looks JOIN images ON image_id = images.id WHERE name = ?"
        key, block = raw.execute(query, (image,)).fetchone()
        raw.execute("UPDATE looks SET block = ? WHERE id = ?", (change(block), key))
    raw.close()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda b: b[:-1], "its parts have not the sizes"),
        (lambda b: b[:5], "5 bytes"),
        (lambda b: b"\x02" + b[1:], "layout version 2"),
        (lambda b: b[:16] + b"\xff" + b[17:], "class 255"),
        (lambda b: b[:24] + b"\xff" * 8 + b[32:], "another length"),
        (lambda b: b[:32] + struct.pack("<d", 999) + b[40:], "box"),
        (lambda b: b[:-5] + b"\xff" + b[-4:], "UTF-8"),
    ],
)
def test_damage_hurts_no_other_image(
    url: str, store: Store, layer: Layer, refs: list[ImageRef], look: Look, change: Callable[[bytes], bytes], what: str
) -> None:
    layer.write(look(ref, "cat", "dog") for ref in refs)
    spoil(url, change)
    assert layer.get("b.jpg") == look(refs[1], "cat", "dog")
    with pytest.raises(StoreCorrupt, match=f"layer first, image c.jpg: its objects are damaged: .*{what}.*Restore"):
        layer.get("c.jpg")
    seen: list[str] = []
    with pytest.raises(StoreCorrupt, match=r"image c\.jpg"):
        seen.extend(item.image.name for item in layer)
    assert seen in (["a.jpg", "b.jpg"], [])
    (first, *_) = store.check()
    assert "layer first, image c.jpg" in first.where
    assert what in first.what
    assert layer.counts() == {"cat": 5, "dog": 5}
    assert len(layer) == 5


def test_a_table_of_damaged_looks_says_where(url: str, layer: Layer, refs: list[ImageRef], look: Look) -> None:
    layer.write(look(ref, "cat", "dog") for ref in refs)
    spoil(url, lambda block: block[:40])
    with pytest.raises(StoreCorrupt, match=r"layer first, image c\.jpg"):
        layer.table(min_score=0.1)


def test_many_damaged_looks_are_told_in_short(url: str, store: Store) -> None:
    refs = [ImageRef("", f"/x/{n}", f"{n:03d}", 9, 9) for n in range(50)]
    store.images.add(NewImage(ref) for ref in refs)
    layer = store.layers.create("first", Author("file", "x"), "import")
    layer.write(LabeledImage(ref, layer.author, PLAIN) for ref in refs)
    for ref in refs[:30]:
        spoil(url, lambda block: block[:-1], ref.name)
    said = [str(problem) for problem in store.check()]
    assert sum("are damaged: its parts" in text for text in said) == 20
    assert any("10 more looks are damaged" in text for text in said)


def test_columns_written_are_columns_read(layer: Layer, refs: list[ImageRef]) -> None:
    columns = packed(PLAIN)
    assert columns is not None
    sparse = PackedObjects(["unused", "cat", "é"], [1, 2], [np.nan, 0.5], [[0, 0, 1, 1]] * 2, ["x", ""])
    given = [LabeledImage(refs[0], layer.author, columns), LabeledImage(refs[1], layer.author, sparse)]
    layer.write([*given, LabeledImage(refs[2], layer.author, MIXED)])
    assert list(layer)[:2] == given
    assert isinstance(list(layer)[1].objects, PackedObjects)
    assert layer.counts() == {"cat": 4 + 1 + 2, "dög": 3, "é": 1}


def older(file: Path, looks: int) -> str:
    """A data base of schema 0001 with two layers, every third image looked at twice; MIXED, PLAIN or nothing in turn."""
    url = f"sqlite:///{file}"
    database = connect(url, 1.0, create=True)
    prepare_empty(database)
    with database.writing() as connection:
        run_migrations(connection, "0001")
    database.close()
    with sqlite3.connect(file) as raw:
        raw.execute("INSERT INTO authors VALUES (1, 'file', 'x', '', '', '')")
        raw.executemany("INSERT INTO classes VALUES (?, ?)", [(key, name) for name, key in KEYS.items()])
        raw.execute("INSERT INTO layers VALUES (1, 'old', 'import', 1, '2026-01-01T00:00:00.000000+00:00')")
        counts = dict.fromkeys(KEYS.values(), 0)
        for n in range(looks):
            raw.execute("INSERT INTO images VALUES (?, ?, '', ?, 12, 9)", (n, f"{n:06d}", f"/x/{n}"))
            things = expected(n)
            row = (n + 1, 1, n, 1, 1, len(things), "2026-01-01T00:00:00.000000+00:00", None)
            raw.execute("INSERT INTO looks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            for place, obj in enumerate(things):
                box = {0: (1, 2, 3.5, 4), 1: (5, 6, 5, 6), 2: (0, 0, 9, 9), 3: (0, 0, 9, 9), 4: (0, 0, 0, 0)}[place]
                corners = box if things is MIXED else obj.shape.xyxy_px  # type: ignore[union-attr]
                details = (pack_geometry(obj.shape), pack_details(obj.text, obj.attributes))
                key = KEYS[obj.class_name]
                counts[key] += 1
                row = (n + 1, place, obj.id, key, obj.score, *corners, *details)
                raw.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        raw.executemany("INSERT INTO layer_counts VALUES (1, ?, ?)", counts.items())
    raw.close()
    return url


def expected(number: int) -> tuple[Labeled, ...]:
    return (MIXED, PLAIN, ())[number % 3]


@pytest.mark.parametrize("looks", [0, 1, 5_003])
def test_an_older_data_base_reads_the_same_after_its_objects_moved(tmp_path: Path, looks: int) -> None:
    with Store.open(older(tmp_path / "old.db", looks)) as store:
        layer = store.layers["old"]
        assert [item.objects for item in layer] == [expected(n) for n in range(looks)]
        assert store.check() == []
        assert len(layer.table()) == sum(len(expected(n)) for n in range(looks))
    with sqlite3.connect(tmp_path / "old.db") as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'objects'").fetchone() == (0,)
    raw.close()


def test_killed_while_the_objects_move_the_data_base_is_as_before(tmp_path: Path) -> None:
    url = older(tmp_path / "old.db", 4_000)
    code = "import sys; from firstpass.store import Store, store; print(1, flush=True); Store.open(sys.argv[1])"
    for pause in (0.1, 0.25, 0.4, 0.5):
        process = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with sqlite3.connect(tmp_path / "old.db") as raw:
            (version,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
            tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master")}
            assert ("objects" in tables) == (version == "0001")
        raw.close()
    with Store.open(url) as store:
        assert [item.objects for item in store.layers["old"]] == [expected(n) for n in range(4_000)]
        assert store.check() == []
