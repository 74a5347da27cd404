"""The record of one image, as the editor gets it, and what a stage's answer means for the wire."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from firstpass.labels import ImageRef
from firstpass.stages import desk as stage
from firstpass.store.desk import Conflict, WorkingCopy
from firstpass.web import wire
from firstpass.web.convert import head_out, history_out, lease_out, object_out, tag_out
from firstpass.web.refusals import Conflicted, Refused
from firstpass.web.security import DeskSession
from firstpass.web.state import Desk

IfMatch = Annotated[str | None, Header(alias="If-Match", description='The version that was changed, in quotes: "3".')]


def record(desk: Desk, session: DeskSession, ref: ImageRef) -> wire.DeskRecord:
    """All that the editor needs of one image."""
    opened = stage.open_image(desk.project, ref, layer=desk.layer)
    copy = opened.copy
    lease = desk.project.store.leases.of([ref.name], session.holder).get(ref.name)
    return wire.DeskRecord(
        image=head_out(ref, opened.key),
        metadata=dict(opened.metadata),
        version=copy.version,
        status=copy.status,
        objects=[object_out(obj) for obj in copy.objects],
        hidden=[object_out(obj) for obj in opened.hidden],
        tags=[tag_out(tag) for tag in copy.tags],
        proposals_layer=copy.base_layer,
        proposed_by=opened.proposed_by,
        why=opened.why,
        flag=copy.flag,
        reason=copy.reason,
        history=history_out(opened.history),
        refused=history_out(opened.refused),
        lease=lease_out(lease) if lease is not None else None,
    )


def version_of(if_match: str | None) -> int:
    """The version in an If-Match header. Raises Refused (400) without a right one."""
    text = (if_match or "").strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > 12:
        raise Refused(400, "no word of which version this changes", 'a header like If-Match: "3"', "Reload the image.")
    return int(text)


def settled(answer: WorkingCopy | Conflict, desk: Desk, session: DeskSession, ref: ImageRef) -> WorkingCopy:
    """The copy after a change. Raises Conflicted with the image as it is now."""
    if isinstance(answer, Conflict):
        raise Conflicted(answer.why, record(desk, session, ref))
    return answer
