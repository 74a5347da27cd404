"""Make the first pass: a labeler proposes labels for every image not yet looked at. Stops and resumes at any time."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, Setting, finish, parse_settings, progress_bar, words
from firstpass.errors import UsageError

if TYPE_CHECKING:
    from firstpass.engines.local import EngineProgress

NAME = "prelabel"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    labeler: Annotated[str | None, typer.Option(help="See `firstpass labelers`; the project's choice when left out.")] = None,
    settings: Setting = None,
    layer: Annotated[str | None, typer.Option(help="Layer to write; named after the labeler when left out.")] = None,
    engine: Annotated[str, typer.Option(help="Where to run: local.")] = "local",
    batch_size: Annotated[int, typer.Option(min=1, help="Images per call of the labeler.")] = 8,
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode images ahead.")] = 2,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.prelabel import prelabel

    if engine != "local":
        raise UsageError(f"no engine is called {engine!r}; there is: local")
    stop = threading.Event()

    def finish_batch(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, finish_batch)
    with Project.open(project) as opened, progress_bar("first pass") as report:

        def progress(now: EngineProgress) -> None:
            report(now.done, now.total)

        chosen = parse_settings(settings) if settings else None
        done = prelabel(
            opened, labeler, chosen, layer=layer, batch_size=batch_size, decode_threads=threads, progress=progress, stop=stop
        )
        lines = [
            f"{done.objects:,} proposals on {done.images:,} images → layer {done.layer} ({done.images_per_s:.1f} images/s)"
        ]
        if done.already:
            lines.append(f"{done.already:,} images had been looked at before")
        if done.stopped:
            words("stopped early: the same command goes on from here")
        finish(done, as_json=as_json, lines=lines, problems=done.problems, project=opened)
