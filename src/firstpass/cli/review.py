"""Review what waits in the queue. Now: by a simulated expert who corrects towards a truth (`--simulate`)."""

from __future__ import annotations

from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, percent, progress_bar

NAME = "review"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    simulate: Annotated[str, typer.Option(help="The layer that the simulated expert takes for the truth.")],
    layer: Annotated[str | None, typer.Option(help="The first pass to correct; none = everything is drawn by hand.")] = None,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.review import simulated_review

    with Project.open(project) as opened, progress_bar("review") as bar:
        done = simulated_review(opened, simulate, proposals=layer, progress=bar)
        took = f"{done.seconds / 60:.1f} minutes, {percent(done.saved_fraction)} less than by hand"
        lines = [f"{done.images} images reviewed, {done.objects:,} objects: {took}"]
        finish(done, as_json=as_json, lines=lines)
