"""Many guesses of one class at a time: looked at as small pieces, decided together, taken back as one."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from firstpass.labels import Labeled, ObjectId
from firstpass.labels.geometry import bounds
from firstpass.stages import desk as stage
from firstpass.web import wire_pages as pages
from firstpass.web.convert import head_out, object_out
from firstpass.web.state import AuthorHere, Desk, DeskHere, NoSuchImage

router = APIRouter(prefix="/grid", tags=["grid"])
ClassName = Annotated[str, Query(min_length=1, max_length=1000)]
Cursor = Annotated[str, Query(max_length=8000)]
Limit = Annotated[int, Query(ge=1, le=500)]
Order = Literal["uncertain", "certain"]
SIDE_PX = 160
MARGIN = 0.15  # of the object's side, around it: an edge is judged by what lies beyond it
LEAST_MARGIN_PX = 8.0


@router.get("", operation_id="grid")
def grid(
    desk: DeskHere, class_name: ClassName, cursor: Cursor = "", limit: Limit = 48, order: Order = "uncertain"
) -> pages.GridPage:
    """A page of the guesses of a class on images that are not submitted yet."""
    page = stage.grid_page(desk.project, class_name, order=order, cursor=cursor, limit=limit, layer=desk.layer)
    return pages.GridPage(items=[_item_out(item) for item in page.items], cursor=page.cursor or None, total=page.total)


@router.post("/decide", operation_id="decide")
def decide(body: pages.GridDecide, desk: DeskHere, author: AuthorHere) -> pages.GridDone:
    """Takes verdicts; sent again they are taken once."""
    refs = desk.project.images.by_keys({decision.image_key for decision in body.decisions})
    decisions: list[stage.Decision] = []
    for one in body.decisions:
        if one.image_key not in refs:
            raise NoSuchImage(one.image_key)
        name, object_id = refs[one.image_key].name, ObjectId(one.object_id)
        decisions.append(stage.Decision(name, one.version, object_id, one.decision, one.class_name or ""))
    return _done_out(desk, stage.decide(desk.project, decisions, author=author, action_id=body.id, layer=desk.layer))


@router.post("/undo", operation_id="undoDecide")
def undo(body: pages.GridUndo, desk: DeskHere, author: AuthorHere) -> pages.GridDone:
    """Takes back all verdicts that were sent under an id."""
    return _done_out(desk, stage.undo_decisions(desk.project, body.id, author=author))


def _done_out(desk: Desk, made: stage.Decisions) -> pages.GridDone:
    refs = desk.project.images.refs(made.conflicts)
    return pages.GridDone(done=made.done, conflicts=[refs[name][0] for name in made.conflicts])


def _item_out(item: stage.GridItem) -> pages.GridItem:
    return pages.GridItem(
        image=head_out(item.ref, item.key),
        version=item.version,
        object=object_out(item.object),
        crop_url=_crop_url(item.key, item.object, item.ref.width_px, item.ref.height_px),
    )


def _crop_url(key: int, obj: Labeled, width_px: int, height_px: int) -> str:
    """Where the piece around an object is: within the image, at least one pixel of it."""
    x1, y1, x2, y2 = bounds(obj.shape).xyxy_px
    wide, high = (max(side * MARGIN, LEAST_MARGIN_PX) for side in (x2 - x1, y2 - y1))
    left, top = (min(max(0, int(v)), most - 1) for v, most in ((x1 - wide, width_px), (y1 - high, height_px)))
    right = max(left + 1, min(int(x2 + wide) + 1, width_px))
    bottom = max(top + 1, min(int(y2 + high) + 1, height_px))
    edges = {"x1": left, "y1": top, "x2": right, "y2": bottom, "side_px": SIDE_PX}
    return f"/api/v1/images/{key}/crop?{urlencode(edges)}"
