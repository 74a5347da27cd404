"""The project: its classes, its figures, and the queue of images."""

from __future__ import annotations

from fastapi import APIRouter

from firstpass.labels import AttributeSpec
from firstpass.stages import desk as stage
from firstpass.web import wire
from firstpass.web import wire_pages as pages
from firstpass.web.convert import finite, head_out, holder_name
from firstpass.web.segment import promptable
from firstpass.web.state import DeskHere, SessionHere

router = APIRouter(tags=["project"])
BEFORE, AFTER = 10, 20


@router.get("/project", operation_id="project")
def project(desk: DeskHere) -> pages.ProjectInfo:
    """Classes, thresholds, and the labelers that can be asked with clicks."""
    here = desk.project
    classes = [
        pages.DeskClass(
            name=c.name,
            color=here.ontology.color(c.name),
            phrases=list(c.phrases),
            guide=c.guide,
            attributes=[_attribute_out(a) for a in c.attributes],
        )
        for c in here.ontology
    ]
    thresholds = {name: finite(value) for name, value in here.labeler.thresholds.items()}
    return pages.ProjectInfo(
        name=here.name, classes=classes, thresholds=thresholds, image_count=len(here.images), promptable=list(promptable())
    )


def _attribute_out(spec: AttributeSpec) -> pages.ClassAttribute:
    return pages.ClassAttribute(name=spec.name, values=list(spec.values), default=spec.default or None)


@router.get("/home", operation_id="home")
def home(desk: DeskHere) -> pages.HomeFigures:
    """How far the project is, what was saved, and what comes next."""
    found = stage.home(desk.project)
    return pages.HomeFigures(
        images=found.images,
        reviewed=found.reviewed,
        queued=found.queued,
        flagged=found.flagged,
        skipped=found.skipped,
        per_class=[pages.ClassCount(name=name, count=count) for name, count in found.per_class],
        saved=pages.Saved(**found.saved._asdict()),
        next=pages.NextStep(**found.next._asdict()),
        layers=[
            pages.LayerInfo(name=one.name, kind=one.kind, author=one.author.name, images=one.images, objects=one.objects)
            for one in found.layers
        ],
    )


@router.get("/queue", operation_id="queue")
def queue(desk: DeskHere, session: SessionHere, around: wire.ImageKey | None = None) -> pages.QueuePage:
    """The film strip around an image; without one, around the first not yet done."""
    name = None if around is None else desk.image(around).name
    page = stage.queue_page(desk.project, around=name, before=BEFORE, after=AFTER, holder=session.holder)
    items = [
        pages.QueueItem(
            image=head_out(item.ref, item.key),
            why=item.why,
            strategy=item.strategy,
            state=item.state,
            leased_by=holder_name(item.leased_by) if item.leased_by else None,
        )
        for item in page.items
    ]
    return pages.QueuePage(items=items, total=page.total, done=page.done)
