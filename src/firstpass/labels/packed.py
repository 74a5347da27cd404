"""The plain boxes of one image held as columns: what a file or a store of a million boxes is read into and written from.

A `PackedObjects` is a sequence of `Labeled` like the tuple of them, equal to it, and makes the values only when they are looked
at. Everything that takes a :class:`LabeledImage` may treat it as a tuple; what moves many objects may take the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NoReturn, SupportsIndex, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firstpass.labels.labeled_image import Labeled, ObjectId
from firstpass.labels.shapes import LIMIT_PX, Box

_FIELDS = ("class_names", "class_index", "scores", "xyxy_px", "ids")


class PackedObjects(Sequence[Labeled]):
    """n plain boxes (no text, no attributes), immutable.

    class_names: a table of names, which many images may share. class_index: int64 (n,), places in it. scores: float64 (n,) in
    0..1, NaN = none. xyxy_px: float64 (n, 4), left, top, right, bottom. ids: n object ids. The arrays are read-only.
    Raises ValueError for columns of other shapes, and for what `Box` and `Labeled` refuse. Nothing = columns of length 0.
    """

    __slots__ = _FIELDS

    class_names: tuple[str, ...]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float64]
    xyxy_px: NDArray[np.float64]
    ids: tuple[ObjectId, ...]

    def __init__(
        self, class_names: Iterable[str], class_index: ArrayLike, scores: ArrayLike, xyxy_px: ArrayLike, ids: Iterable[str]
    ) -> None:
        names, own_ids = tuple(class_names), tuple(map(ObjectId, ids))
        index, score = np.array(class_index, np.int64), np.array(scores, np.float64)
        boxes = np.array(xyxy_px, np.float64)
        count = len(own_ids)
        if index.shape != (count,) or score.shape != (count,) or (boxes.shape != (count, 4) and (count or boxes.size)):
            raise ValueError(f"columns of other lengths: {index.shape}, {score.shape}, {boxes.shape} for {count} ids")
        boxes = boxes.reshape(count, 4)
        bad = np.flatnonzero(~sound(len(names), index, score, boxes))
        if bad.size:
            at = int(bad[0])
            said = f"class {index[at]} of {len(names)}, score {score[at]}, box {boxes[at].tolist()}"
            raise ValueError(f"object {at} is none: {said}")
        for column in (index, score, boxes):
            column.flags.writeable = False
        _fill(self, names, index, score, boxes, own_ids)

    @classmethod
    def unchecked(
        cls,
        class_names: tuple[str, ...],
        class_index: NDArray[np.int64],
        scores: NDArray[np.float64],
        xyxy_px: NDArray[np.float64],
        ids: tuple[ObjectId, ...],
    ) -> PackedObjects:
        """The same of columns that are right already, neither checked nor copied: for readers that checked many images at once.

        The arrays become read-only.
        """
        out = object.__new__(PackedObjects)
        for column in (class_index, scores, xyxy_px):
            column.flags.writeable = False
        _fill(out, class_names, class_index, scores, xyxy_px, ids)
        return out

    def piece(self, start: int, stop: int) -> PackedObjects:
        """The objects from start to before stop, on the same arrays; both must lie in 0..n."""
        out = object.__new__(PackedObjects)
        _fill(
            out,
            self.class_names,
            self.class_index[start:stop],
            self.scores[start:stop],
            self.xyxy_px[start:stop],
            self.ids[start:stop],
        )
        return out

    def where(self, keep: NDArray[np.bool_]) -> PackedObjects:
        """The objects for which keep, bool (n,), is true."""
        places = np.flatnonzero(keep)
        ids = tuple([self.ids[place] for place in places.tolist()])
        columns = (self.class_index[places], self.scores[places], self.xyxy_px[places])
        return PackedObjects.unchecked(self.class_names, *columns, ids)

    def of_classes(self, names: Collection[str]) -> NDArray[np.bool_]:
        """Whether each object's class is one of names, bool (n,)."""
        return np.asarray([name in names for name in self.class_names], np.bool_)[self.class_index]

    def named(self) -> list[str]:
        """The n objects' class names."""
        table = self.class_names
        return [table[place] for place in self.class_index.tolist()]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Labeled]:
        rows = zip(self.ids, self.named(), self.xyxy_px.tolist(), self.scores.tolist(), strict=True)
        for object_id, name, (x1, y1, x2, y2), score in rows:
            yield Labeled(object_id, name, Box(x1, y1, x2, y2), score if score == score else None)  # NaN: none

    @overload
    def __getitem__(self, index: SupportsIndex) -> Labeled: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any]) -> PackedObjects: ...
    def __getitem__(self, index: SupportsIndex | slice[Any, Any, Any]) -> Labeled | PackedObjects:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self.piece(start, max(start, stop))
            return concatenated([self.piece(at, at + 1) for at in range(start, stop, step)])
        at = range(len(self))[index]
        score = float(self.scores[at])
        name = self.class_names[int(self.class_index[at])]
        return Labeled(self.ids[at], name, Box(*self.xyxy_px[at].tolist()), None if np.isnan(score) else score)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedObjects):
            return (
                self.ids == other.ids
                and np.array_equal(self.xyxy_px, other.xyxy_px)
                and np.array_equal(self.scores, other.scores, equal_nan=True)
                and self.named() == other.named()
            )
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __add__(self, other: tuple[Labeled, ...] | PackedObjects) -> tuple[Labeled, ...]:
        return (*self, *other)

    def __radd__(self, other: tuple[Labeled, ...]) -> tuple[Labeled, ...]:
        return (*other, *self)

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name!r}: packed objects do not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: packed objects do not change")

    def __reduce__(self) -> tuple[Callable[..., PackedObjects], tuple[Any, ...]]:
        return PackedObjects, tuple(getattr(self, name) for name in _FIELDS)


def sound(
    class_count: int, class_index: NDArray[Any], scores: NDArray[np.float64], xyxy_px: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which of n rows are objects, bool (n,): a class of the table, a score in 0..1 or NaN, a box as `Box` takes it."""
    scored = np.isnan(scores) | ((scores >= 0) & (scores <= 1))
    low, high = xyxy_px[:, :2], xyxy_px[:, 2:]
    boxes = ((low >= -LIMIT_PX) & (low <= high) & (high <= LIMIT_PX)).all(axis=1)
    return scored & boxes & (class_index >= 0) & (class_index < class_count)


def concatenated(items: Sequence[PackedObjects]) -> PackedObjects:
    """The objects of all, in order; of none for no items. Tables that are one object stay one."""
    if not items:
        return PackedObjects((), (), (), (), ())
    tables = {id(item.class_names): item.class_names for item in items}
    names = tuple(dict.fromkeys(name for table in tables.values() for name in table))
    if len(tables) == 1:
        names = items[0].class_names
        index = np.concatenate([item.class_index for item in items])
    else:
        place_of = {name: place for place, name in enumerate(names)}
        maps = {key: np.asarray([place_of[n] for n in table], np.int64) for key, table in tables.items()}
        index = np.concatenate(
            [maps[id(item.class_names)][item.class_index] if len(item) else item.class_index for item in items]
        )
    columns = (np.concatenate([item.scores for item in items]), np.concatenate([item.xyxy_px for item in items]))
    return PackedObjects.unchecked(names, index, *columns, tuple([object_id for item in items for object_id in item.ids]))


def packed(objects: Sequence[Labeled]) -> PackedObjects | None:
    """The same objects as columns; None where one of them is no box, or has a text or attributes."""
    if isinstance(objects, PackedObjects):
        return objects
    boxes = [o.shape for o in objects if isinstance(o.shape, Box) and o.text is None and not o.attributes]
    if len(boxes) < len(objects):
        return None
    place_of = {name: place for place, name in enumerate(dict.fromkeys(o.class_name for o in objects))}
    index = [place_of[o.class_name] for o in objects]
    scores = [np.nan if o.score is None else o.score for o in objects]
    return PackedObjects(place_of, index, scores, [b.xyxy_px for b in boxes], [o.id for o in objects])


_set_names, _set_index, _set_scores, _set_boxes, _set_ids = (getattr(PackedObjects, name).__set__ for name in _FIELDS)


def _fill(out: PackedObjects, names: Any, index: Any, scores: Any, boxes: Any, ids: Any) -> None:
    _set_names(out, names)
    _set_index(out, index)
    _set_scores(out, scores)
    _set_boxes(out, boxes)
    _set_ids(out, ids)
