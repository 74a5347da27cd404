"""The desk's application: one project, its routes, behind the guard."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from firstpass import __version__
from firstpass.project import Project
from firstpass.web import refusals
from firstpass.web.routes import static
from firstpass.web.security import LOCAL_HOSTS, Guard, Sessions
from firstpass.web.state import Desk
from firstpass.web.wire import ErrorBody

PREFIX = "/api/v1"
SUBJECTS = ("session", "project", "images", "actions", "segment", "jobs", "grid", "guide")
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 403, 404, 413, 422)
}  # fmt: skip


def create_app(
    project_path: str | Path, *, user: str | None = None, layer: str | None = None, hosts: Iterable[str] = LOCAL_HOSTS
) -> FastAPI:
    """The application; the one-time token is `app.state.desk.sessions.token`. The project is closed when the server shuts down.

    user: whose name goes into labels (None = the account's). layer: the first pass to start images from (None = the newest).
    hosts: names it may be called by. Raises what `Project.open` raises, UsageError for an unknown layer.
    """
    project = Project.open(project_path)
    if layer is not None:
        project.layers.get(layer)
    mark = hashlib.blake2b(str(project.path).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    sessions = Sessions(user or account_name(), f"firstpass_{mark}")
    desk = Desk(project, sessions, layer)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
        yield
        await run_in_threadpool(desk.close)

    app = bare_app(lifespan)
    app.state.desk = desk
    app.add_middleware(Guard, sessions=sessions, hosts=hosts)
    return app


def bare_app(lifespan: Any = None) -> FastAPI:
    """The routes alone, without a project or guard: for the schema."""
    app = FastAPI(
        title="Firstpass review desk", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    refusals.install(app)
    for subject in SUBJECTS:
        router = cast("APIRouter", import_module(f"firstpass.web.routes.{subject}").router)
        app.include_router(router, prefix=PREFIX, responses=_REFUSED)
    app.include_router(static.router)
    return app


def account_name() -> str:
    """The name of the account that runs this, as the author of labels; "expert" where the system knows none."""
    try:
        return getpass.getuser() or "expert"
    except (OSError, KeyError, ImportError):
        return "expert"
