"""What a person does to an image. Every change names the version it changes, and an id, so that sent again it does nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from firstpass.stages import desk as stage
from firstpass.web import wire
from firstpass.web.convert import action_in
from firstpass.web.records import IfMatch, settled, version_of
from firstpass.web.refusals import Refused
from firstpass.web.state import AuthorHere, DeskHere, SessionHere

router = APIRouter(prefix="/images/{key}", tags=["actions"], responses={409: {"model": wire.ErrorBody}})


@router.post("/actions", operation_id="act")
def act(
    key: wire.ImageKey, body: wire.Action, desk: DeskHere, session: SessionHere, author: AuthorHere, if_match: IfMatch = None
) -> wire.Versioned:
    """Changes objects or tags; stored when this answers."""
    ref, version, action = desk.image(key), version_of(if_match), action_in(body)
    answer = stage.act(desk.project, ref, action, expected_version=version, author=author, layer=desk.layer)
    return wire.Versioned(version=settled(answer, desk, session, ref).version)


@router.post("/submit", operation_id="submit")
def submit(
    key: wire.ImageKey, body: wire.Submit, desk: DeskHere, session: SessionHere, author: AuthorHere, if_match: IfMatch = None
) -> wire.VersionStatus:
    """Makes the image as it stands the experts' word on it."""
    ref, version = desk.image(key), version_of(if_match)
    if body.decoded_wh_px != (ref.width_px, ref.height_px):
        width, height = body.decoded_wh_px
        raise Refused(
            422, f"the browser decoded a picture of {width}x{height} px", f"{ref.width_px}x{ref.height_px} px",
            "Reload the page. If it stays so, the file has changed since import: firstpass import PROJECT --recheck",
        )  # fmt: skip
    effort = [stage.EffortEntry(entry.action, entry.count, entry.seconds) for entry in body.effort]
    answer = stage.submit(
        desk.project, ref, action_id=body.id, expected_version=version, author=author, effort=effort, layer=desk.layer
    )
    copy = settled(answer, desk, session, ref)
    return wire.VersionStatus(version=copy.version, status=copy.status)


@router.post("/skip", operation_id="skip")
def skip(
    key: wire.ImageKey, body: wire.Skip, desk: DeskHere, session: SessionHere, author: AuthorHere, if_match: IfMatch = None
) -> wire.VersionStatus:
    """Leaves the image out, with the reason."""
    ref, version = desk.image(key), version_of(if_match)
    answer = stage.skip(
        desk.project, ref, body.reason, action_id=body.id, expected_version=version, author=author, layer=desk.layer
    )
    copy = settled(answer, desk, session, ref)
    return wire.VersionStatus(version=copy.version, status=copy.status)


@router.post("/flag", operation_id="flag")
def flag(
    key: wire.ImageKey, body: wire.Flag, desk: DeskHere, session: SessionHere, author: AuthorHere, if_match: IfMatch = None
) -> wire.VersionStatus:
    """Puts a note for a colleague on the image, or takes it off."""
    ref, version = desk.image(key), version_of(if_match)
    answer = stage.flag(
        desk.project, ref, body.note, action_id=body.id, expected_version=version, author=author, layer=desk.layer
    )
    copy = settled(answer, desk, session, ref)
    return wire.VersionStatus(version=copy.version, status=copy.status)


@router.post("/reopen", operation_id="reopen")
def reopen(
    key: wire.ImageKey, body: wire.Reopen, desk: DeskHere, session: SessionHere, author: AuthorHere, if_match: IfMatch = None
) -> wire.VersionStatus:
    """Opens a submitted or skipped image again."""
    ref, version = desk.image(key), version_of(if_match)
    answer = stage.reopen(
        desk.project, ref, action_id=body.id, expected_version=version, author=author, layer=desk.layer
    )  # fmt: skip
    copy = settled(answer, desk, session, ref)
    return wire.VersionStatus(version=copy.version, status=copy.status)


@router.post("/refused/{action_id}/settle", operation_id="settleRefused", status_code=204)
def settle_refused(key: wire.ImageKey, action_id: Annotated[str, Path(max_length=64)], desk: DeskHere) -> None:
    """Marks an action that came too late as looked at."""
    if not desk.project.store.desk.settle(desk.image(key).name, action_id):
        raise Refused(404, "no refused action of that id waits here")
