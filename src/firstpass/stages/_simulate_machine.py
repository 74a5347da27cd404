"""The machine's side of a simulated session: fits, proposals, vectors, and the seconds they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firstpass.engines import driver, learn, local
from firstpass.engines.open_labeler import open_embedder, open_labeler
from firstpass.errors import FirstpassError, Problem, UnknownPlugin
from firstpass.labelers.base import Ask, Budget, Labeler, LabelerSpec, TrainingExample
from firstpass.labels import ImageRef, LabeledImage
from firstpass.media.image import Image

if TYPE_CHECKING:
    from firstpass.project import Project

EMBEDDER = "color-texture"
EMBED_PX = 256
EMBED_BATCH = 32
Tell = Callable[[str], None]


@dataclass(slots=True, eq=False)
class Machine:
    """A labeler by name, fitted again and again when it learns. seconds: wall time by kind of work."""

    project: Project
    labeler_name: str
    settings: Mapping[str, Any]
    spec: LabelerSpec
    ask: Ask
    folder: Path
    budget: Budget
    tell: Tell
    fits: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    problems: dict[str, Problem] = field(default_factory=dict[str, Problem])
    _opened: tuple[Labeler, LabelerSpec] | None = None
    _read: set[str] = field(default_factory=set[str])

    @property
    def learns(self) -> bool:
        """Whether it is fitted here; a labeler given its trained ``model`` is taken as it is."""
        return self.spec.learns and not self.settings.get("model")

    @property
    def ready(self) -> bool:
        """Whether it can propose."""
        return not self.learns or self._opened is not None

    @contextmanager
    def timed(self, kind: str) -> Generator[None]:
        """Count the wall time of the block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[kind] = self.seconds.get(kind, 0.0) + time.perf_counter() - start

    def fit(self, labeled: Sequence[LabeledImage]) -> list[LabeledImage]:
        """Learn from these and open what was learned. Gives the held-out answers about them, as far as the learner has any."""
        readable = [item for item in labeled if self._readable(item.image)]
        examples = [TrainingExample(item, partial(_load, self.project, item.image)) for item in readable]
        self.fits += 1
        self.tell(f"learning from {len(examples)} images")
        with self.timed("fit"):
            folder = self.folder / f"fit-{self.fits}"
            artifact = learn.fit(self.labeler_name, self.settings, examples, self.ask, folder, self.budget)
            self._opened = learn.open_artifact(folder, self.settings)
        author = driver.author_of(self.spec, self.settings, self.ask)
        return [
            driver.to_labeled(held.reply, held.image, author) for held in artifact.out_of_sample if held.reply.problem is None
        ]

    def propose(self, refs: Sequence[ImageRef]) -> dict[str, LabeledImage]:
        """What the labeler says of these images, by name; an image that cannot be looked at is a problem and left out."""
        if self._opened is None:
            self._opened = open_labeler(self.labeler_name, self.settings)
        labeler, spec = self._opened
        found: dict[str, LabeledImage] = {}

        def sink(batch: Sequence[LabeledImage]) -> None:
            found.update({item.image.name: item for item in batch})

        def load(ref: ImageRef) -> Image | Problem:
            return self.project.image(ref)

        self.tell(f"proposing on {len(refs)} images")
        author = driver.author_of(spec, self.settings, self.ask)
        metadata = self.project.store.images.metadata if not spec.needs_pixels else None
        with self.timed("propose"):
            report = local.run(labeler, spec, refs, load, self.ask, sink, author=author, metadata=metadata)
        self.problems.update({problem.where: problem for problem in report.problems})
        return found

    def vectors(self, refs: Sequence[ImageRef]) -> NDArray[np.float32] | None:
        """Embeddings (n, d) of the images, zeros for those that cannot be read; None when there is no embedder here."""
        try:
            embedder = open_embedder(EMBEDDER, {})
        except UnknownPlugin:
            return None
        rows: dict[int, NDArray[np.float32]] = {}
        with self.timed("embed"):
            for start in range(0, len(refs), EMBED_BATCH):
                some = range(start, min(start + EMBED_BATCH, len(refs)))
                seen = [(i, self.project.image(refs[i], max_side_px=EMBED_PX)) for i in some]
                read = [(i, image) for i, image in seen if isinstance(image, Image)]
                vectors = embedder.embed([image.rgb for _, image in read])
                rows.update({i: vectors[k] for k, (i, _) in enumerate(read)})
        if not rows:
            return None
        out = np.zeros((len(refs), len(next(iter(rows.values())))), np.float32)
        for i, row in rows.items():
            out[i] = row
        return out

    def _readable(self, ref: ImageRef) -> bool:
        if ref.name in self.problems or ref.name in self._read:
            return ref.name in self._read
        image = self.project.image(ref, max_side_px=64)
        if isinstance(image, Problem):
            self.problems[ref.name] = image
            return False
        self._read.add(ref.name)
        return True


def _load(project: Project, ref: ImageRef) -> Image:
    image = project.image(ref)
    if isinstance(image, Problem):
        raise FirstpassError(str(image))
    return image
