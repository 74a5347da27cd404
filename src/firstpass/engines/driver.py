"""Polices what a labeler answers, names the culprit, and turns checked replies into labeled images.

The one place where the labeler contract (:mod:`firstpass.labelers.base`) is enforced; engines, the trial and the conformance
suite all come through here. Two kinds of trouble are kept apart: a reply that breaks the contract is a bug in the plug-in and
raises LabelerBroke; an exception on one image is that image's Problem, and the others of its batch still come through.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from firstpass.engines._clauses import check_objects, check_tags
from firstpass.errors import LabelerBroke, MissingExtra, MissingWeights, Problem, UsageError
from firstpass.labelers.base import Ask, Labeler, LabelerSpec, Reply, Settings
from firstpass.labels import Author, ImageRef, LabeledImage, stable_id
from firstpass.media.image import Image

ABORTS = (LabelerBroke, UsageError, MissingExtra, MissingWeights)  # the same for every image: no use in trying the next
_HASHED_AT_ONCE = 1 << 20


def check_reply(reply: object, spec: LabelerSpec, image: ImageRef, ask: Ask) -> Reply:
    """The reply made fit to be kept: overshoots of up to 1 px are clipped, the rest is as the labeler said.

    Raises LabelerBroke naming labeler, image and object for: something other than a Reply; a problem together with objects;
    an id already set; a class not asked for (when classes were asked); a shape kind, tag or text not in ``spec.gives``; a
    value that is not finite; a shape without area or more than 1 px outside the image; a mask of another size; a score
    missing (when ``spec.scored``) or outside 0..1; attributes that are not text.
    """
    if not isinstance(reply, Reply):
        raise LabelerBroke(spec.name, f"image {image.name}: the answer is a {type(reply).__name__}, not a Reply")
    if reply.problem is not None:
        if reply.objects or reply.tags:
            said = f"{len(reply.objects)} objects and {len(reply.tags)} tags"
            raise LabelerBroke(spec.name, f"image {image.name}: a reply with a problem must be empty, but it has {said}")
        return reply
    if not reply.objects and not reply.tags:
        return reply
    asked = ask.class_names
    objects = check_objects(reply.objects, spec, image, asked)
    return Reply(objects, check_tags(reply.tags, spec, image, asked))


def check_batch(replies: object, spec: LabelerSpec, images: Sequence[ImageRef], ask: Ask) -> tuple[Reply, ...]:
    """All replies of one batch, checked. Raises LabelerBroke, also when there is not one reply per image."""
    if not isinstance(replies, Sequence) or isinstance(replies, str | bytes):
        raise LabelerBroke(spec.name, f"the answer to a batch is a {type(replies).__name__}, not a sequence of replies")
    answered: Sequence[object] = replies  # pyright: ignore[reportUnknownVariableType]
    if len(answered) != len(images):
        first = images[0].name if images else "none"
        raise LabelerBroke(spec.name, f"{len(answered)} replies for a batch of {len(images)} images (first: {first})")
    return tuple(check_reply(reply, spec, image, ask) for reply, image in zip(answered, images, strict=True))


class Driver:
    """One labeler, driven: batches in, checked replies out. Remembers the batch size that memory allowed."""

    def __init__(self, labeler: Labeler, spec: LabelerSpec, ask: Ask) -> None:
        self._labeler, self._spec, self._ask = labeler, spec, ask
        self.largest_batch = 0  # 0 = no limit met yet

    def label(self, images: Sequence[Image]) -> tuple[Reply, ...]:
        """One reply per image, in order; () for none. Exceptions and raises as :func:`label_checked` says."""
        replies: list[Reply] = []
        while len(replies) < len(images):
            start = len(replies)
            part = images[start : start + (self.largest_batch or len(images))]
            replies += self._label(part)
        return tuple(replies)

    def _label(self, images: Sequence[Image]) -> tuple[Reply, ...]:
        """One reply per image; () when memory ran out and the batch must be smaller."""
        try:
            replies: object = self._labeler.label(images, self._ask)
        except ABORTS:
            raise
        except Exception as error:  # noqa: BLE001  # a model may fail in any way; it is told as the image's problem
            if len(images) == 1:
                return (Reply(problem=_failure(self._spec.name, images[0].ref, error)),)
            if out_of_memory(error):
                self.largest_batch = len(images) // 2
                return ()
            return tuple(reply for i in range(len(images)) for reply in self._label(images[i : i + 1]))
        return check_batch(replies, self._spec, [image.ref for image in images], self._ask)


def label_checked(labeler: Labeler, spec: LabelerSpec, images: Sequence[Image], ask: Ask) -> tuple[Reply, ...]:
    """One batch through a labeler, checked; one reply per image, in order; () for none.

    An exception on a batch: the batch is tried again image by image, and the guilty one becomes a Reply with a Problem. Out of
    memory: the batch is halved until it fits. Raises LabelerBroke, and UsageError, MissingExtra, MissingWeights as they come.
    """
    return Driver(labeler, spec, ask).label(images)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out: MemoryError, or a library's own OutOfMemoryError."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _failure(who: str, image: ImageRef, error: Exception) -> Problem:
    if out_of_memory(error):
        return Problem(image.name, f"labeler {who} ran out of memory", remedy="Use a smaller input size or a smaller model")
    line = next(iter(str(error).strip().splitlines()), "")[:300]
    what = f"labeler {who} failed: {type(error).__name__}" + (f": {line}" if line else "")
    return Problem(image.name, what, remedy="The other images went on; look at this one")


def to_labeled(reply: Reply, ref: ImageRef, author: Author) -> LabeledImage:
    """A checked reply as the author's word on the image, its objects with stable ids.

    The same author, settings and image give the same ids, so a repeated run writes the same rows. The image's name counts too:
    two copies of one picture are two images. Raises ValueError for a reply with a problem: that image was not looked at.
    """
    if reply.problem is not None:
        raise ValueError(f"{ref.name} was not looked at: {reply.problem}")
    base = (author.name, author.settings_digest, ref.digest, ref.name)
    objects = tuple(replace(obj, id=stable_id(*base, i)) for i, obj in enumerate(reply.objects))
    return LabeledImage(ref, author, objects, reply.tags)


def author_of(spec: LabelerSpec, settings: Settings, ask: Ask, run_id: str = "") -> Author:
    """The labeler as an author: its name, version and settings digest."""
    return Author("labeler", spec.name, spec.version, run_id, settings_digest(spec.name, spec.version, settings, ask))


def settings_digest(name: str, version: str, settings: Settings, ask: Ask) -> str:
    """16 hex digits that change whenever the answers may: name, version, settings, classes and phrases, cues, references.

    A setting that names an existing file counts with that file's bytes, one that names a folder with a `card.json` with the
    card, so a model trained anew at the same path is another author. The order of keys does not count.
    """
    asked = (ask.task, [(c.name, c.phrases) for c in ask.classes], ask.question)
    references = [(r.image.ref.digest or r.image.ref.name, r.labeled.objects) for r in ask.references]
    told = {"name": name, "version": version, "ask": asked, "cues": ask.cues, "references": references}
    content = {**_plain(told), "settings": _plain(settings, files=True)}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _plain(value: Any, files: bool = False) -> Any:
    """A value as JSON can hold it: sets sorted, dataclasses by field; files: texts that name a file stand for its content."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        return _text_or_file(str(value)) if files else str(value)
    if isinstance(value, Mapping):
        pairs = cast(Mapping[Any, Any], value).items()
        return {str(k): _plain(v, files) for k, v in pairs}
    if isinstance(value, set | frozenset):
        members = [_plain(v, files) for v in cast(frozenset[Any], value)]
        return sorted(members, key=repr)
    if isinstance(value, Sequence):
        return [_plain(v, files) for v in cast(Sequence[Any], value)]
    if is_dataclass(value):
        return [_plain(getattr(value, field.name), files) for field in fields(value)]
    return repr(value)


def _text_or_file(text: str) -> Any:
    if not text or len(text) > 4096 or "\0" in text or "\n" in text:
        return text
    path = Path(text)
    try:
        if path.is_dir():
            path = path / "card.json"
        return {"path": text, "digest": file_digest(path)} if path.is_file() else text
    except OSError:
        return text


def file_digest(path: Path) -> str:
    """The blake2b-128 hex digest of a file's bytes. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while chunk := stream.read(_HASHED_AT_ONCE):
            digest.update(chunk)
    return digest.hexdigest()
