"""The labeling guide at the desk: what firstpass.toml says until the experts write their own; each change is a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firstpass.errors import UsageError
from firstpass.labels import Author, GuideExample
from firstpass.project import Project
from firstpass.store.guide import GuideConflict, GuidePage, GuideVersion


@dataclass(frozen=True, slots=True)
class GuideNow:
    """The guide as it is. version 0 = as firstpass.toml has it. pages: of every class of the project, in its order."""

    version: int
    pages: tuple[tuple[str, GuidePage], ...]
    author_name: str
    at: datetime | None
    note: str


def guide(project: Project) -> GuideNow:
    """The newest version. A class without a page has what firstpass.toml says; pages of classes that are gone are left out."""
    return _now(project, project.store.guide.current())


def guide_history(project: Project) -> list[GuideVersion]:
    """Every version that was saved, oldest first."""
    return project.store.guide.history()


def save_guide(
    project: Project,
    class_name: str,
    text: str,
    examples: Sequence[GuideExample] = (),
    *,
    expected_version: int,
    author: Author,
    note: str = "",
) -> GuideNow | GuideConflict:
    """Writes one class's page, which makes the next version of the guide.

    Raises UsageError for an unknown class, an example of an unknown image, or a piece outside its image.
    """
    if class_name not in project.ontology:
        raise UsageError(f"class {class_name!r} is not in the project; one of: {', '.join(project.ontology.names[:10])}")
    refs = project.images.refs({example.image_name for example in examples})
    for example in examples:
        if example.image_name not in refs:
            raise UsageError(f"the example's image {example.image_name!r} is not in the project")
        _, ref = refs[example.image_name]
        if example.xyxy_px is not None:
            x1, y1, x2, y2 = example.xyxy_px
            if not (0 <= x1 < x2 <= ref.width_px and 0 <= y1 < y2 <= ref.height_px):
                size = f"{ref.width_px}x{ref.height_px} px"
                raise UsageError(f"the example's piece [{x1:g}, {y1:g}, {x2:g}, {y2:g}] is not inside {ref.name}, {size}")
    now = project.store.guide.current()
    pages = dict(now.classes) if now else {}
    pages[class_name] = GuidePage(text, tuple(examples))
    made = project.store.guide.save(pages, expected_version=expected_version, author=author, note=note)
    return made if isinstance(made, GuideConflict) else _now(project, made)


def _now(project: Project, current: GuideVersion | None) -> GuideNow:
    written: Mapping[str, GuidePage] = current.classes if current else {}
    pages = tuple((c.name, written.get(c.name) or GuidePage(c.guide, c.examples)) for c in project.ontology)
    if current is None:
        return GuideNow(0, pages, "", None, "")
    return GuideNow(current.version, pages, current.author.name, current.at, current.note)
