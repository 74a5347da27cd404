"""One image: its record, its picture, pieces of it, and who has it open."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from firstpass.errors import Problem
from firstpass.web import wire
from firstpass.web.convert import lease_out
from firstpass.web.pictures import picture as make_picture
from firstpass.web.records import record
from firstpass.web.refusals import Refused, of_problem
from firstpass.web.state import DeskHere, SessionHere

router = APIRouter(prefix="/images/{key}", tags=["images"])
FOREVER = "private, max-age=31536000, immutable"
Edge = Annotated[float, Query(ge=-1e7, le=1e7, allow_inf_nan=False)]
Side = Annotated[int, Query(ge=1, le=8192)]
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}, "image/png": {}}, "description": "The picture"}}


@router.get("", operation_id="image")
def image(key: wire.ImageKey, desk: DeskHere, session: SessionHere) -> wire.DeskRecord:
    """Everything the editor needs of one image."""
    return record(desk, session, desk.image(key))


@router.get("/picture", operation_id="picture", response_class=Response, responses=PICTURE)
def picture(
    key: wire.ImageKey, desk: DeskHere, request: Request, max_side_px: Annotated[int | None, Query(ge=16, le=65_536)] = None
) -> Response:
    """The upright picture. Its address stands for its bytes as long as the file is the one that was imported."""
    ref = desk.image(key)
    tag = f'"{ref.digest or "unknown"}-{max_side_px or "full"}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER if ref.digest else "no-cache"}
    if ref.digest and tag in [part.strip() for part in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    made = make_picture(desk.located(ref), max_side_px)
    if isinstance(made, Problem):
        raise of_problem(made)
    return Response(made.data, media_type=made.media_type, headers=headers)


@router.get("/crop", operation_id="crop", response_class=FileResponse, responses=PICTURE)
def crop(key: wire.ImageKey, desk: DeskHere, x1: Edge, y1: Edge, x2: Edge, y2: Edge, side_px: Side = 160) -> FileResponse:
    """A piece of the upright picture, its longest side at most side_px."""
    ref = desk.image(key)
    if not all(math.isfinite(v) for v in (x1, y1, x2, y2)):
        raise Refused(422, "the piece's edges must be finite")
    path = desk.cache.crop(desk.located(ref), (x1, y1, x2, y2), side_px)
    if not isinstance(path, Path):
        raise of_problem(path)
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": FOREVER})


@router.post("/lease", operation_id="takeLease")
def take_lease(key: wire.ImageKey, desk: DeskHere, session: SessionHere) -> wire.Lease:
    """Takes the image or says who has it; to be repeated while it is open."""
    return lease_out(desk.project.store.leases.take(desk.image(key).name, session.holder))


@router.delete("/lease", operation_id="releaseLease", status_code=204)
def release_lease(key: wire.ImageKey, desk: DeskHere, session: SessionHere) -> None:
    """Gives the image back."""
    desk.project.store.leases.release(desk.image(key).name, session.holder)
