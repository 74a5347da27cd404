"""Choose the next images for the experts, and say why each."""

from __future__ import annotations

from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, progress_bar

NAME = "select"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    strategy: Annotated[str, typer.Option(help="random, uncertainty, diversity.")] = "uncertainty",
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 20,
    layer: Annotated[str | None, typer.Option(help="The first pass to judge by; the newest when left out.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same choice.")] = 0,
    preview: Annotated[bool, typer.Option("--preview", help="Only show the choice; the queue stays as it is.")] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages.select import select

    with Project.open(project) as opened, progress_bar("embedding") as report:
        done = select(opened, strategy, count, layer=layer, seed=seed, preview=preview, progress=report)
        lines = [f"{len(done.chosen)} of {done.pool:,} images {'would be ' if preview else ''}queued by {done.strategy}"]
        lines += [f"  {item.image_name}: {item.why}" for item in done.chosen[:10]]
        if len(done.chosen) > 10:
            lines.append(f"  … and {len(done.chosen) - 10} more")
        finish(done, as_json=as_json, lines=lines, problems=done.problems, project=opened)
