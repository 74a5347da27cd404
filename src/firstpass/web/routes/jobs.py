"""Stages that run beside the desk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from firstpass.web import wire
from firstpass.web import wire_pages as pages
from firstpass.web.convert import job_out
from firstpass.web.jobs import JobState
from firstpass.web.refusals import Refused
from firstpass.web.state import DeskHere

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[str, Path(max_length=32)]


@router.get("", operation_id="jobs")
def jobs(desk: DeskHere) -> pages.Jobs:
    """The jobs since the desk was opened, newest first."""
    return pages.Jobs(jobs=[job_out(state) for state in desk.jobs.all()])


@router.post("", operation_id="startJob", responses={409: {"model": wire.ErrorBody}})
def start_job(body: pages.JobAsk, desk: DeskHere) -> pages.Job:
    """Starts a stage in a process of its own; one at a time."""
    return job_out(desk.jobs.start(body.verb, body.settings))


@router.get("/{job_id}", operation_id="job")
def job(job_id: JobId, desk: DeskHere) -> pages.Job:
    """A job as it stands."""
    return job_out(_known(desk.jobs.get(job_id)))


@router.post("/{job_id}/cancel", operation_id="cancelJob")
def cancel_job(job_id: JobId, desk: DeskHere) -> pages.Job:
    """Asks a job to stop; it is ended when it does not."""
    return job_out(_known(desk.jobs.cancel(job_id)))


def _known(state: JobState | None) -> JobState:
    if state is None:
        raise Refused(404, "there is no such job")
    return state
