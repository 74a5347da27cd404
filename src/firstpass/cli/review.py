"""Review what waits in the queue. Now: by a simulated expert who corrects towards a truth (`--simulate`)."""

from __future__ import annotations

from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, percent, progress_bar

NAME = "review"


def run(
    project: ProjectPath,
    simulate: Annotated[str, typer.Option(help="The layer that the simulated expert takes for the truth.")],
    layer: Annotated[str | None, typer.Option(help="The first pass to correct; none = everything is drawn by hand.")] = None,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.review import simulated_review

    with Project.open(project) as opened, progress_bar("review") as bar:
        done = simulated_review(opened, simulate, proposals=layer, progress=bar)
        lines = [
            f"{done.images} images reviewed, {done.objects:,} objects: {done.seconds / 60:.1f} minutes,"
            f" {percent(done.saved_fraction)} less than by hand"
        ]
        finish(done, as_json=as_json, lines=lines)
