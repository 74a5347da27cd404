"""What can go wrong in a route, as an answer: `{"error": {what, expected, remedy}}` with the status that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from firstpass.errors import FirstpassError, Problem, StoreBusy, StoreFull, StoreReadOnly, UsageError
from firstpass.web.jobs import JobRunning
from firstpass.web.security import error_body
from firstpass.web.state import NoSuchImage

if TYPE_CHECKING:
    from firstpass.web import wire

_STATUS: tuple[tuple[type[FirstpassError], int], ...] = (
    (UsageError, 422),
    (JobRunning, 409),
    (StoreReadOnly, 403),
    (StoreBusy, 503),  # the page tries again by itself
    (StoreFull, 507),
)


class Refused(Exception):
    """A route's refusal."""

    def __init__(self, status: int, what: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.status, self.body = status, error_body(what, expected, remedy)


class Conflicted(Exception):
    """The image was changed meanwhile. current: how it is; what was sent is kept beside it."""

    def __init__(self, why: str, current: wire.DeskRecord) -> None:
        super().__init__(why)
        self.why, self.current = why, current


def of_problem(problem: Problem, status: int = 422) -> Refused:
    """A problem with data as a refusal."""
    return Refused(status, f"{problem.where}: {problem.what}", problem.expected, problem.remedy)


def install(app: FastAPI) -> None:
    """Makes every raise of a route an answer."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Conflicted, _conflicted)
    app.add_exception_handler(NoSuchImage, _no_image)
    app.add_exception_handler(FirstpassError, _firstpass)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    refused = cast("Refused", error)
    return JSONResponse(refused.body, refused.status)


async def _conflicted(_request: Request, error: Exception) -> JSONResponse:
    conflict = cast("Conflicted", error)
    body: dict[str, Any] = error_body(
        conflict.why, "the image as it was when you opened it", "What you did is kept: compare the two, and do it again."
    )
    return JSONResponse({**body, "current": conflict.current.model_dump(mode="json")}, 409)


async def _no_image(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(error_body(str(error), "an image of the project"), 404)


async def _firstpass(_request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return JSONResponse(error_body(str(error)), status)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """The first thing wrong with a request, by its place; what was sent is not echoed."""
    first = cast("RequestValidationError", error).errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    status = 400 if first["type"] == "json_invalid" else 422
    return JSONResponse(error_body(f"{place}: {first['msg']}"), status)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    http = cast("HTTPException", error)
    return JSONResponse(error_body(str(http.detail)), http.status_code, headers=http.headers)
