"""Labelers side by side on a sample with truth: expected seconds of expert time per image, AP, best threshold per class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstpass.cli._run import Json, ProjectPath, finish, parse_settings, progress_bar, table

NAME = "trial"


def run(  # noqa: D103  # its help text is the module's docstring
    project: ProjectPath,
    labelers: Annotated[
        list[str], typer.Option("--labeler", metavar="NAME[,SETTING=VALUE…]", help="A candidate; repeat for several.")
    ],
    truth: Annotated[str, typer.Option(help="Labels to measure by: a layer, or a label file.")] = "review",
    prompts: Annotated[Path | None, typer.Option(help="CSV or TOML of prompt variants: a grid with the labelers.")] = None,
    sample: Annotated[int, typer.Option(min=3, help="How many images.")] = 30,
    seed: Annotated[int, typer.Option(help="Same seed, same sample.")] = 0,
    use: Annotated[
        bool, typer.Option("--use", help="Make the best row the project's labeler, its prompts the classes' phrases.")
    ] = False,
    as_json: Json = False,
) -> None:
    from firstpass.project import Project
    from firstpass.stages import trial as stage
    from firstpass.stages.import_ import import_labels

    with Project.open(project) as opened, progress_bar("trial", "steps") as bar:
        if truth not in {info.name for info in opened.store.layers.all()} and Path(truth).exists():
            truth = import_labels(opened, truth, kind="truth").layer
        variants = stage.read_prompts(prompts) if prompts else None
        candidates: list[stage.Candidate] = []
        for text in labelers:
            name, *pairs = text.split(",")
            candidates += stage.grid([name], [parse_settings(pairs)], variants)

        def progress(_what: str, share: float) -> None:
            bar(int(share * 1000), 1000)

        result = stage.trial(opened, candidates, truth=opened.layers.get(truth), sample=sample, seed=seed, progress=progress)
        lines = [*table(*result.to_rows()), "", result.verdict]
        if use:
            chosen = stage.use(opened, result)
            lines.append(f"the project's labeler is now {chosen.name}")
            if chosen.prompts:
                lines.append(f"its prompts are now the phrases of {', '.join(chosen.prompts)}")
        finish(result, as_json=as_json, lines=lines, problems=result.problems, project=opened)
