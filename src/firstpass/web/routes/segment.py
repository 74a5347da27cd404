"""Clicks to masks."""

from __future__ import annotations

from fastapi import APIRouter

from firstpass.labelers.base import Click
from firstpass.web import wire
from firstpass.web.convert import mask_out
from firstpass.web.state import DeskHere

router = APIRouter(prefix="/images/{key}", tags=["segment"])


@router.post("/segment", operation_id="segment")
def segment(key: wire.ImageKey, body: wire.SegmentAsk, desk: DeskHere) -> wire.SegmentReply:
    """The mask of what is clicked on or boxed; nothing is stored."""
    clicks = [Click(click.x, click.y, click.positive) for click in body.clicks]
    found = desk.segmenter.segment(desk.project, desk.image(key), clicks, body.box_xyxy_px, body.labeler)
    return wire.SegmentReply(shape=mask_out(found.mask), score=found.score, milliseconds=found.latency_ms)
