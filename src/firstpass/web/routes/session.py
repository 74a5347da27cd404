"""Who sits at the desk."""

from __future__ import annotations

from fastapi import APIRouter

from firstpass import __version__
from firstpass.web import wire
from firstpass.web.state import DeskHere, SessionHere

router = APIRouter(tags=["session"])


@router.get("/session", operation_id="session")
def session(desk: DeskHere, session: SessionHere) -> wire.Session:
    """The session, with the token that every change must carry."""
    return wire.Session(
        user=wire.User(name=session.user, role=session.role),
        project=wire.ProjectName(name=desk.project.name),
        csrf=session.csrf,
        version=__version__,
    )
