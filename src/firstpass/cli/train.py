"""Train a labeler on the reviewed images and make it the project's."""

from __future__ import annotations

from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, Setting, finish, parse_settings, progress_bar, table

NAME = "train"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    labeler: Annotated[str, typer.Option(help="One that learns, see `firstpass labelers`.")] = "pixel-forest",
    settings: Setting = None,
    layer: Annotated[str | None, typer.Option(help="Labels to learn from; the reviewed ones when left out.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="About how long it may take.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Same seed, same model.")] = 0,
    use: Annotated[bool, typer.Option(help="Make it the project's labeler.")] = True,
    as_json: Json = False,
) -> None:
    from firstpass.labelers.base import Budget
    from firstpass.project import Project
    from firstpass.stages.train import train

    with Project.open(project) as opened, progress_bar("training", "steps") as bar:
        done = train(
            opened, labeler, parse_settings(settings), layer=layer, budget=Budget(seconds, seed), use=use,
            progress=lambda what, share: bar(int(share * 1000), 1000),
        )  # fmt: skip
        lines = [f"{done.labeler} learned from {done.objects:,} objects on {done.examples:,} images → {done.model}"]
        rows = [
            (c.class_name, "silent" if c.silent else f"{c.threshold:.2f}", f"{c.saving_s_per_image:.1f}", c.n)
            for c in done.thresholds
        ]
        lines += table(("class", "shown from score", "saves s/image", "held-out proposals"), rows)
        finish(done, as_json=as_json, lines=lines, problems=done.problems, project=opened)
