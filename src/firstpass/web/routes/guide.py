"""The labeling guide: what the experts agreed on, every version kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from firstpass.labels import GuideExample
from firstpass.stages import desk as stage
from firstpass.web import wire
from firstpass.web import wire_pages as pages
from firstpass.web.records import IfMatch, version_of
from firstpass.web.refusals import Refused
from firstpass.web.state import AuthorHere, DeskHere

router = APIRouter(prefix="/guide", tags=["guide"])


@router.get("", operation_id="guide")
def guide(desk: DeskHere) -> pages.Guide:
    """The guide as it is."""
    return _guide_out(stage.guide(desk.project))


@router.put("/{class_name:path}", operation_id="saveGuide", responses={409: {"model": wire.ErrorBody}})
def save_guide(
    class_name: Annotated[str, Path(max_length=1000)],
    body: pages.GuideEdit,
    desk: DeskHere,
    author: AuthorHere,
    if_match: IfMatch = None,
) -> pages.Guide:
    """Writes one class's page; the guide's next version."""
    version = version_of(if_match)
    examples = [GuideExample(e.image_name, e.note, e.xyxy_px, e.counter) for e in body.examples]
    made = stage.save_guide(
        desk.project, class_name, body.guide, examples, expected_version=version, author=author, note=body.note
    )  # fmt: skip
    if isinstance(made, stage.GuideConflict):
        raise Refused(
            409, "someone else changed the guide meanwhile", f"version {version}", "Load it anew, your text is still here."
        )  # fmt: skip
    return _guide_out(made)


def _guide_out(now: stage.GuideNow) -> pages.Guide:
    classes = [
        pages.GuideClass(name=name, guide=page.guide, examples=[_example_out(e) for e in page.examples])
        for name, page in now.pages
    ]
    return pages.Guide(version=now.version, classes=classes, author=now.author_name, at=now.at, note=now.note)


def _example_out(example: GuideExample) -> pages.GuideExample:
    return pages.GuideExample(
        image_name=example.image_name, xyxy_px=example.xyxy_px, note=example.note, counter=example.counter
    )  # fmt: skip
