"""Open the review desk in the browser. Or, with --simulate, let an expert who knows the truth review what is queued."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, percent, progress_bar

NAME = "review"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    simulate: Annotated[
        str | None, typer.Option(metavar="LAYER", help="Let a simulated expert review, who takes this layer for the truth.")
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="The first pass to correct. Desk: the newest when left out. Simulated: all is drawn when left out."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the desk answers; 0 = any free port.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
    as_json: Json = False,
) -> None:
    if simulate is None:
        _desk(project, layer, port, browser, as_json)
        return
    from firstpass.project import Project
    from firstpass.stages.review import simulated_review

    with Project.open(project) as opened, progress_bar("review") as bar:
        done = simulated_review(opened, simulate, proposals=layer, progress=bar)
        took = f"{done.seconds / 60:.1f} minutes, {percent(done.saved_fraction)} less than by hand"
        lines = [f"{done.images} images reviewed, {done.objects:,} objects: {took}"]
        finish(done, as_json=as_json, lines=lines)


def _desk(project: Path, layer: str | None, port: int, browser: bool, as_json: bool) -> None:
    import json

    from firstpass.web.server import serve

    def announce(url: str) -> None:
        print(json.dumps({"url": url}) if as_json else f"Desk: {url}", flush=True)  # noqa: T201
        if not as_json:
            print("The address works once, in one browser. Ctrl+C ends the desk; everything done is kept.", flush=True)  # noqa: T201

    serve(project, port=port, open_browser=browser, layer=layer, announce=announce)
