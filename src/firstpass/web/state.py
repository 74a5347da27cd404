"""What the desk's routes share: the project, the sessions, jobs and the open labeler. One per server, for many threads."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from firstpass.config import FILE_NAME, read_config
from firstpass.labels import Author, ImageRef
from firstpass.media.thumbs import ImageCache
from firstpass.project import Project
from firstpass.web.jobs import Jobs
from firstpass.web.security import SESSION_KEY, DeskSession, Sessions
from firstpass.web.segment import Segmenter


class Desk:
    """The desk of one project. layer: the first pass to start images from; None = the newest."""

    def __init__(self, project: Project, sessions: Sessions, layer: str | None) -> None:
        self.sessions = sessions
        self.layer = layer
        self.jobs = Jobs(str(project.path), project.store)
        self.segmenter = Segmenter()
        self.cache = ImageCache(project.cache_path / "crops")
        self._project = project
        self._lock = threading.Lock()
        self._read_at = _stamp(project.path)

    @property
    def project(self) -> Project:
        """The project with ``firstpass.toml`` as it is now: people and jobs (a training) change it while the desk is open."""
        stamp = _stamp(self._project.path)
        if stamp != self._read_at:
            with self._lock:
                config = read_config(self._project.path / FILE_NAME)
                self._project = Project(self._project.path, config, self._project.store)
                self._read_at = stamp
        return self._project

    def image(self, key: int) -> ImageRef:
        """The image of that number. Raises NoSuchImage."""
        ref = self._project.images.by_key(key)
        if ref is None:
            raise NoSuchImage(key)
        return ref

    def located(self, ref: ImageRef) -> ImageRef:
        """The ref with the place where its file is now: it may have moved with the image folder."""
        folder = self.project.config.images
        if "://" in ref.uri or "://" in folder or Path(ref.uri).exists():
            return ref
        moved = Path(folder) / ref.name
        return replace(ref, uri=str(moved)) if moved.exists() else ref

    def close(self) -> None:
        """Stops the jobs and closes the data base."""
        self.jobs.close()
        self._project.close()


class NoSuchImage(Exception):
    """No image has that number."""

    def __init__(self, key: int) -> None:
        super().__init__(f"no image has the number {key}")


def _stamp(folder: Path) -> tuple[int, int]:
    try:
        status = (folder / FILE_NAME).stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def desk_of(request: Request) -> Desk:
    """The desk behind a request."""
    return cast("Desk", request.app.state.desk)


def session_of(request: Request) -> DeskSession:
    """The session that the guard found for a request."""
    return cast("DeskSession", request.scope[SESSION_KEY])


def author_of(request: Request) -> Author:
    """The person behind a request, as the author of what is written."""
    return Author("human", session_of(request).user)


DeskHere = Annotated[Desk, Depends(desk_of)]
SessionHere = Annotated[DeskSession, Depends(session_of)]
AuthorHere = Annotated[Author, Depends(author_of)]
