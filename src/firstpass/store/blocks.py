"""The objects of one look as one block of bytes, written once and never changed; many blocks are packed and read at a time.

Layout, version 1, little endian, without padding; n = number of objects (a look without objects has no block):

======================  ===========================================================================================
uint8                   version: 1
uint8                   flags: 1 = scores follow, 2 = extras follow
uint16                  0
uint32                  n, at least 1
uint32                  bytes of the ids
uint32                  bytes of the extras
uint32[n]               class of each object, a key of the table `classes`
uint32[n]               length of each id in characters
float64[n][4]           left, top, right, bottom in pixels; of a shape that is no box: its bounds
float64[n]              scores in 0..1, NaN = none; only with flag 1
UTF-8                   the ids, one after the other
extras                  for each object that is not a plain box: uint32 its place, uint32 bytes of its geometry (0 = a box),
                        uint32 bytes of its details (0 = none), the geometry, the details (both as in `codec.py`)
======================  ===========================================================================================

What does not keep to this is a `BlockError`. A later layout gets another version; readers keep knowing the earlier ones.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstpass.labels import Box, Labeled, ObjectId, PackedObjects
from firstpass.labels.geometry import bounds
from firstpass.labels.packed import sound
from firstpass.store.codec import pack_details, pack_geometry, unpack_details, unpack_geometry

Objects = tuple[Labeled, ...] | PackedObjects
VERSION, SCORED, EXTRA = 1, 1, 2
MANY = 100_000  # class keys above this are not counted in an array
RESTORE = "Restore the last backup (firstpass restore)"
HEAD = np.dtype([("version", "u1"), ("flags", "u1"), ("zero", "<u2"), ("n", "<u4"), ("ids", "<u4"), ("extras", "<u4")])
_HEAD = struct.Struct("<BBHIII")
_EXTRA = struct.Struct("<III")


class BlockError(ValueError):
    """A block that is not what it should be. place: which of those given."""

    def __init__(self, place: int, what: str) -> None:
        super().__init__(what)
        self.place = place


def pack_blocks(looks: Sequence[Objects], class_keys: Mapping[str, int]) -> list[bytes | None]:
    """A block for each look's objects, None for none. class_keys must know every class name."""
    out: list[bytes | None] = [None] * len(looks)
    ready = [(place, item) for place, item in enumerate(looks) if len(item) and isinstance(item, PackedObjects)]
    others = [(place, item) for place, item in enumerate(looks) if len(item) and not isinstance(item, PackedObjects)]
    for places, blocks in (_of_columns(ready, class_keys), _of_values(others, class_keys)):
        for place, block in zip(places, blocks, strict=True):
            out[place] = block
    return out


def _of_columns(items: list[tuple[int, PackedObjects]], class_keys: Mapping[str, int]) -> tuple[list[int], list[bytes]]:
    if not items:
        return [], []
    looks = [item for _, item in items]
    tables = {id(look.class_names): look.class_names for look in looks}
    used = {key: _keys_of(table, class_keys) for key, table in tables.items()}
    keys = np.concatenate([used[id(look.class_names)][look.class_index] for look in looks])
    scores, boxes = (np.concatenate(parts) for parts in ([k.scores for k in looks], [k.xyxy_px for k in looks]))
    blocks = join_columns([len(look) for look in looks], keys, scores, boxes, [look.ids for look in looks], None)
    return [place for place, _ in items], blocks


def _keys_of(table: Sequence[str], class_keys: Mapping[str, int]) -> NDArray[np.int64]:
    return np.asarray([class_keys.get(name, 0) for name in table], np.int64)  # 0: a name of the table that no object has


def _of_values(items: Sequence[tuple[int, Objects]], class_keys: Mapping[str, int]) -> tuple[list[int], list[bytes]]:
    keys: list[int] = []
    scores: list[float] = []
    corners: list[tuple[float, float, float, float]] = []
    extras: list[bytes] = []
    for _, look in items:
        extra = b""
        for place, obj in enumerate(look):
            shape = obj.shape
            box = shape if isinstance(shape, Box) else bounds(shape)
            keys.append(class_keys[obj.class_name])
            scores.append(np.nan if obj.score is None else obj.score)
            corners.append((box.x1, box.y1, box.x2, box.y2))
            if shape is not box or obj.text is not None or obj.attributes:
                geometry = None if shape is box else pack_geometry(shape)
                extra += extra_of(place, geometry, pack_details(obj.text, obj.attributes))
        extras.append(extra)
    flat = np.fromiter(chain.from_iterable(corners), np.float64, 4 * len(corners)).reshape(-1, 4)
    ids = [[obj.id for obj in look] for _, look in items]
    blocks = join_columns(
        [len(look) for _, look in items], np.asarray(keys, np.int64), np.asarray(scores, np.float64), flat, ids, extras
    )
    return [place for place, _ in items], blocks


def extra_of(place: int, geometry: bytes | None, details: str | None) -> bytes:
    """What the block holds of an object that is not a plain box."""
    shape, more = geometry or b"", b"" if details is None else details.encode("ascii")
    return _EXTRA.pack(place, len(shape), len(more)) + shape + more


def join_columns(
    counts: Sequence[int],
    keys: NDArray[np.int64],
    scores: NDArray[np.float64],
    xyxy_px: NDArray[np.float64],
    ids: Sequence[Sequence[str]],
    extras: Sequence[bytes] | None,
) -> list[bytes]:
    """Columns of several looks, which own counts[0], counts[1], … rows, as blocks. Raises UnicodeEncodeError for bad ids."""
    key_bytes, box_bytes = keys.astype("<u4").tobytes(), np.ascontiguousarray(xyxy_px, "<f8").tobytes()
    score_bytes, scored = scores.astype("<f8").tobytes(), ~np.isnan(scores)
    length_bytes = np.fromiter(map(len, chain.from_iterable(ids)), "<u4", len(scores)).tobytes()
    starts = [0, *accumulate(counts)]
    has_score: list[int] = np.add.reduceat(scored, starts[:-1]).tolist() if counts else []
    out: list[bytes] = []
    for place, (a, b) in enumerate(pairwise(starts)):
        text = "".join(ids[place]).encode()
        extra = extras[place] if extras else b""
        flags = (SCORED if has_score[place] else 0) | (EXTRA if extra else 0)
        head = _HEAD.pack(VERSION, flags, 0, b - a, len(text), len(extra))
        score = score_bytes[8 * a : 8 * b] if has_score[place] else b""
        columns = (key_bytes[4 * a : 4 * b], length_bytes[4 * a : 4 * b], box_bytes[32 * a : 32 * b], score)
        out.append(b"".join((head, *columns, text, extra)))
    return out


@dataclass(eq=False)
class Page:
    """Several blocks taken apart: look i has the rows starts[i]..starts[i + 1] of the columns. The extras stay in `blocks`."""

    blocks: Sequence[bytes]
    heads: NDArray[Any]
    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    lengths: NDArray[np.int64]
    scores: NDArray[np.float64]
    xyxy_px: NDArray[np.float64]

    def ids(self, rows: Iterable[int]) -> list[ObjectId]:
        """The ids of these rows. Raises BlockError."""
        text, ends = self._text, self._ends
        return [ObjectId(text[ends[row] : ends[row + 1]]) for row in rows]

    @cached_property
    def _ends(self) -> list[int]:
        return [0, *np.cumsum(self.lengths).tolist()]

    @cached_property
    def _text(self) -> str:
        """All ids; each look's share must have the length that its lengths say."""
        sizes: list[tuple[int, int, int]] = self.heads[["n", "flags", "ids"]].tolist()
        parts: list[bytes] = []
        for block, (n, flags, size) in zip(self.blocks, sizes, strict=True):
            first = _HEAD.size + n * (48 if flags & SCORED else 40)
            parts.append(block[first : first + size])
        joined = b"".join(parts)
        wanted: list[int] = np.add.reduceat(self.lengths, self.starts[:-1]).tolist() if sizes else []
        text, found = joined.decode("latin-1"), [len(part) for part in parts]
        if not joined.isascii():
            texts = [_decoded(part, place) for place, part in enumerate(parts)]
            text, found = "".join(texts), [len(part) for part in texts]
        wrong = next((place for place, (a, b) in enumerate(zip(wanted, found, strict=True)) if a != b), None)
        if wrong is not None:
            raise BlockError(wrong, "the ids have another length than they say")
        return text

    def looks(self, classes: Mapping[int, str]) -> list[Objects]:
        """Each look's objects. classes: names by key. Raises BlockError."""
        names, index = _indexed(self.keys, classes)
        bad = np.flatnonzero(~sound(len(names), index, self.scores, self.xyxy_px))
        if bad.size:
            row = int(bad[0])
            what = f"class {self.keys[row]}, score {self.scores[row]:g}, box {self.xyxy_px[row].tolist()}"
            raise BlockError(int(np.searchsorted(self.starts, row, "right")) - 1, f"an object that can be none: {what}")
        ids = tuple(self.ids(range(len(index))))
        whole = PackedObjects.unchecked(names, index, self.scores, self.xyxy_px, ids)
        out: list[Objects] = [whole.piece(a, b) for a, b in pairwise(self.starts.tolist())]
        for place in np.flatnonzero(self.heads["flags"] & EXTRA).tolist():
            size = int(self.heads["extras"][place])
            out[place] = _with_extras(list(out[place]), self.blocks[place][-size:], place)
        return out


def unpack_blocks(blocks: Sequence[bytes]) -> Page:
    """Takes blocks apart. Raises BlockError for one whose layout is not as told above."""
    heads = _heads(blocks)
    counts, scored = heads["n"].astype(np.int64), heads["flags"] & SCORED
    ns = counts.tolist()
    lengths = [block[16 + 4 * n : 16 + 8 * n] for block, n in zip(blocks, ns, strict=True)]
    boxes = [block[16 + 8 * n : 16 + 40 * n] for block, n in zip(blocks, ns, strict=True)]
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    scores = np.full(int(starts[-1]), np.nan)
    if scored.any():
        rows = zip(blocks, ns, scored.tolist(), strict=True)
        found = np.frombuffer(b"".join([block[16 + 40 * n : 16 + 48 * n] for block, n, has in rows if has]), "<f8")
        scores[np.repeat(scored > 0, counts)] = found
    return Page(
        blocks,
        heads,
        starts,
        _keys(blocks, heads),
        np.frombuffer(b"".join(lengths), "<u4").astype(np.int64),
        scores,
        np.frombuffer(b"".join(boxes), "<f8").astype(np.float64).reshape(-1, 4),
    )


def count_classes(blocks: Sequence[bytes]) -> Counter[int]:
    """Objects per class key. Raises BlockError."""
    keys = _keys(blocks, _heads(blocks))
    found = np.unique(keys, return_counts=True) if keys.size and keys.max() > MANY else (None, np.bincount(keys))
    names = range(len(found[1])) if found[0] is None else found[0].tolist()
    return Counter({key: count for key, count in zip(names, found[1].tolist(), strict=True) if count})


def _heads(blocks: Sequence[bytes]) -> NDArray[Any]:
    for place, block in enumerate(blocks):
        if len(block) < _HEAD.size:
            raise BlockError(place, f"{len(block)} bytes, too few for a block")
    heads: NDArray[Any] = np.frombuffer(b"".join([block[: _HEAD.size] for block in blocks]), HEAD)
    row_bytes = np.where(heads["flags"] & SCORED, 48, 40).astype(np.int64)
    sizes = _HEAD.size + heads["n"] * row_bytes + heads["ids"] + heads["extras"]
    right = (heads["version"] == VERSION) & (heads["flags"] <= SCORED + EXTRA) & (heads["zero"] == 0) & (heads["n"] > 0)
    right &= (sizes == [len(block) for block in blocks]) & ((heads["flags"] & EXTRA > 0) == (heads["extras"] > 0))
    if not right.all():
        place = int(np.argmin(right))
        version = int(heads["version"][place])
        raise BlockError(place, f"layout version {version}" if version != VERSION else "its parts have not the sizes they say")
    return heads


def _keys(blocks: Sequence[bytes], heads: NDArray[Any]) -> NDArray[np.int64]:
    parts = [block[16 : 16 + 4 * n] for block, n in zip(blocks, heads["n"].tolist(), strict=True)]
    return np.frombuffer(b"".join(parts), "<u4").astype(np.int64)


def _indexed(keys: NDArray[np.int64], classes: Mapping[int, str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The table of names, and each key's place in it, -1 for a key that is none."""
    known = np.asarray(sorted(classes), np.int64)
    names = tuple(classes[key] for key in known.tolist())
    if not names:
        return names, np.full(len(keys), -1, np.int64)
    index = np.minimum(np.searchsorted(known, keys), len(names) - 1)
    return names, np.where(known[index] == keys, index, -1).astype(np.int64)


def _decoded(part: bytes, place: int) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        raise BlockError(place, "the ids are not UTF-8") from None


def _with_extras(objects: list[Labeled], data: bytes, place: int) -> tuple[Labeled, ...]:
    at = 0
    try:
        while at < len(data):
            which: int
            size: int
            more: int
            which, size, more = _EXTRA.unpack_from(data, at)
            at += _EXTRA.size
            geometry, details = data[at : at + size], data[at + size : at + size + more]
            at += size + more
            shape = unpack_geometry(geometry or None, *bounds(objects[which].shape).xyxy_px)
            text, attributes = unpack_details(details.decode("ascii") if details else None)
            objects[which] = replace(objects[which], shape=shape, text=text, attributes=attributes)
    except (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, StopIteration, RuntimeError) as error:
        raise BlockError(place, f"a shape, text or attributes that cannot be read ({error})") from error
    if at != len(data):
        raise BlockError(place, "its last part is cut off")
    return tuple(objects)
